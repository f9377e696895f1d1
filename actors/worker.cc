// The loop of a worker, and a turn.
#include "worker.h"

#include <isola/actors/algorithm.h>
#include <isola/actors/crash.h>
#include <isola/actors/runtime.h>
#include <isola/actors/turn_span.h>
#include <isola/channels/call.h>
#include <isola/context/frame.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/apart.h>
#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>
#include <isola/serialization/throw_trace.h>

#include <utility>

#define ISOLA_HOT inline __attribute__((always_inline))

namespace isola::detail {

Worker::Worker(Runtime& runtime, Dispatcher& dispatcher, uint32_t index)
    : runtime_(runtime),
      its_dispatcher_(dispatcher),
      index_(index),
      stacks_(runtime.options().stack_bytes) {
  if (runtime.options().seed) choice_ = std::make_unique<SeededChoice>(*runtime.options().seed);
#ifdef ISOLA_SIMULATED
  if (ready_actors_are_drawn) choice_ = std::make_unique<SimulatedChoice>();
#endif
  by_rule_ = choice_ != nullptr;
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = sync::Thread([this] { main(); });
}

void Worker::stop() {
  stop_.store(true, sync::memory_order_seq_cst);
  notify();
}

void Worker::main() {
  current_ = this;
  const SignalStack signals_go_there;
  const TraceThrows traces;
  its_dispatcher_.bind_thread();
  cache_ = std::make_unique<PoolCache>(runtime_.pool());
  PoolCache::set_current(cache_.get());
  exceptions_ = &ExceptionState::of_thread();
  auto* context = boost::fibers::context::active();
  main_ = new Carrier(context, *this);
#ifdef ISOLA_TSAN
  main_->tsan_fiber = __tsan_get_current_fiber();
#endif
  context->set_properties(main_);
  running_ = main_;
  algorithm_ = new Algorithm(*this);
  context->get_scheduler()->set_algo(algorithm_);
  Carrier* first = make_carrier();
  first->next = idle_;
  idle_ = first;
  context->suspend();  // until the last carrier has left
  ISOLA_CHECK(live_carriers_, ==, 0u);
  release_carriers();
  runtime_.give_back(free_slots_);
  PoolCache::set_current(nullptr);
  cache_.reset();
  stacks_.clear();
  current_ = nullptr;
  ended_.store(true, sync::memory_order_seq_cst);
  drop_notified();
}

void Worker::drop_notified() {
  ActorCell* cell = notified_.take();
  while (cell != nullptr) {
    ActorCell* next = cell->next_notified;
    cell->drop();
    cell = next;
  }
}

void Worker::begin_stop() {
  if (std::exchange(stopping_, true)) return;
  has_else_to_do_ = true;
  // Every blocked turn is unwound; Boost's own primitives can't be cancelled and are waited for.
  for (Carrier* carrier : carriers_)
    if (carrier->execution.cell != nullptr) carrier->cancel();
}

// --- the hot path: one function for the compiler, so a turn costs no calls of our own ------------

ActorCell* Worker::next_by_rule() {
  ActorCell* cell =
      lanes_.size() > 0 ? lanes_.next(ready_head_ != nullptr, choice_.get()) : nullptr;
  if (cell == nullptr && ready_head_ != nullptr) {
    const uint32_t normal = ready_count_.load(sync::memory_order_relaxed) - lanes_.size();
    ActorCell* before = nullptr;
    cell = ready_head_;
    for (size_t steps = choice_ != nullptr ? choice_->choose(normal) : 0; steps > 0; --steps) {
      before = cell;
      cell = cell->next_ready;
    }
    (before != nullptr ? before->next_ready : ready_head_) = cell->next_ready;
    if (ready_tail_ == cell) ready_tail_ = before;
  }
  by_rule_ = choice_ != nullptr || lanes_.size() > 0;
  return cell;
}

// Has what a turn reads first fetched into the cache while another one runs: the rest of the slot,
// its first message, and the slot behind it. Inside of the gate.
ISOLA_HOT void fetch_in_advance(const ActorCell& cell) {
  __builtin_prefetch(&cell.signals);
  __builtin_prefetch(cell.next_ready);
  const Block* block = cell.inbox.first();
  if (block == nullptr) return;
  __builtin_prefetch(block);
  __builtin_prefetch(&block->envelope);
}

// Inside of the gate.
ISOLA_HOT ActorCell* Worker::next_inside() {
  ActorCell* cell;
  if (by_rule_) [[unlikely]] {
    cell = next_by_rule();
    if (cell == nullptr) return nullptr;
  } else {
    cell = ready_head_;
    if (cell == nullptr) return nullptr;
    ready_head_ = cell->next_ready;
    if (ready_head_ != nullptr) fetch_in_advance(*ready_head_);
  }
  ready_count_.store(ready_count_.load(sync::memory_order_relaxed) - 1, sync::memory_order_relaxed);
  cell->activity.store(Activity::turn, sync::memory_order_relaxed);
  took(Transition::ready_to_turn);
  return cell;
}

ISOLA_HOT ActorCell* Worker::next_ready() {
  drain_remote();
  Inside inside(gate_);
  return next_inside();
}

// Inside of the gate.
ISOLA_HOT void Worker::settle_inside(ActorCell& cell) {
  if (cell.inbox.waiting() > 0 || cell.signals.load(sync::memory_order_relaxed) != 0) [[unlikely]]
    return make_ready_again(cell);
  // What comes now, or lies on the stack already, is notified.
  cell.activity.store(Activity::idle, sync::memory_order_relaxed);
  took(Transition::turn_to_idle);
}

void Worker::settle(ActorCell& cell) {
  Inside inside(gate_);
  settle_inside(cell);
}

// The same, and the next one is taken while the gate is passed.
ISOLA_HOT ActorCell* Worker::settle_and_next(ActorCell& cell) {
  Inside inside(apart(gate_));
  settle_inside(cell);
  return next_inside();
}

// True if nobody waits for the answer any more.
ISOLA_HOT bool Worker::is_late(const Envelope& envelope) const {
  return is_cancelled(*envelope.reply) ||
         (envelope.deadline_ns != kNoDeadline && runtime_.clock().now_ns() >= envelope.deadline_ns);
}

void Worker::receive_in_span(ActorCell& cell, const BehaviourType& type, Block*& block) {
  const SpanOfTurn span(cell, block->type);
  type.receive(cell.behaviour, block);
}

// The message comes in a context, or its actor has one: the handler works in that.
ISOLA_HOT void Worker::receive_in_context(ActorCell& cell, const BehaviourType& type, Block*& block,
                                          Execution& execution) {
  Block*& context = block->envelope.context;
  if (const CellExtras* extras = cell.extras();
      context != nullptr && extras != nullptr && extras->accepts != nullptr) [[unlikely]]
    extras->accepts->apply(context, runtime_.pool());
  execution.set_inherited(context != nullptr ? context : cell.root_context);
  if (runtime_.tells_spans() && execution.inherited != nullptr) [[unlikely]]
    receive_in_span(cell, type, block);
  else
    type.receive(cell.behaviour, block);
  execution.call = nullptr;
  end_turn_frame(execution);  // its cleanups still are in the context of the call, which ends here
  execution.set_inherited(cell.root_context);
}

// True if the actor is alive, and is to be settled.
ISOLA_HOT bool Worker::handle_messages(ActorCell& cell, const BehaviourType& type,
                                       Execution& execution) {
  uint32_t handled = 0;
  do {
    Block* block = cell.inbox.pop();
    if (block == nullptr) {
      if (cell.inbox.quiet()) break;
      count_fetched(cell.inbox.take());
      block = cell.inbox.pop();
      if (block == nullptr) break;
    }
    // Who signals notifies, too, so it is heeded by the end of the turn at the latest.
    if (handled != 0 && cell.signals.load(sync::memory_order_relaxed) != 0) [[unlikely]] {
      cell.inbox.put_back(block);
      if (obey_signals(cell)) return false;
      if (cell.inbox.waiting() == 0) break;
      block = cell.inbox.pop();
    }
    ++handled;
    if (cell.short_way_max == 0) [[unlikely]]
      cell.give_room_of(*block);
    Envelope& envelope = block->envelope;
    execution.deadline_ns = envelope.deadline_ns;
    block->set_state(BlockState::delivered);
    cell.books.count_message();
    if (envelope.reply != nullptr && is_late(envelope)) [[unlikely]] {
      const bool cancelled = is_cancelled(*envelope.reply);
      std::exchange(block->envelope.reply, nullptr)
          ->fail(Error(cancelled ? Code::cancelled : Code::timeout));
    } else {
      execution.call = envelope.reply;
      const MessageType* message_type = block->type;
      message_type_.store(message_type, sync::memory_order_relaxed);
      bool ended = false;
      Block* left = block;  // unless the handler keeps it
      try {
        if (envelope.context != nullptr || cell.root_context != nullptr) [[unlikely]]
          receive_in_context(cell, type, left, execution);
        else
          type.receive(cell.behaviour, left);
      } catch (const Cancelled&) {
        ended = true;
      } catch (...) {
        running_->failure = capture_exception(runtime_.pool(), cell.failed_at(message_type));
        ended = true;
      }
      execution.call = nullptr;
      // Not before the exception is gone: it may hold memory of the heap that ends.
      if (ended) [[unlikely]] {
        Error failure = std::move(running_->failure);
        end_turn_frame(execution);
        end_in_handler(cell, left, std::move(failure));
        return false;
      }
      end_turn_frame(execution);
      block = left;
    }
    if (block != nullptr)
      release(block, *cache_);
    else
      give_kept_context(execution);
  } while (handled < kTurnMessages);
  messages_ += handled;
  return true;
}

// True if the actor is alive, and is to be settled.
ISOLA_HOT bool Worker::turn(ActorCell& cell) {
  Carrier& carrier = *running_;
  Execution& execution = carrier.execution;
  const BehaviourType& type = *cell.type.load(sync::memory_order_relaxed);
  execution.cell = &cell;
  execution.heap = nullptr;  // it is known once it is used
  execution.isolate_id = cell.id.load(sync::memory_order_relaxed);
  execution.resources = &cell.resources;
  execution.books = &apart(cell).books;
  execution.cancelled = 0;
  execution.begin_context(cell.root_context);
  execution.dropped_heap = nullptr;
  if (happens(Fault::killed)) cell.signals.fetch_or(kKill, sync::memory_order_relaxed);
  cell.carrier.store(&carrier, sync::memory_order_relaxed);
  in_turn_.store(&cell, sync::memory_order_release);
  // Relaxed: whoever sets a signal notifies afterwards. That is heeded between turns, or while
  // this one is suspended; a signal that was heeded before is seen here.
  if (apart(cell).signals.load(sync::memory_order_relaxed) != 0 && obey_signals(cell)) [[unlikely]]
    return false;
  if (type.run == nullptr) [[likely]]
    return handle_messages(cell, type, execution);
  run_function(cell, type);
  return false;
}

// Others are ready here while somebody sleeps; every so many turns, as it takes a look at the
// clock.
ISOLA_HOT bool Worker::is_to_share() {
  return its_dispatcher_.sleeping_workers() > 0 &&
         ready_count_.load(sync::memory_order_relaxed) > 0 && --turns_until_look_ <= 0;
}

// Acquire, by an exchange: what came before the call for attention that it takes is seen by the
// look that follows. What is missed, as its call comes later or was overwritten by that of another
// thread, is seen at the next one: that is at most kTurnsBetweenDispatches turns off, and none
// where nobody is ready.
bool Worker::looks_and_goes_on() {
  attention_.exchange(false, sync::memory_order_acquire);
  return may_go_on() && nothing_came();
}

// Until there is something else to do. True: the scheduler of Boost is to be looked after.
ISOLA_HOT bool Worker::take_turns() {
  ActorCell* cell = next_ready();
  for (;;) {
    if (cell == nullptr) {
      owed_until_turn_ = 0;
      return false;
    }
    if (turn(*cell)) [[likely]] {
      if (is_to_share()) [[unlikely]]
        share(cell->inbox.waiting() > 0);
      count_turn();
      if (goes_straight_on()) [[likely]] {
        cell = settle_and_next(*cell);
        if (cell != nullptr) continue;
      } else {
        settle(*cell);
      }
    } else {
      if (is_to_share()) share(false);
      count_turn();
    }
    // The rest of it is set by the next turn.
    running_->execution.cell = nullptr;
    in_turn_.store(nullptr, sync::memory_order_release);
    if (boost_notified_.load(sync::memory_order_relaxed)) return true;
    if (!may_go_on()) return false;
    cell = next_ready();
  }
}

bool Worker::loop() {
  Carrier* self = running_;
  self->going_idle = false;
  // Whoever stops it also notifies the scheduler of Boost, so it is looked at after a switch only.
  while (!stop_.load(sync::memory_order_acquire)) {
    if (take_turns()) {
      self->context->yield();
      continue;
    }
    self->next = idle_;
    idle_ = self;
    self->going_idle = true;
    return true;
  }
  begin_stop();
  return false;
}

void Worker::made(ActorCell& cell) { settle(cell); }

void Worker::begin(ActorCell& cell) {
  Inside inside(gate_);
  make_ready(cell);
}

}  // namespace isola::detail
