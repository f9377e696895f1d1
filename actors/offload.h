// offload: calls a function that blocks the operating system's thread, without blocking the worker.
//
//   auto entries = isola::offload([&] { return read_directory(path); });
//
// The function runs on a thread of the System's own pool; only the calling actor waits for it.
// There it is still that actor: its context, deadline, heap and channel ends are the current ones.
// It is meant for calls of the operating system and of libraries. What waits for other actors or
// for channels in it blocks a thread of the pool, and the stop of the System until it is done.
//
// Nothing is allocated for a call: it lies on the stack of the actor that waits. Hence a call that
// has begun can't be left: it is waited for, whatever happens to the actor, since the function may
// use what lies on that stack, and no call of the operating system can be taken back. While the
// call still waits for a thread, a cancellation and the deadline of the call end the wait.
//
// Thread safety: any thread. In a System with a seed the function runs at once on the worker, so
// that the schedule stays reproducible; outside of actors it is simply called.
#pragma once

#include <isola/actors/dispatcher.h>
#include <isola/channels/waiter.h>
#include <isola/serialization/sync.h>

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace isola {
namespace detail {

// How long a thread of the pool stays without work. Starting one takes some ten microseconds, so
// this only has to be long beside that, and short enough to let a burst's threads go.
inline constexpr int64_t kOffloadIdleNs = 5'000'000'000;

// One call. Lies on the stack of the code that waits for it.
struct OffloadJob : Waiter {
  explicit OffloadJob(void (*its_call)(OffloadJob&)) : call(its_call) {}
  void (*const call)(OffloadJob&);  // stores the result, or throws
  // What the call runs in: as the caller's was, which the caller itself goes on to use until it is
  // suspended.
  Execution execution = Execution::current();
  std::exception_ptr thrown;
};

// Invariants: 1. Whoever takes a job out of the queue to run it claims its waiter: from then on
//                neither time nor a cancellation ends the wait.
//             2. A thread is idle only if the queue is empty, or it is about to be woken.
// Thread safety: any thread.
class OffloadPool {
 public:
  OffloadPool(uint32_t threads_max, uint32_t waiting_max, int64_t idle_ns = kOffloadIdleNs);
  ~OffloadPool() { stop(); }
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  // Runs `job` on a thread of the pool and waits for it. Blocks: the running code. Errors: timeout,
  // too_many_offloads, too_many_carriers: then it has not been begun. Throws Cancelled likewise.
  Error run(OffloadJob& job);
  // Ends all threads. REQUIRES: no job waits or comes any more.
  void stop();
  // How many there are now.
  uint32_t threads() const { return live_.load(sync::memory_order_relaxed); }

 private:
  // free -> busy -> idle -> busy | free. A free one may have to be joined.
  struct Thread {
    enum class State : uint8_t { free, busy, idle };
    State state = State::free;
    Thread* next_idle = nullptr;
    sync::atomic<uint32_t> woken{0};
    sync::Thread thread;
  };

  void serve(Thread& self);
  OffloadJob* next_job(Thread& self);
  void wait_idle(Thread& self);
  bool find_thread(Thread*& woken);

  const uint32_t threads_max_;
  const uint32_t waiting_max_;
  const int64_t idle_ns_;
  const Processors processors_;
  sync::Mutex mutex_;  // guards the rest
  WaiterQueue queue_;
  uint32_t waiting_ = 0;
  Thread* idle_ = nullptr;  // the one that became idle last comes first, so that others may end
  bool stopping_ = false;
  sync::atomic<uint32_t> live_{0};  // changed under the lock
  std::unique_ptr<Thread[]> threads_;
};

// Of the System of the running actor; nullptr where a call runs at once.
OffloadPool* offload_pool();

template <class F, class R>
struct OffloadCall final : OffloadJob {
  static constexpr bool kGivesReference = std::is_reference_v<R>;
  using Kept = std::conditional_t<
      std::is_void_v<R>, char,
      std::conditional_t<kGivesReference, std::add_pointer_t<R>, std::optional<R>>>;

  explicit OffloadCall(F& its_function)
      : OffloadJob([](OffloadJob& job) { static_cast<OffloadCall&>(job).invoke(); }),
        function(its_function) {}
  void invoke() {
    if constexpr (std::is_void_v<R>)
      std::invoke(std::forward<F>(function));
    else if constexpr (kGivesReference)
      kept = std::addressof(std::invoke(std::forward<F>(function)));
    else
      kept.emplace(std::invoke(std::forward<F>(function)));
  }

  std::remove_reference_t<F>& function;
  Kept kept{};
};

}  // namespace detail

// Calls `function` as said above and returns what it returns. What it throws is thrown here.
// Blocks: the calling actor, until the function has returned. Fails: throws RemoteError if it was
// not begun: timeout, too_many_offloads (SystemOptions::offload_waiting_max, or no thread could be
// started), too_many_carriers; throws Cancelled in an actor that is being ended.
// While an exception unwinds the actor, and in the destructor of its behaviour, the function is
// called here, on the worker, because neither may be thrown there.
template <std::invocable F>
std::invoke_result_t<F> offload(F&& function) {
  using R = std::invoke_result_t<F>;
  static_assert(!std::is_rvalue_reference_v<R>, "isola: what offload returns is a value");
  detail::OffloadPool* pool = detail::offload_pool();
  if (pool == nullptr) return std::invoke(std::forward<F>(function));
  detail::OffloadCall<F, R> job(function);
  if (Error error = pool->run(job)) error.raise();
  if (job.thrown != nullptr) std::rethrow_exception(std::move(job.thrown));
  if constexpr (job.kGivesReference)
    return *job.kept;
  else if constexpr (!std::is_void_v<R>)
    return std::move(*job.kept);
}

}  // namespace isola
