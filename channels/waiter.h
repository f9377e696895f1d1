// Waiter: one piece of code that waits for one thing, and the claim by which it is completed.
//
// A channel, an inbox, a reply and a timer know only waiters. Whoever wins the claim by
// compare-and-swap completes the operation; everybody else leaves it alone, so a completion, a
// timeout, a close and a cancellation can never take effect together.
//
// The claim word: `waiting`, then once and for ever one of the others.
//   waiting -> completed   the operation took effect
//   waiting -> closed      what was waited for can't happen any more
//   waiting -> timed_out   the deadline came first
//   waiting -> cancelled   the waiting isolate is being ended
//   waiting -> refused     the code could not be suspended (too many carriers)
// Who wins the claim calls wake() exactly once (except the waiting code itself), and the waiting
// code returns only after that, so a Waiter may lie on its stack.
#pragma once

#include <isola/context/execution.h>
#include <isola/serialization/error.h>
#include <isola/serialization/sync.h>

#include <cstdint>
#include <string_view>

namespace isola {

class Waiter;

enum class Outcome : uint32_t { waiting, completed, closed, timed_out, cancelled, refused };

// A way to wait: a thread's (futex) or a carrier's. Later also a file descriptor or a coroutine.
class Parker {
 public:
  virtual ~Parker() = default;
  // Waits until `waiter` is claimed and woken; claims it itself when the deadline has passed.
  virtual void park(Waiter& waiter, int64_t deadline_ns) = 0;
  // Lets the park of `waiter` return. Any thread, once, after a claim.
  virtual void unpark(Waiter& waiter) = 0;
  // Lets others that are ready go first. Throws Cancelled in an actor that is being ended.
  virtual void yield() = 0;
};

class Waiter {
 public:
  // The code that is running will wait.
  Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // True for the one caller that may complete this waiter with `how`, and must then wake() it.
  bool claim(Outcome how) {
    auto expected = static_cast<uint32_t>(Outcome::waiting);
    // Release: what the winner prepared is seen by the waiting code, which loads with acquire.
    return claim_.compare_exchange_strong(expected, static_cast<uint32_t>(how),
                                          sync::memory_order_acq_rel, sync::memory_order_relaxed);
  }
  void wake() {
    if (books_ != nullptr) books_->what.store(detail::WaitsFor::worker, sync::memory_order_relaxed);
    parker_->unpark(*this);
  }
  Outcome outcome() const { return static_cast<Outcome>(claim_.load(sync::memory_order_acquire)); }

  // Waits for the claim, at most until `deadline_ns` and the call's own deadline. What it waits for
  // is shown by the inspector meanwhile. Blocks: the fiber, or the thread outside of actors.
  Outcome wait(int64_t deadline_ns, detail::WaitsFor what, uint64_t id = 0,
               std::string_view name = {});

  Block* block = nullptr;  // handed over by (or to) whoever completes it
  Waiter* next = nullptr;  // in a WaiterQueue
  Waiter* previous = nullptr;
  bool queued = false;

 private:
  Parker* parker_;
  detail::Books* books_;  // of the isolate that waits
  sync::atomic<uint32_t> claim_{static_cast<uint32_t>(Outcome::waiting)};
};

// Waiters in the order in which they came. Thread safety: under its owner's lock.
class WaiterQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  void push(Waiter& waiter);
  void remove(Waiter& waiter);  // no effect if it is not queued
  // The first waiter that could be claimed with `how`, taken out; those that were claimed by
  // others are dropped on the way. nullptr: none.
  Waiter* claim_first(Outcome how);

 private:
  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
};

// Thrown at a suspension point of an actor that is being ended. No std::exception, so that
// handlers of ordinary errors don't catch it. Sticky: each later suspension throws again.
struct Cancelled {};

namespace detail {

// Counts an operation that need not wait. Code that never has to wait lets others go first every
// kStepsBeforeYield of them: else an actor that only sends would keep its worker for ever.
inline void count_step() {
  Execution& execution = Execution::current();
  if (--execution.steps_left == 0) [[unlikely]] {
    execution.steps_left = kStepsBeforeYield;
    if (execution.parker != nullptr) execution.parker->yield();
  }
}

// Why an operation that waited did not take effect. Throws Cancelled in an actor that is ended,
// unless the stack unwinds already: then it returns Code::cancelled.
Error unsuccessful(Outcome outcome);

}  // namespace detail
}  // namespace isola
