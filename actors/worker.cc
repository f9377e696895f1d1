// The loop of a worker, and a turn.
#include "worker.h"

#include <isola/actors/algorithm.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/runtime.h>
#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>

#include <cxxabi.h>

#include <utility>

#define ISOLA_HOT inline __attribute__((always_inline))

namespace isola::detail {

Worker::Worker(Runtime& runtime, Dispatcher& dispatcher, uint32_t index)
    : runtime_(runtime),
      its_dispatcher_(dispatcher),
      index_(index),
      stacks_(runtime.options().stack_bytes) {
  if (runtime.options().seed) choice_ = std::make_unique<SeededChoice>(*runtime.options().seed);
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = sync::Thread([this] { main(); });
}

void Worker::stop() {
  stop_.store(true, sync::memory_order_seq_cst);
  sleep_.wake();
}

void Worker::main() {
  current_ = this;
  its_dispatcher_.bind_thread();
  cache_ = std::make_unique<PoolCache>(runtime_.pool());
  PoolCache::set_current(cache_.get());
  exceptions_ = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
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
  // Every blocked turn is unwound; Boost's own primitives can't be cancelled and are waited for.
  for (Carrier* carrier : carriers_)
    if (carrier->execution.cell != nullptr) carrier->cancel();
}

void Worker::end_in_handler(ActorCell& cell, Block* block, Error failure) {
  running_->execution.inherited = cell.root_context;
  if (block != nullptr) {
    if (ReplyTarget* reply = std::exchange(block->envelope.reply, nullptr))
      reply->fail(failure ? failure : Error(Code::no_such_actor));
  }
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  runtime_.end_actor(cell, std::move(failure));
  if (block != nullptr) release(block);
}

bool Worker::obey_signals(ActorCell& cell) {
  const uint32_t signals = cell.signals.load(sync::memory_order_acquire);
  if ((signals & kRunJob) != 0) {
    cell.signals.fetch_and(~uint32_t{kRunJob}, sync::memory_order_acq_rel);
    run_job(cell);
  }
  if ((signals & kRoom) != 0) cell.make_room();
  if ((signals & (kStop | kKill)) == 0) return false;
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  runtime_.end_actor(cell, Error());
  return true;
}

// --- the hot path: one function for the compiler, so a turn costs no calls of our own ------------

ISOLA_HOT ActorCell* Worker::next_ready() {
  drain_remote();
  Inside inside(gate_);
  const uint32_t count = ready_count_.load(sync::memory_order_relaxed);
  ActorCell* cell =
      lanes_.size() > 0 ? lanes_.next(ready_head_ != nullptr, choice_.get()) : nullptr;
  if (cell != nullptr) {
    // One of another priority goes first.
  } else if (cell = ready_head_; cell == nullptr) {
    return nullptr;
  } else if (choice_ != nullptr) [[unlikely]] {
    ActorCell* before = nullptr;
    for (size_t steps = choice_->choose(count - lanes_.size()); steps > 0; --steps) {
      before = cell;
      cell = cell->next_ready;
    }
    (before != nullptr ? before->next_ready : ready_head_) = cell->next_ready;
    if (ready_tail_ == cell) ready_tail_ = before;
  } else {
    ready_head_ = cell->next_ready;
    if (ready_head_ == nullptr) ready_tail_ = nullptr;
  }
  ready_count_.store(count - 1, sync::memory_order_relaxed);
  pinned_ready_ -= cell->pinned;
  cell->activity.store(Activity::turn, sync::memory_order_relaxed);
  return cell;
}

ISOLA_HOT void Worker::settle(ActorCell& cell) {
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  Inside inside(gate_);
  if (cell.inbox.waiting() > 0 || cell.signals.load(sync::memory_order_relaxed) != 0)
    make_ready(cell);
  else
    // What comes now, or lies on the stack already, is notified.
    cell.activity.store(Activity::idle, sync::memory_order_relaxed);
}

ISOLA_HOT void Worker::handle_messages(ActorCell& cell, Execution& execution) {
  const BehaviourType& type = *cell.type.load(sync::memory_order_relaxed);
  for (uint32_t left = kTurnMessages; left > 0; --left) {
    Block* block = cell.inbox.pop();
    if (block == nullptr) {
      cell.inbox.take();
      block = cell.inbox.pop();
      if (block == nullptr) break;
    }
    const Envelope& envelope = block->envelope;
    execution.inherited = envelope.context != nullptr ? envelope.context : cell.root_context;
    execution.deadline_ns = envelope.deadline_ns;
    block->set_state(BlockState::delivered);
    cell.books.count_message();
    if (envelope.deadline_ns != kNoDeadline && envelope.reply != nullptr &&
        runtime_.clock().now_ns() >= envelope.deadline_ns) [[unlikely]] {
      std::exchange(block->envelope.reply, nullptr)->fail(Error(Code::timeout));
    } else {
      const MessageType* message_type = block->type;
      message_type_.store(message_type, sync::memory_order_relaxed);
      try {
        type.receive(cell.behaviour, block);
      } catch (const Cancelled&) {
        return end_in_handler(cell, block, Error());
      } catch (...) {
        return end_in_handler(
            cell, block,
            capture_exception(runtime_.pool(), {cell.label(), execution.isolate_id, message_type}));
      }
    }
    // The context of a call ends with its handler.
    execution.inherited = cell.root_context;
    if (block != nullptr) release(block);
    if (cell.signals.load(sync::memory_order_relaxed) != 0 && obey_signals(cell)) return;
  }
  settle(cell);
}

ISOLA_HOT void Worker::turn(ActorCell& cell) {
  Carrier& carrier = *running_;
  Execution& execution = carrier.execution;
  const BehaviourType& type = *cell.type.load(sync::memory_order_relaxed);
  execution.cell = &cell;
  execution.isolate_id = cell.id.load(sync::memory_order_relaxed);
  execution.resources = &cell.resources;
  execution.books = &cell.books;
  execution.inherited = cell.root_context;
  execution.deadline_ns = kNoDeadline;
  carrier.cancelled = false;
  if (happens(Fault::killed)) cell.signals.fetch_or(kKill, sync::memory_order_relaxed);
  cell.carrier.store(&carrier, sync::memory_order_relaxed);
  in_turn_.store(&cell, sync::memory_order_release);
  turns_.store(turns_.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
  // Relaxed: whoever sets a signal notifies afterwards. That is heeded between turns, or while
  // this one is suspended; a signal that was heeded before is seen here.
  if (cell.signals.load(sync::memory_order_relaxed) == 0 || !obey_signals(cell)) {
    if (type.run != nullptr) {
      Error reason;
      try {
        type.run(cell.behaviour);
      } catch (const Cancelled&) {
      } catch (...) {
        reason = capture_exception(runtime_.pool(), {cell.label(), execution.isolate_id, nullptr});
      }
      cell.carrier.store(nullptr, sync::memory_order_relaxed);
      runtime_.end_actor(cell, std::move(reason));
    } else {
      handle_messages(cell, execution);
    }
  }
  // The rest of it is set by the next turn.
  execution.cell = nullptr;
  in_turn_.store(nullptr, sync::memory_order_release);
}

void Worker::loop() {
  for (;;) {
    if (stop_.load(sync::memory_order_acquire)) {
      begin_stop();
      return;
    }
    ActorCell* cell = next_ready();
    if (cell == nullptr) {
      turns_owed_ = 0;
      go_idle();
      continue;
    }
    if (turns_owed_ > 0) --turns_owed_;
    turn(*cell);
    if (ready_count_.load(sync::memory_order_relaxed) > 0 && its_dispatcher_.sleeping_workers() > 0)
      share();
    count_turn();
    if (boost_notified_.load(sync::memory_order_relaxed)) {
      running_->context->yield();
    } else if (!woken_.empty() && turns_owed_ == 0) {
      go_idle();
    }
  }
}

// --- from other threads -------------------------------------------------------------------------

void Worker::tell(ActorCell& cell) {
  if (notified_.push(cell)) sleep_.wake();
  if (ended_.load(sync::memory_order_seq_cst)) drop_notified();
}

void Worker::unpark(Carrier& carrier) {
  if (current_ == this) {
    carrier.context->ready_link(woken_);
    return;
  }
  if (remote_woken_.push(carrier)) sleep_.wake();
}

// Relaxed: a recent value. Only this thread adds to it.
bool Worker::anything_ready() const {
  return ready_count_.load(sync::memory_order_relaxed) > 0 || !woken_.empty();
}

bool Worker::anything_arrived() const {
  return !notified_.empty() || !remote_woken_.empty() ||
         boost_notified_.load(sync::memory_order_seq_cst) ||
         (stop_.load(sync::memory_order_seq_cst) && idle_ != nullptr);
}

void Worker::take_remote() {
  ActorCell* cell = notified_.seems_empty() ? nullptr : notified_.take();
  while (cell != nullptr) {
    ActorCell* next = cell->next_notified;
    heed(*cell);
    cell = next;
  }
  Carrier* carrier = remote_woken_.seems_empty() ? nullptr : remote_woken_.take();
  while (carrier != nullptr) {
    Carrier* next = std::exchange(carrier->next, nullptr);
    carrier->context->ready_link(woken_);
    carrier = next;
  }
}

void Worker::heed(ActorCell& cell) {
  {
    Inside inside(gate_);
    heed_inside(cell);
  }
  cell.drop();
}

void Worker::heed_inside(ActorCell& cell) {
  // First this: what is set or pushed from now on is notified anew.
  cell.inbox.acknowledge();
  if ((cell.signals.load(sync::memory_order_relaxed) & kRoom) != 0) cell.make_room();
  const uint32_t signals = cell.signals.load(sync::memory_order_relaxed);
  switch (cell.activity.load(sync::memory_order_relaxed)) {
    case Activity::moving:
      return make_ready(cell);
    case Activity::idle:
      if (cell.inbox.waiting() == 0 && signals == 0) return;
      if (Worker* other = better_home(cell))
        give(cell, *other);
      else
        make_ready(cell);
      return;
    case Activity::turn: {
      // A turn that is blocked has to be cancelled where it is.
      const BehaviourType* type = cell.type.load(sync::memory_order_relaxed);
      Carrier* carrier = cell.carrier.load(sync::memory_order_relaxed);
      const bool cancels = (signals & kKill) != 0 ||
                           ((signals & kStop) != 0 && type != nullptr && type->run != nullptr);
      if (cancels && carrier != nullptr) carrier->cancel();
      if (is_planted(Planted::double_schedule)) make_ready(cell);
      return;
    }
    case Activity::ready:
      return;  // its turn begins with a look at all of it
  }
}

Inbox::Push Worker::push_here(ActorCell& cell, Block& block) {
  Inside inside(gate_);
  if (cell.home.load(sync::memory_order_acquire) != this)  // it was taken away just now
    return cell.inbox.push(&block, cell.inbox_max);
  if (cell.inbox.closed()) return Inbox::Push::closed;
  if (!is_planted(Planted::reordered_by_move)) cell.inbox.take();
  const bool full = cell.inbox.waiting() >= cell.inbox_max;
  if (!full) cell.inbox.append(&block);
  // Even if full: who made it elsewhere does not tell us of what was just taken.
  if (cell.activity.load(sync::memory_order_relaxed) == Activity::idle) make_ready(cell);
  return full ? Inbox::Push::full : Inbox::Push::pushed;
}

void Worker::made(ActorCell& cell) { settle(cell); }

void Worker::begin(ActorCell& cell) {
  Inside inside(gate_);
  make_ready(cell);
}

}  // namespace isola::detail
