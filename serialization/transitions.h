// The changes of state of the runtime, counted in a simulated build (ISOLA_SIMULATED), so that the
// tests can report which of them no test ever took. Nothing at all in other builds.
//
// Thread safety: any thread of a simulation; what happens outside of one is not counted.
#pragma once

#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace isola::detail {

// An actor's activity (cell.h), its inbox (inbox.h), who waits (waiter.h: in the order of Outcome),
// a worker's sleep and gate (sleep.h, gate.h), moves (worker_moves.cc), signals and ends.
#define ISOLA_TRANSITIONS(X)                                                                    \
  X(turn_to_ready)                                                                              \
  X(idle_to_ready)                                                                              \
  X(moving_to_ready)                                                                            \
  X(ready_to_turn)                                                                              \
  X(turn_to_idle)                                                                               \
  X(idle_to_moving)                                                                             \
  X(ready_to_moving)                                                                            \
  X(pushed_and_notified)                                                                        \
  X(pushed_while_notified)                                                                      \
  X(push_found_it_full)                                                                         \
  X(push_found_it_closed)                                                                       \
  X(closed_with_mail)                                                                           \
  X(wait_completed)                                                                             \
  X(wait_closed)                                                                                \
  X(wait_timed_out)                                                                             \
  X(wait_cancelled)                                                                             \
  X(wait_refused)                                                                               \
  X(wait_revoked)                                                                               \
  X(claim_lost)                                                                                 \
  X(slept)                                                                                      \
  X(saw_something_before_it_slept)                                                              \
  X(woken_before_it_slept)                                                                      \
  X(woken_from_sleep)                                                                           \
  X(gate_seized)                                                                                \
  X(gate_waited_for)                                                                            \
  X(shared)                                                                                     \
  X(adopted)                                                                                    \
  X(went_where_it_talks)                                                                        \
  X(went_back)                                                                                  \
  X(went_back_with_its_notification)                                                            \
  X(relieved_of_notified)                                                                       \
  X(relieved_of_ready)                                                                          \
  X(pinned_stays)                                                                               \
  X(taken_away_from_its_sender)                                                                 \
  X(turn_cancelled)                                                                             \
  X(room_made)                                                                                  \
  X(ended_by_signal)                                                                            \
  X(ended_by_return)                                                                            \
  X(ended_by_cancellation)                                                                      \
  X(ended_by_failure)                                                                           \
  X(restarted)                                                                                  \
  X(ended_by_the_system)                                                                        \
  X(slot_freed)

enum class Transition : uint8_t {
#define ISOLA_TRANSITION(name) name,
  ISOLA_TRANSITIONS(ISOLA_TRANSITION)
#undef ISOLA_TRANSITION
};

#ifdef ISOLA_SIMULATED

inline constexpr std::array kTransitionNames{
#define ISOLA_TRANSITION(name) #name,
    ISOLA_TRANSITIONS(ISOLA_TRANSITION)
#undef ISOLA_TRANSITION
};
inline std::array<uint64_t, kTransitionNames.size()> transitions_taken{};

inline void took(Transition transition) {
  if (sync::Simulator::current() != nullptr) ++transitions_taken[static_cast<size_t>(transition)];
}

#else

constexpr void took(Transition) {}

#endif

}  // namespace isola::detail
