// Slots, the end of actors, and the order of a clean stop.
#include "runtime.h"

#include <isola/actors/isolate_job.h>
#include <isola/actors/offload.h>
#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <utility>

namespace isola::detail {

namespace {

SystemOptions completed(SystemOptions options) {
  if (options.workers == 0)
    options.workers = options.cpus.empty() ? sync::processors()
                                           : static_cast<uint32_t>(options.cpus.size());
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

// Runs the end of an actor as that actor: its heap and resources are the current ones.
class Entered {
 public:
  Entered(ActorCell& cell, const Clock& clock)
      : outer_(Execution::current_or_null()), cell_(Execution::current().cell) {
    Execution& current = Execution::current();
    if (cell_ == &cell) return;
    execution_ = current;
    execution_.bindings = nullptr;
    execution_.inherited = cell.root_context;
    execution_.deadline_ns = kNoDeadline;
    execution_.isolate_id = cell.id.load(sync::memory_order_relaxed);
    execution_.clock = &clock;
    execution_.resources = &cell.resources;
    execution_.books = &cell.books;
    execution_.cell = &cell;
    Execution::set_current(&execution_);
    entered_ = true;
  }
  ~Entered() {
    if (entered_) Execution::set_current(outer_);
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Execution* const outer_;
  ActorCell* const cell_;
  Execution execution_;
  bool entered_ = false;
};

// Tells who waits for an answer that none will come, and why.
void drop_mail(Block* block, const Error& why) {
  while (block != nullptr) {
    Block* next = block->next;
    if (ReplyTarget* reply = std::exchange(block->envelope.reply, nullptr)) reply->fail(why);
    if (!is_planted(Planted::forgotten_release)) release(block);
    block = next;
  }
}

void drop_all_mail(ActorCell& cell, const Error& why) { drop_mail(cell.inbox.close(), why); }

}  // namespace

Runtime::Runtime(SystemOptions options)
    : options_(completed(std::move(options))),
      pool_(Pool::create(options_.pool_bytes_max)),
      channels_(std::make_shared<ChannelTable>(clock())),
      slab_table_(static_cast<sync::atomic<ActorCell*>*>(
          std::calloc(kSlabsMax, sizeof(sync::atomic<ActorCell*>)))) {
  static_assert(std::is_trivially_destructible_v<sync::atomic<ActorCell*>>);
  if (slab_table_ == nullptr) throw std::bad_alloc();
  pool_->hold();
  if (!options_.seed)
    offload_ =
        std::make_unique<OffloadPool>(options_.offload_threads_max, options_.offload_waiting_max);
  if (kChecked) set_seal_writer_names(*pool_, [this](uint64_t id) { return name_of(id); });
  // Spinning saves a wake-up when another thread is about to push; with one processor nobody is.
  if (!options_.seed && sync::processors() > 1) spins_ = kSpinsBeforeSleep;
}

Runtime::~Runtime() {
  if (kChecked) set_seal_writer_names(*pool_, nullptr);
  for (size_t i = 0; i < slabs(); ++i) delete[] slab(i);
  pool_->drop();
}

std::string Runtime::name_of(uint64_t id) const {
  for (size_t i = 0; i < slabs(); ++i)
    for (size_t j = 0; j < kSlabCells; ++j)
      if (const ActorCell& cell = slab(i)[j]; cell.id.load(sync::memory_order_relaxed) == id)
        return cell.label();
  return {};
}

CellRef Runtime::find(uint64_t id) const {
  for (size_t i = 0; i < slabs(); ++i)
    for (size_t j = 0; j < kSlabCells; ++j)
      if (ActorCell& cell = slab(i)[j]; cell.id.load(sync::memory_order_relaxed) == id)
        return living(cell);
  return {};
}

std::vector<CellRef> Runtime::living() const {
  std::vector<std::pair<uint64_t, CellRef>> found;
  for (size_t i = 0; i < slabs(); ++i) {
    for (size_t j = 0; j < kSlabCells; ++j) {
      CellRef cell = living(slab(i)[j]);
      if (cell) found.emplace_back(cell->id.load(sync::memory_order_relaxed), std::move(cell));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<CellRef> cells;
  cells.reserve(found.size());
  for (auto& [id, cell] : found) cells.push_back(std::move(cell));
  return cells;
}

CellRef Runtime::living(ActorCell& cell) {
  // The id first: a slot that changes hands meanwhile has another one afterwards.
  const uint64_t id = cell.id.load(sync::memory_order_acquire);
  if (id == 0 || cell.life.load(sync::memory_order_acquire) != Life::alive || !cell.try_retain())
    return {};
  CellRef ref = CellRef::adopt(cell);
  const bool same = cell.id.load(sync::memory_order_acquire) == id &&
                    cell.life.load(sync::memory_order_acquire) == Life::alive;
  return same ? ref : CellRef();
}

void Runtime::drop() {
  if (references_.fetch_sub(1, sync::memory_order_acq_rel) == 1) delete this;
}

const Clock& Runtime::clock() const {
  if (options_.seed) return virtual_clock_;
  return SteadyClock::instance();
}

void Runtime::start() {
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
  {
    sync::Lock lock(slots_mutex_);
    if (closed_) return;
    closed_ = true;
  }
  stopping_.store(true, sync::memory_order_release);
  monitor_.stop();
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  if (offload_ != nullptr) offload_->stop();
  channels_->close_all();
  // Nobody runs any more. First no mail can come, then the actors end, the youngest first.
  for (ActorCell* cell = youngest_; cell != nullptr; cell = cell->older) {
    drop_all_mail(*cell, Error(Code::no_such_actor));
  }
  while (youngest_ != nullptr) {
    took(Transition::ended_by_the_system);
    end_actor(*youngest_, Error());
  }
  {
    sync::Lock lock(main_mutex);
    main_names.clear();
  }
  pool_->close();
}

void Runtime::add_slab() {
  const size_t index = slab_count_.load(sync::memory_order_relaxed);
  ISOLA_CHECK(index, <, kSlabsMax);
  auto* cells = new ActorCell[kSlabCells];
  for (size_t i = kSlabCells; i-- > 0;) {
    cells[i].runtime = this;
    cells[i].next_free = free_slots_;
    free_slots_ = &cells[i];
  }
  slab_table_[index].store(cells, sync::memory_order_release);
  slab_count_.store(index + 1, sync::memory_order_release);
}

ActorCell* Runtime::new_slot(const SlotOptions& options, const BehaviourType& type,
                             void* behaviour) {
  Block* root_context = nullptr;
  if (Execution& execution = Execution::current();
      execution.bindings != nullptr || execution.inherited != nullptr)
    root_context = wire_record(*pool_);
  ActorCell* cell;
  {
    sync::Lock lock(slots_mutex_);
    if (closed_) {
      if (root_context != nullptr) release(root_context);
      return nullptr;
    }
    if (free_slots_ == nullptr) add_slab();
    cell = free_slots_;
    free_slots_ = cell->next_free;
    // Nodes of a set stay where they are, so the inspector may read the text at any time.
    cell->type_label.store(
        options.type.empty() ? nullptr : type_labels_.insert(options.type).first->c_str(),
        sync::memory_order_relaxed);
    // Numbered in the order of their start: never an address, so a seed gives the same ids.
    cell->id.store(next_incarnation_++, sync::memory_order_relaxed);
    cell->older = youngest_;
    cell->younger = nullptr;
    if (youngest_ != nullptr) youngest_->younger = cell;
    youngest_ = cell;
  }
  retain();
  alive_.fetch_add(1, sync::memory_order_relaxed);
  cell->type.store(&type, sync::memory_order_relaxed);
  cell->behaviour = behaviour;
  cell->root_context = root_context;
  cell->inbox_max = options.inbox_max != 0 ? options.inbox_max : options_.inbox_max;
  cell->heap_quota = options.heap_quota;
  cell->resources.set_isolate(cell->id.load(sync::memory_order_relaxed));
  cell->random_state = options_.seed.value_or(0) ^ cell->id.load(sync::memory_order_relaxed);
  cell->set_name(options.name);
  cell->references.store(1, sync::memory_order_relaxed);  // the runtime's own, until it ends
  // Made by one of its workers, it is at home there. Made elsewhere it has no home until then, and
  // nobody may tell one.
  Worker* worker = Worker::current();
  cell->dispatcher = find_dispatcher(options.dispatcher);
  cell->pinned = options.pinned;
  cell->priority = options.priority;
  cell->resets = options.resets;
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
  cell->life.store(Life::alive, sync::memory_order_release);
  return cell;
}

void Runtime::unlink(ActorCell& cell) {
  sync::Lock lock(slots_mutex_);
  (cell.younger != nullptr ? cell.younger->older : youngest_) = cell.older;
  if (cell.older != nullptr) cell.older->younger = cell.younger;
}

void Runtime::end_actor(ActorCell& cell, Error reason) {
  const Error told = reason ? reason : Error(Code::no_such_actor);
  {
    // Before the inbox closes: who finds it closed asks why.
    sync::Lock lock(cell.mutex);
    cell.end_reason = reason;
  }
  drop_all_mail(cell, told);
  std::shared_ptr<Job> job;
  {
    // Under the lock: who starts a job looks there whether the inbox is closed.
    sync::Lock lock(cell.mutex);
    job = std::exchange(cell.job, nullptr);
  }
  if (job != nullptr) job->finish(*this, reason ? reason : Error(Code::isolate_not_found));
  {
    Entered entered(cell, clock());
    if (cell.behaviour != nullptr)
      cell.type.load(sync::memory_order_relaxed)->destroy(std::exchange(cell.behaviour, nullptr));
    cell.names.reset();
    cell.resources.release_all();
    channels_->isolate_gone(cell.id.load(sync::memory_order_relaxed), cell.resources.take_noted());
  }
  cell.heap.reset();
  if (cell.root_context != nullptr) release(std::exchange(cell.root_context, nullptr));
  unlink(cell);
  alive_.fetch_sub(1, sync::memory_order_relaxed);
  if (reason) report(reason);
  ToWake woken;
  {
    sync::Lock lock(cell.mutex);
    // Under the lock: who waits for the end either sees it now or is woken below.
    cell.life.store(Life::ended, sync::memory_order_release);
    woken.claim_all(cell.room_waiters, Outcome::closed);
    woken.claim_all(cell.end_waiters, Outcome::completed);
  }
  woken.wake_all();
  cell.drop();
}

void Runtime::free_slot(ActorCell& cell) {
  took(Transition::slot_freed);
  {
    sync::Lock lock(cell.mutex);
    cell.end_reason = Error();
  }
  cell.id.store(0, sync::memory_order_relaxed);
  cell.books.handled.store(0, sync::memory_order_relaxed);
  cell.restarts.store(0, sync::memory_order_relaxed);
  cell.signals.store(0, sync::memory_order_relaxed);
  cell.job_claimed.store(false, sync::memory_order_relaxed);
  cell.life.store(Life::free, sync::memory_order_release);
  {
    sync::Lock lock(slots_mutex_);
    cell.next_free = free_slots_;
    free_slots_ = &cell;
  }
  drop();
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
                             {cell.label(), cell.id.load(sync::memory_order_relaxed), nullptr}));
  return true;
}

uint32_t Runtime::sleeping_workers() const {
  uint32_t sum = 0;
  for (const auto& dispatcher : dispatchers_) sum += dispatcher->sleeping_workers();
  return sum;
}

void Runtime::report(const Error& error) {
  failures_.fetch_add(1, sync::memory_order_relaxed);
  if (options_.on_failure)
    options_.on_failure(error);
  else
    std::fprintf(stderr, "%s: an actor failed: %s\n", options_.name.c_str(),
                 error.to_string().c_str());
}

}  // namespace isola::detail
