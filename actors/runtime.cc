// Starting actors, and the order of a clean stop.
#include "runtime.h"

#include <isola/actors/isolate_job.h>
#include <isola/actors/offload.h>
#include <isola/actors/outside.h>
#include <isola/context/error_context.h>
#include <isola/context/key.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/check.h>
#include <isola/serialization/seal.h>
#include <isola/serialization/throw_trace.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace isola::detail {

namespace {

SystemOptions completed(SystemOptions options) {
  if (options.workers == 0)
    options.workers =
        options.cpus.empty() ? sync::processors() : static_cast<uint32_t>(options.cpus.size());
  if (options.seed) options.workers = 1;  // its schedule is drawn on one thread
  options.dispatchers.insert(options.dispatchers.begin(),
                             {std::string(kDefaultDispatcher), options.workers,
                              options.seed ? std::vector<uint32_t>{} : options.cpus});
  complete(options.dispatchers);
  uint64_t workers = 0;
  for (const DispatcherOptions& dispatcher : options.dispatchers) workers += dispatcher.workers;
  ISOLA_REQUIRE(workers, <=, 4096u);
  ISOLA_REQUIRE(options.inbox_max, >=, 1u);
  ISOLA_REQUIRE(options.carriers_max, >=, 1u);
  ISOLA_REQUIRE(options.offload_threads_max, >=, 1u);
  ISOLA_REQUIRE(options.offload_threads_max, <=, 4096u);
#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
  options.stack_bytes = std::max<size_t>(options.stack_bytes, 256 * 1024);  // larger frames
#endif
  ISOLA_REQUIRE(options.stack_bytes, >=, size_t{16} * 1024);
  return options;
}

// What of the context here reaches somebody who is made here, or nullptr.
Block* crossing_record(Pool& pool, RecordFilter* accepts) {
  Block* record = wire_record(pool);
  if (record == nullptr || accepts == nullptr) return record;
  try {
    accepts->apply(record, pool);
  } catch (...) {
    release(record);
    throw;
  }
  return record;
}

}  // namespace

Runtime::Runtime(SystemOptions options)
    : options_(completed(std::move(options))),
      pool_(Pool::create(options_.pool_bytes_max)),
      channels_(std::make_shared<ChannelTable>(clock())) {
  if (!options_.seed)
    offload_ =
        std::make_unique<OffloadPool>(options_.offload_threads_max, options_.offload_waiting_max);
  pool_->hold();
  if (kChecked) set_seal_writer_names(*pool_, [this](uint64_t id) { return name_of(id); });
  // Spinning saves a wake-up when another thread is about to push; with one processor nobody is.
  tells_spans_ = options_.on_span != nullptr;
  if (!options_.seed && sync::processors() > 1) spins_ = kSpinsBeforeSleep;
  (void)unless_made_.release();
}

Runtime::~Runtime() {
  if (kChecked) set_seal_writer_names(*pool_, nullptr);
  pool_->drop();
}

std::string Runtime::name_of(uint64_t id) const {
  for (size_t i = 0; i < slots_.slabs(); ++i)
    for (size_t j = 0; j < Slots::kSlabCells; ++j)
      if (const ActorCell& cell = slots_.slab(i)[j]; cell.id.load(sync::memory_order_relaxed) == id)
        return cell.label();
  return {};
}

HandleRef Runtime::find(uint64_t id) {
  // First where nobody else writes.
  const Worker* own = own_worker();
  ActorCell* cell = own != nullptr ? slots_.find(id, own->free_slots_.made) : nullptr;
  for (size_t i = 0; cell == nullptr && i < workers_.size(); ++i)
    cell = slots_.find(id, workers_[i]->free_slots_.made);
  if (cell == nullptr) cell = slots_.find(id);
  return cell != nullptr ? Slots::refer<HandleRef>(*cell, id) : HandleRef();
}

void Runtime::drop(uint32_t uses) {
  if (references_.fetch_sub(uses, sync::memory_order_acq_rel) == uses) delete this;
}

const Clock& Runtime::clock() const {
  if (options_.seed) return virtual_clock_;
  return SteadyClock::instance();
}

void Runtime::start() {
  set_context_reader(read_error_context);
  for (const DispatcherOptions& options : options_.dispatchers) {
    Dispatcher& dispatcher = *dispatchers_.emplace_back(std::make_unique<Dispatcher>(options));
    if (options_.seed && dispatchers_.size() > 1) continue;
    for (uint32_t i = 0; i < options.workers; ++i) {
      const auto index = static_cast<uint32_t>(workers_.size());
      workers_.push_back(std::make_unique<Worker>(*this, dispatcher, index));
      dispatcher.add(*workers_.back());
    }
  }
  for (auto& worker : workers_) worker->start();
  // With a seed everything happens on one thread. In a simulation the monitor's looks make time
  // pass, so only those have it that ask for it.
  const bool monitored = workers_.size() > 1 && !sync::kSimulated;
  if (!options_.seed && (monitored || options_.on_long_turn)) monitor_.start();
}

void Runtime::stop() {
  if (!slots_.close()) return;
  stopping_.store(true, sync::memory_order_release);
  monitor_.stop();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  if (offload_ != nullptr) offload_->stop();
  channels_->close_all();
  // Nobody runs any more. First no mail can come, then the actors end, the youngest first.
  std::vector<CellRef> left = slots_.not_ended();
  for (const CellRef& cell : left) drop_mail(*cell, Error(Code::no_such_actor));
  for (; !left.empty(); left.pop_back()) {
    if (left.back()->life.load(sync::memory_order_acquire) != Life::alive) continue;
    took(Transition::ended_by_the_system);
    end_actor(*left.back(), Error());
  }
  {
    sync::Lock lock(main_mutex);
    main_names.clear();
  }
  pool_->close();
}

const char* Runtime::type_label(const std::string& type) {
  if (type.empty()) return nullptr;
  sync::Lock lock(type_labels_mutex_);
  // Nodes of a set stay where they are, so the inspector may read the text at any time.
  return type_labels_.insert(type).first->c_str();
}

ActorCell* Runtime::new_slot(const SlotOptions& options, const BehaviourType& type,
                             void* behaviour) {
  const Outside outside;  // a slot outlives the actor that asks for it
  std::unique_ptr<RecordFilter> accepts;
  if (!options.accepts.are_all()) accepts = std::make_unique<RecordFilter>(options.accepts);
  Block* root_context = nullptr;
  if (Execution& execution = Execution::current();
      execution.bindings != nullptr || execution.inherited != nullptr)
    root_context = crossing_record(*pool_, accepts.get());
  Worker* worker = own_worker();
  Slots::Cache* const slots = worker != nullptr ? &worker->free_slots_ : nullptr;
  ActorCell* cell = nullptr;
  try {
    cell = slots_.take(slots);
    if (cell != nullptr) cell->set_options(options, type_label(options.type), std::move(accepts));
  } catch (...) {
    if (root_context != nullptr) release(root_context);
    if (cell != nullptr) {
      cell->id.store(0, sync::memory_order_relaxed);
      slots_.give(*cell, slots);
    }
    throw;
  }
  if (cell == nullptr) {
    if (root_context != nullptr) release(root_context);
    return nullptr;
  }
  count_alive(+1);
  cell->type.store(&type, sync::memory_order_relaxed);
  cell->behaviour = behaviour;
  cell->root_context = root_context;
  cell->resources.set_isolate(cell->id.load(sync::memory_order_relaxed));
  // Made by one of its workers, it is at home there. Made elsewhere it has no home until then, and
  // nobody may tell one.
  cell->dispatcher = find_dispatcher(options.dispatcher);
  cell->pinned = options.pinned;
  cell->priority = options.priority;
  cell->resets = options.resets;
  cell->interruptible = options.interruptible;
  cell->origin = options.origin;
  // A pinned one is placed by turns, else all would be where the actor is that spawns them.
  if (worker != nullptr && (&worker->dispatcher() != cell->dispatcher || cell->pinned))
    worker = nullptr;
  cell->activity.store(Activity::turn, sync::memory_order_relaxed);
  cell->inbox.reopen(worker == nullptr);
  cell->notifier.store(nullptr, sync::memory_order_relaxed);
  cell->talks_to = nullptr;
  cell->strays = 0;
  cell->home.store(worker, sync::memory_order_release);
  // The runtime's own, until it ends, and the handle of who makes an isolate: one that had none
  // would end as soon as somebody else has found it and dropped his. Release: all of the above, for
  // who finds the slot by the id that it had before.
  const bool has_handle = &type == &kIsolateType;
  cell->references.store(has_handle ? 1 + HandleRef::kCount : 1, sync::memory_order_release);
  cell->life.store(Life::alive, sync::memory_order_release);
  slots_.show(*cell, slots);
  return cell;
}

void Runtime::actor_made(ActorCell& cell) {
  if (Worker* home = cell.home.load(sync::memory_order_relaxed)) return home->made(cell);
  cell.activity.store(Activity::idle, sync::memory_order_relaxed);
  Worker& home = cell.dispatcher->next_home();
  // Release: what was made. From here on it is the home's.
  cell.home.store(&home, sync::memory_order_release);
  if (cell.inbox.acknowledge_nothing()) return;
  cell.retain();
  home.tell(cell);
}

void Runtime::place(ActorCell& cell) {
  if (Worker* home = cell.home.load(sync::memory_order_relaxed)) return home->begin(cell);
  cell.activity.store(Activity::moving, sync::memory_order_relaxed);
  Worker& home = cell.dispatcher->next_home();
  cell.home.store(&home, sync::memory_order_release);
  cell.retain();
  home.tell(cell);
}

Dispatcher* Runtime::find_dispatcher(std::string_view name) const {
  if (name.empty()) return dispatchers_.front().get();
  for (const auto& dispatcher : dispatchers_)
    if (dispatcher->name() == name)
      return options_.seed ? dispatchers_.front().get() : dispatcher.get();
  return nullptr;
}

bool Runtime::refused(ActorCell& cell, const SlotOptions& options) {
  if (cell.dispatcher != nullptr) return false;
  std::string what = "no dispatcher \"" + options.dispatcher + "\"; there is";
  for (const auto& dispatcher : dispatchers_)
    what += (dispatcher == dispatchers_.front() ? " \"" : ", \"") + dispatcher->name() + "\"";
  end_actor(cell, make_error(pool(), Code::no_dispatcher, name(Code::no_dispatcher), what,
                             cell.failed_at()));
  return true;
}

Worker* Runtime::own_worker() {
  Worker* worker = Worker::current();
  return worker != nullptr && &worker->runtime() == this ? worker : nullptr;
}

void Runtime::count_alive(int64_t change) {
  if (Worker* worker = own_worker()) {
    // One writer; who adds them up wants a recent value.
    worker->alive_.store(worker->alive_.load(sync::memory_order_relaxed) + change,
                         sync::memory_order_relaxed);
  } else {
    alive_.fetch_add(change, sync::memory_order_relaxed);
  }
}

uint64_t Runtime::alive() const {
  int64_t sum = alive_.load(sync::memory_order_relaxed);
  for (const auto& worker : workers_) sum += worker->alive_.load(sync::memory_order_relaxed);
  // An end may have been counted here and its start, elsewhere, not yet be seen.
  return sum > 0 ? static_cast<uint64_t>(sum) : 0;
}

uint32_t Runtime::sleeping_workers() const {
  uint32_t sum = 0;
  for (const auto& dispatcher : dispatchers_) sum += dispatcher->sleeping_workers();
  return sum;
}

void Runtime::report(const Error& error) {
  failures_.fetch_add(1, sync::memory_order_relaxed);
  if (options_.on_failure) return options_.on_failure(error);
  std::string text;
  try {
    text = error.display();
  } catch (const std::bad_alloc&) {
    // What fits into a string without memory.
    text = "no memory left";
  }
  std::fprintf(stderr, "%s: an actor failed: %s\n", options_.name.c_str(), text.c_str());
}

}  // namespace isola::detail
