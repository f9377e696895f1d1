// The gate of a worker under weak memory: its owner and two others, and what it guards.
#include <isola/actors/gate.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/plain.h>
#include <isola/tools/testing/weakening.h>

#include <cstdlib>
#include <iostream>

namespace isola::testing {
namespace {

using ::testing::IsEmpty;

void owner_and_others(Simulation& run) {
  detail::Gate gate;
  Plain<int> guarded;
  int seized = 0;
  run.spawn([&] {
    for (int i = 0; i < 4; ++i) {
      detail::Inside inside(gate);
      ++guarded.access();
    }
  });
  for (int i = 0; i < 2; ++i)
    run.spawn([&] {
      for (int n = 0; n < 2; ++n) {
        if (!gate.seize()) continue;
        ++guarded.access();
        ++seized;
        gate.release();
      }
    });
  run.join_all();
  run.check(guarded.read() == 4 + seized, "nothing is lost");
}

TEST(GateCore, NeedsItsOrders) {
  for_each_weak_schedule(20'000, owner_and_others);
  for (const char* file : {"actors/gate.h", "actors/gate.cc"}) {
    const auto report = weaken_each(file, {.seeds = 10'000}, owner_and_others);
    EXPECT_EQ(report.failure, "");
    EXPECT_THAT(report.undetected, IsEmpty());
    if (std::getenv("ISOLA_WEAKENINGS") != nullptr)
      for (const std::string& line : report.detected) std::cout << line << '\n';
  }
}

}  // namespace
}  // namespace isola::testing
