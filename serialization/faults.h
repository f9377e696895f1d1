// Faults that a simulation lets happen, and bugs that it plants to see whether tests find them.
// Both are nothing at all but in a simulated build (ISOLA_SIMULATED).
//
// A Fault is something that may happen to a correct program: it happens now and then, by seed,
// while a test lets it. A Planted bug breaks the runtime in one place, as long as it is planted.
//
// Thread safety: let_happen and plant: before a run. The rest: any thread of the simulation.
#pragma once

#include <isola/serialization/sync.h>

#include <cstdint>

namespace isola::detail {

enum class Fault : uint8_t {
  pool_exhausted = 1,  // the pool gets no more memory
  no_carrier = 2,      // no stack for a handler that is about to wait
  killed = 4,          // an actor is killed at the begin of a turn
};

enum class Planted : uint8_t {
  none,
  lost_wake_up,         // a worker does not look once more before it sleeps
  double_schedule,      // an actor that waits in its turn is made ready when it is notified
  claim_taken_twice,    // who loses a claim acts as if it had won
  reordered_by_move,    // what was pushed from elsewhere is not taken before one appends
  forgotten_release,    // what an ended actor leaves is not given back
};

#ifdef ISOLA_SIMULATED

inline constexpr uint64_t kFaultOneIn = 8;
inline uint8_t faults_let_happen = 0;
inline Planted planted_bug = Planted::none;

inline bool happens(Fault fault) {
  if ((faults_let_happen & static_cast<uint8_t>(fault)) == 0) [[likely]]
    return false;
  sync::Simulator* simulator = sync::Simulator::current();
  return simulator != nullptr && simulator->random() % kFaultOneIn == 0;
}
inline bool is_planted(Planted bug) { return planted_bug == bug; }

#else

constexpr bool happens(Fault) { return false; }
constexpr bool is_planted(Planted) { return false; }

#endif

}  // namespace isola::detail
