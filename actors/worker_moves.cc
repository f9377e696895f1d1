// Actors that go to another worker: why, and how.
#include <isola/actors/dispatcher.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>

#include <algorithm>
#include <utility>

namespace isola::detail {

// Called after a turn, when is_to_share(). One ready actor is no backlog, as it runs next: a
// conversation has always one. It is one if turns are long, or if the one whose turn it was, which
// is not counted among those that are ready, has more to do.
void Worker::share(bool has_more) {
  const int64_t now_ns = SteadyClock::instance().now_ns();
  const int64_t turns_ns = now_ns - std::exchange(last_look_ns_, now_ns);
  const bool long_turns = turns_ns > turns_of_look_ * kLongTurnNs;
  const bool short_turns = turns_ns < turns_of_look_ * kShortTurnNs;
  turns_of_look_ = long_turns ? 1 : short_turns ? kShortTurnsOfLook : kTurnsOfLook;
  turns_until_look_ = turns_of_look_;
  if (!long_turns && !has_more && ready_count_.load(sync::memory_order_relaxed) < 2) {
    backlog_since_ns_ = 0;
    return;
  }
  if (backlog_since_ns_ == 0) backlog_since_ns_ = now_ns;
  if (now_ns - backlog_since_ns_ < patience_ns_) return;
  backlog_since_ns_ = 0;
  Worker* other = find_sleeper();
  if (other == nullptr) return;
  if (returned_.exchange(0, sync::memory_order_relaxed) * 2 > given_) {
    patience_ns_ = std::min(patience_ns_ * 2, kBacklogMaxNs);
    last_return_ns_ = now_ns;
  } else if (now_ns - last_return_ns_ > kPatienceLasts * patience_ns_) {
    patience_ns_ = kBacklogNs;
  }
  other->host_.store(this, sync::memory_order_relaxed);
  Inside inside(gate_);
  took(Transition::shared);
  given_ = share_with(*other, Part::half);
  other->guests_.fetch_add(given_, sync::memory_order_relaxed);
}

Worker* Worker::find_sleeper() const {
  for (Worker* other : its_dispatcher_.workers())
    if (other != this && other->sleep_.asleep()) return other;
  return nullptr;
}

// Gives the oldest of the ready actors away. Inside of the gate.
uint32_t Worker::share_with(Worker& other, Part part) {
  ActorCell* cell = lanes_.take_all(std::exchange(ready_head_, nullptr), ready_tail_);
  by_rule_ = choice_ != nullptr;
  uint32_t count = 0;
  for (ActorCell* each = cell; each != nullptr; each = each->next_ready) count += !each->pinned;
  if (part == Part::half) count = (count + 1) / 2;
  const uint32_t wanted = count;
  ready_count_.store(0, sync::memory_order_relaxed);
  while (cell != nullptr) {
    ActorCell* next = cell->next_ready;
    // One that is notified already is in our list of notifications, and stays.
    if (count > 0 && !cell->pinned && cell->inbox.notify()) {
      --count;
      took(Transition::ready_to_moving);
      give(*cell, other);
    } else {
      if (cell->pinned) took(Transition::pinned_stays);
      make_ready(*cell);
    }
    cell = next;
  }
  return wanted - count;
}

bool Worker::sends_guests_back() {
  const uint64_t guests = guests_.load(sync::memory_order_relaxed);
  if (guests != guests_judged_) {
    settling_ = true;
    guests_go_ = false;
    begin_window((guests - guests_judged_) * kMessagesToSettle);
    guests_judged_ = guests;
  }
  const uint64_t handled = messages_ - window_.messages;
  if (handled < window_.size) return guests_go_;
  const int64_t busy_ns = SteadyClock::instance().now_ns() - window_.begin_ns - slept_ns_;
  guests_go_ = !settling_ && (messages_from_elsewhere_ - window_.from_elsewhere) * 4 > handled &&
               busy_ns < static_cast<int64_t>(handled) * kCheapMessageNs;
  settling_ = false;
  begin_window(kMessagesOfJudgement);
  return guests_go_;
}

void Worker::begin_window(uint64_t messages) {
  window_ = {messages_, messages_from_elsewhere_, SteadyClock::instance().now_ns(), messages};
  slept_ns_ = 0;
}

bool Worker::goes_back(ActorCell& cell) {
  Worker* host = host_.load(sync::memory_order_relaxed);
  if (host == nullptr || cell.pinned || host != cell.notifier.load(sync::memory_order_relaxed) ||
      !sends_guests_back())
    return false;
  host->returned_.fetch_add(1, sync::memory_order_relaxed);
  took(Transition::went_back);
  if (cell.inbox.notify()) {
    give(cell, *host);
  } else {
    // It is in our list, from which take_remote passes it on.
    took(Transition::went_back_with_its_notification);
    cell.activity.store(Activity::moving, sync::memory_order_relaxed);
    cell.home.store(host, sync::memory_order_release);
  }
  return true;
}

void Worker::make_ready_again(ActorCell& cell) {
  if (!goes_back(cell)) make_ready(cell);
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

Worker::InTurn Worker::in_turn() const {
  const ActorCell* cell = in_turn_.load(sync::memory_order_relaxed);
  if (cell == nullptr) return {};
  const bool handles = cell->type.load(sync::memory_order_relaxed)->receive != nullptr;
  return {cell, handles ? message_type_.load(sync::memory_order_relaxed) : nullptr};
}

void Worker::relieve() {
  if (ready_count_.load(sync::memory_order_relaxed) == 0 && notified_.seems_empty()) return;
  Worker* other = find_sleeper();
  if (other == nullptr || !gate_.seize()) return;
  ActorCell* cell = notified_.take();
  while (cell != nullptr) {
    ActorCell* next = cell->next_notified;
    if (Worker* its_home = cell->home.load(sync::memory_order_acquire); its_home != this) {
      its_home->tell(*cell);
      cell = next;
      continue;
    }
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
        took(Transition::relieved_of_notified);
        cell->home.store(other, sync::memory_order_release);
        other->tell(*cell);
        break;
    }
    cell = next;
  }
  if (ready_count_.load(sync::memory_order_relaxed) > 0) took(Transition::relieved_of_ready);
  share_with(*other, Part::all);
  gate_.release();
}

// Where an actor that has something to do had better be, which it is notified for; or nullptr.
// Inside of the gate.
Worker* Worker::better_home(ActorCell& cell) {
  Worker* other = cell.notifier.load(sync::memory_order_relaxed);
  if (cell.pinned || other == nullptr || other == this ||
      &other->its_dispatcher_ != &its_dispatcher_) {
    cell.strays = 0;
    return nullptr;
  }
  if (other != cell.talks_to) {
    cell.strays = 0;
    return nullptr;
  }
  if (++cell.strays < kStrays) return nullptr;
  cell.strays = 0;
  if (!cell.inbox.notify()) return nullptr;
  took(Transition::idle_to_moving);
  took(Transition::went_where_it_talks);
  return other;
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
  if (idle) took(Transition::adopted);
  if (idle) heed(cell);
  return idle;
}

}  // namespace isola::detail
