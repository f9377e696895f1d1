// The inbox against a plain queue: random operations of its home and of others, many senders.
#include <isola/actors/inbox.h>

#include <gtest/gtest.h>
#include <isola/serialization/message.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::detail {
namespace {

using test::Number;

constexpr uint32_t kNoBound = 1'000'000;

class InboxTest : public ::testing::Test {
 protected:
  ~InboxTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }
  Block* make(int64_t value) {
    auto number = compose<Number>(*pool_);
    number->setValue(value);
    return number.take();
  }
  static int64_t value_of(const Block* block) { return block->read<Number>().getValue(); }
  static std::vector<int64_t> give_up(Block* block) {
    std::vector<int64_t> values;
    while (block != nullptr) {
      Block* next = block->next;
      values.push_back(value_of(block));
      release(block);
      block = next;
    }
    return values;
  }

  Pool* pool_ = Pool::create(64 << 20);
};

TEST_F(InboxTest, AgreesWithTwoPlainQueuesWhateverIsDoneInWhatOrder) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    Inbox inbox;
    std::deque<int64_t> queue;  // at home
    std::deque<int64_t> stack;  // pushed from elsewhere, oldest first
    bool notified = false;
    int64_t next_value = 0;
    const auto home_takes = [&] {
      queue.insert(queue.end(), stack.begin(), stack.end());
      stack.clear();
    };
    for (int step = 0; step < 200; ++step) {
      switch (random() % 6) {
        case 0: {
          const Inbox::Push pushed = inbox.push(make(next_value), kNoBound);
          ASSERT_EQ(pushed, notified ? Inbox::Push::pushed : Inbox::Push::pushed_first);
          notified = true;
          stack.push_back(next_value++);
          break;
        }
        case 1:
          ASSERT_EQ(inbox.quiet(), stack.empty());
          inbox.take();
          home_takes();
          inbox.append(make(next_value));
          queue.push_back(next_value++);
          break;
        case 2:
          inbox.acknowledge();
          home_takes();
          notified = false;
          break;
        case 3:
          ASSERT_EQ(inbox.notify(), !notified);
          notified = true;
          break;
        default: {
          Block* block = inbox.pop();
          ASSERT_EQ(block != nullptr, !queue.empty()) << "seed " << seed;
          if (block == nullptr) break;
          ASSERT_EQ(value_of(block), queue.front()) << "seed " << seed;
          queue.pop_front();
          release(block);
        }
      }
      ASSERT_EQ(inbox.waiting(), queue.size());
      ASSERT_GE(inbox.depth(), queue.size() + stack.size());
    }
    home_takes();
    ASSERT_EQ(give_up(inbox.close()), std::vector<int64_t>(queue.begin(), queue.end()));
    Block* late = make(0);
    ASSERT_EQ(inbox.push(late, kNoBound), Inbox::Push::closed);
    ASSERT_FALSE(inbox.notify()) << "nobody is to be told of a closed inbox";
    ASSERT_EQ(inbox.pop(), nullptr);
    release(late);
  }
}

TEST_F(InboxTest, CountsWhatLiesAtHomeAndElsewhereAgainstItsBound) {
  Inbox inbox;
  inbox.append(make(0));
  for (int i = 1; i < 3; ++i) EXPECT_NE(inbox.push(make(i), 3), Inbox::Push::full);
  Block* fourth = make(3);
  EXPECT_EQ(inbox.push(fourth, 3), Inbox::Push::full);
  EXPECT_EQ(inbox.depth(), 3u);
  inbox.acknowledge();
  EXPECT_EQ(inbox.push(fourth, 3), Inbox::Push::full) << "they still wait";
  release(inbox.pop());
  EXPECT_EQ(inbox.push(fourth, 3), Inbox::Push::pushed_first);
  EXPECT_EQ(give_up(inbox.close()), (std::vector<int64_t>{1, 2, 3}));
}

TEST_F(InboxTest, OfTheHomeThatStopsWaitingForNewsAndASenderOneSeesTheOther) {
  Inbox inbox;
  inbox.reopen(true);
  EXPECT_TRUE(inbox.acknowledge_nothing()) << "nothing came while it was made";
  EXPECT_TRUE(inbox.notify());
  inbox.acknowledge();
  inbox.reopen(true);
  EXPECT_EQ(inbox.push(make(1), kNoBound), Inbox::Push::pushed) << "nobody is to be told yet";
  EXPECT_FALSE(inbox.acknowledge_nothing());
  EXPECT_EQ(give_up(inbox.close()), (std::vector<int64_t>{1}));
}

TEST_F(InboxTest, ManySendersKeepTheirOwnOrderAndAreToldOfOnce) {
  constexpr int kSenders = 3;
  constexpr int64_t kEach = 20'000;
  Inbox inbox;
  sync::atomic<uint32_t> told{0};  // how often the home was told and has not looked
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      for (int64_t i = 0; i < kEach;) {
        Block* block = make(s * kEach + i);
        switch (inbox.push(block, 100)) {
          case Inbox::Push::pushed_first:
            told.fetch_add(1);
            [[fallthrough]];
          case Inbox::Push::pushed:
            ++i;
            break;
          default:
            release(block);
            std::this_thread::yield();
        }
      }
    });
  }
  std::array<int64_t, kSenders> next{};
  int64_t received = 0;
  uint32_t most = 0;
  while (received < kSenders * kEach) {
    if (told.load() == 0) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(told.fetch_sub(1), 1u) << "the home was told twice";
    inbox.acknowledge();
    most = std::max(most, inbox.waiting());
    while (Block* block = inbox.pop()) {
      const int64_t value = value_of(block);
      ASSERT_EQ(value % kEach, next[static_cast<size_t>(value / kEach)]++);
      ++received;
      release(block);
    }
  }
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(inbox.depth(), 0u);
  EXPECT_LE(most, 100u);
}

}  // namespace
}  // namespace isola::detail
