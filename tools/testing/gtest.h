// Runs the body of a GoogleTest test on many schedules.
//
//   TEST(Counter, LosesNothing) {
//     isola::testing::for_each_schedule(1000, [](isola::testing::Simulation& run) {
//       …
//       EXPECT_EQ(…);
//     });
//   }
//
// A failing seed is printed with the command that replays it: ISOLA_SEED=n runs just that one, and
// ISOLA_TRACE=1 prints its trace. ISOLA_SEEDS=n tries so many. A failed check, an exception that
// leaves a virtual thread, and a failure of GoogleTest count alike.
#pragma once

#include <gtest/gtest.h>
#include <isola/serialization/transitions.h>
#include <isola/tools/testing/simulation.h>

#include <cerrno>  // program_invocation_name
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

namespace isola::testing {

// Of all tests of this program.
inline uint64_t runs_so_far = 0;

// "ISOLA_SEED=7 build/bin/tests/x --gtest_filter=Counter.LosesNothing"
inline std::string replay_command(uint64_t seed) {
  std::string command = "ISOLA_SEED=" + std::to_string(seed) + " " + program_invocation_name;
  if (const auto* test = ::testing::UnitTest::GetInstance()->current_test_info())
    command += std::string(" --gtest_filter=") + test->test_suite_name() + "." + test->name();
  return command;
}

// Failures of the running test so far.
inline int gtest_failures() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return 0;
  int failures = 0;
  for (int i = 0; i < test->result()->total_part_count(); ++i)
    failures += test->result()->GetTestPartResult(i).failed();
  return failures;
}

// Which changes of state of the runtime this program has taken so far, into the file that
// ISOLA_TRANSITIONS names.
inline void write_transitions() {
  const char* path = std::getenv("ISOLA_TRANSITIONS");
  if (path == nullptr) return;
  std::ofstream out(path);
  for (size_t i = 0; i < isola::detail::kTransitionNames.size(); ++i)
    if (const uint64_t times = isola::detail::transitions_taken[i]; times > 0)
      out << isola::detail::kTransitionNames[i] << ' ' << times << '\n';
}

// With seeds 1 … `seeds`, until one fails, or until these were `steps_enough` operations in all,
// which ISOLA_SEEDS overrules. Returns their number.
inline uint64_t for_each_schedule(uint64_t seeds, const Simulation::Body& body,
                                  Options options = {}, uint64_t steps_enough = UINT64_MAX) {
  uint64_t seed = 1;
  if (const char* many = std::getenv("ISOLA_SEEDS")) {
    seeds = std::strtoull(many, nullptr, 10);
    steps_enough = UINT64_MAX;
  }
  if (const char* only = std::getenv("ISOLA_SEED")) seeds = seed = std::strtoull(only, nullptr, 10);
  options.trace = options.trace || std::getenv("ISOLA_TRACE") != nullptr;
  Simulation simulation(options);
  uint64_t steps = 0;
  const int failures_before = gtest_failures();
  for (; seed <= seeds && steps < steps_enough; ++seed) {
    const auto failure = simulation.run(seed, body);
    ++runs_so_far;
    steps += simulation.steps();
    if (options.trace) std::cout << simulation.trace();
    if (failure) ADD_FAILURE() << failure->what;
    if (failure || gtest_failures() != failures_before) {
      ADD_FAILURE() << "failed with seed " << seed << "; replay: " << replay_command(seed);
      break;
    }
  }
  write_transitions();
  return steps;
}

// The same under weak memory.
inline uint64_t for_each_weak_schedule(uint64_t seeds, const Simulation::Body& body) {
  return for_each_schedule(seeds, body, {.memory = Memory::weak, .steps_max = 100'000});
}

}  // namespace isola::testing
