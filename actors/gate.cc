// The slow side of the gate.
#include "gate.h"

#include <isola/serialization/transitions.h>

namespace isola::detail {

bool Gate::seize() {
  uint32_t free = 0;
  // Relaxed: the fence orders it before the look inside, and after what was done before release().
  if (!wanted_.compare_exchange_strong(free, 1, sync::memory_order_relaxed,
                                       sync::memory_order_relaxed))
    return false;
  if (!sync::heavy_fence()) {
    release();
    return false;
  }
  // Acquire: with leave(), what the owner did inside.
  while (inside_.load(sync::memory_order_acquire) != 0) sync::relax_processor();
  took(Transition::gate_seized);
  return true;
}

void Gate::release() {
  wanted_.store(0, sync::memory_order_release);
  sync::futex_wake(wanted_);
}

void Gate::wait_and_enter() {
  took(Transition::gate_waited_for);
  do {
    leave();
    // Relaxed: try_enter() looks again.
    while (wanted_.load(sync::memory_order_relaxed) != 0) sync::futex_wait(wanted_, 1, -1);
  } while (!try_enter());
}

}  // namespace isola::detail
