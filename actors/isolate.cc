// Running functions in isolates, finding isolates, and their ends.
#include "isolate.h"

#include <isola/actors/runtime.h>
#include <isola/serialization/utf8.h>

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
  if (cell.names != nullptr) cell.names->clear();
  if (cell.behaviour == nullptr && cell.heap != nullptr) {
    cell.names.reset();
    cell.heap->release();
  }
}

}  // namespace

void Job::report_failure(Runtime& runtime) const { runtime.report(failure_); }

void start_job(ActorCell& cell, const std::shared_ptr<Job>& job) {
  const BehaviourType* type = cell.type.load(sync::memory_order_relaxed);
  // A function actor runs for its whole life; and who waits for itself waits for ever.
  const bool busy = type->run != nullptr || Execution::current().cell == &cell ||
                    cell.job_claimed.exchange(true, sync::memory_order_acq_rel);
  Code refused = busy ? Code::isolate_running : Code::ok;
  if (!busy) {
    const Execution& execution = Execution::current();
    if (execution.bindings != nullptr || execution.inherited != nullptr)
      job->context = wire_record(cell.runtime->pool());
    job->deadline_ns = execution.deadline_ns;
    sync::Lock lock(cell.mutex);
    // Under the lock: who ends the isolate closes its inbox first, and then looks for a job.
    if (cell.inbox.closed())
      refused = Code::isolate_not_found;
    else
      cell.job = job;
  }
  if (refused != Code::ok) return job->finish(*cell.runtime, Error(refused));
  cell.signal(kRunJob);
}

void run_job(ActorCell& cell) {
  std::shared_ptr<Job> job;
  {
    sync::Lock lock(cell.mutex);
    job = std::exchange(cell.job, nullptr);
  }
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
  if (cell.resets && job->of_user) clear(cell);
  cell.job_claimed.store(false, sync::memory_order_release);
  end_if_unused(cell);
  job->finish(*cell.runtime, error);
}

void end_if_unused(ActorCell& cell) {
  if (cell.type.load(sync::memory_order_relaxed) != &kIsolateType ||
      cell.handles.load(sync::memory_order_acquire) != 0)
    return;
  // Whoever runs it now looks again afterwards.
  if (cell.job_claimed.exchange(true, sync::memory_order_acq_rel)) return;
  if (cell.handles.load(sync::memory_order_acquire) == 0)
    cell.signal(kStop);
  else  // it was found in the list just now
    cell.job_claimed.store(false, sync::memory_order_release);
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

Isolate create_isolate(Runtime& runtime, const IsolateOptions& options) {
  if (const size_t at = first_invalid_byte(options.name); at != std::string::npos) {
    const std::string fault = "the name of an isolate is UTF-8 without NUL, and byte " +
                              std::to_string(at) + " is not";
    constexpr Code kCode = Code::invalid_argument;
    return Isolate(make_error(runtime.pool(), kCode, name(kCode), fault, {}));
  }
  SlotOptions slot;
  slot.name = options.name;
  slot.heap_quota = options.heap_quota;
  slot.dispatcher = options.dispatcher;
  slot.pinned = options.pinned;
  slot.priority = options.priority;
  slot.resets = options.reset_after_each_run;
  ActorCell* cell = runtime.new_slot(slot, kIsolateType, nullptr);
  if (cell == nullptr) return Isolate();
  Isolate isolate{RuntimeRef(runtime), CellRef(*cell)};
  if (!runtime.refused(*cell, slot)) runtime.actor_made(*cell);
  return isolate;
}

Isolate main_isolate(Runtime& runtime) { return Isolate(RuntimeRef(runtime), CellRef()); }

Isolate current_isolate(Runtime& runtime) {
  ActorCell* cell = Execution::current().cell;
  if (cell == nullptr || cell->runtime != &runtime) return main_isolate(runtime);
  return Isolate(RuntimeRef(runtime), CellRef(*cell));
}

std::vector<Isolate> isolates(Runtime& runtime) {
  std::vector<Isolate> found{main_isolate(runtime)};
  for (CellRef& cell : runtime.living()) found.emplace_back(RuntimeRef(runtime), std::move(cell));
  return found;
}

Result<Isolate> find_isolate(Runtime& runtime, IsolateId id) {
  if (id == kMainIsolate) return {main_isolate(runtime), Error()};
  CellRef cell = runtime.find(id.word());
  if (!cell) return {{}, Error(Code::isolate_not_found)};
  return {Isolate(RuntimeRef(runtime), std::move(cell)), Error()};
}

}  // namespace detail

IsolateId Isolate::id() const {
  if (is_main()) return kMainIsolate;
  return cell() ? IsolateId::from_word(detail::id_of(cell())) : IsolateId();
}

std::string Isolate::name() const {
  if (is_main()) return "main";
  return cell() ? cell()->name() : std::string();
}

Origin Isolate::origin() const { return cell() ? cell()->origin : Origin::runtime; }

IsolateOptions Isolate::options() const {
  IsolateOptions options{.name = name()};
  if (!cell()) return options;
  options.heap_quota = cell()->heap_quota;
  if (cell()->dispatcher != nullptr) options.dispatcher = cell()->dispatcher->name();
  options.pinned = cell()->pinned;
  options.priority = cell()->priority;
  options.reset_after_each_run = cell()->resets;
  return options;
}

Error Isolate::error() const {
  if (error_ || is_main()) return error_;
  const bool alive =
      cell() && cell()->life.load(sync::memory_order_acquire) == detail::Life::alive;
  return alive ? Error() : Error(Code::isolate_not_found);
}

Error Isolate::unusable() const {
  Error error = this->error();
  return !error && is_main() ? Error(Code::main_isolate) : error;
}

Error Isolate::check(std::string_view name) const {
  if (Error gone = error()) return gone;
  return detail::check_name(runtime_->pool(), name);
}

Result<bool> Isolate::is_running() const {
  if (Error gone = error()) return {false, std::move(gone)};
  if (is_main()) return {true, Error()};
  if (cell()->type.load(sync::memory_order_relaxed) == &detail::kIsolateType)
    return {cell()->job_claimed.load(sync::memory_order_acquire), Error()};
  return {cell()->activity.load(sync::memory_order_relaxed) == detail::Activity::turn, Error()};
}

uint64_t Isolate::heap_bytes() const {
  return cell() && !error() ? cell()->heap_bytes.load(sync::memory_order_relaxed) : 0;
}

Error Isolate::prepare(std::vector<NamedValue> values) {
  if (Error gone = error()) return gone;
  if (values.empty()) {
    return detail::make_error(runtime_->pool(), Code::invalid_argument,
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
  sync::Lock lock(runtime_->main_mutex);
  try {
    use(runtime_->main_names);
    return Error();
  } catch (...) {
    return detail::capture_exception(runtime_->pool(), {"main", 0, nullptr});
  }
}

Error Isolate::reset() {
  if (Error error = unusable()) return error;
  return start_job(false, +[] { detail::clear(*detail::Execution::current().cell); }).get().err;
}

Error Isolate::close() {
  if (Error error = unusable()) return error;
  const detail::BehaviourType* type = cell()->type.load(sync::memory_order_relaxed);
  if (detail::Execution::current().cell == cell().get() || type->run != nullptr ||
      cell()->job_claimed.exchange(true, sync::memory_order_acq_rel))
    return Error(Code::isolate_running);
  cell()->signal(detail::kStop);
  return cell()->wait_for_end(kNoDeadline);
}

Error Isolate::terminate() {
  if (Error error = unusable()) return error;
  if (detail::Execution::current().cell == cell().get()) return Error(Code::isolate_running);
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
