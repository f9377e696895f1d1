// How a turn ends otherwise than by coming back: signals, functions that are through, failures.
#include <isola/actors/background.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/context/frame.h>

#include <utility>

namespace isola::detail {

void Worker::end_in_handler(ActorCell& cell, Block* block, Error failure) {
  took(failure ? Transition::ended_by_failure : Transition::ended_by_cancellation);
  running_->execution.set_inherited(cell.root_context);
  give_kept_context(running_->execution);
  if (block != nullptr) {
    if (ReplyTarget* reply = std::exchange(block->envelope.reply, nullptr))
      reply->fail(failure ? failure : Error(Code::no_such_actor));
  }
  if (failure) end_in_order(cell, false);
  if (failure && runtime_.restart(cell, failure)) {
    if (block != nullptr) release(block);
    return settle(cell);
  }
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  runtime_.end_actor(cell, std::move(failure));
  if (block != nullptr) release(block);
}

// Runs the end hooks; `wait`: and waits for its threads. A kill ends that.
void Worker::end_in_order(ActorCell& cell, bool wait) {
  if (!has_background(cell)) [[likely]]
    return;
  try {
    end_background(cell, wait);
  } catch (const Cancelled&) {
    // What is left of it ends with the actor.
  }
}

bool Worker::obey_signals(ActorCell& cell) {
  running_->execution.deadline_ns = kNoDeadline;  // not that of a message
  const uint32_t signals = cell.signals.load(sync::memory_order_acquire);
  if ((signals & (kRunJob | kKill)) == kRunJob) {
    cell.signals.fetch_and(~uint32_t{kRunJob}, sync::memory_order_acq_rel);
    run_job(cell);
  }
  if ((signals & (kWork | kKill)) == kWork) {
    cell.signals.fetch_and(~uint32_t{kWork}, sync::memory_order_acq_rel);
    cell.type.load(sync::memory_order_relaxed)->work(cell.behaviour);
  }
  if ((signals & kInterrupt) != 0)
    cell.signals.fetch_and(~uint32_t{kInterrupt}, sync::memory_order_acq_rel);
  if ((signals & kRoom) != 0) cell.make_room();
  if ((signals & (kStop | kKill)) == 0) return false;
  took(Transition::ended_by_signal);
  if ((signals & kKill) == 0) end_in_order(cell, true);
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  runtime_.end_actor(cell, Error());
  return true;
}

void Worker::run_function(ActorCell& cell, const BehaviourType& type) {
  Execution& execution = running_->execution;
  execution.deadline_ns = kNoDeadline;  // not that of a message
  Error reason;
  bool cancelled = false;
  try {
    type.run(cell.behaviour);
    took(Transition::ended_by_return);
  } catch (const Cancelled&) {
    took(Transition::ended_by_cancellation);
    // A stop is an end in order, which may wait.
    cancelled = stopping_ || (cell.signals.load(sync::memory_order_acquire) & kKill) != 0;
    execution.cancelled = cancelled;
  } catch (...) {
    took(Transition::ended_by_failure);
    reason = capture_exception(runtime_.pool(), cell.failed_at());
  }
  end_turn_frame(execution);
  if (!cancelled) end_in_order(cell, !reason);
  if (reason && runtime_.restart(cell, reason)) {
    begin(cell);
  } else {
    cell.carrier.store(nullptr, sync::memory_order_relaxed);
    runtime_.end_actor(cell, std::move(reason));
  }
}

}  // namespace isola::detail
