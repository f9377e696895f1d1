// What the inspector shows of a System's actors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace isola {

class System;
namespace detail {
struct Books;
}

struct ActorInfo {
  uint64_t id = 0;
  std::string name;          // empty if it was given none
  std::string type;          // of the behaviour: "Counter", "function", "isolate"
  std::string state;         // "idle", "ready", "running", "blocked", "ended"
  std::string waits_for;     // of a blocked one: "reply of 7", "receive from words", "sleep", …
  uint64_t inbox_depth = 0;  // messages that wait
  uint64_t handled = 0;      // messages handled, or received by a function actor
  uint64_t heap_bytes = 0;   // live
  uint64_t restarts = 0;
};

// Appends up to `max` actors to `out`, from `cursor` on (0: the beginning), and returns the next
// cursor, or 0 at the end. Takes no lock that a worker takes and stops none: each actor is read as
// it was at some moment, different actors at different ones. Any thread.
size_t read_actors(const System& system, size_t cursor, size_t max, std::vector<ActorInfo>& out);

// What the isolate of these books waits for: "receive from words"; empty if it does not wait.
std::string describe_wait(const detail::Books& books);

}  // namespace isola
