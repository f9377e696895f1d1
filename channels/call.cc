// Who cancels a call, and who waits in one.
#include "call.h"

namespace isola::detail {

void cancel(ReplyTarget& call) {
  uintptr_t seen = call.call_state.load(sync::memory_order_relaxed);
  do {
    if (seen == kCancelling || seen == kCallCancelled) return;
    // Acquire: the waiter.
  } while (!call.call_state.compare_exchange_weak(seen, kCancelling, sync::memory_order_acquire,
                                                  sync::memory_order_relaxed));
  auto* waiter = reinterpret_cast<Waiter*>(seen);
  const bool won = waiter != nullptr && waiter->claim(Outcome::revoked);
  // Release: it is not touched any more, unless it was won; then it waits until it is woken.
  call.call_state.store(kCallCancelled, sync::memory_order_release);
  if (won) waiter->wake();
}

WaitInCall begin_wait(ReplyTarget& call, Waiter& waiter) {
  uintptr_t seen = kWorking;
  // Release: the waiter.
  if (call.call_state.compare_exchange_strong(seen, reinterpret_cast<uintptr_t>(&waiter),
                                              sync::memory_order_release,
                                              sync::memory_order_relaxed))
    return WaitInCall::noted;
  return seen == kCancelling || seen == kCallCancelled ? WaitInCall::cancelled : WaitInCall::apart;
}

void end_wait(ReplyTarget& call, Waiter& waiter) {
  auto mine = reinterpret_cast<uintptr_t>(&waiter);
  if (call.call_state.compare_exchange_strong(mine, kWorking, sync::memory_order_relaxed,
                                              sync::memory_order_relaxed))
    return;
  // It is being cancelled: whoever does that may still look at our waiter, for a few instructions.
  while (call.call_state.load(sync::memory_order_acquire) != kCallCancelled)
    sync::relax_processor();
}

}  // namespace isola::detail
