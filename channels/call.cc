// Who cancels a call, and who waits in one.
#include "call.h"

namespace isola::detail {

const bool has_heavy_fence = sync::heavy_fence_available();

namespace {

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

}  // namespace isola::detail
