// What an isolate leaves running when its functions have returned, and what it does at its end.
//
//   isolate.run([](isola::Receiver<Job> jobs) {
//     auto worker = isola::start_thread(&work, std::move(jobs));   // goes on when this returns
//     isola::start_timer(10s, [] { std::puts("still here"); });
//     isola::at_end([] { std::puts("bye"); });
//     isola::globals().set("worker", worker);                      // to be joined by a later run
//   }, std::move(jobs));
//
// A thread of an isolate is an actor that belongs to it: it has a stack and a heap of its own and
// runs beside the isolate, on the System's workers. So what it gets must be Sendable, and where it
// has to call the operating system it uses isola::offload. Its failure is reported as any actor's.
//
// When the isolate ends in order (close(), stop(), its function actor returns, its last handle is
// dropped), its end hooks run, the youngest first, as the isolate; then its threads are waited for.
// When it ends by a failure its hooks run, and its threads are killed. When it is killed
// (terminate(), the end of the System) no hook runs, its threads are killed, and nobody waits for
// them. reset() leaves both alone.
// Thread safety: called in an isolate, by what runs there; all throw std::logic_error elsewhere.
#pragma once

#include <isola/actors/outside.h>
#include <isola/actors/spawn.h>
#include <isola/actors/system.h>

#include <chrono>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace isola {
namespace detail {

class EndHook {
 public:
  virtual ~EndHook() = default;
  virtual void run() = 0;
};

template <class F, class... Args>
class FunctionHook final : public EndHook {
 public:
  FunctionHook(F function, Args... args) : function_(function), arguments_(std::move(args)...) {}
  void run() override {
    std::apply([&](auto&... values) { function_(std::move(values)...); }, arguments_);
  }

 private:
  F function_;
  std::tuple<Args...> arguments_;
};

// Of one isolate.
struct Background {
  std::vector<CellRef> threads;
  std::vector<std::unique_ptr<EndHook>> hooks;
};

void keep_thread(const ActorRef& thread);
void keep_hook(std::unique_ptr<EndHook> hook);
// Runs the hooks of the isolate whose turn the caller has and, if `wait`, waits for its threads.
// Throws Cancelled. Blocks.
void end_background(ActorCell& cell, bool wait);
inline bool has_background(const ActorCell& cell) {
  const CellExtras* extras = cell.extras();
  return extras != nullptr && extras->background != nullptr;
}
// What is left of it: kills its threads.
void drop_background(ActorCell& cell);

// A function and its arguments, once this time has passed.
template <class F, class... Args>
void run_later(std::chrono::nanoseconds delay, F function, Args... args) {
  if (!sleep_for(delay)) function(std::move(args)...);
}

}  // namespace detail

// Runs `function(args...)` beside the running isolate, which it belongs to. What is returned can be
// kept, sent to others, killed and joined; join() gives the error by which it ended, if any.
template <class F, class... Args>
ActorRef start_thread(F function, Args&&... args) {
  auto plain = detail::plain_function(function);
  detail::require_runs<decltype(plain), Args...>();
  detail::require_no_result<decltype(plain), Args...>();
  ActorRef thread =
      detail::spawn_function(detail::current_runtime(), SpawnOptions{.type = "thread"}, plain,
                             std::forward<Args>(args)...);
  detail::keep_thread(thread);
  return thread;
}

// The same, after this time (virtual in a System with a seed). kill() takes it back.
template <class Rep, class Period, class F, class... Args>
ActorRef start_timer(std::chrono::duration<Rep, Period> delay, F function, Args&&... args) {
  auto plain = detail::plain_function(function);
  detail::require_runs<decltype(plain), Args...>();
  detail::require_no_result<decltype(plain), Args...>();
  ActorRef timer =
      detail::spawn_function(detail::current_runtime(), SpawnOptions{.type = "timer"},
                             &detail::run_later<decltype(plain), std::decay_t<Args>...>,
                             std::chrono::duration_cast<std::chrono::nanoseconds>(delay), plain,
                             std::forward<Args>(args)...);
  detail::keep_thread(timer);
  return timer;
}

// Has `function(args...)` run at the end of the running isolate, on its heap, and with its
// namespace still there. It may block. What it throws is reported. Ends among the arguments stay
// the isolate's.
template <class F, class... Args>
void at_end(F function, Args&&... args) {
  auto plain = detail::plain_function(function);
  detail::require_runs<decltype(plain), Args...>();
  detail::require_no_result<decltype(plain), Args...>();
  const Outside outside;  // reset() takes the isolate's heap away, not this
  detail::keep_hook(std::make_unique<detail::FunctionHook<decltype(plain), std::decay_t<Args>...>>(
      plain, std::forward<Args>(args)...));
}

}  // namespace isola
