// Systems on simulated schedules: their workers are virtual threads. Each test has an exact account
// of its messages, and the order of those of one sender.
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <isola/tools/testing/system.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::testing {
namespace {

// The sanitizers would have to be told of Boost's own switches.
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)

using namespace std::chrono_literals;
using test::GetTotal;
using test::Number;
using test::Total;

constexpr int64_t kOfOneSender = 1000;  // numbers: sender * kOfOneSender + its count

auto number(int64_t value) {
  return [value](auto builder) { builder.setValue(value); };
}

// What a counter has seen; it outlives the counter.
struct Seen {
  std::array<int64_t, 16> next{};
  int64_t count = 0;
  int inside = 0;  // of its handlers

  void add(int64_t value) {
    EXPECT_EQ(++inside, 1) << "two turns at once";
    auto& expected = next[static_cast<size_t>(value / kOfOneSender)];
    EXPECT_EQ(value % kOfOneSender, expected) << "of sender " << value / kOfOneSender;
    ++expected;
    ++count;
    --inside;
  }
};
// To it, from an actor: all of them run on one thread of the system.
struct Witness {
  Seen* seen;
};

}  // namespace
}  // namespace isola::testing

template <>
struct isola::SendableTrait<isola::testing::Witness> : std::true_type {};

namespace isola::testing {
namespace {

struct Counter : Actor<Counter, Number, Ask<GetTotal, Total>> {
  explicit Counter(Witness witness) : seen_(witness.seen) {}
  void on(Number::Reader value) { seen_->add(value.getValue()); }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(seen_->count);
    return total;
  }
  Seen* seen_;
};

int64_t total_of(const Address<Ask<GetTotal, Total>>& counter) {
  auto [total, err] = counter.ask<GetTotal>().get();
  EXPECT_FALSE(err) << err;
  return err ? -1 : total->getValue();
}

// Sends `count` numbers as `sender`; how many were taken.
int64_t send_numbers(const Address<Number>& to, int64_t sender, int64_t count) {
  for (int64_t n = 0; n < count; ++n)
    if (to.send<Number>(number(sender * kOfOneSender + n))) return n;
  return count;
}

void join_senders(Simulation& run, System& system) {
  run.join_from(1 + static_cast<uint32_t>(system.workers()));
}

TEST(Systems, ManySendToOneBoundedInbox) {
  for_each_system(1500, [](Simulation& run, System& system) {
    Seen seen;
    const uint32_t bound = 1 + static_cast<uint32_t>(run.choose(3));
    auto counter = system.spawn<Counter>(SpawnOptions{.inbox_max = bound}, Witness{&seen});
    for (int64_t sender = 0; sender < 2; ++sender)
      run.spawn([&, sender] { EXPECT_EQ(send_numbers(counter, sender, 4), 4); });
    std::vector<ActorRef> senders;
    for (int64_t sender = 2; sender < 4; ++sender)
      senders.push_back(system.spawn(
          [](Address<Number> to, int64_t as) { EXPECT_EQ(send_numbers(to, as, 4), 4); }, counter,
          sender));
    join_senders(run, system);
    for (ActorRef& sender : senders) EXPECT_FALSE(sender.join());
    EXPECT_EQ(total_of(counter), 16);
  });
}

TEST(Systems, TrySendersFindRoomInTheEnd) {
  for_each_system(1500, [](Simulation& run, System& system) {
    Seen seen;
    Address<Number, Ask<GetTotal, Total>> counter;
    for (int64_t sender = 0; sender < 2; ++sender)
      run.spawn([&, sender] {
        while (!counter) run.yield();
        for (int64_t n = 0; n < 3;) {
          auto message = system.compose<Number>();
          message->setValue(sender * kOfOneSender + n);
          if (counter.try_send(std::move(message)))
            run.yield();
          else
            ++n;
        }
      });
    counter = system.spawn<Counter>(SpawnOptions{.inbox_max = 1}, Witness{&seen});
    join_senders(run, system);
    EXPECT_EQ(total_of(counter), 6);
  });
}

// Sends what it gets, less one, to the other one; at zero it tells.
struct Player : Actor<Player, Number> {
  Player(Address<Number> other, Sender<Number> told)
      : other_(std::move(other)), told_(std::move(told)) {}
  void on(Number::Reader value) {
    const int64_t left = value.getValue();
    const Error err = left == 0 ? told_.send(number(7)) : other_.send<Number>(number(left - 1));
    EXPECT_FALSE(err) << err;
  }
  Address<Number> other_;
  Sender<Number> told_;
};
struct Echo : Actor<Echo, Ask<Number, Total>> {
  Message<Total> on(Number::Reader value) {
    if (value.getValue() % 3 == 0) yield();
    auto total = compose<Total>();
    total->setValue(value.getValue() + 1);
    return total;
  }
};

TEST(Systems, PingPongEnds) {
  for_each_system(1500, [](Simulation& run, System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    // A chain as long as the game.
    Address<Number> next;
    for (int i = 0; i < 5; ++i) next = system.spawn<Player>(next, tx.clone());
    const int64_t games = 1 + static_cast<int64_t>(run.choose(3));
    for (int64_t i = 0; i < games; ++i) EXPECT_FALSE(next.send<Number>(number(4)));
    for (int64_t i = 0; i < games; ++i) {
      auto [got, err] = rx.recv();
      EXPECT_FALSE(err) << err;
      EXPECT_EQ(got->getValue(), 7);
    }
  });
}

TEST(Systems, EachWhoAsksIsAnswered) {
  for_each_system(1000, [](Simulation& run, System& system) {
    auto echo = system.spawn<Echo>();
    const auto ask_some = [](Address<Ask<Number, Total>> whom, int64_t first) {
      for (int64_t i = first; i < first + 3; ++i) {
        auto [total, err] = whom.ask<Number>(number(i)).get();
        EXPECT_FALSE(err) << err;
        EXPECT_EQ(total->getValue(), i + 1);
      }
    };
    run.spawn([&] { ask_some(echo, 10); });
    std::vector<ActorRef> askers;
    for (int64_t i = 0; i < 3; ++i) askers.push_back(system.spawn(ask_some, echo, 20 * i));
    for (ActorRef& asker : askers) EXPECT_FALSE(asker.join());
  });
}

TEST(Systems, WhoEndsLosesNothingThatWasTaken) {
  for_each_system(1500, [](Simulation& run, System& system) {
    Seen seen;
    auto counter = system.spawn<Counter>(
        SpawnOptions{.inbox_max = 1 + static_cast<uint32_t>(run.choose(2))}, Witness{&seen});
    std::array<int64_t, 3> taken{};
    for (int64_t sender = 0; sender < 2; ++sender)
      run.spawn([&, sender] {
        taken[static_cast<size_t>(sender)] = send_numbers(counter, sender, 4);
      });
    system.spawn([](Address<Number> to) { send_numbers(to, 2, 4); }, counter);
    run.spawn([&, kills = run.choose(2) == 0] { kills ? counter.kill() : counter.stop(); });
    EXPECT_FALSE(counter.join());
    EXPECT_FALSE(counter.is_alive());
    join_senders(run, system);
    for (size_t i = 0; i < 2; ++i) EXPECT_LE(seen.next[i], taken[i]);
    EXPECT_EQ(counter.send<Number>(number(0)), Code::no_such_actor);
    EXPECT_EQ(counter.ask<GetTotal>().get().err, Code::no_such_actor);
  });
}

TEST(Systems, SpawnedOnesEndAndTheirSlotsAreUsedAgain) {
  for_each_system(700, [](Simulation& run, System& system) {
    Seen seen;
    auto counter = system.spawn<Counter>(Witness{&seen});
    const auto parent = [](Address<Number> to, int64_t as) {
      std::vector<ActorRef> children;
      for (int64_t i = 0; i < 3; ++i)
        children.push_back(isola::spawn(
            [](Address<Number> whom, int64_t id) {
              EXPECT_EQ(send_numbers(whom, id, 2), 2);
            },
            to, as * 3 + i));
      for (ActorRef& child : children) EXPECT_FALSE(child.join());
    };
    for (int64_t i = 0; i < 3; ++i)
      run.spawn([&, i] { EXPECT_FALSE(system.spawn(parent, counter, i).join()); });
    join_senders(run, system);
    EXPECT_EQ(total_of(counter), 18);
  });
}

// Receives from both until both are closed; counts.
void receive_by_select(Receiver<Number> first, Receiver<Number> second, Sender<Number> told) {
  bool first_open = true;
  bool second_open = true;
  int64_t sum = 0;
  while (first_open || second_open) {
    Delivery<Number> got;
    auto [index, err] = select{receiving(first, got).when(first_open),
                               receiving(second, got).when(second_open)};
    if (err)
      (index == 0 ? first_open : second_open) = false;
    else
      sum += got->getValue();
  }
  EXPECT_FALSE(told.send(number(sum)));
}

TEST(Systems, ChannelsBetweenWorkersDeliverAllBeforeTheyClose) {
  for_each_system(1000, [](Simulation& run, System& system) {
    const Capacity capacity = run.choose(2) == 0 ? rendezvous : bounded(1 + run.choose(2));
    auto one = system.channel<Number>(capacity);
    auto other = system.channel<Number>(bounded(1));
    auto& [first, first_rx] = one;
    auto& [second, second_rx] = other;
    auto [told, sums] = system.channel<Number>(unbounded);
    const auto send_some = [](Sender<Number> to, int64_t from) {
      for (int64_t i = from; i < from + 4; ++i) EXPECT_FALSE(to.send(number(i)));
    };
    system.spawn(receive_by_select, first_rx.clone(), second_rx.clone(), told.clone());
    system.spawn(receive_by_select, std::move(first_rx), std::move(second_rx), std::move(told));
    system.spawn(send_some, first.clone(), 0);
    system.spawn(send_some, second.clone(), 10);
    run.spawn([&send_some, to = &first] { send_some(std::move(*to), 100); });
    run.spawn([&send_some, to = &second] { send_some(std::move(*to), 1000); });
    int64_t sum = 0;
    for (auto& got : sums) sum += got->getValue();
    EXPECT_EQ(sum, (0 + 1 + 2 + 3) * 4 + 4 * (10 + 100 + 1000));
  });
}

// Where each actor had its turns.
struct Walker : Actor<Walker, Number, Ask<GetTotal, Total>> {
  explicit Walker(Witness witness) : seen_(witness.seen) {}
  void on(Number::Reader value) {
    seen_->add(value.getValue());
    const auto* here = detail::Worker::current();
    moves_ += last_ != nullptr && here != last_;
    last_ = here;
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(moves_);
    return total;
  }
  Seen* seen_;
  const detail::Worker* last_ = nullptr;
  int64_t moves_ = 0;
};

TEST(Systems, ActorsMoveBetweenWorkersAndKeepTheirMail) {
  int64_t moves = 0;
  for_each_system(
      500,
      [&](Simulation& run, System& system) {
        constexpr size_t kWalkers = 8;
        std::array<Seen, kWalkers> seen;
        std::vector<Address<Number, Ask<GetTotal, Total>>> walkers;
        for (Seen& each : seen) walkers.push_back(system.spawn<Walker>(Witness{&each}));
        const auto send_all = [](std::vector<Address<Number>> to, int64_t as) {
          for (int64_t n = 0; n < 3; ++n)
            for (const auto& each : to)
              EXPECT_FALSE(each.send<Number>(number(as * kOfOneSender + n)));
        };
        const std::vector<Address<Number>> all(walkers.begin(), walkers.end());
        system.spawn(send_all, all, 0);
        system.spawn(send_all, all, 1);
        run.spawn([&] { send_all(all, 2); });
        join_senders(run, system);
        for (size_t i = 0; i < kWalkers; ++i)
          while (seen[i].count < 9) run.yield();
        for (const auto& each : walkers) moves += total_of(each);
      },
      {.workers = 3});
  if (std::getenv("ISOLA_SEED") != nullptr) return;
  EXPECT_GT(moves, 30);
}

TEST(Systems, TimeIsVirtualAndLimitsHold) {
  for_each_system(1500, [](Simulation& run, System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto late = system.spawn(
        [](Sender<Number> to) {
          const auto until = isola::clock::now() + 1h;
          EXPECT_FALSE(sleep_for(1h));
          EXPECT_GE(isola::clock::now(), until);
          (void)to.try_send(to.compose());
        },
        std::move(tx));
    auto waits = system.spawn(
        [](Receiver<Number> from) {
          // Nothing runs as soon as it could, so each may come first.
          const auto until = isola::clock::now() + 1h;
          const Error err = from.recv_for(1h).err;
          if (err == Code::timeout) {
            EXPECT_GE(isola::clock::now(), until);
          } else {
            EXPECT_FALSE(err) << err;
          }
        },
        std::move(rx));
    EXPECT_FALSE(late.join());
    EXPECT_FALSE(waits.join());
    EXPECT_GE(run.now_ns(), std::chrono::nanoseconds(1h).count());
  });
}

TEST(Systems, StopsInTheMiddleOfEverything) {
  for_each_system(1000, [](Simulation& run, System& system) {
    Seen seen;
    auto counter = system.spawn<Counter>(SpawnOptions{.inbox_max = 1}, Witness{&seen});
    auto echo = system.spawn<Echo>();
    auto [tx, rx] = system.channel<Number>(rendezvous);
    run.spawn([&] { send_numbers(counter, 0, 5); });
    run.spawn([&] { (void)echo.ask<Number>(number(1)).get(); });
    system.spawn([](Address<Number> to) { send_numbers(to, 1, 5); }, counter);
    system.spawn([](Receiver<Number> from) { (void)from.recv(); }, std::move(rx));
    system.spawn([](Sender<Number> to) { (void)to.send(number(1)); }, std::move(tx));
    for (uint64_t n = run.choose(20); n > 0; --n) run.yield();
    system.stop();
    join_senders(run, system);
  });
}

TEST(Systems, TheSameSeedGivesTheSameTrace) {
  const auto body = [](Simulation& run) {
    run_system(run, {}, [](Simulation& simulation, System& system) {
      Seen seen;
      auto counter = system.spawn<Counter>(SpawnOptions{.inbox_max = 1}, Witness{&seen});
      auto echo = system.spawn<Echo>();
      simulation.spawn([&] { send_numbers(counter, 0, 3); });
      system.spawn([](Address<Number> to) { send_numbers(to, 1, 3); }, counter);
      (void)echo.ask<Number>(number(1)).get();
      join_senders(simulation, system);
      system.stop();
    });
  };
  Simulation first({.fibers = true});
  std::vector<std::unique_ptr<char[]>> others;  // addresses differ
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    ASSERT_FALSE(first.run(seed, body));
    others.push_back(std::make_unique<char[]>(seed * 64));
    Simulation second({.fibers = true});
    ASSERT_FALSE(second.run(seed, body));
    ASSERT_EQ(first.trace_hash(), second.trace_hash()) << "seed " << seed;
  }
}

#endif

}  // namespace
}  // namespace isola::testing
