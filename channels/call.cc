// Who cancels a call, and who waits in one.
#include "call.h"

namespace isola::detail {

namespace {

// Without the asymmetric fence both sides have the ordinary one.
const bool has_heavy_fence = sync::heavy_fence_available();

void fence_of_who_waits() {
  if (has_heavy_fence) [[likely]]
    sync::light_fence();
  else
    sync::thread_fence(sync::memory_order_seq_cst);
}

void fence_of_who_cancels() {
  if (!has_heavy_fence || !sync::heavy_fence()) sync::thread_fence(sync::memory_order_seq_cst);
}

}  // namespace

void cancel(ReplyTarget& call) {
  uint32_t wanted = kWanted;
  if (!call.wish.compare_exchange_strong(wanted, kCancelling, sync::memory_order_relaxed)) return;
  fence_of_who_cancels();
  Waiter* waiter = call.waiter.load(sync::memory_order_acquire);
  const bool won = waiter != nullptr && waiter->claim(Outcome::revoked);
  // Release: it is not touched any more, unless it was won; then it waits until it is woken.
  call.wish.store(kCancelled, sync::memory_order_release);
  if (won) waiter->wake();
}

WaitInCall begin_wait(ReplyTarget& call, Waiter& waiter) {
  if (call.waiter.load(sync::memory_order_relaxed) != nullptr) return WaitInCall::apart;
  call.waiter.store(&waiter, sync::memory_order_release);
  fence_of_who_waits();
  if (call.wish.load(sync::memory_order_relaxed) == kWanted) return WaitInCall::noted;
  end_wait(call);
  return WaitInCall::cancelled;
}

bool hide_wait(ReplyTarget& call) {
  call.waiter.store(nullptr, sync::memory_order_relaxed);
  fence_of_who_waits();
  // Relaxed: if it is still wanted, whoever cancels later sees no waiter.
  return call.wish.load(sync::memory_order_relaxed) == kWanted;
}

void end_wait(ReplyTarget& call) {
  hide_wait(call);
  // Acquire: whoever cancels doesn't look at our waiter any more; it does for a few instructions.
  while (call.wish.load(sync::memory_order_acquire) == kCancelling) sync::relax_processor();
}

}  // namespace isola::detail
