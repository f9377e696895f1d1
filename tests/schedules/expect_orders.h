// The check that the tests of cores without locks end with: each memory order in a file is needed.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/tools/testing/weakening.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace isola::test {

// Weakens each order in `file` and expects `body` to fail with it, but for those in `harmless` (see
// WeakeningReport::undetected_but), which it must not notice. ISOLA_WEAKENINGS=1 prints what came.
inline void expect_orders_needed(const char* file, uint64_t seeds,
                                 const testing::Simulation::Body& body,
                                 const std::vector<std::string>& harmless = {}) {
  const testing::WeakeningReport report = testing::weaken_each(file, {.seeds = seeds}, body);
  EXPECT_EQ(report.failure, "");
  EXPECT_THAT(report.undetected_but(harmless), ::testing::IsEmpty());
  if (std::getenv("ISOLA_WEAKENINGS") == nullptr) return;
  for (const std::string& line : report.detected) std::cout << line << '\n';
  for (const std::string& line : report.undetected) std::cout << "undetected: " << line << '\n';
}

}  // namespace isola::test
