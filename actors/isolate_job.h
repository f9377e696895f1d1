// What an isolate executes for somebody who waits for it.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/ready_descriptor.h>
#include <isola/actors/reply.h>
#include <isola/actors/sendable.h>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace isola::detail {

// Shared by the caller of Isolate::run and the isolate, so that a caller whose deadline passes can
// leave while the job still runs.
class Job {
 public:
  // `cell`: where it will run; nullptr: that is not known yet.
  explicit Job(ActorCell* cell) : done(cell != nullptr ? new AskState(*cell) : new AskState) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() {
    if (context != nullptr) release(context);
    done->leave();
  }
  // Executes it in the isolate, on a carrier of its own.
  virtual void run() = 0;

  // What the caller's context lets cross, and the caller's deadline, become the job's own.
  void note_caller(Pool& pool, const Clock& clock) {
    const Execution& execution = Execution::current();
    if (execution.bindings != nullptr || execution.inherited != nullptr)
      context = wire_record(pool);
    deadline_ns = execution.deadline_on(clock);
  }
  // True for the one who may begin it, or end it unbegun. Relaxed: it tells of nothing else.
  bool claim() { return !claimed_.exchange(true, sync::memory_order_relaxed); }
  // Gives up what it runs with, or would have run with. REQUIRES: claimed, and not running.
  virtual void drop_arguments() {}

  // Ends it, unless somebody has begun or ended it. True if it was ended by this.
  bool end_unbegun(Runtime& runtime, const Error& error) {
    if (!claim()) return false;
    drop_arguments();
    finish(runtime, error);
    return true;
  }

  // Waits for its end; `error` is then how it ended. False: the wait is over before, by `error`.
  // Blocks.
  bool wait(int64_t deadline_ns, Error& error) {
    error = done->wait(deadline_ns);
    if (!error) return true;
    if (!done->is_finished()) return false;
    // It may have ended after a wait in vain: this one gives how.
    error = done->wait(deadline_ns);
    return true;
  }

  // Whoever ends it, once. A failure that nobody is there to see is reported.
  void finish(Runtime& runtime, const Error& error) {
    failure_ = error;
    // Release: the failure. Acquire: nothing, but whoever comes second sees that it does.
    if (error && fate_.exchange(Fate::failed, sync::memory_order_acq_rel) == Fate::abandoned)
      report_failure(runtime);
    error ? done->fail(error) : done->answer(nullptr);
    ready.set();
  }
  // Who started it does not want to know how it ends.
  void abandon(Runtime& runtime) {
    if (fate_.exchange(Fate::abandoned, sync::memory_order_acq_rel) == Fate::failed)
      report_failure(runtime);
  }

  AskState* const done;      // the starter's use, which is the job's own, and the isolate's
  ReadyDescriptor ready;     // for who waits for the end with poll
  Block* context = nullptr;  // what the starter's context lets cross
  int64_t deadline_ns = kNoDeadline;
  bool of_user = true;  // it runs a function of the user's

 private:
  enum class Fate : uint8_t { open, failed, abandoned };
  void report_failure(Runtime& runtime) const;
  sync::atomic<bool> claimed_{false};
  sync::atomic<Fate> fate_{Fate::open};
  Error failure_;
};

template <class R>
class ValueJob : public Job {
 public:
  using Job::Job;
  std::optional<std::conditional_t<std::is_void_v<R>, int, R>> value;
};

template <class F, class... Args>
class FunctionJob final : public ValueJob<std::decay_t<std::invoke_result_t<F, Args...>>> {
 public:
  using Returned = std::decay_t<std::invoke_result_t<F, Args...>>;
  FunctionJob(ActorCell& cell, F f, Args... args)
      : ValueJob<Returned>(&cell), function_(f), arguments_(std::move(args)...) {}
  void run() override {
    ResourceList* own = Execution::current().resources;
    std::apply([&](auto&... values) { (transfer_ends(values, own), ...); }, arguments_);
    auto call = [&](auto&... values) { return function_(std::move(values)...); };
    if constexpr (std::is_void_v<Returned>)
      std::apply(call, arguments_);
    else
      this->value.emplace(std::apply(call, arguments_));
  }

 private:
  F function_;
  std::tuple<Args...> arguments_;
};

// What run() gives for what a function returns: a Message becomes its Delivery.
template <class T>
struct RunResult {
  using type = T;
};
template <class T>
struct RunResult<Message<T>> {
  using type = T;
};

// The value of a job that has ended by `error`, or not.
template <class R>
Result<typename RunResult<R>::type> result_of(ValueJob<R>& job, Error error) {
  using Value = typename RunResult<R>::type;
  Result<Value> result;
  result.err = std::move(error);
  if constexpr (!std::is_void_v<R>) {
    if (!result.err) {
      // Ends that come back belong to whoever called.
      transfer_ends(*job.value, Execution::current().resources);
      result.value = typename Result<Value>::Value(std::move(*job.value));
    }
  }
  return result;
}

// Gives the isolate a job. One that can't be started ends at once: isolate_running,
// isolate_not_found.
void start_job(ActorCell& cell, const std::shared_ptr<Job>& job);
// Runs the job of this isolate, whose turn the caller has, and tells who waits for it.
void run_job(ActorCell& cell);
// How a function ended: by no error, by what it threw, or because its isolate ends.
struct Executed {
  Error error;
  bool cancelled = false;
};
// Runs the function of a claimed job as this isolate, in the context and with the deadline of who
// started it. Throws nothing.
Executed execute(ActorCell& cell, Job& job);
// The record of the exception that is being handled in the running isolate.
Error capture_here();
// Ends the isolate if it was made by create(), nothing runs in it, and nobody has a handle.
void end_if_unused(ActorCell& cell);

// Of what create() makes.
extern const BehaviourType kIsolateType;

}  // namespace isola::detail
