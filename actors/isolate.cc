// Running functions in isolates, finding isolates, and their ends.
#include "isolate.h"

#include <isola/actors/runtime.h>
#include <isola/actors/turn_span.h>
#include <isola/context/frame.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/utf8.h>

#include <optional>

namespace isola {

namespace detail {

// An isolate has no handler: nothing can be sent to it.
const BehaviourType kIsolateType{
    [] { return std::string("isolate"); },
    nullptr,
    nullptr,
    nullptr,
};

namespace {

// What its functions left. The caller has the turn.
void clear(ActorCell& cell) {
  CellExtras* const extras = cell.extras();
  if (cell.behaviour != nullptr) {
    if (extras != nullptr && extras->names != nullptr) extras->names->clear();
    return;
  }
  const DroppingHeap dropping(cell);
  if (extras != nullptr) extras->names.reset();
  cell.resources.release_users();
  if (cell.heap != nullptr) cell.heap->release();
}

// The function that it runs is to be ended, and no more than that.
bool is_interrupted(const ActorCell& cell) {
  return (cell.signals.load(sync::memory_order_acquire) & (kInterrupt | kKill)) == kInterrupt &&
         !cell.runtime->stopping();
}

}  // namespace

void Job::report_failure(Runtime& runtime) const {
  // That it did not run, or was ended from outside, is no failure of its function.
  const Code code = failure_.code();
  if (code != Code::cancelled && code != Code::interrupted && code != Code::isolate_not_found &&
      code != Code::broken_pool && code != Code::pool_shut_down)
    runtime.report(failure_);
}

void start_job(ActorCell& cell, const std::shared_ptr<Job>& job) {
  const BehaviourType* type = cell.type.load(sync::memory_order_relaxed);
  // Who waits outside of all isolates is to come to an end; what runs inside may go on to its own.
  if (job->of_user && cell.runtime->interrupted() && Execution::current().cell == nullptr) {
    job->end_unbegun(*cell.runtime, Error(Code::interrupted));
    return;
  }
  // A function actor runs for its whole life; and who waits for itself waits for ever.
  const bool busy = type->run != nullptr || Execution::current().cell == &cell ||
                    cell.job_claimed.exchange(true, sync::memory_order_acq_rel);
  Code refused = busy ? Code::isolate_running : Code::ok;
  if (!busy) {
    try {
      cell.own_extras();
      job->note_caller(cell.runtime->pool(), cell.runtime->clock());
    } catch (...) {  // the pool or the memory is exhausted
      cell.job_claimed.store(false, sync::memory_order_release);
      throw;
    }
    sync::Lock lock(cell.mutex);
    // Under the lock: who ends the isolate closes its inbox first, and then looks for a job.
    if (cell.inbox.closed())
      refused = Code::isolate_not_found;
    else
      cell.extras()->job = job;
  }
  if (refused != Code::ok)
    job->end_unbegun(*cell.runtime, Error(refused));
  else
    cell.signal(kRunJob);
}

Executed execute(ActorCell& cell, Job& job) {
  Execution& execution = Execution::current();
  execution.deadline_ns = job.deadline_ns;
  execution.call = job.done;
  Executed executed;
  try {
    if (const CellExtras* extras = cell.extras();
        job.context != nullptr && extras != nullptr && extras->accepts != nullptr)
      extras->accepts->apply(job.context, cell.runtime->pool());
    execution.set_inherited(job.context != nullptr ? job.context : cell.root_context);
    std::optional<SpanOfTurn> span;
    if (execution.inherited != nullptr && cell.runtime->tells_spans()) span.emplace(cell, nullptr);
    job.run();
  } catch (const Cancelled&) {
    const bool isolate_stays = is_interrupted(cell);
    executed = {Error(isolate_stays ? Code::interrupted : Code::cancelled), !isolate_stays};
  } catch (...) {
    executed.error = capture_here();
  }
  execution.call = nullptr;
  end_turn_frame(execution);
  execution.set_inherited(cell.root_context);
  execution.deadline_ns = kNoDeadline;
  return executed;
}

Error capture_here() {
  const ActorCell& cell = *Execution::current().cell;
  return capture_exception(cell.runtime->pool(), cell.failed_at());
}

void run_job(ActorCell& cell) {
  std::shared_ptr<Job> job;
  {
    sync::Lock lock(cell.mutex);
    if (CellExtras* extras = cell.extras()) job = std::exchange(extras->job, nullptr);
  }
  if (job == nullptr) return;
  const bool begun = job->claim();
  Error error;
  if (begun) error = is_interrupted(cell) ? Error(Code::interrupted) : execute(cell, *job).error;
  // Only the function was meant.
  if (is_interrupted(cell)) Worker::current()->running().execution.cancelled = false;
  if (cell.resets && job->of_user) clear(cell);
  cell.job_claimed.store(false, sync::memory_order_seq_cst);
  end_if_unused(cell);
  if (begun) job->finish(*cell.runtime, error);
}

// Who drops the last handle and who is done with a job meet here: each changes its own of the two,
// handles and job_claimed, and then looks at the other. So all of that is sequentially consistent.
void end_if_unused(ActorCell& cell) {
  if (cell.type.load(sync::memory_order_relaxed) != &kIsolateType) return;
  while (!cell.has_handles()) {
    // Whoever runs it now looks again afterwards.
    if (cell.job_claimed.exchange(true, sync::memory_order_seq_cst)) return;
    if (!cell.has_handles()) {
      // It ends in a turn of its own, in which nobody else needs to find it.
      cell.runtime->slots().hide(cell);
      cell.signal(kStop);
      return;
    }
    // It was found in the list just now. Who did may have dropped it, and left it to this one.
    cell.job_claimed.store(false, sync::memory_order_seq_cst);
  }
}

BeingMade::BeingMade(ActorCell& cell)
    : cell_(cell), outer_(Execution::current_or_null()), execution_(Execution::current()) {
  // It waits as the spawning code does, but it is the new actor: its heap, its ends, its context.
  cell.enter(execution_);
  Execution::set_current(&execution_);
}

BeingMade::~BeingMade() {
  end_turn_frame(execution_);
  Execution::set_current(outer_);
}

void BeingMade::failed() {
  Error error = capture_exception(cell_.runtime->pool(), cell_.failed_at());
  cell_.runtime->end_actor(cell_, std::move(error));
}

Error check_isolate_name(Pool& pool, std::string_view name) {
  const size_t at = first_invalid_byte(name);
  if (at == std::string_view::npos) return Error();
  const std::string fault =
      "the name of an isolate is UTF-8 without NUL, and byte " + std::to_string(at) + " is not";
  return make_error(pool, Code::invalid_argument, isola::name(Code::invalid_argument), fault, {});
}

Isolate create_isolate(Runtime& runtime, const IsolateOptions& options) {
  if (Error error = check_isolate_name(runtime.pool(), options.name))
    return Isolate(std::move(error));
  SlotOptions slot;
  slot.name = options.name;
  slot.heap_quota = options.heap_quota;
  slot.dispatcher = options.dispatcher;
  slot.pinned = options.pinned;
  slot.priority = options.priority;
  slot.resets = options.reset_after_each_run;
  slot.interruptible = options.handles_signals;
  slot.accepts = options.accepts;
  ActorCell* cell = runtime.new_slot(slot, kIsolateType, nullptr);
  if (cell == nullptr) return Isolate();
  Isolate isolate(HandleRef::adopt(*cell));
  if (!runtime.refused(*cell, slot)) runtime.actor_made(*cell);
  return isolate;
}

Isolate main_isolate(Runtime& runtime) { return Isolate(RuntimeRef(runtime)); }

Isolate current_isolate(Runtime& runtime) {
  ActorCell* cell = Execution::current().cell;
  if (cell == nullptr || cell->runtime != &runtime) return main_isolate(runtime);
  return Isolate(HandleRef(*cell));
}

std::vector<Isolate> isolates(Runtime& runtime) {
  std::vector<Isolate> found{main_isolate(runtime)};
  for (HandleRef& handle : runtime.slots().living<HandleRef>())
    found.emplace_back(std::move(handle));
  return found;
}

Result<Isolate> find_isolate(Runtime& runtime, IsolateId id) {
  if (id == kMainIsolate) return {main_isolate(runtime), Error()};
  HandleRef handle = runtime.find(id.word());
  if (handle.get() == nullptr) return {{}, Error(Code::isolate_not_found)};
  return {Isolate(std::move(handle)), Error()};
}

Error as_failure_here(const Error& error, const MessageType& type) {
  Runtime& runtime = current_runtime();
  const ActorCell& cell = *Execution::current().cell;
  return make_error(runtime.pool(), error.code(), error.type(), error.message(),
                    cell.failed_at(&type));
}

}  // namespace detail

IsolateId Isolate::id() const {
  if (is_main()) return kMainIsolate;
  return cell() != nullptr ? IsolateId::from_word(cell()->id.load(sync::memory_order_relaxed))
                           : IsolateId();
}

std::string Isolate::name() const {
  if (is_main()) return "main";
  return cell() != nullptr ? cell()->name() : std::string();
}

Origin Isolate::origin() const { return cell() ? cell()->origin : Origin::runtime; }

IsolateOptions Isolate::options() const {
  IsolateOptions options{.name = name()};
  if (cell() == nullptr) return options;
  options.heap_quota = cell()->heap_quota();
  if (cell()->dispatcher != nullptr) options.dispatcher = cell()->dispatcher->name();
  options.pinned = cell()->pinned;
  options.priority = cell()->priority;
  options.reset_after_each_run = cell()->resets;
  options.handles_signals = cell()->interruptible;
  if (const detail::CellExtras* extras = cell()->extras(); extras && extras->accepts)
    options.accepts = extras->accepts->keys();
  return options;
}

Error Isolate::error() const {
  if (error_ || is_main()) return error_;
  const bool alive =
      cell() != nullptr && cell()->life.load(sync::memory_order_acquire) == detail::Life::alive;
  return alive ? Error() : Error(Code::isolate_not_found);
}

Error Isolate::unusable() const {
  Error error = this->error();
  return !error && is_main() ? Error(Code::main_isolate) : error;
}

Error Isolate::check(std::string_view name) const {
  if (Error gone = error()) return gone;
  return detail::check_name(runtime()->pool(), name);
}

Result<bool> Isolate::is_running() const {
  if (Error gone = error()) return {false, std::move(gone)};
  if (is_main()) return {true, Error()};
  if (cell()->type.load(sync::memory_order_relaxed) == &detail::kIsolateType)
    return {cell()->job_claimed.load(sync::memory_order_acquire), Error()};
  return {cell()->activity.load(sync::memory_order_relaxed) == detail::Activity::turn, Error()};
}

uint64_t Isolate::heap_bytes() const { return heap_stats().live_bytes; }

HeapStats Isolate::heap_stats() const {
  return cell() != nullptr && !error() ? cell()->heap_stats() : HeapStats();
}

Error Isolate::prepare(std::vector<NamedValue> values) {
  if (Error gone = error()) return gone;
  if (values.empty()) {
    return detail::make_error(runtime()->pool(), Code::invalid_argument,
                              isola::name(Code::invalid_argument), "nothing to bind", {});
  }
  for (const NamedValue& named : values)
    if (Error error = check(named.name)) return error;
  if (is_main())
    return in_main_namespace([&](Namespace& names) { names.set_all(std::move(values), nullptr); });
  const auto bind = [](std::vector<NamedValue> given) {
    globals().set_all(std::move(given), detail::Execution::current().resources);
  };
  return start_job(false, +bind, std::move(values)).get().err;
}

Error Isolate::in_main_namespace(const std::function<void(Namespace&)>& use) const {
  sync::Lock lock(runtime()->main_mutex);
  try {
    use(runtime()->main_names);
    return Error();
  } catch (...) {
    return detail::capture_exception(runtime()->pool(), {"main", 0, nullptr});
  }
}

Error Isolate::reset() {
  if (Error error = unusable()) return error;
  return start_job(
             false, +[] { detail::clear(*detail::Execution::current().cell); })
      .get()
      .err;
}

Error Isolate::close() {
  if (Error error = unusable()) return error;
  const detail::BehaviourType* type = cell()->type.load(sync::memory_order_relaxed);
  if (detail::Execution::current().cell == cell() || type->run != nullptr ||
      cell()->job_claimed.exchange(true, sync::memory_order_acq_rel))
    return Error(Code::isolate_running);
  cell()->signal(detail::kStop);
  return cell()->wait_for_end(kNoDeadline);
}

Error Isolate::terminate() {
  if (Error error = unusable()) return error;
  if (detail::Execution::current().cell == cell()) return Error(Code::isolate_running);
  cell()->signal(detail::kKill);
  Error error = cell()->wait_for_end(kNoDeadline);
  return this->error() ? Error() : error;
}

Isolate current_isolate() { return detail::current_isolate(detail::current_runtime()); }
Isolate main_isolate() { return detail::main_isolate(detail::current_runtime()); }
std::vector<Isolate> isolates() { return detail::isolates(detail::current_runtime()); }
Result<Isolate> find_isolate(IsolateId id) {
  return detail::find_isolate(detail::current_runtime(), id);
}
Isolate create_isolate(const IsolateOptions& options) {
  return detail::create_isolate(detail::current_runtime(), options);
}

}  // namespace isola
