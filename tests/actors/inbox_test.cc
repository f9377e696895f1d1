// The inbox against a plain queue: random operations, blocks that come back, many senders.
#include <isola/actors/inbox.h>

#include <gtest/gtest.h>
#include <isola/serialization/message.h>

#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::detail {
namespace {

using test::Number;

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

  Pool* pool_ = Pool::create(64 << 20);
};

TEST_F(InboxTest, AgreesWithAPlainQueueWhateverIsDoneInWhatOrder) {
  // As an owner does it: handle one by one, give up or send again the block in hand, rest.
  for (unsigned seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    Inbox inbox;
    std::deque<int64_t> expected;
    int64_t next_value = 0;
    const auto push = [&](Block* block) {
      expected.push_back(value_of(block));
      const bool idle = inbox.idle();
      const Inbox::Push pushed = inbox.push(block, 1000);
      ASSERT_EQ(pushed, idle ? Inbox::Push::pushed_first : Inbox::Push::pushed);
    };
    for (int turn = 0; turn < 20; ++turn) {
      for (auto n = random() % 4; n > 0; --n) push(make(next_value++));
      if (inbox.idle()) continue;
      Block* batch = nullptr;
      for (bool resting = false; !resting;) {
        bool wait = false;
        uint32_t count = 0;
        if (batch == nullptr) batch = inbox.take(wait, count);
        if (batch == nullptr) {
          ASSERT_TRUE(inbox.rest());
          break;
        }
        Block* block = batch;
        batch = block->next;
        ASSERT_FALSE(expected.empty()) << "seed " << seed;
        ASSERT_EQ(value_of(block), expected.front()) << "seed " << seed;
        expected.pop_front();
        // The handler: may send, may send the very block that it got.
        for (auto n = random() % 3; n > 1; --n) push(make(next_value++));
        bool keeps = true;
        if (random() % 4 == 0) {
          if (block == inbox.seen()) {
            ASSERT_EQ(batch, nullptr);
            batch = inbox.detach(count);
          }
          block->next = nullptr;
          if (random() % 2 == 0 && next_value < 200) {
            push(block);
          } else {
            release(block);
          }
          keeps = false;
        }
        if (keeps) {
          if (block == inbox.seen()) {
            resting = inbox.rest();
            if (!resting) batch = inbox.take(wait, count);
            ASSERT_TRUE(resting || batch != nullptr);
          }
          release(block);
        }
      }
      ASSERT_TRUE(expected.empty()) << "seed " << seed << ": " << expected.size() << " were lost";
      ASSERT_TRUE(inbox.idle());
    }
    for (auto n = random() % 3; n > 0; --n) push(make(next_value++));
    for (Block* left = inbox.close(); left != nullptr;) {
      Block* next = left->next;
      release(left);
      left = next;
    }
    Block* late = make(0);
    ASSERT_EQ(inbox.push(late, 1000), Inbox::Push::closed);
    release(late);
  }
}

TEST_F(InboxTest, RefusesWhatIsBeyondItsBoundUntilItIsTaken) {
  Inbox inbox;
  for (int i = 0; i < 3; ++i) EXPECT_NE(inbox.push(make(i), 3), Inbox::Push::full);
  Block* fourth = make(3);
  EXPECT_EQ(inbox.push(fourth, 3), Inbox::Push::full);
  EXPECT_EQ(inbox.depth(), 3u);
  EXPECT_TRUE(inbox.wait_for_room(3));
  EXPECT_FALSE(inbox.wait_for_room(4)) << "there would be room";
  bool wait = false;
  uint32_t count = 0;
  Block* batch = inbox.take(wait, count);
  EXPECT_TRUE(wait);
  EXPECT_EQ(count, 3u);
  EXPECT_FALSE(inbox.wait_for_room(3));
  EXPECT_EQ(inbox.push(fourth, 3), Inbox::Push::pushed);
  for (Block* block : {batch, batch->next, batch->next->next}) release(block);
  release(inbox.close());
}

TEST_F(InboxTest, ASignalFindsEitherTheOwnerAwakeOrTheActorIdle) {
  Inbox inbox;
  EXPECT_TRUE(inbox.rouse());
  EXPECT_FALSE(inbox.rouse()) << "it is owned already";
  EXPECT_TRUE(inbox.rest());
  EXPECT_EQ(inbox.push(make(1), 9), Inbox::Push::pushed_first);
  EXPECT_FALSE(inbox.rouse());
  bool wait = false;
  uint32_t count = 0;
  Block* block = inbox.take(wait, count);
  EXPECT_FALSE(inbox.rouse());
  EXPECT_TRUE(inbox.rest());
  release(block);
}

TEST_F(InboxTest, ManySendersKeepTheirOwnOrderAndOneOwnerAtATimeTakes) {
  constexpr int kSenders = 3;
  constexpr int64_t kEach = 20'000;
  Inbox inbox;
  sync::atomic<uint32_t> scheduled{0};  // how often the actor has to be run
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      for (int64_t i = 0; i < kEach;) {
        Block* block = make(s * kEach + i);
        switch (inbox.push(block, 100)) {
          case Inbox::Push::pushed_first:
            scheduled.fetch_add(1);
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
  std::vector<int64_t> next(kSenders, 0);
  int64_t received = 0;
  while (received < kSenders * kEach) {
    if (scheduled.load() == 0) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(scheduled.fetch_sub(1), 1u) << "it was scheduled twice";
    for (bool resting = false; !resting;) {
      bool wait = false;
      uint32_t count = 0;
      Block* batch = inbox.take(wait, count);
      ASSERT_NE(batch, nullptr);
      while (batch != nullptr) {
        Block* block = batch;
        batch = block->next;
        const int64_t value = value_of(block);
        ASSERT_EQ(value % kEach, next[static_cast<size_t>(value / kEach)]++);
        ++received;
        if (block != inbox.seen()) {
          release(block);
          continue;
        }
        // Invariant 1: rest, or take what is above it, before it is given up.
        resting = inbox.rest();
        if (!resting) batch = inbox.take(wait, count);
        release(block);
      }
    }
  }
  for (auto& sender : senders) sender.join();
  EXPECT_TRUE(inbox.idle());
}

}  // namespace
}  // namespace isola::detail
