// Select in races: defaults that must not be taken, selects against each other, fairness, cost.
#include <isola/isola.h>

#include <malloc.h>

#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::for_each_capacity;
using test::Meeting;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::with_value;

#ifdef ISOLA_TSAN
constexpr int kRaceRounds = 10'000;
#else
constexpr int kRaceRounds = 100'000;
#endif

// For races of plain threads: the workers have nothing to do with them, so one System is enough.
void on_two_threads(const test::Body& body) {
  System system(test::quiet({.workers = 1}));
  body(system);
  test::expect_nothing_left(system);
}

TEST(SelectRace, TheDefaultIsNotTakenWhileOneOfTwoIsAlwaysFull) {
  // Covers: GO-044
  on_two_threads([](System& system) {
    const Channel<Number> c1 = system.channel<Number>(bounded(1));
    const Channel<Number> c2 = system.channel<Number>(bounded(1));
    Meeting meeting;
    int defaults = 0;
    test::Thread selector([&, rx1 = c1.receiver.clone(), rx2 = c2.receiver.clone()] {
      for (int i = 0; i < kRaceRounds; ++i) {
        meeting.meet();
        if (select{receiving(rx1), receiving(rx2), otherwise()}.index == 2) ++defaults;
        meeting.meet();
      }
    });
    for (int i = 0; i < kRaceRounds; ++i) {
      EXPECT_FALSE(c1.sender.send(number(i)));
      meeting.meet();
      EXPECT_FALSE(c2.sender.try_send(with_value(system, i)));
      (void)c1.receiver.try_recv();
      meeting.meet();
      (void)c2.receiver.try_recv();
    }
    selector.join();
    EXPECT_EQ(defaults, 0);
  });
}

TEST(SelectRace, TheDefaultIsNotTakenWhileOneOfTwoIsFullOrClosed) {
  // Covers: GO-045
  on_two_threads([](System& system) {
    const Channel<Number> c1 = system.channel<Number>(bounded(1));
    Channel<Number> c2;
    Meeting meeting;
    int defaults = 0;
    test::Thread selector([&, rx1 = c1.receiver.clone()] {
      for (int i = 0; i < kRaceRounds; ++i) {
        meeting.meet();
        if (select{receiving(rx1), receiving(c2.receiver), otherwise()}.index == 2) ++defaults;
        meeting.meet();
      }
    });
    for (int i = 0; i < kRaceRounds; ++i) {
      c2 = system.channel<Number>(bounded(1));
      EXPECT_FALSE(c1.sender.send(number(i)));
      meeting.meet();
      EXPECT_FALSE(c2.sender.close());
      (void)c1.receiver.try_recv();
      meeting.meet();
    }
    selector.join();
    EXPECT_EQ(defaults, 0);
  });
}

// Sends its own number or receives another's, as often as `rounds`.
void swap_numbers(Sender<Number> out, Receiver<Number> in, int64_t self, int rounds,
                  Sender<test::Numbers> told) {
  int64_t sent = 0;
  int64_t received = 0;
  int64_t own = 0;
  for (int i = 0; i < rounds; ++i) {
    auto message = out.compose();
    message->setValue(self);
    const select one{sending(out, std::move(message), [&] { ++sent; }),
                     receiving(in, [&](Number::Reader n) {
                       ++received;
                       if (n.getValue() == self) ++own;
                     })};
    EXPECT_FALSE(one.err) << one.err;
  }
  out.release();
  in.release();
  EXPECT_FALSE(told.send([&](test::Numbers::Builder numbers) {
    numbers.setValues({sent, received, own});
  }));
}

struct Swaps {
  void add(const Result<test::Numbers>& told) {
    ASSERT_FALSE(told.err) << told.err;
    sent += told.value->getValues()[0];
    received += told.value->getValues()[1];
    own += told.value->getValues()[2];
  }
  int64_t sent = 0;
  int64_t received = 0;
  int64_t own = 0;
};

TEST(SelectRace, TwoThatSendOrReceiveOnOneChannelNeverMeetThemselves) {
  // Covers: GO-046
  static constexpr int kRounds = 1000;
  const auto check = [](const Capacity& capacity, const Receiver<test::Numbers>& results,
                        const Receiver<Number>& rx) {
    Swaps swaps;
    for (int i = 0; i < 2; ++i) swaps.add(results.recv());
    EXPECT_EQ(swaps.sent + swaps.received, 2 * kRounds);
    EXPECT_EQ(swaps.sent - swaps.received, static_cast<int64_t>(rx.size()));
    if (capacity == rendezvous) {
      EXPECT_EQ(swaps.own, 0) << "somebody received its own value";
    }
    while (rx.try_recv()) {
    }
  };
  for_each_capacity(
      std::array{rendezvous, bounded(10)}, 10, [&](System& system, const Capacity& capacity) {
        auto [tx, rx] = system.channel<Number>(capacity);
        auto [told, results] = system.channel<test::Numbers>(bounded(2));
        for (int64_t i = 0; i < 2; ++i)
          system.spawn(swap_numbers, tx.clone(), rx.clone(), i, kRounds, told.clone());
        check(capacity, results, rx);
      });
  for (const Capacity& capacity : {rendezvous, bounded(10)}) {
    on_real_scheduler([&](System& system) {
      const Channel<Number> c = system.channel<Number>(capacity);
      const auto told = system.channel<test::Numbers>(bounded(2));
      std::vector<test::Thread> threads;
      for (int64_t i = 0; i < 2; ++i) {
        threads.emplace_back([i, tx = c.sender.clone(), rx = c.receiver.clone(),
                              to = told.sender.clone()]() mutable {
          swap_numbers(std::move(tx), std::move(rx), i, kRounds, std::move(to));
        });
      }
      check(capacity, told.receiver, c.receiver);
      for (auto& thread : threads) thread.join();
    });
  }
}

TEST(SelectRace, OfTwoReadyBranchesEachIsChosenHalfOfTheTime) {
  // Covers: GO-048
  static constexpr int kPicks = 10'000;
  on_every_scheduler(
      [](System& system) {
        const auto expect_fair = [](int first) {
          const double share = static_cast<double>(first) / kPicks;
          EXPECT_NEAR(share, 0.5, 4.89 / (2 * std::sqrt(kPicks)));
        };
        auto [idle_tx, idle] = system.channel<Number>(rendezvous);
        auto [tx1, rx1] = system.channel<Number>(unbounded);
        auto [tx2, rx2] = system.channel<Number>(unbounded);
        int chosen[4] = {};
        Message<Number> kept = with_value(system, 1);
        Message<Number> message;
        for (int i = 0; i < kPicks; ++i) {  // sends
          if (!message) message = with_value(system, 1);
          Message<Number> other = with_value(system, 1);
          ++chosen[select{sending(tx1, std::move(message)), receiving(idle),
                          sending(idle_tx, std::move(kept)), sending(tx2, std::move(other))}
                       .index];
        }
        EXPECT_EQ(chosen[0] + chosen[3], kPicks);
        EXPECT_EQ(static_cast<int>(rx1.size()), chosen[0]);
        expect_fair(chosen[0]);
        while (rx1.try_recv() || rx2.try_recv()) {
        }
        for (int i = 0; i < kPicks; ++i) {
          EXPECT_FALSE(tx1.send(number(1)));
          EXPECT_FALSE(tx2.send(number(2)));
        }
        std::array<int, 4> received{};
        std::array<int, 4> mixed{};
        for (int i = 0; i < kPicks / 2; ++i) {  // receives alone
          ++received[select{receiving(idle), receiving(rx1), receiving(rx2), receiving(idle)}
                         .index];
        }
        for (int i = 0; i < kPicks / 2; ++i) {  // and beside a send that is never ready
          ++mixed[select{receiving(rx1), sending(idle_tx, std::move(kept)), receiving(idle),
                         receiving(rx2)}
                      .index];
        }
        EXPECT_NEAR(received[1] / (kPicks / 2.0), 0.5, 4.89 / (2 * std::sqrt(kPicks / 2.0)));
        EXPECT_EQ(received[1] + received[2], kPicks / 2);
        expect_fair(received[1] + mixed[0]);
        EXPECT_EQ(mixed[0] + mixed[3], kPicks / 2);
        while (rx1.try_recv() || rx2.try_recv()) {
        }
      },
      5);
}

TEST(SelectRace, OfTwoReadySendsOnOneChannelEachIsChosen) {
  // Covers: GO-049
  for_each_capacity(
      std::array{rendezvous, bounded(100)}, 10, [](System& system, const Capacity& capacity) {
        static constexpr int kPicks = 100;
        auto [tx, rx] = system.channel<Number>(capacity);
        auto [told, results] = system.channel<Total>(bounded(1));
        if (capacity == rendezvous) {
          system.spawn(
              [](Receiver<Number> in, Sender<Total> told) {
                int64_t sum = 0;
                for (int i = 0; i < kPicks; ++i) sum += value_of(in.recv());
                EXPECT_FALSE(told.send(number(sum)));
              },
              rx.clone(), told.clone());
        }
        for (int i = 0; i < kPicks; ++i) {
          Message<Number> zero = with_value(system, 0);
          Message<Number> one = with_value(system, 1);
          const select sent{sending(tx, std::move(zero)), sending(tx, std::move(one))};
          EXPECT_FALSE(sent.err);
          EXPECT_NE(bool(zero), bool(one));
        }
        int64_t ones = 0;
        if (capacity == rendezvous)
          ones = value_of(results.recv());
        else
          for (int i = 0; i < kPicks; ++i) ones += value_of(rx.try_recv());
        EXPECT_GT(ones, 10);
        EXPECT_LT(ones, 90);
      });
}

TEST(SelectRace, SelectsOnABusyAndAnIdleChannelLeaveNothingBehind) {
  // Covers: GO-027
  constexpr int kSelects = 100'000;
  on_real_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    auto [idle, never] = system.channel<Number>(rendezvous);
    system.spawn(
        [](Sender<Number> out) {
          while (!out.send(number(1))) {
          }
        },
        std::move(tx));
    const auto take = [&rx = rx, &never = never](int count) {
      for (int i = 0; i < count; ++i)
        EXPECT_EQ((select{receiving(never), receiving(rx)}.index), 1u);
    };
    take(1000);
    EXPECT_EQ(test::waiting(system, never.id(), Side::receive), 0u);
    const uint64_t reserved = system.pool_stats().reserved;
    const auto heap = static_cast<int64_t>(mallinfo2().uordblks);
    take(kSelects);
    EXPECT_EQ(system.pool_stats().reserved, reserved);
    EXPECT_LT(static_cast<int64_t>(mallinfo2().uordblks) - heap, 64 * 1024);
    EXPECT_EQ(test::waiting(system, never.id(), Side::receive), 0u);
    EXPECT_EQ(idle.try_send(with_value(system, 1)), Code::channel_full);
    rx.release();
  });
}

// How long it takes to wake so many actors, which wait in selects on one shared and one private
// channel each, through their private ones.
int64_t wake_all_ns(int count) {
  System system(test::quiet({.workers = 1, .carriers_max = 100'000}));
  auto [shared_tx, shared] = system.channel<Number>(rendezvous);
  auto [done, results] = system.channel<Total>(unbounded);
  std::vector<Sender<Number>> senders;
  for (int i = 0; i < count; ++i) {
    Channel<Number> own = system.channel<Number>(rendezvous);
    senders.push_back(std::move(own.sender));
    system.spawn(
        [](Receiver<Number> shared, Receiver<Number> own, Sender<Total> done) {
          EXPECT_EQ((select{receiving(shared), receiving(own)}.index), 1u);
          EXPECT_FALSE(done.send(number(1)));
        },
        shared.clone(), std::move(own.receiver), done.clone());
  }
  EXPECT_TRUE(so_many_wait(system, shared.id(), Side::receive, static_cast<size_t>(count)));
  const uint64_t locks = system.ledger().find(shared.id()).or_raise().locks;
  const int64_t start_ns = SteadyClock::instance().now_ns();
  for (const auto& sender : senders) EXPECT_FALSE(sender.send(number(1)));
  for (int i = 0; i < count; ++i) EXPECT_EQ(value_of(results.recv()), 1);
  const int64_t took_ns = SteadyClock::instance().now_ns() - start_ns;
  EXPECT_EQ(test::waiting(system, shared.id(), Side::receive), 0u);
  // One visit of each leaving select; the others are the ends that were released, and the ledger.
  EXPECT_LE(system.ledger().find(shared.id()).or_raise().locks,
            locks + 4 * static_cast<uint64_t>(count) + 4);
  return took_ns;
}

TEST(SelectRace, WakingOneOfManyOnASharedChannelCostsTheSame) {
  // Covers: GO-053
#if defined(ISOLA_TSAN)
  constexpr int kActors = 200;
#else
  constexpr int kActors = 2000;
#endif
  // The machine has other work, too: the best of several tries counts.
  bool linear = false;
  for (int tries = 0; tries < 10 && !linear; ++tries) {
    const int64_t once_ns = wake_all_ns(kActors);
    const int64_t twice_ns = wake_all_ns(2 * kActors);
    linear = twice_ns < 3 * once_ns;
  }
  EXPECT_TRUE(linear);
}

}  // namespace
}  // namespace isola
