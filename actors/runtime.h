// What a System consists of: workers, slots, the pool, the channels, the clock.
//
// A Runtime outlives its System as long as an address refers to one of its slots: such addresses
// then name nobody. Thread safety: any thread, unless said otherwise.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/dispatcher.h>
#include <isola/actors/monitor.h>
#include <isola/actors/slots.h>
#include <isola/actors/worker.h>
#include <isola/channels/table.h>
#include <isola/context/clock.h>
#include <isola/serialization/pool.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace isola {

struct TurnSpan;

// A message that an actor has handled for longer than SystemOptions::long_turn_ms, and still does.
struct LongTurn {
  uint64_t actor = 0;
  std::string name;
  std::string message;  // its type; of a function actor: empty
  int64_t lasts_ms = 0;
};

struct SystemOptions {
  std::string name = "isola";
  // Threads that give actors their turns; 0: one for each processor that they may run on.
  uint32_t workers = 0;
  // The processors that these may run on, as the operating system numbers them; empty: all.
  std::vector<uint32_t> cpus{};
  // Further workers, by name: SpawnOptions::dispatcher. In a System with a seed the one worker
  // stands for all of them. The constructor throws std::invalid_argument for what can't be had.
  std::vector<DispatcherOptions> dispatchers{};
  // Bound of the message pool; beyond it compose throws PoolExhausted.
  uint64_t pool_bytes_max = uint64_t{4} << 30;
  // Messages that may wait for an actor; senders wait for room. See SpawnOptions::inbox_max.
  uint32_t inbox_max = 1024;
  // Bytes of messages that may wait for an actor; 0: any number, pool_bytes_max bounds them all. It
  // is no default, as counting costs each message. See SpawnOptions::inbox_bytes_max.
  uint64_t inbox_bytes_max = 0;
  // The stack of a handler. A suspended one holds the pages that it touched.
  size_t stack_bytes = 128 * 1024;
  // Handlers and function actors of a worker that may be blocked at once.
  size_t carriers_max = 8192;
  // Threads for isola::offload, and calls that may wait for one of them; beyond both it fails.
  uint32_t offload_threads_max = 16;
  uint32_t offload_waiting_max = 4096;
  // With a seed, one worker runs everything in an order drawn from it, in virtual time: the clock
  // jumps to the next timer when nothing else can happen.
  std::optional<uint64_t> seed{};
  // Called with the record of each actor that ends by an error, on the thread where it ended. It
  // must not block. Without it the error is printed to stderr.
  std::function<void(const Error&)> on_failure{};
  // Called once for each handler that has not returned, and not waited, for long_turn_ms (to about
  // 10 ms): it keeps a worker from all others. On a thread of its own; it must not block.
  std::function<void(const LongTurn&)> on_long_turn{};
  int64_t long_turn_ms = 100;
  // Called at the end of each message that was handled under a W3C trace, and of each function that
  // an isolate ran under one: see turn_span.h. On the thread that handled it; it must not block.
  std::function<void(const TurnSpan&)> on_span{};
};

namespace detail {

class OffloadPool;

// The time of a System with a seed. Thread safety: any thread.
class VirtualClock final : public Clock {
 public:
  int64_t now_ns() const override { return now_ns_.load(sync::memory_order_acquire); }
  void advance_to(int64_t now_ns) { now_ns_.store(now_ns, sync::memory_order_release); }

 private:
  sync::atomic<int64_t> now_ns_{0};
};

class Runtime {
 public:
  explicit Runtime(SystemOptions options);

  void start();
  // Stops the workers, closes all channels, ends all actors, the youngest first. Once; not from a
  // worker.
  void stop();
  void retain(uint32_t uses = 1) { references_.fetch_add(uses, sync::memory_order_relaxed); }
  void drop(uint32_t uses = 1);

  // A slot for a new actor, alive, whose turn the caller has: it then calls actor_made, or place
  // for a function actor, whose first turn is its life. nullptr once the System has stopped.
  ActorCell* new_slot(const SlotOptions& options, const BehaviourType& type, void* behaviour);
  void actor_made(ActorCell& cell);
  // True if the actor that was made can't be started, and has ended: what its options name is not
  // there. `options`: those that it was made with.
  bool refused(ActorCell& cell, const SlotOptions& options);
  // Ends the actor whose turn the caller has: closes its inbox, destroys its behaviour, releases
  // its resources and heap, tells who waits for it. `reason`: no error for a normal end.
  void end_actor(ActorCell& cell, Error reason);
  // Starts the actor anew after this failure, if it has a supervisor and that wants it so. The
  // caller has the turn, and gives the actor its next one. False: it is to be ended; `failure` is
  // then that of the last incarnation.
  bool restart(ActorCell& cell, Error& failure);
  // Whether its supervisor wants that; it doesn't where there is no memory to decide it.
  bool may_restart(ActorCell& cell, const Error& failure) const;
  void free_slot(ActorCell& cell);

  void place(ActorCell& cell);

  // A failure that nobody handles: see SystemOptions::on_failure.
  void report(const Error& error);

  Pool& pool() const { return *pool_; }
  const std::shared_ptr<ChannelTable>& channels() const { return channels_; }
  const Clock& clock() const;
  void advance_clock(int64_t now_ns) { virtual_clock_.advance_to(now_ns); }
  const SystemOptions& options() const { return options_; }
  bool tells_spans() const { return tells_spans_; }
  uint32_t spins() const { return spins_; }
  size_t carriers_max() const { return options_.carriers_max; }
  OffloadPool* offload() const { return offload_.get(); }  // nullptr with a seed
  bool stopping() const { return stopping_.load(sync::memory_order_acquire); }
  // A signal came that ends the program; see interrupts.h.
  bool interrupted() const { return interrupted_.load(sync::memory_order_acquire); }
  void set_interrupted() { interrupted_.store(true, sync::memory_order_release); }
  uint64_t failures() const { return failures_.load(sync::memory_order_relaxed); }
  // Actors and isolates; a recent value.
  uint64_t alive() const;

  Monitor& monitor() { return monitor_; }
  // Of all dispatchers; a recent value.
  uint32_t sleeping_workers() const;
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }

  // Of the isolate with this id, which may be gone: then "". Looks at all of them.
  std::string name_of(uint64_t id) const;
  // A handle of the living one with this id, or of none. It looks first where each worker knows its
  // last ones.
  HandleRef find(uint64_t id);
  const Slots& slots() const { return slots_; }
  // The slots that its worker keeps, at its end.
  void give_back(Slots::Cache& cache) { slots_.give_all(cache); }

  // The namespace of the main isolate, used by any thread, under the lock.
  sync::Mutex main_mutex;
  Namespace main_names{*std::pmr::new_delete_resource(), nullptr};

 private:
  // The runtime's own copy of a text, for as long as it lives; nullptr for an empty one.
  const char* type_label(const std::string& type);
  ~Runtime();
  // The worker whose thread this is, if it is one of this Runtime's.
  Worker* own_worker();
  void count_alive(int64_t change);
  // Closes its inbox, and tells who waits for an answer that none will come, and why.
  static void drop_mail(ActorCell& cell, const Error& why);
  // Destroys its behaviour and namespace, releases its resources and its heap.
  void empty(ActorCell& cell);
  Dispatcher* find_dispatcher(std::string_view name) const;

  const SystemOptions options_;
  Pool* const pool_;
  struct ClosePool {
    void operator()(Pool* pool) const { pool->close(); }
  };
  std::unique_ptr<Pool, ClosePool> unless_made_{pool_};  // if the constructor throws
  const std::shared_ptr<ChannelTable> channels_;
  VirtualClock virtual_clock_;
  std::unique_ptr<OffloadPool> offload_;
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_;  // the first is the default one
  std::vector<std::unique_ptr<Worker>> workers_;
  Monitor monitor_{*this};
  uint32_t spins_ = 0;
  bool tells_spans_ = false;
  sync::atomic<bool> stopping_{false};
  sync::atomic<bool> interrupted_{false};
  // Written often, by any thread: apart from what all workers read.
  alignas(64) sync::atomic<uint32_t> references_{1};
  sync::atomic<uint64_t> failures_{0};
  sync::atomic<int64_t> alive_{0};  // and each worker counts its own

  alignas(64) sync::Mutex type_labels_mutex_;  // guards the one below
  std::set<std::string> type_labels_;
  Slots slots_{*this};
};

// A counted use of a Runtime, or of none.
class RuntimeRef {
 public:
  RuntimeRef() = default;
  explicit RuntimeRef(Runtime& runtime) : runtime_(&runtime) { runtime.retain(); }
  RuntimeRef(const RuntimeRef& other) : runtime_(other.runtime_) {
    if (runtime_ != nullptr) runtime_->retain();
  }
  RuntimeRef(RuntimeRef&& other) noexcept : runtime_(std::exchange(other.runtime_, nullptr)) {}
  RuntimeRef& operator=(RuntimeRef other) noexcept {
    std::swap(runtime_, other.runtime_);
    return *this;
  }
  ~RuntimeRef() {
    if (runtime_ != nullptr) runtime_->drop();
  }
  Runtime* get() const { return runtime_; }
  Runtime* operator->() const { return runtime_; }
  Runtime& operator*() const { return *runtime_; }

 private:
  Runtime* runtime_ = nullptr;
};

}  // namespace detail
}  // namespace isola
