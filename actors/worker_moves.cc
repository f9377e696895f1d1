// Actors that go to another worker: why, and how.
#include <isola/actors/dispatcher.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>

#include <utility>

namespace isola::detail {

// Called after a turn, while others are ready here and somebody sleeps; looks at the clock now and
// then. One ready actor is no backlog, as it runs next: a conversation has always one. It is one
// if turns are long.
void Worker::share() {
  if (--turns_until_look_ > 0) return;
  const int64_t now_ns = SteadyClock::instance().now_ns();
  const int64_t turns_ns = now_ns - std::exchange(last_look_ns_, now_ns);
  const bool long_turns = turns_ns > turns_of_look_ * kLongTurnNs;
  turns_of_look_ = long_turns ? 1 : kTurnsOfLook;
  turns_until_look_ = turns_of_look_;
  if (!long_turns && ready_count_.load(sync::memory_order_relaxed) < 2) {
    backlog_since_ns_ = 0;
    return;
  }
  if (backlog_since_ns_ == 0) backlog_since_ns_ = now_ns;
  if (now_ns - backlog_since_ns_ < kBacklogNs) return;
  backlog_since_ns_ = 0;
  Worker* other = find_sleeper();
  if (other == nullptr) return;
  Inside inside(gate_);
  const uint32_t count = ready_count_.load(sync::memory_order_relaxed) - pinned_ready_;
  share_with(*other, (count + 1) / 2);
}

Worker* Worker::find_sleeper() const {
  for (Worker* other : its_dispatcher_.workers())
    if (other != this && other->sleep_.asleep()) return other;
  return nullptr;
}

// Gives the oldest of the ready actors away. Inside of the gate.
void Worker::share_with(Worker& other, uint32_t count) {
  ActorCell* cell = lanes_.take_all(std::exchange(ready_head_, nullptr), ready_tail_);
  ready_tail_ = nullptr;
  pinned_ready_ = 0;
  ready_count_.store(0, sync::memory_order_relaxed);
  while (cell != nullptr) {
    ActorCell* next = cell->next_ready;
    // One that is notified already is in our list of notifications, and stays.
    if (count > 0 && !cell->pinned && cell->inbox.notify()) {
      --count;
      give(*cell, other);
    } else {
      make_ready(*cell);
    }
    cell = next;
  }
}

Worker::Progress Worker::progress() const {
  const auto relaxed = sync::memory_order_relaxed;
  Progress progress;
  // Acquire: the slot was made on another thread.
  const ActorCell* cell = in_turn_.load(sync::memory_order_acquire);
  if (cell == nullptr || sleep_.asleep()) return progress;
  // Slots stay slots, so it may be read even if the turn has ended.
  progress.actor = cell->id.load(relaxed);
  progress.turns = turns_.load(relaxed);
  progress.messages = cell->books.handled.load(relaxed);
  progress.message_type = message_type_.load(relaxed);
  return progress;
}

void Worker::relieve() {
  if (ready_count_.load(sync::memory_order_relaxed) == 0 && notified_.seems_empty()) return;
  Worker* other = find_sleeper();
  if (other == nullptr || !gate_.seize()) return;
  ActorCell* cell = notified_.take();
  while (cell != nullptr) {
    ActorCell* next = cell->next_notified;
    const Activity activity = cell->activity.load(sync::memory_order_relaxed);
    switch (cell->pinned ? Activity::turn : activity) {
      case Activity::turn:
        tell(*cell);  // stays
        break;
      case Activity::ready:
        heed_inside(*cell);
        cell->drop();
        break;
      case Activity::idle:
      case Activity::moving:
        cell->home.store(other, sync::memory_order_release);
        other->tell(*cell);
        break;
    }
    cell = next;
  }
  share_with(*other, UINT32_MAX);
  gate_.release();
}

// Where an idle actor that was sent to from elsewhere had better be, which it is notified for; or
// nullptr. Inside of the gate.
Worker* Worker::better_home(ActorCell& cell) {
  Worker* other = cell.notifier.load(sync::memory_order_relaxed);
  if (cell.pinned || other == nullptr || other == this || other != cell.talks_to ||
      &other->its_dispatcher_ != &its_dispatcher_) {
    cell.strays = 0;
    return nullptr;
  }
  if (++cell.strays < kStrays) return nullptr;
  cell.strays = 0;
  return cell.inbox.notify() ? other : nullptr;
}

// REQUIRES: the caller has notified it, and is inside of the gate.
void Worker::give(ActorCell& cell, Worker& other) {
  cell.activity.store(Activity::moving, sync::memory_order_relaxed);
  cell.retain();
  // Release: all that this thread did to it. From here on it is the other's.
  cell.home.store(&other, sync::memory_order_release);
  other.tell(cell);
}

bool Worker::adopt(ActorCell& cell, Worker& home) {
  if (cell.pinned || &home.its_dispatcher_ != &its_dispatcher_ ||
      ready_count_.load(sync::memory_order_relaxed) > 0 || !home.sleep_.hold())
    return false;
  const bool idle = cell.activity.load(sync::memory_order_relaxed) == Activity::idle;
  if (idle) cell.home.store(this, sync::memory_order_release);
  home.sleep_.let_go();
  if (idle) heed(cell);
  return idle;
}

}  // namespace isola::detail
