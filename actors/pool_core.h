// PoolCore: what the handle of a pool of isolates, its workers and nobody else share: the queue of
// tasks, and which workers there are.
//
// A worker is an isolate whose behaviour takes tasks. An idle one is woken by a signal, takes tasks
// in its turn until there are none, and is idle again: it then holds no stack. So the pool has no
// threads: its workers have their turns on those of the System, and a task that blocks keeps its
// carrier, and its worker, until it is done.
//
// Thread safety: any thread.
// Invariants: 1. If tasks are pending, a worker that is not idle will look at the queue, or a new
//                one is made when the last such ends.
//             2. A task is finished only after its worker has taken its next one or become idle, so
//                who waits for one task before submitting another finds the worker idle.
//             3. Once shut down or broken, no worker becomes idle: those without work end.
#pragma once

#include <isola/actors/isolate.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/pool_options.h>
#include <isola/actors/runtime.h>
#include <isola/serialization/sync.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace isola::detail {

// A bound for what could only be a mistake.
inline constexpr int kPoolWorkersMax = 4096;

class PoolCore;

// The behaviour of a worker.
struct PoolWorker {
  std::shared_ptr<PoolCore> core;  // goes with the isolate
  ActorCell* cell = nullptr;
  bool prepared = false;
};

class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  PoolCore(Runtime& runtime, IsolatePoolOptions options);
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  // Takes it, or ends it with error(), or pool_full.
  void submit(const std::shared_ptr<Job>& task);
  // Takes nothing more. What is pending is computed, or, if `cancel`, ended with Code::cancelled;
  // then the workers end. `wait`: for that. Errors of the wait: timeout, asks_itself (in a task of
  // this pool), cancelled (the System stops), … Blocks: if `wait`.
  Error shutdown(bool wait, bool cancel);
  // Why nothing can be submitted, or no error.
  Error error() const;
  // Those that live.
  std::vector<Isolate> workers() const;
  size_t pending() const;
  const std::string& name() const { return options_.name; }
  const RuntimeRef& runtime() const { return runtime_; }

  // --- called by the workers, as themselves
  void work(PoolWorker& worker);
  void gone(const PoolWorker& worker);

 private:
  // Whom to wake, or nobody.
  struct Call {
    CellRef worker;
    bool is_new = false;
  };

  Error fault_of_options() const;
  bool has_ended() const;
  bool takes_tasks() const;
  Error refusal() const;
  Error failure(Code code, const std::string& text) const;
  Error no_worker(const std::exception& error) const;
  Call call_worker();
  CellRef make_worker();
  void wake(const Call& call);
  bool prepare(PoolWorker& worker);
  std::shared_ptr<Job> next_task(ActorCell& cell, bool may_take);
  void break_with(const Error& cause, const ActorCell& cell);
  void end_pending();
  Error wait_for_workers();
  void forget_ended();

  const RuntimeRef runtime_;
  const IsolatePoolOptions options_;
  size_t workers_max_ = 0;
  Block* context_ = nullptr;  // what the context of who made the pool lets cross
  Error fault_;               // of the options: nothing can be submitted

  mutable sync::Mutex mutex_;  // guards the rest; held for some instructions, or to make a worker
  std::deque<std::shared_ptr<Job>> pending_;  // cancelled ones stay until somebody comes past them
  std::vector<CellRef> workers_;  // in the order of their making; some may have ended
  std::vector<CellRef> idle_;     // who became idle last is woken first
  size_t alive_ = 0;
  uint64_t made_ = 0;
  bool shut_down_ = false;
  bool stopped_ = false;  // by its System
  Error broken_;
};

}  // namespace isola::detail
