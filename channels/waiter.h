// Waiter: one piece of code that waits for one thing, and the claim by which it is completed.
//
// A channel, an inbox, a reply and a timer know only waiters. Whoever wins the claim by
// compare-and-swap completes the operation; everybody else leaves it alone, so a completion, a
// timeout, a close and a cancellation can never take effect together.
//
// A waiter stands in queues by its nodes: the one that it is itself, or, for a select, one node for
// each branch. The claim is one for all of them; `winner` tells which node it was won through.
//
// The claim word: `waiting`, then once and for ever one of the others.
//   waiting -> completed   the operation took effect
//   waiting -> closed      what was waited for can't happen any more
//   waiting -> timed_out   the deadline came first
//   waiting -> cancelled   the waiting isolate is being ended
//   waiting -> refused     the code could not be suspended (too many carriers)
//   waiting -> revoked     the call that is being worked at was cancelled (call.h)
// Who wins the claim calls wake() exactly once (except the waiting code itself), and the waiting
// code returns only after that, so a Waiter may lie on its stack.
#pragma once

#include <isola/context/execution.h>
#include <isola/serialization/error.h>
#include <isola/serialization/sync.h>
#include <isola/serialization/throw_trace.h>
#include <isola/serialization/transitions.h>

#include <cstdint>
#include <string_view>

namespace isola {

class Waiter;

enum class Outcome : uint32_t {
  waiting,
  completed,
  closed,
  timed_out,
  cancelled,
  refused,
  revoked
};

namespace detail {

constexpr Transition transition_to(Outcome how) {
  return static_cast<Transition>(static_cast<uint32_t>(Transition::wait_completed) +
                                 static_cast<uint32_t>(how) -
                                 static_cast<uint32_t>(Outcome::completed));
}
static_assert(transition_to(Outcome::revoked) == Transition::wait_revoked);

}  // namespace detail

// A way to wait: a thread's (futex) or a carrier's. Later also a file descriptor or a coroutine.
class Parker {
 public:
  virtual ~Parker() = default;
  // Waits until `waiter` is claimed and woken; claims it itself when the deadline has passed.
  virtual void park(Waiter& waiter, int64_t deadline_ns) = 0;
  // Lets the park of `waiter` return. Any thread, once, after a claim. All that comes before it
  // happens before that return.
  virtual void unpark(Waiter& waiter) = 0;
  // Lets others that are ready go first. Throws Cancelled in an actor that is being ended.
  virtual void yield() = 0;
};

// A place in a WaiterQueue.
struct WaitNode {
  explicit WaitNode(Waiter* who) : waiter(who) {}
  WaitNode(const WaitNode&) = delete;
  WaitNode& operator=(const WaitNode&) = delete;

  Waiter* const waiter;
  Block* block = nullptr;  // handed over by (or to) whoever completes it
  WaitNode* next = nullptr;
  WaitNode* previous = nullptr;
  uint8_t item_policy = 0;  // of the block, if it is one to be sent: see channels/capacity.h
  bool queued = false;
};

class Waiter : public WaitNode {
 public:
  // The code that is running will wait, at most until `deadline_ns` and the call's own deadline.
  explicit Waiter(int64_t deadline_ns = kNoDeadline);
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // True for the one caller that may complete this waiter with `how`, and must then wake() it.
  bool claim(Outcome how) {
    auto expected = static_cast<uint32_t>(Outcome::waiting);
    // Relaxed: what the winner did is seen by the waiting code through its wake-up.
    const bool won =
        claim_.compare_exchange_strong(expected, static_cast<uint32_t>(how),
                                       sync::memory_order_relaxed, sync::memory_order_relaxed);
    detail::took(won ? detail::transition_to(how) : detail::Transition::claim_lost);
    return won;
  }
  // As claim(), by the thread that the waiting carrier is suspended on, if nobody has the waiter
  // but that thread and who cancels the call that the carrier works at. Mostly without a
  // read-modify-write.
  bool claim_on_its_thread(Outcome how);
  void wake() {
    if (books_ != nullptr) books_->what.store(detail::WaitsFor::worker, sync::memory_order_relaxed);
    parker_->unpark(*this);
  }
  // Relaxed, as claim(): the waiting code asks after its wake-up, others only whether to claim it.
  Outcome outcome() const { return static_cast<Outcome>(claim_.load(sync::memory_order_relaxed)); }

  // Waits for the claim, or for the deadline. What it waits for is shown by the inspector
  // meanwhile. Blocks: the fiber, or the thread outside of actors.
  Outcome wait(detail::WaitsFor what, uint64_t id = 0, std::string_view name = {});

  // Through which node the claim was won; nullptr: through none (time, cancellation).
  WaitNode* winner = nullptr;

  uint64_t isolate_id() const { return isolate_id_; }
  // True if the wait ends by itself at some time.
  bool has_limit() const { return deadline_ns_ != kNoDeadline; }
  int64_t deadline_ns() const { return deadline_ns_; }

 private:
  Waiter(int64_t deadline_ns, const detail::Execution& execution);
  void park_in(detail::ReplyTarget& call);

  Parker* parker_;
  detail::Books* books_;  // of the isolate that waits
  const uint64_t isolate_id_;
  const int64_t deadline_ns_;
  detail::ReplyTarget* noted_in_ = nullptr;  // the call that has it as who waits
  sync::atomic<uint32_t> claim_{static_cast<uint32_t>(Outcome::waiting)};
};

// Waiters in the order in which they came. Thread safety: under its owner's lock.
class WaiterQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  void push(WaitNode& node);
  void remove(WaitNode& node);  // no effect if it is not queued
  // The first whose waiter could be claimed with `how`, taken out; those that were claimed by
  // others are dropped on the way. nullptr: none. The caller then wakes node->waiter.
  WaitNode* claim_first(Outcome how) { return head_ == nullptr ? nullptr : claim_next(how); }
  // Takes this one out; true if its waiter could be claimed.
  bool claim(WaitNode& node, Outcome how);
  // The first that nobody has claimed yet; those before it are dropped.
  WaitNode* first_waiting() { return head_ == nullptr ? nullptr : next_waiting(); }
  // Calls `visit` with each waiter that nobody has claimed yet.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const WaitNode* node = head_; node != nullptr; node = node->next)
      if (node->waiter->outcome() == Outcome::waiting) visit(*node->waiter);
  }

 private:
  WaitNode* claim_next(Outcome how);
  WaitNode* next_waiting();

  WaitNode* head_ = nullptr;
  WaitNode* tail_ = nullptr;
};

namespace detail {

// Waiters that were claimed under a lock and are woken after it was dropped.
class ToWake {
 public:
  ToWake() = default;
  ~ToWake() { wake_all(); }
  ToWake(const ToWake&) = delete;
  ToWake& operator=(const ToWake&) = delete;

  void add(WaitNode* node) {
    node->next = first_;
    first_ = node;
  }
  void claim_all(WaiterQueue& queue, Outcome how) {
    while (WaitNode* node = queue.claim_first(how)) add(node);
  }
  void wake_all() {
    while (first_ != nullptr) {
      WaitNode* node = first_;
      first_ = node->next;  // the node may be gone as soon as its waiter is woken
      node->waiter->wake();
    }
  }

 private:
  WaitNode* first_ = nullptr;
};

}  // namespace detail

// Thrown at a suspension point of an actor that is being ended. No std::exception, so that
// handlers of ordinary errors don't catch it. Sticky: each later suspension throws again.
struct Cancelled {};

namespace detail {

// Nobody asks where it was thrown.
[[noreturn]] inline void throw_cancelled() {
  const TraceThrows silent(false);
  throw Cancelled{};
}

// Counts an operation that need not wait. Code that never has to wait lets others go first every
// kStepsBeforeYield of them: else an actor that only sends would keep its worker for ever.
[[gnu::always_inline]] inline void count_step() {
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
