// Which carrier runs next, and what happens right before Boost switches to it.
#include <isola/actors/algorithm.h>
#include <isola/actors/dispatcher.h>
#include <isola/actors/outside.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/context/frame.h>
#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace isola::detail {

namespace bf = boost::fibers;

namespace {

// Parts of Worker::next_context(): for the compiler one function, unless a sanitizer instruments
// some of them.
#if defined(ISOLA_TSAN) || defined(ISOLA_ASAN)
#define ISOLA_PART_OF_SWITCH
#define ISOLA_LAST_PART_OF_SWITCH ISOLA_NOT_SANITIZED
#else
#define ISOLA_PART_OF_SWITCH inline __attribute__((always_inline))
#define ISOLA_LAST_PART_OF_SWITCH ISOLA_PART_OF_SWITCH
#endif

// Everything of a switch that Boost does not do. Not instrumented, and nothing instrumented runs
// between this and the switch, so the sanitizers see it as one step.
ISOLA_LAST_PART_OF_SWITCH void announce_switch(ExceptionState* thread_state, Carrier* from,
                                               Carrier* to) {
  from->exceptions = *thread_state;
  *thread_state = to->exceptions;
#ifdef ISOLA_ASAN
  __sanitizer_start_switch_fiber(&from->asan_fake_stack, to->stack_bottom, to->stack_bytes);
  __sanitizer_finish_switch_fiber(to->asan_fake_stack, &from->stack_bottom, &from->stack_bytes);
#endif
#ifdef ISOLA_TSAN
  from->tsan_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
}

// Drops the last reference to a carrier's context, which ends on its own stack.
ISOLA_NOT_SANITIZED void release_context(Carrier* carrier, [[maybe_unused]] Carrier* main) {
  bf::context* context = carrier->context;
#ifdef ISOLA_TSAN
  void* fiber = carrier->tsan_fiber;
  __tsan_switch_to_fiber(fiber, 0);
#endif
  intrusive_ptr_release(context);
#ifdef ISOLA_TSAN
  __tsan_switch_to_fiber(main->tsan_fiber, 0);
  __tsan_destroy_fiber(fiber);
#endif
}

}  // namespace

// --- what Boost calls ---------------------------------------------------------------------------

void Algorithm::awakened(bf::context* context) noexcept {
  if (worker == nullptr) {
    if (context->is_context(bf::type::dispatcher_context)) dispatcher = context;
    return;
  }
  worker->awakened(context);
}

ISOLA_NOT_SANITIZED bf::context* Algorithm::pick_next() noexcept {
  return worker == nullptr ? std::exchange(dispatcher, nullptr) : worker->next_context();
}

bool Algorithm::has_ready_fibers() const noexcept {
  return worker != nullptr ? worker->dispatcher_ != nullptr || !worker->woken_.empty()
                           : dispatcher != nullptr;
}

void Algorithm::suspend_until(std::chrono::steady_clock::time_point const& deadline) noexcept {
  if (worker == nullptr) return;
  worker->sleep_until(
      deadline == std::chrono::steady_clock::time_point::max()
          ? kNoDeadline
          : std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch())
                .count());
}

void Algorithm::notify() noexcept {
  if (worker != nullptr) worker->notify();
}

// --- the worker's side --------------------------------------------------------------------------

namespace {

// A fiber that code of an actor, or of a thread, makes is a task of it: it begins in its context,
// and what it binds itself is its own.
void begin_as_task(Carrier& carrier) noexcept {
  const Execution& maker = Execution::current();
  carrier.execution.clock = maker.clock;
  carrier.execution.isolate_id = maker.isolate_id;
  carrier.execution.thread_id = maker.thread_id;
  carrier.execution.deadline_ns = maker.deadline_ns;
  if (maker.bindings == nullptr && maker.inherited == nullptr) return;
  try {
    carrier.begins_with = std::make_unique<RootContext>(capture(), carrier.execution);
  } catch (const std::exception&) {
    // Without memory it begins without a context.
  }
}

}  // namespace

void Worker::awakened(bf::context* context) {
  if (context->is_context(bf::type::dispatcher_context)) {
    dispatcher_ = context;
    return;
  }
  if (context->get_properties() == nullptr) {
    // A fiber that a user made on this thread: it gets a record, and our own reference, so that
    // Boost never ends it unannounced.
    auto* carrier = new Carrier(context, *this);
    begin_as_task(*carrier);
#ifdef ISOLA_TSAN
    carrier->tsan_fiber = __tsan_create_fiber(0);
#endif
    intrusive_ptr_add_ref(context);
    adopted_.push_back(carrier);
    context->set_properties(carrier);
  }
  link_woken(*context);
}

ISOLA_PART_OF_SWITCH bf::context* Worker::choose_next() {
  if (boost_notified_.load(sync::memory_order_relaxed) && dispatcher_ != nullptr) {
    boost_notified_.store(false, sync::memory_order_relaxed);
    return std::exchange(dispatcher_, nullptr);
  }
  drain_remote();
  const bool stopping = stop_.load(sync::memory_order_acquire);
  if (stopping) begin_stop();
  const bool actors_ready = ready_count_.load(sync::memory_order_relaxed) > 0 && !stopping;
  if (woken_.empty() && !actors_ready) fire_timers();
  bf::context* next = nullptr;
  const bool actors_first =
      actors_ready && idle_ != nullptr && (owes_turns() || ++woken_in_a_row_ > kWokenInARow);
  if (!woken_.empty() && !actors_first) {
    next = &woken_.front();
    woken_.pop_front();
    has_else_to_do_ = stopping_ || !woken_.empty();
  } else if (actors_ready || (stopping && idle_ != nullptr)) {
    woken_in_a_row_ = 0;
    // Whoever parks has made sure of a spare one; only Boost's own primitives park without.
    Carrier* carrier = idle_ != nullptr || ensure_spare_carrier() ? idle_ : nullptr;
    if (carrier != nullptr) {
      idle_ = carrier->next;
      carrier->next = nullptr;
      next = carrier->context;
    }
  }
  if (next == nullptr) return std::exchange(dispatcher_, nullptr);
  if (next == running_->context && dispatcher_ != nullptr) {
    // Boost can't resume the context that runs: go round through the dispatcher.
    if (running_->going_idle) {
      running_->next = idle_;
      idle_ = running_;
    } else {
      woken_.push_front(*next);
      has_else_to_do_ = true;
    }
    return std::exchange(dispatcher_, nullptr);
  }
  return next;
}

ISOLA_NOT_SANITIZED bf::context* Worker::next_context() {
  bf::context* next = choose_next();
  if (next == nullptr) return nullptr;
  // The dispatcher and main share a record: Boost switches between them without telling us.
  Carrier* to = next->is_context(bf::type::dispatcher_context) ? main_ : Carrier::of(next);
  Carrier* from = running_;
  if (to == from) return next;
  running_ = to;
  in_turn_.store(to->execution.cell, sync::memory_order_release);
  from->message_type = message_type_.load(sync::memory_order_relaxed);
  message_type_.store(to->message_type, sync::memory_order_relaxed);
  from->current = Execution::current_or_null();
  Execution::set_current(to == main_ ? nullptr : to->current);
  announce_switch(exceptions_, from, to);
  return next;
}

// As context::suspend() of Boost, which gets here by its scheduler. Idle carriers and those in a
// turn leave their stacks by this one call: a processor expects a return to be to where the last
// call came from, also if it is to another stack, and here it is.
ISOLA_NOT_SANITIZED void Worker::switch_away() {
  do {
    next_context()->resume();
  } while (running_->going_idle && loop());
}

inline void Worker::suspend() {
  drain_remote();
  if (!woken_.empty() && running_->context->ready_is_linked()) [[unlikely]] {
    running_->context->ready_unlink();  // it was woken before it slept
    has_else_to_do_ = stopping_ || !woken_.empty();
    return;
  }
  switch_away();
}

void Worker::yield() {
  drain_remote();
  if (stop_.load(sync::memory_order_acquire)) begin_stop();
  fire_timers();
  count_turn();
  const bool others = anything_ready() || boost_notified_.load(sync::memory_order_relaxed);
  Execution& execution = Execution::current();
  // A callback of a frame, which must not be suspended, goes on.
  const bool may_wait = !running_->execution.cancelled && execution.in_switch == 0;
  if (others && may_wait && ensure_spare_carrier()) {
    const Suspension suspension(execution);
    owed_until_turn_ = turns_.load(sync::memory_order_relaxed) +
                       std::min(ready_count_.load(sync::memory_order_relaxed), kTurnsForYield);
    running_->context->yield();
  }
  if (running_->execution.cancelled && std::uncaught_exceptions() == 0) throw_cancelled();
}

int64_t Worker::fire_timers() {
  if (timers_.empty()) return kNoDeadline;
  timers_.fire(runtime_.clock().now_ns());
  return timers_.next_ns();
}

void Worker::sleep_until(int64_t boost_deadline_ns) {
  drain_remote();
  int64_t next_timer_ns = fire_timers();
  if (anything_ready()) return;
  if (runtime_.options().seed && next_timer_ns != kNoDeadline) {
    // Virtual time: nothing can happen before the next timer, so it is that time now.
    runtime_.advance_clock(next_timer_ns);
    fire_timers();
    return;
  }
  const int64_t deadline_ns = std::min(boost_deadline_ns, next_timer_ns);
  if (window_.settles) (void)is_in_vain();
  cache_->uses().drop_all();  // what it has in hand may be the last of it
  const int64_t begin_ns = SteadyClock::instance().now_ns();
  sleep_.announce();
  its_dispatcher_.worker_sleeps(+1);
  bool arrived = !is_planted(Planted::lost_wake_up) && anything_arrived();
  for (uint32_t spin = 0; spin < runtime_.spins() && !arrived; ++spin) {
    sync::relax_processor();
    arrived = anything_arrived();
  }
  const int64_t limit_ns =
      deadline_ns == kNoDeadline ? -1 : deadline_ns - SteadyClock::instance().now_ns();
  if (arrived) took(Transition::saw_something_before_it_slept);
  if (!arrived && (limit_ns > 0 || deadline_ns == kNoDeadline)) {
    sleep_.park(limit_ns);
    ++window_.sleeps;
  }
  // What was before it slept says nothing of what comes: it looks again after a turn.
  last_look_ns_ = SteadyClock::instance().now_ns();
  window_.slept_ns += last_look_ns_ - begin_ns;
  backlog_since_ns_ = 0;
  were_long_ = false;
  turns_of_look_ = turns_until_look_ = 1;
  its_dispatcher_.worker_sleeps(-1);
  runtime_.monitor().worker_wakes();
  sleep_.end();
}

void Worker::notify() {
  boost_notified_.store(true, sync::memory_order_seq_cst);
  attention_.store(true, sync::memory_order_release);
  sleep_.wake();
}

bool Worker::make_spare_carrier() {
  if (live_carriers_ >= runtime_.carriers_max() || happens(Fault::no_carrier)) return false;
  try {
    Carrier* carrier = make_carrier();
    carrier->next = idle_;
    idle_ = carrier;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

Carrier* Worker::make_carrier() {
  const Outside outside;  // it outlives the actor that needs it
  // First all that may fail: a context can't be taken back.
  if (carriers_.size() == carriers_.capacity())
    carriers_.reserve(std::max<size_t>(8, 2 * carriers_.size()));
  struct Memory {
    Carrier* const place = std::allocator<Carrier>().allocate(1);
    bool is_used = false;
    ~Memory() {
      if (!is_used) std::allocator<Carrier>().deallocate(place, 1);
    }
  } memory;
  boost::context::stack_context stack = stacks_.allocate();
#ifdef ISOLA_TSAN
  void* self = __tsan_get_current_fiber();
  void* fiber = __tsan_create_fiber(0);
  __tsan_switch_to_fiber(fiber, 0);
#endif
#ifdef ISOLA_ASAN
  // Boost begins the new stack while it makes the context. What lies there must not be in the fake
  // stack of this one, where it would be taken for dead as soon as somebody throws here.
  void* own_fake_stack;
  void* new_fake_stack;
  const void* own_bottom;
  size_t own_bytes;
  __sanitizer_start_switch_fiber(&own_fake_stack, static_cast<char*>(stack.sp) - stack.size,
                                 stack.size);
  __sanitizer_finish_switch_fiber(nullptr, &own_bottom, &own_bytes);
#endif
  struct Given {  // hands over the stack that we have, so that we know its bounds
    boost::context::stack_context stack;
    StackPool* pool;
    boost::context::stack_context allocate() { return stack; }
    void deallocate(boost::context::stack_context& s) noexcept { pool->deallocate(s); }
  };
  auto context = bf::make_worker_context(bf::launch::post, Given{stack, &stacks_}, [this] {
    if (loop()) switch_away();
    if (--live_carriers_ == 0) unpark(*main_);
  });
#ifdef ISOLA_TSAN
  __tsan_switch_to_fiber(self, 0);
#endif
#ifdef ISOLA_ASAN
  __sanitizer_start_switch_fiber(&new_fake_stack, own_bottom, own_bytes);
  __sanitizer_finish_switch_fiber(own_fake_stack, nullptr, nullptr);
#endif
  auto* carrier = new (memory.place) Carrier(context.get(), *this);
  memory.is_used = true;
#ifdef ISOLA_TSAN
  carrier->tsan_fiber = fiber;
#endif
#ifdef ISOLA_ASAN
  carrier->stack_bottom = static_cast<char*>(stack.sp) - stack.size;
  carrier->stack_bytes = stack.size;
  carrier->asan_fake_stack = new_fake_stack;
#endif
  carrier->execution.clock = &runtime_.clock();
  carrier->execution.random_state =
      runtime_.options().seed.value_or(index_ + 1) + live_carriers_ * 0x9e3779b97f4a7c15u;
  context->set_properties(carrier);
  bf::context::active()->attach(context.get());
  context.detach();  // our own reference: Boost's is never the last one
  carriers_.push_back(carrier);
  ++live_carriers_;
  return carrier;
}

void Worker::release_carriers() {
  main_->context->yield();  // lets the dispatcher drop its references
  for (Carrier* carrier : adopted_) release_context(carrier, main_);
  for (Carrier* carrier : carriers_) release_context(carrier, main_);
  adopted_.clear();
  carriers_.clear();
  algorithm_->dispatcher = dispatcher_;
  algorithm_->worker = nullptr;  // the scheduler still calls it while the thread ends
}

void Carrier::park(Waiter& waiter, int64_t deadline_ns) {
  if (execution.cancelled) {
    if (waiter.claim(Outcome::cancelled)) return;
  } else if (!worker.ensure_spare_carrier()) {
    if (waiter.claim(Outcome::refused)) return;
  }
  waiting = &waiter;
  if (deadline_ns == kNoDeadline) {
    worker.suspend();
  } else {
    WaitTimer timer(deadline_ns, waiter);
    worker.timers().add(timer);
    worker.suspend();
  }
  waiting = nullptr;
}

void Carrier::yield() { worker.yield(); }

void Carrier::unpark(Waiter&) { worker.unpark(*this); }

void Carrier::cancel() {
  execution.cancelled = true;
  execution.dropped_heap = execution.cell->heap.get();
  if (waiting != nullptr && waiting->claim(Outcome::cancelled)) worker.unpark(*this);
}

}  // namespace isola::detail
