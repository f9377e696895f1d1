// Runs the body of a test on the real scheduler and on seeded ones.
//
//   on_every_scheduler([](isola::System& system) { … EXPECT_EQ(…); });
//
// The body runs on the test's thread with one worker and with two, and then as an actor of a System
// with a seed, for several seeds. A failing seed is printed; ISOLA_SEED=n replays just that one.
//
// The same sources are compiled once more with ISOLA_SIMULATED (tests/schedules). There the body
// runs in simulations only, with one to three virtual workers, by seed as an actor or as a thread
// outside of the System. So such a body has its threads as test::Thread, and a loop of it that
// waits for somebody calls eventually() or give_way().
#pragma once

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#ifdef ISOLA_SIMULATED
#include <isola/tools/testing/gtest.h>
#endif

namespace isola::test {

using Body = std::function<void(System&)>;

// A thread outside of the System: a virtual one in a simulation.
using Thread = sync::Thread;

namespace detail_of_schedules {

// A behaviour that runs the body; unlike spawn, it takes captures.
struct BodyBehaviour {
  Body body;
  System& system;
};

inline constexpr isola::detail::BehaviourType kBodyType{
    [] { return std::string("test"); },
    nullptr,
    [](void* behaviour) {
      auto& self = *static_cast<BodyBehaviour*>(behaviour);
      self.body(self.system);
    },
    [](void* behaviour) { delete static_cast<BodyBehaviour*>(behaviour); },
};

}  // namespace detail_of_schedules

// Runs `body` as a function actor of `system` and waits for its end.
inline Error run_as_actor(System& system, Body body) {
  namespace own = detail_of_schedules;
  isola::detail::Runtime& runtime = system.runtime();
  auto* cell = runtime.new_slot({.name = "test"}, own::kBodyType,
                                new own::BodyBehaviour{std::move(body), system});
  ActorRef actor{isola::detail::CellRef(*cell)};
  runtime.place(*cell);
  return actor.join();
}

// Failures of actors are expected in many tests: they are counted, not printed.
inline SystemOptions quiet(SystemOptions options) {
  options.on_failure = [](const Error&) {};
  return options;
}

inline void expect_nothing_left(System& system) {
  system.stop();
  EXPECT_EQ(system.pool_stats().live, 0u) << "blocks were not given back";
  EXPECT_EQ(system.actors(), 0u);
}

inline void on_seed(uint64_t seed, const Body& body) {
  System system(quiet({.seed = seed}));
  const Error error = run_as_actor(system, body);
  EXPECT_FALSE(error) << error;
  expect_nothing_left(system);
}

// In a loop that waits for another thread.
inline void give_way() {
#ifdef ISOLA_SIMULATED
  if (auto* run = testing::Simulation::current()) return run->yield();
#endif
  std::this_thread::yield();
}

#ifdef ISOLA_SIMULATED

// How many seeds at least, as a simulation has more to draw than a System with a seed; and after
// how many operations in all it is enough, so that long bodies get fewer.
inline constexpr uint64_t kSimulatedSeedsMin = 100;
inline constexpr uint64_t kSimulatedStepsMax = 5'000'000;

inline void on_simulated_scheduler(const Body& body, bool also_as_actor, uint64_t seeds) {
  const auto one_run = [&](testing::Simulation& run) {
    System system(quiet({.workers = 1 + static_cast<uint32_t>(run.choose(3))}));
    if (also_as_actor && run.choose(2) == 0) {
      const Error error = run_as_actor(system, body);
      EXPECT_FALSE(error) << error;
    } else {
      body(system);
    }
    expect_nothing_left(system);
  };
  // Seconds and hours are so long that other things happen before.
  constexpr int64_t kEarlyMaxNs = 500'000'000;
  testing::for_each_schedule(
      seeds, one_run,
      {.steps_max = 20'000'000, .early_max_ns = kEarlyMaxNs, .fibers = true}, kSimulatedStepsMax);
}
inline void on_real_scheduler(const Body& body) {
  on_simulated_scheduler(body, false, kSimulatedSeedsMin);
}
inline void on_every_scheduler(const Body& body, uint64_t seeds = 50) {
  on_simulated_scheduler(body, true, std::max(seeds, kSimulatedSeedsMin));
}

#else

inline void on_real_scheduler(const Body& body) {
  for (uint32_t workers : {1u, 2u}) {
    SCOPED_TRACE("real scheduler, workers: " + std::to_string(workers));
    System system(quiet({.workers = workers}));
    body(system);
    expect_nothing_left(system);
  }
}

inline void on_every_scheduler(const Body& body, uint64_t seeds = 50) {
#ifdef ISOLA_TSAN
  seeds = (seeds + 9) / 10;  // one thread: the thread sanitizer has little to see, and is slow
#endif
  if (const char* only = std::getenv("ISOLA_SEED")) {
    on_seed(std::strtoull(only, nullptr, 10), body);
    return;
  }
  on_real_scheduler(body);
  for (uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    on_seed(seed, body);
    if (::testing::Test::HasFailure()) {
      const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
      ADD_FAILURE() << "failed with seed " << seed << "; replay: ISOLA_SEED=" << seed
                    << " <this program> --gtest_filter=" << test->test_suite_name() << "."
                    << test->name();
    }
  }
}

#endif

// Waits until `condition` holds, for at most half a minute of this thread's time.
inline bool eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int tries = 0; !condition(); ++tries) {
    if (std::chrono::steady_clock::now() > limit) return false;
    const bool in_actor = isola::detail::Execution::current().cell != nullptr;
    if (in_actor) yield();
    if (sync::kSimulated || !in_actor) give_way();
#ifndef ISOLA_SIMULATED
    // A look that takes a while under a lock may keep out for ever whom it waits for.
    static const sync::atomic<uint32_t> nobody_wakes{0};
    if (!in_actor && tries > 100) sync::futex_wait(nobody_wakes, 0, 200'000);
#endif
  }
  return true;
}

}  // namespace isola::test
