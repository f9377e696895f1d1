// Running functions in isolates, and making behaviours.
#include "isolate.h"

#include <isola/actors/runtime.h>

namespace isola {

namespace detail {

void run_job(ActorCell& cell) {
  const std::shared_ptr<Job> job = std::exchange(cell.job, nullptr);
  if (job == nullptr) return;
  Execution& execution = Execution::current();
  execution.inherited = job->context != nullptr ? job->context : cell.root_context;
  execution.deadline_ns = job->deadline_ns;
  Error error;
  try {
    job->run();
  } catch (const Cancelled&) {
    error = Error(Code::cancelled);
  } catch (...) {
    error = capture_exception(cell.runtime->pool(),
                              {cell.label(), cell.id.load(sync::memory_order_relaxed), nullptr});
  }
  execution.inherited = cell.root_context;
  execution.deadline_ns = kNoDeadline;
  cell.job_claimed.store(false, sync::memory_order_release);
  error ? job->done->fail(error) : job->done->answer(nullptr);
}

BeingMade::BeingMade(ActorCell& cell)
    : cell_(cell), outer_(Execution::current_or_null()), execution_(Execution::current()) {
  // It waits as the spawning code does, but it is the new actor: its heap, its ends, its context.
  execution_.bindings = nullptr;
  execution_.inherited = cell.root_context;
  execution_.isolate_id = cell.id.load(sync::memory_order_relaxed);
  execution_.clock = &cell.runtime->clock();
  execution_.resources = &cell.resources;
  execution_.books = &cell.books;
  execution_.cell = &cell;
  Execution::set_current(&execution_);
}

BeingMade::~BeingMade() { Execution::set_current(outer_); }

void BeingMade::failed() {
  Error error = capture_exception(
      cell_.runtime->pool(), {cell_.label(), cell_.id.load(sync::memory_order_relaxed), nullptr});
  cell_.runtime->end_actor(cell_, std::move(error));
}

}  // namespace detail

bool Isolate::gone() const {
  return !cell_ || cell_->life.load(sync::memory_order_acquire) != detail::Life::alive;
}

uint64_t Isolate::heap_bytes() const {
  return gone() ? 0 : cell_->heap_bytes.load(sync::memory_order_relaxed);
}

Error Isolate::execute(std::shared_ptr<detail::Job> job) {
  if (cell_->job_claimed.exchange(true, sync::memory_order_acq_rel)) {
    job->done->drop();
    job->done->drop();
    return Error(Code::isolate_running);
  }
  const detail::Execution& execution = detail::Execution::current();
  if (execution.bindings != nullptr || execution.inherited != nullptr)
    job->context = detail::wire_record(cell_->runtime->pool());
  job->deadline_ns = execution.deadline_ns;
  detail::AskState* done = job->done;
  cell_->job = std::move(job);
  cell_->signal(detail::kRunJob);
  struct Drop {
    detail::AskState* state;
    ~Drop() { state->drop(); }
  } drop{done};
  return done->wait(kNoDeadline);
}

Error Isolate::close() {
  if (gone()) return Error(Code::isolate_not_found);
  if (cell_->job_claimed.exchange(true, sync::memory_order_acq_rel))
    return Error(Code::isolate_running);
  cell_->signal(detail::kStop);
  return cell_->wait_for_end(kNoDeadline);
}

}  // namespace isola
