// What an isolate executes for somebody who waits for it.
#pragma once

#include <isola/actors/cell.h>
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
  explicit Job(ActorCell& cell) : done(new AskState(cell)) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() {
    if (context != nullptr) release(context);
    done->drop();
  }
  // Executes it in the isolate, on a carrier of its own.
  virtual void run() = 0;

  // Whoever ends it, once. A failure that nobody is there to see is reported.
  void finish(Runtime& runtime, const Error& error) {
    failure_ = error;
    // Release: the failure. Acquire: nothing, but whoever comes second sees that it does.
    if (error && fate_.exchange(Fate::failed, sync::memory_order_acq_rel) == Fate::abandoned)
      report_failure(runtime);
    error ? done->fail(error) : done->answer(nullptr);
  }
  // Who started it does not want to know how it ends.
  void abandon(Runtime& runtime) {
    if (fate_.exchange(Fate::abandoned, sync::memory_order_acq_rel) == Fate::failed)
      report_failure(runtime);
  }

  AskState* const done;      // the starter's use, which is the job's own, and the isolate's
  Block* context = nullptr;  // what the starter's context lets cross
  int64_t deadline_ns = kNoDeadline;
  bool of_user = true;       // it runs a function of the user's

 private:
  enum class Fate : uint8_t { open, failed, abandoned };
  void report_failure(Runtime& runtime) const;
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
      : ValueJob<Returned>(cell), function_(f), arguments_(std::move(args)...) {}
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
// Ends the isolate if it was made by create(), nothing runs in it, and nobody has a handle.
void end_if_unused(ActorCell& cell);

// Of what create() makes.
extern const BehaviourType kIsolateType;

}  // namespace isola::detail
