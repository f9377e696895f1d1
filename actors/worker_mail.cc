// What comes to a worker and to the actors that are at home there: messages, signals, wake-ups.
#include <isola/actors/reply.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/context/binding.h>
#include <isola/serialization/faults.h>

#include <algorithm>
#include <utility>

namespace isola::detail {

void Worker::tell(ActorCell& cell) { told(notified_.push(cell)); }

void Worker::told(bool wakes) {
  attention_.store(true, sync::memory_order_release);
  if (wakes) sleep_.wake();
  if (ended_.load(sync::memory_order_seq_cst)) drop_notified();
}

void Worker::unpark(Carrier& carrier) {
  if (current_ == this) {
    link_woken(*carrier.context);
    return;
  }
  // Once it is woken, its actor may end, and its System: one of another System, or a plain thread,
  // keeps this worker alive until it has done with it. Until here the carrier does.
  const bool is_foreign = current_ == nullptr || &current_->runtime_ != &runtime_;
  if (is_foreign) runtime_.retain();
  const bool was_first = remote_woken_.push(carrier);
  attention_.store(true, sync::memory_order_release);
  if (was_first) sleep_.wake();
  if (is_foreign) runtime_.drop();
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
    // Acquire: it may have come back here, from where it went.
    Worker* its_home = cell->home.load(sync::memory_order_acquire);
    if (its_home == this)
      heed(*cell);
    else
      its_home->tell(*cell);
    cell = next;
  }
  Carrier* carrier = remote_woken_.seems_empty() ? nullptr : remote_woken_.take();
  while (carrier != nullptr) {
    Carrier* next = std::exchange(carrier->next, nullptr);
    link_woken(*carrier->context);
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
  const uint32_t pushed = cell.inbox.acknowledge();
  const Activity activity = cell.activity.load(sync::memory_order_relaxed);
  if (activity != Activity::moving) count_fetched(pushed);
  if ((cell.signals.load(sync::memory_order_relaxed) & kRoom) != 0) cell.make_room();
  const uint32_t signals = cell.signals.load(sync::memory_order_relaxed);
  switch (activity) {
    case Activity::moving:
      arrives(cell);
      return make_ready(cell);
    case Activity::idle:
      if (cell.inbox.waiting() == 0 && signals == 0) return;
      if (goes_back(cell)) return;
      if (Worker* other = better_home(cell))
        give(cell, *other);
      else
        make_ready(cell);
      return;
    case Activity::turn: {
      // A turn that is blocked has to be cancelled where it is.
      const BehaviourType* type = cell.type.load(sync::memory_order_relaxed);
      Carrier* carrier = cell.carrier.load(sync::memory_order_relaxed);
      const bool cancels = (signals & (kKill | kInterrupt)) != 0 ||
                           ((signals & kStop) != 0 && type != nullptr && type->run != nullptr);
      if (cancels && carrier != nullptr) {
        took(Transition::turn_cancelled);
        carrier->cancel();
      }
      if (is_planted(Planted::double_schedule)) make_ready(cell);
      return;
    }
    case Activity::ready:
      return;  // its turn begins with a look at all of it
  }
}

inline bool Worker::send_here(ActorCell& cell, Block& block, Execution& execution) {
  // One branch for all that a message may have to take along.
  const auto bits = [](const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); };
  if ((bits(execution.bindings) | bits(execution.inherited)) != 0) [[unlikely]]
    return send_here_in_context(cell, block, execution);
  return append_here(cell, block, execution);
}

bool Worker::send_here_in_context(ActorCell& cell, Block& block, Execution& execution) {
  if (execution.bindings == &nobodys_binding) return false;
  // Relaxed: a hint, which spares the stamp of what is not for here.
  if (cell.home.load(sync::memory_order_relaxed) != this) return false;
  Block*& context = block.envelope.context;
  if (context != nullptr) return append_here(cell, block, execution);  // it is forwarded
  context = wire_record(runtime_.pool());
  if (append_here(cell, block, execution)) return true;
  if (context != nullptr) {
    Block& record = *std::exchange(context, nullptr);
    record.pool->give_use(record);
  }
  return false;
}

inline bool Worker::append_here(ActorCell& cell, Block& block, Execution& execution) {
  if (execution.steps_left == 1) [[unlikely]]
    return false;
  // Acquire: what the last home left, and who made it.
  if (!gate_.try_enter() || cell.home.load(sync::memory_order_acquire) != this ||
      !cell.inbox.quiet() || cell.inbox.waiting() >= cell.short_way_max) [[unlikely]] {
    gate_.leave();
    return false;
  }
  --execution.steps_left;
  Envelope& envelope = block.envelope;
  envelope.sender = execution.isolate_id;
  envelope.deadline_ns = std::min(envelope.deadline_ns, execution.deadline_ns);
  block.set_state(BlockState::queued);
  cell.inbox.append(&block);
  if (cell.activity.load(sync::memory_order_relaxed) == Activity::idle) {
    took(Transition::idle_to_ready);
    link_ready(cell);
  }
  gate_.leave();
  return true;
}

bool ActorCell::send_here(Block& block) {
  if constexpr (kChecked) return false;  // it has to be sealed
  Worker* worker = Worker::current();
  return worker != nullptr && worker->send_here(*this, block, Execution::current_or_none());
}

bool Worker::resume_here(ActorCell& cell, AskState& asked) {
  // Acquire: what the last home left, the end of an actor included whose slot this was.
  const bool is_simple = gate_.try_enter() && cell.home.load(sync::memory_order_acquire) == this &&
                         cell.inbox.quiet() && cell.short_way_max != 0;
  Block* const token = is_simple ? asked.finish_here() : nullptr;
  if (token != nullptr) [[likely]] {
    token->set_state(BlockState::queued);
    cell.inbox.append(token);
    if (cell.activity.load(sync::memory_order_relaxed) == Activity::idle) {
      took(Transition::idle_to_ready);
      link_ready(cell);
    }
  }
  gate_.leave();
  return token != nullptr;
}

Inbox::Push Worker::push_here(ActorCell& cell, Block& block, uint32_t bound) {
  Inside inside(gate_);
  if (cell.home.load(sync::memory_order_acquire) != this) {  // it was taken away just now
    took(Transition::taken_away_from_its_sender);
    return cell.inbox.push(&block, bound);
  }
  if (cell.inbox.closed()) return Inbox::Push::closed;
  if (!is_planted(Planted::reordered_by_move)) count_fetched(cell.inbox.take());
  const bool full = cell.inbox.waiting() >= bound;
  if (!full) cell.inbox.append(&block);
  // Even if full: who made it elsewhere does not tell us of what was just taken.
  if (cell.activity.load(sync::memory_order_relaxed) == Activity::idle) make_ready(cell);
  return full ? Inbox::Push::full : Inbox::Push::pushed;
}

}  // namespace isola::detail
