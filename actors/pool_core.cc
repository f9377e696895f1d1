// Taking tasks, making and waking workers, and the ways in which a pool ends.
#include "pool_core.h"

#include <isola/actors/outside.h>
#include <isola/actors/worker.h>
#include <isola/context/frame.h>
#include <isola/serialization/utf8.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace isola::detail {

namespace {

using Tasks = std::deque<std::shared_ptr<Job>>;

// Nobody reaches a worker by an address.
const BehaviourType kPoolWorkerType{
    [] { return std::string("pool worker"); },
    nullptr,
    nullptr,
    [](void* behaviour) {
      const std::unique_ptr<PoolWorker> worker(static_cast<PoolWorker*>(behaviour));
      worker->core->gone(*worker);
    },
    [](void* behaviour) {
      auto& worker = *static_cast<PoolWorker*>(behaviour);
      worker.core->work(worker);
    },
};

// Code that is no task, but runs wherever somebody submits one or a worker ends.
class AsMaker {
 public:
  explicit AsMaker(Block* context)
      : outer_(Execution::current_or_null()), execution_(Execution::current()) {
    execution_.begin_context(context);
    Execution::set_current(&execution_);
  }
  ~AsMaker() {
    end_turn_frame(execution_);
    Execution::set_current(outer_);
  }
  AsMaker(const AsMaker&) = delete;
  AsMaker& operator=(const AsMaker&) = delete;

 private:
  Execution* const outer_;
  Execution execution_;
};

void end_all(Runtime& runtime, const Tasks& tasks, const Error& error) {
  for (const auto& task : tasks) task->end_unbegun(runtime, error);
}

void stop_all(const std::vector<CellRef>& workers) {
  for (const CellRef& worker : workers) worker->signal(kStop);
}

// "score-12", cut so that the number is whole.
std::string worker_name(const std::string& prefix, uint64_t number) {
  const std::string end = "-" + std::to_string(number);
  return prefix.substr(0, whole_characters(prefix, kNameBytesMax - end.size())) + end;
}

bool is_cancelled() { return Worker::current()->running().execution.cancelled; }

bool ends(const ActorCell& cell) {
  return (cell.signals.load(sync::memory_order_relaxed) & (kStop | kKill)) != 0 || is_cancelled();
}

// The turn of this worker obeys.
void end_after_turn(ActorCell& cell) {
  cell.signals.fetch_or(kStop, sync::memory_order_relaxed);
}

}  // namespace

PoolCore::PoolCore(Runtime& runtime, IsolatePoolOptions options)
    : runtime_(runtime), options_(std::move(options)), fault_(fault_of_options()) {
  workers_max_ = options_.workers ? static_cast<size_t>(std::max(*options_.workers, 0))
                                  : runtime.workers().size();
  const Execution& execution = Execution::current();
  if (execution.bindings != nullptr || execution.inherited != nullptr)
    context_ = wire_record(runtime.pool());
}

PoolCore::~PoolCore() {
  if (context_ != nullptr) release(context_);
}

Error PoolCore::failure(Code code, const std::string& text) const {
  return make_error(runtime_->pool(), code, isola::name(code), text, {});
}

Error PoolCore::fault_of_options() const {
  if (Error error = check_isolate_name(runtime_->pool(), options_.name)) return error;
  for (const PoolValue& value : options_.values)
    if (Error error = check_name(runtime_->pool(), value.name())) return error;
  const int workers = options_.workers.value_or(1);
  if (workers < 1 || workers > kPoolWorkersMax)
    return failure(Code::invalid_argument, "a pool has 1 to " + std::to_string(kPoolWorkersMax) +
                                               " workers, not " + std::to_string(workers));
  const auto& dispatchers = runtime_->options().dispatchers;
  const bool known = options_.dispatcher.empty() ||
                     std::any_of(dispatchers.begin(), dispatchers.end(), [&](const auto& each) {
                       return each.name == options_.dispatcher;
                     });
  return known ? Error()
               : failure(Code::no_dispatcher, "no dispatcher \"" + options_.dispatcher + "\"");
}

// Under the lock: nothing is run any more.
bool PoolCore::has_ended() const { return stopped_ || broken_; }

// Under the lock.
bool PoolCore::takes_tasks() const {
  return !fault_ && !has_ended() && !shut_down_ && !runtime_->stopping() &&
         pending_.size() < options_.pending_max;
}

// Under the lock: why it does not.
Error PoolCore::refusal() const {
  if (fault_) return fault_;
  if (broken_) return broken_;
  const std::string pool = "the pool \"" + options_.name + "\"";
  if (stopped_ || runtime_->stopping())
    return failure(Code::pool_shut_down,
                   "cannot schedule new work: the System of " + pool + " has stopped");
  if (shut_down_)
    return failure(Code::pool_shut_down, "cannot schedule new work: " + pool + " was shut down");
  if (pending_.size() >= options_.pending_max)
    return failure(Code::pool_full,
                   std::to_string(options_.pending_max) + " tasks wait for " + pool);
  return Error();
}

Error PoolCore::error() const {
  sync::Lock lock(mutex_);
  return refusal();
}

std::vector<Isolate> PoolCore::workers() const {
  sync::Lock lock(mutex_);
  std::vector<Isolate> living;
  for (const CellRef& worker : workers_) {
    Isolate isolate{HandleRef(*worker)};
    if (!isolate.error()) living.push_back(std::move(isolate));
  }
  return living;
}

size_t PoolCore::pending() const {
  sync::Lock lock(mutex_);
  return pending_.size();
}

// --- submitting ---------------------------------------------------------------------------------

void PoolCore::submit(const std::shared_ptr<Job>& task) {
  try {
    task->note_caller(runtime_->pool(), runtime_->clock());
  } catch (const PoolExhausted&) {
    task->end_unbegun(*runtime_, Error(Code::pool_exhausted));
    return;
  }
  Call call;
  Error refused;
  {
    sync::Lock lock(mutex_);
    if (takes_tasks()) {
      pending_.push_back(task);
      call = call_worker();
      if (has_ended()) pending_.pop_back();
    }
    if (pending_.empty() || pending_.back() != task) refused = refusal();
  }
  if (refused)
    task->end_unbegun(*runtime_, refused);
  else
    wake(call);
}

// Under the lock.
PoolCore::Call PoolCore::call_worker() {
  if (!idle_.empty()) {
    Call call{std::move(idle_.back())};
    idle_.pop_back();
    return call;
  }
  if (alive_ >= workers_max_) return {};
  // Where none can be made, those that live take what is pending, or end with the System, and then
  // it ends, too. Without them it would wait for ever.
  try {
    CellRef worker = make_worker();
    if (!worker && alive_ == 0) stopped_ = true;
    return {std::move(worker), true};
  } catch (const std::exception& error) {
    if (alive_ == 0) broken_ = no_worker(error);
    return {};
  }
}

Error PoolCore::no_worker(const std::exception& error) const try {
  return failure(Code::broken_pool, std::string("no worker could be made: ") + error.what());
} catch (const std::bad_alloc&) {
  return Error(Code::broken_pool);
}

// Under the lock. Nothing once the System has stopped. Throws for lack of memory.
CellRef PoolCore::make_worker() {
  const AsMaker as_maker(context_);
  SlotOptions slot;
  slot.name = worker_name(options_.name, made_);
  slot.heap_quota = options_.heap_quota;
  slot.dispatcher = options_.dispatcher;
  slot.pinned = options_.pinned;
  slot.priority = options_.priority;
  slot.accepts = options_.accepts;
  forget_ended();
  workers_.reserve(workers_.size() + 1);
  idle_.reserve(alive_ + 1);  // so that becoming idle takes no memory
  auto worker = std::make_unique<PoolWorker>(PoolWorker{shared_from_this()});
  worker->cell = runtime_->new_slot(slot, kPoolWorkerType, worker.get());
  if (worker->cell == nullptr) return {};
  workers_.emplace_back(*worker.release()->cell);
  ++made_;
  ++alive_;
  return workers_.back();
}

void PoolCore::wake(const Call& call) {
  if (!call.worker) return;
  if (call.is_new) runtime_->actor_made(*call.worker);
  call.worker->signal(kWork);
}

// Under the lock.
void PoolCore::forget_ended() {
  std::erase_if(workers_, [](const CellRef& worker) {
    return worker->life.load(sync::memory_order_acquire) != Life::alive;
  });
}

// --- the worker's side --------------------------------------------------------------------------

void PoolCore::work(PoolWorker& worker) {
  ActorCell& cell = *worker.cell;
  if (!worker.prepared && !prepare(worker)) return end_after_turn(cell);
  // As many tasks in a turn as messages, so that others get theirs.
  uint32_t left = kTurnMessages;
  std::shared_ptr<Job> task = next_task(cell, true);
  while (task != nullptr) {
    Executed executed{Error(Code::timeout)};
    if (task->deadline_ns == kNoDeadline || runtime_->clock().now_ns() < task->deadline_ns)
      executed = execute(cell, *task);
    task->drop_arguments();
    cell.books.count_message();
    // Whoever throws Cancelled ends.
    if (executed.cancelled) end_after_turn(cell);
    std::shared_ptr<Job> next = next_task(cell, --left > 0);
    task->finish(*runtime_, executed.error);
    task = std::move(next);
  }
}

// The next task of this worker, or none: then it is idle, or has more work in its next turn, or
// ends.
std::shared_ptr<Job> PoolCore::next_task(ActorCell& cell, bool may_take) {
  const Outside outside;  // the pool outlives its workers, here and below
  if (ends(cell) || runtime_->stopping()) return nullptr;  // gone() looks after what is pending
  // What else came for this isolate is done between two turns.
  if (cell.signals.load(sync::memory_order_relaxed) != 0) may_take = false;
  sync::Lock lock(mutex_);
  while (!pending_.empty()) {
    if (!may_take) {
      cell.signals.fetch_or(kWork, sync::memory_order_relaxed);
      return nullptr;
    }
    std::shared_ptr<Job> task = std::move(pending_.front());
    pending_.pop_front();
    if (task->claim()) return task;
  }
  if (shut_down_ || broken_)
    end_after_turn(cell);
  else
    idle_.emplace_back(cell);
  return nullptr;
}

bool PoolCore::prepare(PoolWorker& worker) {
  Error error;
  try {
    for (const PoolValue& value : options_.values) value.bind();
    options_.initialiser.run();
  } catch (const Cancelled&) {
    if (ends(*worker.cell)) return false;
    error = Error(Code::cancelled);
  } catch (...) {
    error = capture_here();
  }
  if (error) break_with(error, *worker.cell);
  worker.prepared = !error;
  return worker.prepared;
}

void PoolCore::break_with(const Error& cause, const ActorCell& cell) {
  const std::string text = "the pool \"" + options_.name + "\" runs nothing: " + cell.label() +
                           " could not be prepared for its tasks";
  const Error error = make_error(runtime_->pool(), Code::broken_pool,
                                 isola::name(Code::broken_pool), text, cell.failed_at(), cause);
  const Outside outside;
  Tasks tasks;
  std::vector<CellRef> idle;
  {
    sync::Lock lock(mutex_);
    if (broken_) return;
    broken_ = error;
    tasks.swap(pending_);
    idle.swap(idle_);
  }
  runtime_->report(error);
  end_all(*runtime_, tasks, error);
  stop_all(idle);
}

void PoolCore::gone(const PoolWorker& worker) {
  const Outside outside;
  Call call;
  bool ended = false;
  {
    sync::Lock lock(mutex_);
    --alive_;
    std::erase_if(idle_, [&](const CellRef& each) { return each.get() == worker.cell; });
    if (runtime_->stopping()) stopped_ = true;
    if (!stopped_ && !pending_.empty()) call = call_worker();
    ended = has_ended();
  }
  wake(call);
  if (ended) end_pending();
}

// One by one, as a deque of their own would take memory.
void PoolCore::end_pending() {
  Error why(Code::pool_shut_down);
  try {
    why = error();
  } catch (const std::bad_alloc&) {
    // It stays without a text.
  }
  for (sync::UniqueLock lock(mutex_); !pending_.empty(); lock.lock()) {
    const std::shared_ptr<Job> task = std::move(pending_.front());
    pending_.pop_front();
    lock.unlock();
    task->end_unbegun(*runtime_, why);
  }
}

// --- the end ------------------------------------------------------------------------------------

Error PoolCore::shutdown(bool wait, bool cancel) {
  // An empty deque takes memory, which the destructor of a pool can't depend on.
  std::optional<Tasks> tasks;
  if (cancel) tasks.emplace();
  std::vector<CellRef> idle;
  {
    sync::Lock lock(mutex_);
    shut_down_ = true;
    if (cancel) tasks->swap(pending_);
    idle.swap(idle_);
  }
  if (cancel) end_all(*runtime_, *tasks, Error(Code::cancelled));
  stop_all(idle);
  return wait ? wait_for_workers() : Error();
}

Error PoolCore::wait_for_workers() {
  for (;;) {
    CellRef oldest;
    {
      sync::Lock lock(mutex_);
      forget_ended();
      if (workers_.empty()) return Error();
      for (const CellRef& worker : workers_)
        if (Execution::current().cell == worker.get()) return Error(Code::asks_itself);
      oldest = workers_.front();
    }
    // Nobody would end the workers if this is the thread that stops the System.
    if (runtime_->stopping()) return Error(Code::cancelled);
    const Error error = oldest->wait_for_end(kNoDeadline);
    if (oldest->life.load(sync::memory_order_acquire) == Life::alive) return error;
  }
}

}  // namespace isola::detail
