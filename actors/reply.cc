// Waiting for an answer, and giving it.
#include "reply.h"

#include <isola/actors/worker.h>

namespace isola::detail {

void* take_kept_memory() {
  Worker* worker = Worker::current();
  void* memory = worker != nullptr ? worker->kept_memory().take() : nullptr;
  return memory != nullptr ? memory : InProgramMemory::operator new(KeptMemory::kBytes);
}

void give_kept_memory(void* memory) {
  Worker* worker = Worker::current();
  if (worker == nullptr || !worker->kept_memory().give(memory))
    InProgramMemory::operator delete(memory);
}

void* AskState::operator new([[maybe_unused]] size_t bytes) {
  static_assert(sizeof(AskState) <= KeptMemory::kBytes);
  ISOLA_ASSERT(bytes, ==, sizeof(AskState));
  return take_kept_memory();
}

Error AskState::wait(int64_t deadline_ns) {
  uintptr_t state = state_.load(sync::memory_order_acquire);
  if (state == kPending) {
    ActorCell* self = Execution::current().cell;
    if (self != nullptr && self == target_) return Error(Code::asks_itself);
    // Relaxed: the state publishes it.
    waits_on_.store(Worker::current(), sync::memory_order_relaxed);
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
  const uintptr_t seen = state_.load(sync::memory_order_acquire);
  // Relaxed: if it is this worker, it was written on this thread, and so was the end of any wait
  // before the one that was seen: this wait goes on. The asker is suspended then, a carrier stays
  // on its worker, and nobody else writes the state: plain stores do.
  const bool is_waited_for = is_waiter(seen) || seen == kContinuing;
  Worker* const waits_on = is_waited_for ? waits_on_.load(sync::memory_order_relaxed) : nullptr;
  if (waits_on == nullptr || waits_on != Worker::current()) [[unlikely]]
    return finish_from_elsewhere(seen);
  if (seen == kContinuing) {
    // Not touched before that worker has seen that the actor is still there.
    if (!waits_on->resume_here(*continues_, *this)) finish_from_elsewhere(seen);
    return;
  }
  auto* waiter = reinterpret_cast<Waiter*>(seen);
  const bool won = waiter->claim_on_its_thread(Outcome::completed);
  state_.store(kFinished, sync::memory_order_release);
  if (won) waiter->wake();
}

void AskState::finish_from_elsewhere(uintptr_t seen) {
  uintptr_t next;
  do {
    while (seen == kTimingOut) {
      sync::relax_processor();
      seen = state_.load(sync::memory_order_acquire);
    }
    if (seen == kAbandoned) {
      // Nobody wants it any more; others may still keep this for a while.
      if (answer_ != nullptr) release(std::exchange(answer_, nullptr));
      error_ = Error();
      return drop();
    }
    next = is_waiter(seen) || seen == kContinuing ? kAnswered : kFinished;
    // Release: the answer. Acquire: the waiter, or what the asker did before it left.
  } while (!state_.compare_exchange_strong(seen, next, sync::memory_order_acq_rel,
                                           sync::memory_order_acquire));
  if (next == kFinished) return;
  if (seen == kContinuing) {
    const Resumable::Token token = continuation_->take_token();
    state_.store(kFinished, sync::memory_order_release);
    token.push();
    return;
  }
  auto* waiter = reinterpret_cast<Waiter*>(seen);
  const bool won = waiter->claim(Outcome::completed);
  state_.store(kFinished, sync::memory_order_release);
  if (won) waiter->wake();
}

bool AskState::continue_with(Resumable& continuation, ActorCell& actor, Worker* here) {
  continuation_ = &continuation;
  continues_ = &actor;
  // Relaxed: the state publishes it.
  waits_on_.store(here, sync::memory_order_relaxed);
  uintptr_t state = kPending;
  // Release: the continuation. Acquire: or the answer.
  return state_.compare_exchange_strong(state, kContinuing, sync::memory_order_release,
                                        sync::memory_order_acquire);
}

Block* AskState::finish_here() {
  // Relaxed: what the actor's home did before, its worker has seen.
  if (state_.load(sync::memory_order_relaxed) != kContinuing) return nullptr;
  Block& token = continuation_->token();
  // Release: the thread that the actor goes to may look at it next.
  state_.store(kFinished, sync::memory_order_release);
  return &token;
}

void AskState::time_out() {
  uintptr_t state = kContinuing;
  if (!state_.compare_exchange_strong(state, kTimingOut, sync::memory_order_acquire,
                                      sync::memory_order_relaxed))
    return;
  const Resumable::Token token = continuation_->take_token();
  continuation_->set_timed_out();
  // From here on the answerer is the last. Release: the continuation is not touched any more.
  state_.store(kAbandoned, sync::memory_order_release);
  token.push();
}

bool AskState::leave_continuation() {
  uintptr_t state = kContinuing;
  // As abandon(). The answerer is the last, then.
  if (state_.compare_exchange_strong(state, kAbandoned, sync::memory_order_release,
                                     sync::memory_order_acquire))
    return true;
  // Who resumes it may still look at it: a few instructions.
  while (state == kAnswered || state == kTimingOut) {
    sync::relax_processor();
    state = state_.load(sync::memory_order_acquire);
  }
  if (state == kFinished) drop();
  return false;
}

void AskState::abandon() {
  uintptr_t state = kPending;
  // Release: what the asker did with it. Acquire: that it was finished just now.
  if (state_.compare_exchange_strong(state, kAbandoned, sync::memory_order_acq_rel,
                                     sync::memory_order_acquire))
    return;
  ISOLA_ASSERT(state, ==, kFinished);
  drop();
}

}  // namespace isola::detail
