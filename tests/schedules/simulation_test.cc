// The simulation itself: what goes wrong is found, the same seed does the same, time is virtual.
#include <isola/tools/testing/simulation.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <gtest/gtest-spi.h>
#include <isola/channels/waiter.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/leaks.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace isola::testing {
namespace {

using ::testing::HasSubstr;

// How many seeds until the first failure, which is stored in `what`.
uint64_t seeds_until_failure(const Simulation::Body& body, std::string& what,
                             Options options = {}) {
  LeaksAllowed leaks_allowed;
  Simulation simulation(options);
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    if (auto failure = simulation.run(seed, body)) {
      what = failure->what;
      return seed;
    }
  }
  return 0;
}

void racy_counter(Simulation& run) {
  sync::atomic<int> count{0};
  for (int i = 0; i < 2; ++i) run.spawn([&] { count.store(count.load() + 1); });
  run.join_all();
  run.check(count.load() == 2, "no increment is lost");
}

TEST(Simulation, FindsALostIncrementWithinFewSeeds) {
  std::string what;
  const uint64_t seeds = seeds_until_failure(racy_counter, what);
  EXPECT_GT(seeds, 0u);
  EXPECT_LT(seeds, 50u);
  EXPECT_EQ(what, "no increment is lost");
}

TEST(Simulation, TellsWhoWaitsOnWhatInADeadlock) {
  std::string what;
  const uint64_t seeds = seeds_until_failure(
      [](Simulation& run) {
        sync::Mutex a, b;
        run.spawn([&] { sync::Lock first(a), second(b); }, "forward");
        run.spawn([&] { sync::Lock first(b), second(a); }, "backward");
        run.join_all();
      },
      what);
  EXPECT_GT(seeds, 0u);
  EXPECT_LT(seeds, 100u);
  EXPECT_THAT(what, HasSubstr("deadlock:"));
  EXPECT_THAT(what, HasSubstr("thread 0 (body) waits for the end of thread 1 (forward)"));
  EXPECT_THAT(what, HasSubstr("thread 2 (backward) waits for a futex, at serialization/sync.h:"));
}

// The mutex of serialization/sync.h with a planted fault: a store where its value matters.
class LosesWakeUps {
 public:
  void lock() {
    uint32_t expected = 0;
    if (word_.compare_exchange_strong(expected, 1)) return;
    while (word_.exchange(1) != 0) sync::futex_wait(word_, 1, -1);  // should be 2
  }
  void unlock() {
    if (word_.exchange(0) == 2) sync::futex_wake(word_);
  }

 private:
  sync::atomic<uint32_t> word_{0};
};

template <class AnyMutex>
void take_in_turns(Simulation& run) {
  AnyMutex mutex;
  int inside = 0;
  for (int i = 0; i < 3; ++i)
    run.spawn([&] {
      for (int n = 0; n < 2; ++n) {
        mutex.lock();
        run.check(++inside == 1, "one at a time");
        sync::relax_processor();
        --inside;
        mutex.unlock();
      }
    });
  run.join_all();
}

TEST(Simulation, FindsALostWakeUpInAFaultyMutex) {
  std::string what;
  const uint64_t seeds = seeds_until_failure(take_in_turns<LosesWakeUps>, what);
  EXPECT_GT(seeds, 0u);
  EXPECT_LT(seeds, 50u);
  EXPECT_THAT(what, HasSubstr("deadlock"));
  EXPECT_EQ(seeds_until_failure(take_in_turns<sync::Mutex>, what), 0u) << what;
}

TEST(Simulation, FindsWhatNeverEndsAndWhatThrows) {
  std::string what;
  EXPECT_EQ(seeds_until_failure(
                [](Simulation&) {
                  sync::atomic<bool> never{false};
                  while (!never.load()) sync::relax_processor();
                },
                what, {.steps_max = 10'000}),
            1u);
  EXPECT_THAT(what, HasSubstr("no end after 10000 operations"));
  EXPECT_EQ(seeds_until_failure(
                [](Simulation& run) {
                  run.spawn([] { throw std::runtime_error("thrown in a thread"); });
                  run.join_all();
                },
                what),
            1u);
  EXPECT_EQ(what, "thread 1 was left by an exception: thrown in a thread");
}

// Some of everything.
void busy(Simulation& run) {
  sync::Mutex mutex;
  sync::atomic<uint64_t> count{0};
  sync::atomic<uint32_t> word{0};
  for (int i = 0; i < 3; ++i)
    run.spawn([&] {
      for (uint64_t n = run.choose(5); n > 0; --n) {
        sync::Lock lock(mutex);
        count.store(count.load() + 1);
      }
      run.sleep_ns(static_cast<int64_t>(run.choose(1000)));
      sync::futex_wait(word, 0, 100);
      auto now = count.load();
      while (!count.compare_exchange_weak(now, now + 1)) {
      }
    });
  word.store(1);
  sync::futex_wake(word);
  run.join_all();
}

TEST(Simulation, DoesTheSameForTheSameSeedAndOtherThingsForOthers) {
  for (Memory memory : {Memory::sequential, Memory::weak}) {
    Simulation first({.memory = memory, .trace = true});
    std::set<uint64_t> hashes;
    for (uint64_t seed = 1; seed <= 100; ++seed) {
      ASSERT_FALSE(first.run(seed, busy));
      Simulation second({.memory = memory, .trace = true});
      std::vector<std::unique_ptr<int>> others;  // addresses differ
      for (uint64_t i = 0; i < seed; ++i) others.push_back(std::make_unique<int>());
      ASSERT_FALSE(second.run(seed, [&](Simulation& run) {
        others.push_back(std::make_unique<int>());
        busy(run);
      }));
      ASSERT_EQ(first.trace(), second.trace());
      ASSERT_EQ(first.trace_hash(), second.trace_hash());
      Simulation silent({.memory = memory});
      ASSERT_FALSE(silent.run(seed, busy));
      ASSERT_EQ(first.trace_hash(), silent.trace_hash()) << "the text changes the run";
      hashes.insert(first.trace_hash());
    }
    EXPECT_GT(hashes.size(), 95u);
  }
}

TEST(Simulation, HasVirtualTimeAndTimersThatFireInAnyCase) {
  for_each_schedule(200, [](Simulation& run) {
    const auto began = std::chrono::steady_clock::now();
    for (int64_t duration_ns : {2'000'000'000'000, 1'000'000'000'000})
      run.spawn([&run, duration_ns] {
        const int64_t until_ns = run.now_ns() + duration_ns;
        run.sleep_ns(duration_ns);
        EXPECT_GE(run.now_ns(), until_ns);
      });
    sync::atomic<uint32_t> word{0};
    const int64_t before = sync::now_ns();
    while (sync::now_ns() < before + 1'000'000) sync::futex_wait(word, 0, 1'000'000);
    run.join_all();
    EXPECT_GE(run.now_ns(), 2'000'000'000'000);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  });
}

TEST(Simulation, KeepsWhatEachThreadHasOfItsOwn) {
  for_each_schedule(200, [](Simulation& run) {
    for (int i = 0; i < 3; ++i)
      run.spawn([&run, i] {
        struct Own {
          int value = -1;
        };
        EXPECT_EQ(sync::of_this_thread<Own>().value, -1);
        sync::of_this_thread<Own>().value = i;
        // An exception that is handled while others throw and handle theirs.
        try {
          throw i;
        } catch (int) {
          run.yield();
          EXPECT_EQ(sync::of_this_thread<Own>().value, i);
          try {
            throw;
          } catch (int caught) {
            EXPECT_EQ(caught, i);
          }
        }
        EXPECT_EQ(std::uncaught_exceptions(), 0);
      });
    run.join_all();
  });
}

TEST(Simulation, RunsThreadsOfTheSeamAndWaitersAsTheyAre) {
  const uint64_t steps = for_each_schedule(500, [](Simulation& run) {
    std::vector<Waiter*> shared(1, nullptr);
    sync::Mutex mutex;
    sync::Thread waits([&] {
      Waiter waiter(sync::now_ns() + static_cast<int64_t>(run.choose(3)) * 1000);
      {
        sync::Lock lock(mutex);
        shared[0] = &waiter;
      }
      const Outcome outcome = waiter.wait(detail::WaitsFor::sleep);
      sync::Lock lock(mutex);
      shared[0] = nullptr;
      EXPECT_TRUE(outcome == Outcome::completed || outcome == Outcome::timed_out);
    });
    {
      sync::Lock lock(mutex);
      if (shared[0] != nullptr && shared[0]->claim(Outcome::completed)) shared[0]->wake();
    }
    waits.join();
  });
  EXPECT_GT(steps, 500u);
}

TEST(Simulation, PrintsHowToReplayASeedThatFails) {
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    LeaksAllowed leaks_allowed;
    for_each_schedule(1, [](Simulation& run) { run.check(false, "always"); });
  }
  ASSERT_EQ(results.size(), 2);
  EXPECT_STREQ(results.GetTestPartResult(0).message(), "Failed\nalways");
  const std::string replay = results.GetTestPartResult(1).message();
  EXPECT_THAT(replay, HasSubstr("failed with seed 1; replay: ISOLA_SEED=1 "));
  EXPECT_THAT(replay, HasSubstr(" --gtest_filter=Simulation.PrintsHowToReplayASeedThatFails"));
}

// Not a test of time: it prints what the documents say.
TEST(Simulation, TakesLittleTimeForAStepAndASwitch) {
  const auto measure = [](const char* what, uint64_t seeds, const Simulation::Body& body,
                          const auto& count_of) {
    Simulation simulation;
    uint64_t count = 0;
    const auto began = std::chrono::steady_clock::now();
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      ASSERT_FALSE(simulation.run(seed, body));
      count += count_of(simulation);
    }
    const std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - began;
    std::cout << what << ": " << took.count() / static_cast<double>(count) << " ns\n";
  };
  measure(
      "an operation", 20,
      [](Simulation&) {
        sync::atomic<int> word{0};
        for (int i = 0; i < 100'000; ++i) word.store(i, sync::memory_order_relaxed);
      },
      [](const Simulation& run) { return run.steps(); });
  measure(
      "a switch", 20,
      [](Simulation& run) {
        for (int i = 0; i < 4; ++i)
          run.spawn([&] {
            for (int n = 0; n < 10'000; ++n) run.yield();
          });
        run.join_all();
      },
      [](const Simulation& run) { return run.switches(); });
  measure(
      "a run of three threads", 5000,
      [](Simulation& run) { take_in_turns<sync::Mutex>(run); },
      [](const Simulation&) { return uint64_t{1}; });
}

}  // namespace
}  // namespace isola::testing
