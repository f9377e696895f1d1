// The loop of a worker, and a turn.
#include "worker.h"

#include <isola/actors/algorithm.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/runtime.h>
#include <isola/serialization/check.h>

#include <cxxabi.h>

#include <utility>

#define ISOLA_HOT inline __attribute__((always_inline))

namespace isola::detail {

Worker::Worker(Runtime& runtime, uint32_t index)
    : runtime_(runtime), index_(index), stacks_(runtime.options().stack_bytes) {
  if (runtime.options().seed) choice_ = std::make_unique<SeededChoice>(*runtime.options().seed);
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = std::thread([this] { main(); });
}

void Worker::stop() {
  stop_.store(true, sync::memory_order_seq_cst);
  wake();
}

void Worker::main() {
  current_ = this;
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
  drop_cancels();
}

void Worker::drop_cancels() {
  ActorCell* cell = remote_cancels_.exchange(nullptr, sync::memory_order_acq_rel);
  while (cell != nullptr) {
    ActorCell* next = cell->next_cancel;
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
  if (block != nullptr) release(block);  // after the inbox was closed: it may name this block
}

bool Worker::obey_signals(ActorCell& cell) {
  const uint32_t signals = cell.signals.load(sync::memory_order_acquire);
  if ((signals & kRunJob) != 0) {
    cell.signals.fetch_and(~uint32_t{kRunJob}, sync::memory_order_acq_rel);
    run_job(cell);
  }
  if ((signals & (kStop | kKill)) == 0) return false;
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  runtime_.end_actor(cell, Error());
  return true;
}

void Worker::share_with_sleepers() {
  for (auto& other : runtime_.workers()) {
    if (other.get() == this || other->asleep_.load(sync::memory_order_relaxed) == 0) continue;
    for (uint32_t give = ready_count_ / 2; give > 0; --give) {
      ActorCell* cell = ready_head_;
      ready_head_ = cell->next_ready;
      if (ready_head_ == nullptr) ready_tail_ = nullptr;
      --ready_count_;
      other->push_remote(*cell);
    }
    return;
  }
}

// --- the hot path: one function for the compiler, so a turn costs no calls of our own ------------

ISOLA_HOT ActorCell* Worker::next_ready() {
  drain_remote();
  ActorCell* cell = ready_head_;
  if (cell == nullptr) return nullptr;
  if (choice_ != nullptr) [[unlikely]] {
    ActorCell* before = nullptr;
    for (size_t steps = choice_->choose(ready_count_); steps > 0; --steps) {
      before = cell;
      cell = cell->next_ready;
    }
    (before != nullptr ? before->next_ready : ready_head_) = cell->next_ready;
    if (ready_tail_ == cell) ready_tail_ = before;
  } else {
    ready_head_ = cell->next_ready;
    if (ready_head_ == nullptr) ready_tail_ = nullptr;
  }
  --ready_count_;
  return cell;
}

// True if the actor is idle now, or was scheduled anew: then it may run elsewhere, or be gone.
ISOLA_HOT bool Worker::go_to_rest(ActorCell& cell) {
  Carrier* carrier = cell.carrier.load(sync::memory_order_relaxed);
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  if (!cell.inbox.rest()) {
    cell.carrier.store(carrier, sync::memory_order_relaxed);
    return false;
  }
  if (cell.signals.load(sync::memory_order_seq_cst) != 0 && cell.inbox.rouse()) push_ready(cell);
  return true;
}

ISOLA_HOT void Worker::handle_messages(ActorCell& cell, Execution& execution) {
  const BehaviourType& type = *cell.type.load(sync::memory_order_relaxed);
  for (uint32_t left = kTurnMessages; left > 0; --left) {
    Block* block = cell.next_message();
    if (block == nullptr) break;
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
    if (block != nullptr && block == cell.inbox.seen()) {
      // The last one taken: before it is given up, the actor goes to rest or takes what has come.
      if (cell.signals.load(sync::memory_order_relaxed) == 0 && go_to_rest(cell)) {
        release(block);
        return;
      }
      if (!cell.take_mail()) cell.give_away(block);
    }
    if (block != nullptr) release(block);
    if (cell.signals.load(sync::memory_order_relaxed) != 0 && obey_signals(cell)) return;
  }
  if (cell.batch == nullptr && go_to_rest(cell)) return;
  cell.carrier.store(nullptr, sync::memory_order_relaxed);
  push_ready(cell);
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
  cell.carrier.store(&carrier, sync::memory_order_relaxed);
  // Sequentially consistent: of this store and a signal, one side sees the other's, so a turn that
  // overlooked a signal is found here by whoever set it.
  if (cell.home.load(sync::memory_order_relaxed) != this)
    cell.home.store(this, sync::memory_order_seq_cst);

  if (cell.signals.load(sync::memory_order_seq_cst) == 0 || !obey_signals(cell)) {
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
}

void Worker::loop() {
  for (;;) {
    if (stop_.load(sync::memory_order_acquire)) {
      begin_stop();
      return;
    }
    ActorCell* cell = next_ready();
    if (cell == nullptr) {
      go_idle();
      continue;
    }
    turn(*cell);
    if (ready_count_ > kShareAbove && runtime_.sleeping_workers() > 0) share_with_sleepers();
    count_turn();
    if (boost_notified_.load(sync::memory_order_relaxed)) {
      running_->context->yield();
    } else if (!woken_.empty()) {
      go_idle();
    }
  }
}

// --- from other threads -------------------------------------------------------------------------

void Worker::push_remote(ActorCell& cell) {
  ActorCell* head = remote_ready_.load(sync::memory_order_relaxed);
  do {
    cell.next_ready = head;
  } while (!remote_ready_.compare_exchange_weak(head, &cell, sync::memory_order_seq_cst,
                                                sync::memory_order_relaxed));
  if (head == nullptr) wake();
}

void Worker::unpark(Carrier& carrier) {
  if (current_ == this) {
    carrier.context->ready_link(woken_);
    return;
  }
  Carrier* head = remote_woken_.load(sync::memory_order_relaxed);
  do {
    carrier.next = head;
  } while (!remote_woken_.compare_exchange_weak(head, &carrier, sync::memory_order_seq_cst,
                                                sync::memory_order_relaxed));
  if (head == nullptr) wake();
}

void Worker::cancel(ActorCell& cell) {
  if (cell.cancel_queued.exchange(true, sync::memory_order_acq_rel)) return;
  cell.retain();
  ActorCell* head = remote_cancels_.load(sync::memory_order_relaxed);
  do {
    cell.next_cancel = head;
  } while (!remote_cancels_.compare_exchange_weak(head, &cell, sync::memory_order_seq_cst,
                                                  sync::memory_order_relaxed));
  if (head == nullptr) wake();
  if (ended_.load(sync::memory_order_seq_cst)) drop_cancels();
}

bool Worker::anything_ready() const { return ready_head_ != nullptr || !woken_.empty(); }

bool Worker::anything_arrived() const {
  return remote_ready_.load(sync::memory_order_seq_cst) != nullptr ||
         remote_woken_.load(sync::memory_order_seq_cst) != nullptr ||
         remote_cancels_.load(sync::memory_order_seq_cst) != nullptr ||
         boost_notified_.load(sync::memory_order_seq_cst) ||
         (stop_.load(sync::memory_order_seq_cst) && idle_ != nullptr);
}

void Worker::take_remote() {
  if (remote_ready_.load(sync::memory_order_relaxed) != nullptr) {
    // Acquire: with the push, what the pusher wrote before. Reversed: oldest first.
    ActorCell* newest = remote_ready_.exchange(nullptr, sync::memory_order_acquire);
    ActorCell* oldest = nullptr;
    while (newest != nullptr) {
      ActorCell* next = newest->next_ready;
      newest->next_ready = oldest;
      oldest = newest;
      newest = next;
    }
    while (oldest != nullptr) {
      ActorCell* next = oldest->next_ready;
      push_ready(*oldest);
      oldest = next;
    }
  }
  if (remote_woken_.load(sync::memory_order_relaxed) != nullptr) {
    Carrier* carrier = remote_woken_.exchange(nullptr, sync::memory_order_acquire);
    while (carrier != nullptr) {
      Carrier* next = std::exchange(carrier->next, nullptr);
      carrier->context->ready_link(woken_);
      carrier = next;
    }
  }
  if (remote_cancels_.load(sync::memory_order_relaxed) != nullptr) {
    ActorCell* cell = remote_cancels_.exchange(nullptr, sync::memory_order_acquire);
    while (cell != nullptr) {
      ActorCell* next = cell->next_cancel;
      cell->cancel_queued.store(false, sync::memory_order_release);
      // If it has its turn elsewhere by now, that turn began after the signal and has seen it.
      Carrier* carrier = cell->carrier.load(sync::memory_order_relaxed);
      if (carrier != nullptr && &carrier->worker == this) carrier->cancel();
      cell->drop();
      cell = next;
    }
  }
}

}  // namespace isola::detail
