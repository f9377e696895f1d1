// The end of actors, and how they are started anew.
#include <isola/actors/background.h>
#include <isola/actors/continuation.h>
#include <isola/actors/incarnation.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/outside.h>
#include <isola/actors/runtime.h>
#include <isola/context/frame.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/faults.h>

#include <utility>

namespace isola::detail {

namespace {

// Runs the end of an actor as that actor: its heap and resources are the current ones.
class Entered {
 public:
  explicit Entered(ActorCell& cell)
      : outer_(Execution::current_or_null()), execution_(Execution::current()) {
    if (execution_.cell == &cell) return;
    cell.enter(execution_);
    execution_.deadline_ns = kNoDeadline;
    Execution::set_current(&execution_);
  }
  ~Entered() {
    if (Execution::current_or_null() == &execution_) end_turn_frame(execution_);
    Execution::set_current(outer_);
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Execution* const outer_;
  Execution execution_;
};

}  // namespace

void Runtime::drop_mail(ActorCell& cell, const Error& why) {
  Block* block = cell.inbox.close();
  while (block != nullptr) {
    Block* next = block->next;
    if (ReplyTarget* reply = std::exchange(block->envelope.reply, nullptr)) reply->fail(why);
    if (!is_planted(Planted::forgotten_release)) release(block);
    block = next;
  }
}

void Runtime::empty(ActorCell& cell) {
  {
    Entered entered(cell);
    const DroppingHeap dropping(cell);
    drop_background(cell);
    // They may refer to the behaviour.
    if (CellExtras* extras = cell.extras(); extras != nullptr && extras->continuations != nullptr)
      Continuation::drop_all(*extras, !cell.inbox.closed());
    if (cell.behaviour != nullptr)
      cell.type.load(sync::memory_order_relaxed)->destroy(std::exchange(cell.behaviour, nullptr));
    if (CellExtras* extras = cell.extras()) extras->names.reset();
    cell.resources.release_all();
    // What was begun by their ends.
    if (CellExtras* extras = cell.extras(); extras != nullptr && extras->continuations != nullptr)
      Continuation::drop_all(*extras, !cell.inbox.closed());
    cell.resources.release_all();
    const Outside outside;  // what is made from here on is the runtime's
    channels_->isolate_gone(cell.id.load(sync::memory_order_relaxed), cell.resources.take_noted());
  }
  cell.heap.reset();
  if (Execution& execution = Execution::current(); execution.cell == &cell)
    execution.heap = nullptr;
}

bool Runtime::may_restart(ActorCell& cell, const Error& failure) const {
  const CellExtras* extras = cell.extras();
  if (extras->incarnations == nullptr || stopping() ||
      (cell.signals.load(sync::memory_order_relaxed) & (kStop | kKill)) != 0)
    return false;
  try {
    return extras->incarnations->decides().restart_after(cell, failure);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool Runtime::restart(ActorCell& cell, Error& failure) {
  CellExtras* const extras = cell.extras();
  if (extras == nullptr) return false;
  while (may_restart(cell, failure)) {
    took(Transition::restarted);
    report(failure);
    empty(cell);
    extras->restarts.store(extras->restarts.load(sync::memory_order_relaxed) + 1,
                           sync::memory_order_relaxed);
    try {
      cell.behaviour = extras->incarnations->make(cell);
      return true;
    } catch (const Cancelled&) {
      return false;
    } catch (...) {
      failure = capture_exception(pool(), cell.failed_at());
    }
  }
  return false;
}

void Runtime::end_actor(ActorCell& cell, Error reason) {
  const Error told = reason ? reason : Error(Code::no_such_actor);
  if (reason) {
    // Before the inbox closes: who finds it closed asks why.
    sync::Lock lock(cell.mutex);
    cell.end_reason = reason;
  }
  drop_mail(cell, told);
  std::shared_ptr<Job> job;
  {
    // Under the lock: who starts a job looks there whether the inbox is closed.
    sync::Lock lock(cell.mutex);
    if (CellExtras* extras = cell.extras()) job = std::exchange(extras->job, nullptr);
  }
  if (job != nullptr) job->end_unbegun(*this, reason ? reason : Error(Code::isolate_not_found));
  empty(cell);
  // Nothing runs as this actor any more.
  if (Execution& execution = Execution::current(); execution.cell == &cell)
    execution.cell = nullptr;
  CellExtras* const extras = cell.extras();
  if (extras != nullptr) extras->incarnations.reset();
  if (Execution& execution = Execution::current(); execution.inherited == cell.root_context)
    execution.set_inherited(nullptr);
  if (cell.root_context != nullptr) release(std::exchange(cell.root_context, nullptr));
  // The keys stay for whoever asks, as long as there are handles.
  if (extras != nullptr && extras->accepts != nullptr) extras->accepts->forget();
  count_alive(-1);
  slots_.hide(cell);
  if (reason) report(reason);
  ToWake woken;
  {
    sync::Lock lock(cell.mutex);
    // Under the lock: who waits for the end either sees it now or is woken below.
    cell.life.store(Life::ended, sync::memory_order_release);
    if (CellExtras* own = cell.extras()) woken.claim_all(own->room_waiters, Outcome::closed);
    woken.claim_all(cell.end_waiters, Outcome::completed);
  }
  woken.wake_all();
  cell.drop();
}

void Runtime::free_slot(ActorCell& cell) {
  took(Transition::slot_freed);
  cell.end_reason = Error();  // without the lock: nobody has a reference
  if (CellExtras* extras = cell.extras()) {
    extras->accepts.reset();
    extras->restarts.store(0, sync::memory_order_relaxed);
  }
  cell.id.store(0, sync::memory_order_relaxed);
  cell.books.handled.store(0, sync::memory_order_relaxed);
  cell.signals.store(0, sync::memory_order_relaxed);
  cell.job_claimed.store(false, sync::memory_order_relaxed);
  cell.life.store(Life::free, sync::memory_order_release);
  Worker* worker = own_worker();
  slots_.give(cell, worker != nullptr ? &worker->free_slots_ : nullptr);
}

}  // namespace isola::detail
