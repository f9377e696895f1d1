// The numbers.
#include "goals.h"

#include <algorithm>

namespace isola::bench {

const std::vector<Goal>& goals() {
  static const std::vector<Goal> all = {
      {"pingpong", 1, 50, 117},
      {"pingpong", 2, 60, 127},
      {"counting", 1, 35, 132},
      {"counting", 2, 45, 191},
      {"thread_ring", 1, 50, 111},
      {"thread_ring", 2, 60, 116},
      {"fork_join_create", 1, 300, 1900},
      {"fork_join_create", 2, 300, 3664},
      {"fork_join_throughput", 1, 45, 125},
      {"fork_join_throughput", 2, 39, 189},
      {"big", 1, 140, 219},
      {"big", 2, 180, 228},
      {"chameneos", 1, 250, 490},
      {"chameneos", 2, 400, 491},
      {"ask", 1, 150, 244},
      {"ask", 2, 180, 245},
      {"payload", 1, 0.1, 0},
      {"payload", 2, 0.2, 1.0},
      {"idle_bytes", 1, 400, 1673},
      {"idle_cpu", 2, 0.1, 0},
  };
  return all;
}

const Goal* goal_of(const std::string& name, unsigned workers) {
  const auto found = std::find_if(goals().begin(), goals().end(), [&](const Goal& goal) {
    return goal.name == name && goal.workers == workers;
  });
  return found == goals().end() ? nullptr : &*found;
}

}  // namespace isola::bench
