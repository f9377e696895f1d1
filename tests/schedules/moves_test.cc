// Actors on their way between workers, on simulated schedules: why they move, and that what was
// sent to them keeps its order.
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <isola/serialization/transitions.h>
#include <isola/tools/testing/system.h>

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::testing {
namespace {

// The sanitizers would have to be told of Boost's own switches.
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)

using detail::Transition;
using test::Number;

auto number(int64_t value) {
  return [value](auto builder) { builder.setValue(value); };
}

uint64_t times(Transition transition) {
  return detail::transitions_taken[static_cast<size_t>(transition)];
}

// Takes the numbers of one sender in their order, and tells how many it had.
struct Ordered : Actor<Ordered, Number> {
  explicit Ordered(Sender<Number> told) : told_(std::move(told)) {}
  void on(Number::Reader value) {
    Simulation::current()->check(value.getValue() == next_++, "the order of one sender");
    (void)told_.send(number(next_));
  }
  Sender<Number> told_;
  int64_t next_ = 0;
};

// Runs where it was placed and nowhere else.
struct Pinned : Actor<Pinned, Number> {
  static inline const detail::Worker* its_home = nullptr;
  void on(Number::Reader) {
    Simulation::current()->check(detail::Worker::current() == its_home, "a pinned actor moved");
  }
};

// Waits in its first turn, and gets another message meanwhile.
struct Waiting : Actor<Waiting, Number> {
  Waiting(Receiver<Number> go, Sender<Number> told) : go_(std::move(go)), told_(std::move(told)) {}
  void on(Number::Reader value) {
    if (value.getValue() == 0) (void)go_.recv();
    (void)told_.send(number(value.getValue()));
  }
  Receiver<Number> go_;
  Sender<Number> told_;
};

// Its turn lasts until all of `wake` have had what it sends them, and some more have come from
// others: they have to go elsewhere, as its worker has no turns for them.
void be_stuck(std::vector<Address<Number>> wake, Address<Number> pinned, Receiver<Number> told,
              int64_t from_others) {
  constexpr int64_t kRounds = 6;
  Simulation& run = *Simulation::current();
  (void)pinned.send<Number>(number(0));
  for (int64_t n = 0; n < kRounds; ++n)
    for (const auto& each : wake) {
      (void)each.send<Number>(number(n));
      run.yield();
    }
  for (int64_t left = kRounds * static_cast<int64_t>(wake.size()) + from_others; left > 0;) {
    if (!told.try_recv().err) --left;
    run.yield();
  }
}

TEST(Moves, TheMonitorTakesActorsFromAWorkerThatIsStuckEvenWhileItSends) {
  constexpr int64_t kOutside = 4;  // messages to each of two
  for_each_system(
      1500,
      [](Simulation& run, System& system) {
        auto [tx, rx] = system.channel<Number>(unbounded);
        const auto spawn_two = [&, to = &tx] {
          return std::vector<Address<Number>>{system.spawn<Ordered>(to->clone()),
                                              system.spawn<Ordered>(to->clone())};
        };
        const auto woken_here = spawn_two();  // one is at home at each worker
        const auto woken_from_outside = spawn_two();
        auto [go, going] = system.channel<Number>(unbounded);
        auto [waited_tx, waited] = system.channel<Number>(unbounded);
        auto waiting = system.spawn<Waiting>(std::move(going), std::move(waited_tx));
        (void)waiting.send<Number>(number(0));
        system.spawn([] {});
        auto pinned = system.spawn<Pinned>(SpawnOptions{.pinned = true});
        Pinned::its_home = system.runtime().workers()[0].get();  // the seventh of two workers
        system.spawn([] {});  // so the next one is at home where these two are
        auto stuck = system.spawn(be_stuck, woken_here, pinned, std::move(rx), 2 * kOutside);
        run.spawn([&] {
          (void)waiting.send<Number>(number(1));
          for (int64_t n = 0; n < kOutside; ++n)
            for (const auto& each : woken_from_outside) {
              (void)each.send<Number>(number(n));
              run.yield();
            }
        });
        EXPECT_FALSE(stuck.join());
        (void)go.send(number(0));
        for (int64_t n = 0; n < 2; ++n) EXPECT_EQ(waited.recv().or_raise()->getValue(), n);
      },
      {.workers = 2, .on_long_turn = [](const LongTurn&) {}});
  if (std::getenv("ISOLA_SEED") != nullptr) return;
  EXPECT_GT(times(Transition::gate_seized), 100u);
  EXPECT_GT(times(Transition::relieved_of_ready), 100u);
  EXPECT_GT(times(Transition::relieved_of_notified), 0u);
}

// Sends to actors of its own, which are at home where it runs until they are shared; it lets them
// handle what it has sent now and then.
constexpr int64_t kFed = 4;
constexpr int64_t kRoundsOfFood = 100;
void feed(Sender<Number> told) {
  std::vector<Address<Number>> fed;
  for (int64_t i = 0; i < kFed; ++i) fed.push_back(spawn<Ordered>(told.clone()));
  for (int64_t n = 0; n < kRoundsOfFood; ++n) {
    for (const auto& each : fed) (void)each.send<Number>(number(n));
    if (Simulation::current()->choose(2) == 0) yield();
  }
}

TEST(Moves, WhatWasSharedInVainGoesBackWithItsMail) {
  for_each_system(
      600,
      [](Simulation& run, System& system) {
        auto [tx, rx] = system.channel<Number>(unbounded);
        ActorRef feeder = system.spawn(feed, std::move(tx));
        // Time passes while threads take turns.
        for (int64_t handled = 0; handled < kFed * kRoundsOfFood; run.yield())
          handled += !rx.try_recv().err;
        EXPECT_FALSE(feeder.join());
      },
      {.workers = 2});
  if (std::getenv("ISOLA_SEED") != nullptr) return;
  EXPECT_GT(times(Transition::went_back), 100u);
  EXPECT_GT(times(Transition::went_back_with_its_notification), 10u);
}

#endif

}  // namespace
}  // namespace isola::testing
