// Isolate: a heap, a context root and an identity, without a behaviour. run() executes a function
// in it and waits for it.
//
//   isola::Isolate score = system.create({.name = "score", .heap_quota = 64_MiB});
//   auto [answer, err] = score.run(&score_request, 7);
//   score.close();   // its channel ends are released, its heap is gone
//
// Thread safety: a handle, one thread at a time; copies of it, any thread. One function runs in an
// isolate at a time; run() while another runs is refused.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/sendable.h>

#include <memory>
#include <optional>
#include <utility>

namespace isola {

constexpr uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr uint64_t operator""_GiB(unsigned long long n) { return n << 30; }

namespace detail {

// While an actor's behaviour is constructed, on the thread of whoever spawns it: code runs as the
// new actor.
class BeingMade {
 public:
  explicit BeingMade(ActorCell& cell);
  ~BeingMade();
  BeingMade(const BeingMade&) = delete;
  BeingMade& operator=(const BeingMade&) = delete;
  // Ends the actor with the exception that is being handled.
  void failed();

 private:
  ActorCell& cell_;
  Execution* const outer_;
  Execution execution_;
};

template <class F, class... Args>
struct FunctionJob final : Job {
  using Returned = std::decay_t<std::invoke_result_t<F, Args...>>;
  FunctionJob(ActorCell& cell, F f, Args&&... args)
      : Job(cell), function(f), arguments(std::forward<Args>(args)...) {}
  void run() override {
    ResourceList* own = Execution::current().resources;
    std::apply([&](auto&... values) { (transfer_ends(values, own), ...); }, arguments);
    auto call = [&](auto&... values) { return function(std::move(values)...); };
    if constexpr (std::is_void_v<Returned>)
      std::apply(call, arguments);
    else
      value.emplace(std::apply(call, arguments));
  }
  F function;
  std::tuple<std::decay_t<Args>...> arguments;
  std::optional<std::conditional_t<std::is_void_v<Returned>, int, Returned>> value;
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

}  // namespace detail

class Isolate {
 public:
  Isolate() = default;
  explicit Isolate(detail::CellRef cell) : cell_(std::move(cell)) {}

  uint64_t id() const { return detail::id_of(cell_); }
  std::string name() const { return cell_ ? cell_->name() : std::string(); }
  bool is_running() const { return cell_ && cell_->job_claimed.load(sync::memory_order_acquire); }
  // Live bytes on its heap; a recent value.
  uint64_t heap_bytes() const;

  // Executes `function(args...)` in the isolate and waits for it. What it throws comes back as a
  // record. Errors: failed, isolate_running, isolate_not_found, … Blocks.
  template <class F, class... Args>
  auto run(F function, Args&&... args) {
    (detail::require_sendable<std::decay_t<Args>>(), ...);
    auto plain = detail::plain_function(function);
    using Job = detail::FunctionJob<decltype(plain), Args...>;
    using Returned = typename Job::Returned;
    using Value = typename detail::RunResult<Returned>::type;
    if constexpr (!std::is_void_v<Returned>) detail::require_sendable<Returned>();
    Result<Value> result;
    if (gone()) {
      result.err = Error(Code::isolate_not_found);
      return result;
    }
    auto job = std::make_shared<Job>(*cell_, plain, std::forward<Args>(args)...);
    result.err = execute(job);
    if constexpr (!std::is_void_v<Returned>) {
      if (!result.err) {
        // Ends that come back belong to whoever called.
        detail::transfer_ends(*job->value, detail::Execution::current().resources);
        result.value = typename Result<Value>::Value(std::move(*job->value));
      }
    }
    return result;
  }

  // Destroys it: its channel ends are released, its heap is freed. Refused while it runs.
  // Errors: isolate_running, isolate_not_found. Blocks until it is gone.
  Error close();

 private:
  Error execute(std::shared_ptr<detail::Job> job);
  bool gone() const;

  detail::CellRef cell_;
};

}  // namespace isola
