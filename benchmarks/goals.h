// What the benchmarks are held against: goals, and what SObjectizer and CAF 1.1, which Debian does
// not have, took on the machine on which they were set. Where they are installed they run as peers,
// too.
#pragma once

#include <string>
#include <vector>

namespace isola::bench {

// `floor` on the machine on which the goals were set and these two were measured, in nanoseconds.
inline constexpr double kGoalFloorNs = 27;
// On independent pairs of actors, two workers do this many times the work of one.
inline constexpr double kGoalPairs = 1.8;
// How many times as long as isola each peer is to take at least.
inline constexpr double kGoalOfCaf = 2;
inline constexpr double kGoalOfSObjectizer = 2;
inline constexpr double kGoalOfGo = 1;
inline constexpr double kGoalOfErlang = 1;

struct Goal {
  std::string name;
  unsigned workers;
  double at_most;      // in the unit of the benchmark
  double sobjectizer;  // the median of each; 0: not known
  double caf_1_1;
};

// What a row is held to: so many times the median of another row of the same run (`times`), so much
// more than that (`more`), or so much (`alone`).
struct Held {
  enum class Kind { times, more, alone };
  std::string name;
  std::string system;
  Kind kind;
  double at_most;
  std::string to_name{};  // empty: its own name
  std::string to_system{};
};
const std::vector<Held>& all_held();

// In the order in which they are shown.
const std::vector<Goal>& goals();
// nullptr: the benchmark has no goal.
const Goal* goal_of(const std::string& name, unsigned workers);

// What the unit of a benchmark with a goal is counted for: "a message".
std::string of_one(const std::string& name);

}  // namespace isola::bench
