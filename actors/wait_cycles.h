// Wait cycles: isolates that wait for each other, and for nobody else, for ever.
//
//   for (const isola::WaitCycle& cycle : isola::find_wait_cycles(system))
//     std::cerr << cycle.to_string() << '\n';
//
// An isolate that waits can be woken by certain others: by whoever holds the other end of the
// channels that it waits at, by the actor whose answer, room or end it waits for. It is stuck if
// all of these are stuck, too (the OR model of deadlock: Knapp, "Deadlock detection in distributed
// databases", 1987). Whatever may act by itself is not: code outside of isolates, an actor that
// runs or has no mail, a wait that ends at some time, an end that is attached to a message. So what
// is reported is stuck for sure; not all that is stuck is reported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isola {

class System;

struct StuckIsolate {
  uint64_t id = 0;
  std::string name;       // or "Counter#7"
  std::string waits_for;  // as the inspector shows it: "send to words", "reply of 7"
};

// Each waits for the next, the last for the first.
struct WaitCycle {
  std::vector<StuckIsolate> isolates;

  // "reader waits (receive from a) for writer, writer waits (receive from b) for reader"
  std::string to_string() const;
};

// The cycles among what is stuck now, each once; one for each group of isolates that are tied to
// each other. Looks at all actors and channels, and stops none. Any thread.
std::vector<WaitCycle> find_wait_cycles(const System& system);

}  // namespace isola
