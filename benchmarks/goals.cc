// The numbers.
#include "goals.h"

#include <algorithm>
#include <map>

namespace isola::bench {

const std::vector<Goal>& goals() {
  static const std::vector<Goal> all = {
      {"pingpong", 1, 50, 117, 237},
      {"pingpong", 2, 60, 127, 243},
      {"counting", 1, 35, 132, 155},
      {"counting", 2, 45, 191, 235},
      {"thread_ring", 1, 50, 111, 234},
      {"thread_ring", 2, 60, 116, 241},
      {"fork_join_create", 1, 300, 1900, 1164},
      {"fork_join_create", 2, 300, 3664, 1394},
      {"fork_join_throughput", 1, 45, 125, 229},
      {"fork_join_throughput", 2, 39, 189, 203},
      {"big", 1, 140, 219, 490},
      {"big", 2, 180, 228, 428},
      {"chameneos", 1, 250, 490, 1078},
      {"chameneos", 2, 400, 491, 1089},
      {"ask", 1, 150, 244, 534},
      {"ask", 2, 180, 245, 523},
      {"payload", 1, 0.1, 0, 0},
      {"payload", 2, 0.2, 1.0, 0.3},
      {"idle_bytes", 1, 400, 1673, 1249},
      {"idle_cpu", 2, 0.1, 0, 0},
  };
  return all;
}

const std::vector<Held>& all_held() {
  using enum Held::Kind;
  static const std::vector<Held> all = {
      {"pingpong", "isola", times, 2, "floor", "by hand"},
      {"counting", "isola", times, 1.6, "floor", "by hand"},
      {"select8", "isola", times, 4, "recv", "isola"},
      {"text_list", "isola", times, 1, "", "by hand"},
      // The throw, and three times that for its record.
      {"error_record", "isola", times, 4, "", "throw and catch"},
      {"heap_words", "isola", times, 1, "", "mimalloc"},
      {"heap_json", "isola", times, 1, "", "mimalloc"},
      {"heap_churn", "isola", times, 1, "", "mimalloc"},
      // Covers: LCC-016
      {"context_hit", "isola", times, 3, "", "thread_local"},
      {"context_hit", "isola", alone, 2.5},
      {"context_miss", "isola", times, 3, "", "thread_local"},
      {"context_miss", "isola", alone, 2.5},
      {"context_bind", "isola", alone, 8},
      {"context_bind12", "isola", times, 2, "", "isola one by one"},
      {"context_capture", "isola", alone, 8},
      {"context_send", "isola 8 keys", more, 15, "", "isola empty"},
      {"context_switch", "isola", times, 1, "", "bare coroutine"},
      // Nothing that can be measured: 0.1 for the noise.
      // Covers: LCC-013
      {"context_switch", "isola", times, 1.1, "", "noted coroutine"},
      // Covers: LCC-014
      {"context_switch", "isola beside callbacks", times, 1.1, "", "isola"},
  };
  return all;
}

const Goal* goal_of(const std::string& name, unsigned workers) {
  const auto found = std::find_if(goals().begin(), goals().end(), [&](const Goal& goal) {
    return goal.name == name && goal.workers == workers;
  });
  return found == goals().end() ? nullptr : &*found;
}

std::string of_one(const std::string& name) {
  static const std::map<std::string, std::string> all = {
      {"pingpong", "a message"},
      {"counting", "a message"},
      {"thread_ring", "a hop"},
      {"fork_join_create", "an actor"},
      {"fork_join_throughput", "a message"},
      {"big", "a ping and its pong"},
      {"chameneos", "a meeting"},
      {"ask", "an ask"},
      {"payload", "a pass"},
      {"idle_bytes", "an actor"},
      {"idle_cpu", "of one processor"},
  };
  const auto found = all.find(name);
  return found == all.end() ? "" : found->second;
}

}  // namespace isola::bench
