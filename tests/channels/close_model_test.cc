// Closing a channel after all kinds of use, by all kinds of isolates, compared with a simple model.
//
// What is done is drawn from a seed, which a failure prints; ISOLA_SEED=n replays just that one.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include <cstdlib>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::dropped;
using test::got;
using test::Got;
using test::item;
using test::kClosed;
using test::kEmpty;
using test::Member;
using test::Number;
using test::number;

constexpr size_t kCapacity = 6;
// Of prior use (5 kinds), by whom (2), and the first close (3 kinds) by whom (3): each is drawn.
constexpr uint64_t kMixes = 5 * 2 * 3 * 3;

// What a channel is, in the simplest words.
class Model {
 public:
  Code try_send(int64_t value) {
    if (send_closed_) return Code::channel_closed;
    if (items_.size() == kCapacity) return Code::channel_full;
    items_.push_back(value);
    return Code::ok;
  }
  Got try_recv() {
    if (items_.empty()) return send_closed_ ? kClosed : kEmpty;
    const int64_t first = items_.front();
    items_.pop_front();
    return item(first);
  }
  Code close_sender() {
    return std::exchange(send_closed_, true) ? Code::channel_closed : Code::ok;
  }
  Got close_receiver(Force force) {
    if (receive_closed_) return kClosed;
    if (!items_.empty() && force == Force::no) return {0, Code::channel_not_empty};
    const auto dropped = static_cast<int64_t>(items_.size());
    items_.clear();
    send_closed_ = receive_closed_ = true;
    return item(dropped);
  }
  size_t size() const { return items_.size(); }
  bool closed() const { return send_closed_ && items_.empty(); }

 private:
  std::deque<int64_t> items_;
  bool send_closed_ = false;
  bool receive_closed_ = false;
};

// A channel beside its model, and the isolates that use it.
class Trial {
 public:
  Trial(System& system, uint64_t seed)
      : system_(system), draw_(seed), channel_(system.channel<Number>(bounded(kCapacity))) {
    for (int i = 0; i < 2; ++i)
      users_.emplace_back(system, channel_.sender.clone(), channel_.receiver.clone());
    use_ = seed % 5;
    user_ = seed / 5 % 2;
    close_ = seed / 10 % 9;
  }

  uint64_t draw(uint64_t count) { return draw_() % count; }
  Member& anyone() { return users_[draw(users_.size())]; }

  void send(Member& who) {
    const int64_t value = ++last_value_;
    EXPECT_EQ(who.try_send(value), model_.try_send(value));
    look();
  }
  void receive(Member& who) {
    EXPECT_EQ(who.try_recv(), model_.try_recv());
    look();
  }
  // `which`: the send end, the receive end, or that by force.
  void close(Member& who, uint64_t which) {
    if (which == 0) {
      EXPECT_EQ(who.close_sender(), model_.close_sender());
    } else {
      const Force force = which == 1 ? Force::no : Force::yes;
      EXPECT_EQ(who.close_receiver(force), model_.close_receiver(force));
    }
    look();
  }
  // By the test's own isolate.
  void close_here(uint64_t which) {
    if (which == 0) {
      EXPECT_EQ(channel_.sender.close().code(), model_.close_sender());
    } else {
      const Force force = which == 1 ? Force::no : Force::yes;
      EXPECT_EQ(dropped(channel_.close(force)), model_.close_receiver(force));
    }
    look();
  }

  // None, received, sent, partly or fully emptied; by one isolate, the rest by any.
  void use_before() {
    if (use_ == 0) return;
    Member& user = users_[user_];
    if (use_ == 1) return receive(user);
    const uint64_t count = 2 + draw(3);
    for (uint64_t i = 0; i < count; ++i) send(i == 0 ? user : anyone());
    if (use_ == 2) return;
    const uint64_t left = use_ == 3 ? 1 + draw(count - 1) : 0;
    while (model_.size() > left) receive(model_.size() == count ? user : anyone());
  }
  // One close or two: `forced` also by force.
  void close_before(bool forced) {
    const uint64_t count = 1 + draw(2);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t whom_and_which = i == 0 ? close_ : draw(9);
      const uint64_t which = whom_and_which % 3;
      if (which == 2 && !forced) continue;
      if (whom_and_which / 3 == 2)
        close_here(which);
      else
        close(users_[whom_and_which / 3], which);
    }
  }
  void use_afterwards() {
    const uint64_t count = draw(6);
    for (uint64_t i = 0; i < count; ++i) draw(2) == 0 ? send(anyone()) : receive(anyone());
  }
  void drain() {
    while (model_.size() > 0) receive(anyone());
  }
  // The same, the other and a fresh isolate see that it is closed.
  void expect_closed() {
    EXPECT_TRUE(model_.closed());
    users_.emplace_back(system_, channel_.sender.clone(), channel_.receiver.clone());
    for (Member& user : users_) {
      EXPECT_EQ(user.recv(), kClosed);
      EXPECT_EQ(user.try_recv(), kClosed);
      EXPECT_EQ(user.send(1), Code::channel_closed);
      EXPECT_EQ(user.try_send(1), Code::channel_closed);
    }
    EXPECT_EQ(got(channel_.receiver.recv()), kClosed);
    EXPECT_EQ(channel_.sender.send(number(1)), Code::channel_closed);
    const PoolStats pool = system_.pool_stats();
    EXPECT_EQ(pool.composing.blocks + pool.queued.blocks + pool.delivered.blocks, 0u);
  }

 private:
  // Compares what all can see without changing anything.
  void look() {
    EXPECT_EQ(channel_.receiver.size(), model_.size());
    EXPECT_EQ(channel_.receiver.is_closed(), model_.closed());
    EXPECT_EQ(channel_.sender.is_closed(), model_.closed());
    EXPECT_EQ(system_.pool_stats().queued.blocks, model_.size());
  }

  System& system_;
  std::mt19937_64 draw_;
  Channel<Number> channel_;
  Model model_;
  std::vector<Member> users_;
  int64_t last_value_ = 0;
  uint64_t use_ = 0;
  uint64_t user_ = 0;
  uint64_t close_ = 0;
};

// Runs the body with Systems of either kind and with this many seeds, or the one that is asked for.
void on_every_draw(const std::function<void(Trial&)>& body) {
  constexpr uint64_t kSeeds = 3 * kMixes;
  const char* only = std::getenv("ISOLA_SEED");
  uint64_t seed = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const uint64_t last = only != nullptr ? seed : kSeeds;
  for (; seed <= last && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("replay: ISOLA_SEED=" + std::to_string(seed));
    const auto run = [&](System& system) {
      Trial trial(system, seed);
      body(trial);
    };
    test::on_seed(seed, run);
    if (seed <= kMixes || only != nullptr) {
      System system(test::quiet({.workers = 2}));
      run(system);
      test::expect_nothing_left(system);
    }
  }
}

TEST(CloseModel, AfterAnUnforcedCloseAndDrainingAllSeeThatItIsClosed) {
  // Covers: CH-090
  on_every_draw([](Trial& trial) {
    trial.use_before();
    trial.close_before(false);
    trial.use_afterwards();
    trial.close(trial.anyone(), 0);
    trial.use_afterwards();
    trial.drain();
    trial.expect_closed();
  });
}

TEST(CloseModel, AfterAForcedCloseAllSeeAtOnceThatItIsClosed) {
  // Covers: CH-091
  on_every_draw([](Trial& trial) {
    trial.use_before();
    trial.close_before(true);
    trial.use_afterwards();
    trial.draw(2) == 0 ? trial.close(trial.anyone(), 2) : trial.close_here(2);
    trial.expect_closed();
  });
}

}  // namespace
}  // namespace isola
