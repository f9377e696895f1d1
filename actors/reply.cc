// Waiting for an answer, and giving it.
#include "reply.h"

namespace isola::detail {

Error AskState::wait(int64_t deadline_ns) {
  uintptr_t state = state_.load(sync::memory_order_acquire);
  if (state == kPending) {
    ActorCell* self = Execution::current().cell;
    if (self != nullptr && self == target_) return Error(Code::asks_itself);
    Waiter waiter(deadline_ns);
    if (state_.compare_exchange_strong(state, reinterpret_cast<uintptr_t>(&waiter),
                                       sync::memory_order_acq_rel)) {
      const Outcome outcome = waiter.wait(WaitsFor::reply, target_id_);
      if (outcome != Outcome::completed) {
        uintptr_t mine = reinterpret_cast<uintptr_t>(&waiter);
        if (state_.compare_exchange_strong(mine, kPending, sync::memory_order_acq_rel))
          return unsuccessful(outcome);
        // The answer came just now. Its giver may still look at our waiter: a few instructions.
        while (state_.load(sync::memory_order_acquire) != kFinished) sync::relax_processor();
      }
    }
  }
  return error_;
}

void AskState::finish() {
  const uintptr_t seen = state_.exchange(kAnswered, sync::memory_order_acq_rel);
  auto* waiter = reinterpret_cast<Waiter*>(seen);
  const bool won = waiter != nullptr && waiter->claim(Outcome::completed);
  state_.store(kFinished, sync::memory_order_release);
  if (won) waiter->wake();
  drop();
}

}  // namespace isola::detail
