// Virtual threads with fiber schedulers of their own, which change places in the middle of fibers.
#include <isola/tools/testing/fiber_state.h>

#include <gtest/gtest.h>
#include <isola/serialization/sanitizers.h>
#include <isola/tools/testing/gtest.h>

#include <boost/fiber/condition_variable.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/mutex.hpp>
#include <boost/fiber/operations.hpp>
#include <mutex>
#include <string>

namespace isola::testing {
namespace {

// The sanitizers would have to be told of Boost's own switches.
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)

// Two fibers of one scheduler, which wait for each other and touch what other threads do.
void use_fibers(sync::atomic<int>& shared) {
  boost::fibers::mutex mutex;
  boost::fibers::condition_variable changed;
  int turn = 0;
  const auto take_turns = [&](int mine) {
    for (int round = 0; round < 3; ++round) {
      std::unique_lock<boost::fibers::mutex> lock(mutex);
      changed.wait(lock, [&] { return turn % 2 == mine; });
      shared.fetch_add(1);  // another virtual thread may run here
      ++turn;
      changed.notify_all();
    }
  };
  boost::fibers::fiber other(take_turns, 1);
  take_turns(0);
  other.join();
  EXPECT_EQ(turn, 6);
}

TEST(FiberState, LetsEachVirtualThreadHaveItsOwnFibers) {
  for_each_schedule(
      300,
      [](Simulation& run) {
        sync::atomic<int> shared{0};
        for (int i = 0; i < 3; ++i) run.spawn([&] { use_fibers(shared); });
        use_fibers(shared);
        run.join_all();
        EXPECT_EQ(shared.load(), 24);
      },
      {.fibers = true});
  boost::this_fiber::yield();  // this thread's own scheduler is as it was
}

TEST(FiberState, OfARunThatFailedIsLeftBehind) {
  Simulation simulation({.fibers = true});
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto failure = simulation.run(seed, [](Simulation& run) {
      sync::atomic<int> shared{0};
      run.spawn([&] { use_fibers(shared); });
      boost::fibers::fiber([&] {
        if (shared.fetch_add(1) >= 0) run.fail("in the middle of a fiber");
      }).join();
    });
    ASSERT_TRUE(failure);
    ASSERT_EQ(failure->what, "in the middle of a fiber");
  }
}

#endif

}  // namespace
}  // namespace isola::testing
