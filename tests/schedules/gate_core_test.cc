// The gate of a worker under weak memory: its owner and two others, and what it guards.
#include <isola/actors/gate.h>

#include <gtest/gtest.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/plain.h>

#include "tests/schedules/expect_orders.h"

namespace isola::testing {
namespace {

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
  for (const char* file : {"actors/gate.h", "actors/gate.cc"})
    test::expect_orders_needed(file, 10'000, owner_and_others);
}

}  // namespace
}  // namespace isola::testing
