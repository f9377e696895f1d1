// Weakened orders are found where they matter, and named where they don't.
#include <isola/tools/testing/weakening.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/tools/testing/leaks.h>
#include <isola/tools/testing/plain.h>

namespace isola::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(Weakening, OfAMessageIsFoundOnBothSides) {
  const auto report = weaken_each("weakening_test.cc", {.seeds = 500}, [](Simulation& run) {
    Plain<int> data;
    sync::atomic<bool> ready{false};
    run.spawn([&] {
      data.write(1);
      ready.store(true, sync::memory_order_release);
    });
    if (ready.load(sync::memory_order_acquire)) (void)data.read();
    run.join_all();
  });
  EXPECT_EQ(report.failure, "");
  EXPECT_THAT(report.undetected, IsEmpty());
  EXPECT_THAT(report.detected, UnorderedElementsAre(HasSubstr("load acquire -> relaxed: seed"),
                                                    HasSubstr("store release -> relaxed: seed")));
}

TEST(Weakening, GoesOnUntilTheOrderThatIsNeeded) {
  const auto report = weaken_each("weakening_test.cc", {.seeds = 500}, [](Simulation& run) {
    Plain<int> data;
    sync::atomic<int> turns{0};
    for (int i = 0; i < 2; ++i)
      run.spawn([&] {
        if (turns.fetch_add(1) == 0)
          data.write(1);
        else
          run.yield();
      });
    run.join_all();
  });
  EXPECT_EQ(report.failure, "");
  EXPECT_THAT(report.detected, IsEmpty());
  EXPECT_THAT(report.undetected,
              ElementsAre(HasSubstr("fetch seq_cst -> acq_rel"), HasSubstr("-> acquire"),
                          HasSubstr("-> release"), HasSubstr("-> relaxed")));
}

TEST(Weakening, OfAFenceTakesItAway) {
  const auto report = weaken_each("weakening_test.cc", {.seeds = 1000}, [](Simulation& run) {
    sync::atomic<int> x{0}, y{0};
    int seen_x = 0, seen_y = 0;
    run.spawn([&] {
      x.store(1, sync::memory_order_relaxed);
      sync::light_fence();
      seen_y = y.load(sync::memory_order_relaxed);
    });
    run.spawn([&] {
      y.store(1, sync::memory_order_relaxed);
      sync::heavy_fence();
      seen_x = x.load(sync::memory_order_relaxed);
    });
    run.join_all();
    run.check(seen_x == 1 || seen_y == 1, "one sees the other");
  });
  EXPECT_EQ(report.failure, "");
  EXPECT_THAT(report.undetected, IsEmpty());
  EXPECT_THAT(report.detected,
              UnorderedElementsAre(HasSubstr("heavy_fence"), HasSubstr("light_fence")));
}

TEST(Weakening, IsNotTriedOnWhatFailsAsItIs) {
  LeaksAllowed leaks_allowed;
  const auto report = weaken_each("weakening_test.cc", {.seeds = 10},
                                  [](Simulation& run) { run.check(false, "always wrong"); });
  EXPECT_EQ(report.failure, "seed 1: always wrong");
}

}  // namespace
}  // namespace isola::testing
