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
  // Long turns are never shared in vain. One alone may be the kernel's, which ran somebody else.
  const bool at_once = std::exchange(were_long_, long_turns) && long_turns;
  if (!long_turns && !has_more && ready_count_.load(sync::memory_order_relaxed) < 2) {
    backlog_since_ns_ = 0;
    return;
  }
  if (backlog_since_ns_ == 0) backlog_since_ns_ = now_ns;
  const int64_t patience_ns = patience(now_ns);
  if (now_ns - backlog_since_ns_ < (at_once ? kBacklogNs : patience_ns)) return;
  backlog_since_ns_ = 0;
  Worker* other = find_sleeper();
  if (other == nullptr) return;
  Inside inside(gate_);
  if (!has_movable()) return;
  // The other one, where they may gather, waits as long before it gives them back.
  other->patience_ns_.store(patience_ns, sync::memory_order_relaxed);
  other->last_return_ns_.store(last_return_ns_.load(sync::memory_order_relaxed),
                               sync::memory_order_relaxed);
  host_.store(nullptr, sync::memory_order_relaxed);
  other->host_.store(this, sync::memory_order_relaxed);
  other->gifts_.fetch_add(1, sync::memory_order_relaxed);
  took(Transition::shared);
  adoptions_left_ = share_with(*other, Part::half);
}

// How long there has to be a backlog.
int64_t Worker::patience(int64_t now_ns) {
  const auto relaxed = sync::memory_order_relaxed;
  const int64_t before_ns = patience_ns_.load(relaxed);
  int64_t patience_ns = before_ns;
  if (shared_in_vain_.load(relaxed) && shared_in_vain_.exchange(false, relaxed)) {
    patience_ns = std::min(before_ns * kPatienceGrows, kBacklogMaxNs);
    last_return_ns_.store(now_ns, relaxed);
  } else if (now_ns - last_return_ns_.load(relaxed) > kPatienceLasts * before_ns) {
    patience_ns = kBacklogNs;
  }
  if (patience_ns != before_ns) patience_ns_.store(patience_ns, relaxed);
  return patience_ns;
}

// Inside of the gate.
bool Worker::has_movable() const {
  if (lanes_.size() > 0) return true;
  const ActorCell* cell = ready_head_;
  while (cell != nullptr && cell->pinned) cell = cell->next_ready;
  return cell != nullptr;
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
  bool wakes = false;
  ready_count_.store(0, sync::memory_order_relaxed);
  while (cell != nullptr) {
    ActorCell* next = cell->next_ready;
    // One that is notified already is in our list of notifications, and stays.
    if (count > 0 && !cell->pinned && cell->inbox.notify()) {
      --count;
      took(Transition::ready_to_moving);
      wakes |= hand_over(*cell, other);
    } else {
      if (cell->pinned) took(Transition::pinned_stays);
      make_ready(*cell);
    }
    cell = next;
  }
  other.told(wakes);
  return wanted - count;
}

// It is in vain if what was handled in a window took less time than it costs to have it done here:
// its messages and actors were fetched, and this worker was woken for them. Only where that happens
// often: who is seldom woken costs little.
bool Worker::is_in_vain() {
  const uint32_t gifts = gifts_.load(sync::memory_order_relaxed);
  if (std::exchange(gifts_seen_, gifts) != gifts) {
    in_vain_.store(false, sync::memory_order_relaxed);
    fetched_.store(0, sync::memory_order_relaxed);
    begin_window(true);
  }
  const uint64_t handled = messages_ - window_.messages;
  // Those that have ended need not settle.
  const int64_t ended = window_.alive - alive_.load(sync::memory_order_relaxed);
  const bool settles = window_.settles && ended <= static_cast<int64_t>(window_.arrived) / 2;
  const uint64_t guests = std::clamp(window_.arrived, uint64_t{1}, kGuestsToSettle);
  const uint64_t enough = settles ? guests * kMessagesToSettle : kMessagesOfJudgement;
  const uint32_t enough_sleeps = settles ? 2 * kSleepsOfJudgement : kSleepsOfJudgement;
  if (handled < enough && window_.sleeps < enough_sleeps && settles == window_.settles)
    return in_vain_.load(sync::memory_order_relaxed);
  const uint64_t all_fetched = fetched_.load(sync::memory_order_relaxed);
  const uint64_t fetched = std::min(all_fetched, handled);
  fetched_.store(all_fetched - fetched, sync::memory_order_relaxed);
  const int64_t price_ns =
      static_cast<int64_t>(fetched + window_.arrived) * kFetchNs + window_.sleeps * kLongTurnNs;
  const int64_t wall_ns = SteadyClock::instance().now_ns() - window_.begin_ns;
  const bool in_vain = !settles && fetched > 0 && wall_ns - window_.slept_ns < price_ns &&
                       wall_ns < price_ns * kOften;
  // They don't go back as long as the host is in one turn: it may be stuck there.
  Worker* host = host_.load(sync::memory_order_relaxed);
  const bool go = in_vain && host != nullptr &&
                  host->turns_.load(sync::memory_order_relaxed) != window_.turns_of_host;
  in_vain_.store(go, sync::memory_order_relaxed);
  // All came here to whom was given away: to give them back would be in vain as well.
  if (settles && host != nullptr && host->sleep_.asleep())
    shared_in_vain_.store(true, sync::memory_order_relaxed);
  if (go) host->shared_in_vain_.store(true, sync::memory_order_relaxed);
  begin_window(false);
  return in_vain;
}

void Worker::begin_window(bool settles) {
  const Worker* host = host_.load(sync::memory_order_relaxed);
  window_ = {};
  window_.messages = messages_;
  window_.begin_ns = SteadyClock::instance().now_ns();
  window_.alive = alive_.load(sync::memory_order_relaxed);
  window_.turns_of_host = host == nullptr ? 0 : host->turns_.load(sync::memory_order_relaxed);
  window_.settles = settles;
}

bool Worker::goes_back(ActorCell& cell) {
  Worker* to = cell.notifier.load(sync::memory_order_relaxed);
  if (to == nullptr || to == this || cell.pinned || &to->its_dispatcher_ != &its_dispatcher_)
    return false;
  if (to != host_.load(sync::memory_order_relaxed)) {
    // Without a host the first of the workers is it: so two never go to each other.
    if (to->index_ < index_ && to->host_.load(sync::memory_order_relaxed) != this && is_in_vain()) {
      host_.store(to, sync::memory_order_relaxed);
      to->host_.store(nullptr, sync::memory_order_relaxed);
      begin_window(false);
    }
    return false;
  }
  if (!is_in_vain() || !in_vain_.load(sync::memory_order_relaxed)) return false;
  took(Transition::went_back);
  if (cell.inbox.notify()) {
    give(cell, *to);
  } else {
    // It is in our list, from which take_remote passes it on.
    took(Transition::went_back_with_its_notification);
    leave_for(cell, *to);
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
  // They do not go back while they settle there.
  other->host_.store(nullptr, sync::memory_order_relaxed);
  other->gifts_.fetch_add(1, sync::memory_order_relaxed);
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
  // Guests wait for those whom they talk to; and nobody goes where nobody is to be.
  if (other == host_.load(sync::memory_order_relaxed) ||
      other->in_vain_.load(sync::memory_order_relaxed))
    return nullptr;
  if (++cell.strays < kStrays) return nullptr;
  cell.strays = 0;
  if (!cell.inbox.notify()) return nullptr;
  took(Transition::idle_to_moving);
  took(Transition::went_where_it_talks);
  return other;
}

// REQUIRES: the caller has notified it, and is inside of the gate.
void Worker::give(ActorCell& cell, Worker& other) { other.told(hand_over(cell, other)); }

bool Worker::hand_over(ActorCell& cell, Worker& other) {
  cell.retain();
  leave_for(cell, other);
  return other.notified_.push(cell);
}

void Worker::leave_for(ActorCell& cell, Worker& other) {
  // What it has not handled is not counted here.
  const uint64_t fetched = fetched_.load(sync::memory_order_relaxed);
  fetched_.store(fetched - std::min<uint64_t>(fetched, cell.inbox.waiting()),
                 sync::memory_order_relaxed);
  cell.activity.store(Activity::moving, sync::memory_order_relaxed);
  // Release: all that this thread did to it. From here on it is the other's.
  cell.home.store(&other, sync::memory_order_release);
}

void Worker::arrives(const ActorCell& cell) {
  (void)is_in_vain();  // begins a window for those who were given away together
  ++window_.arrived;
  count_fetched(cell.inbox.waiting());
}

bool Worker::adopt(ActorCell& cell, Worker& home) {
  if (cell.pinned || &home.its_dispatcher_ != &its_dispatcher_) return false;
  const bool is_busy = ready_count_.load(sync::memory_order_relaxed) > 0;
  if (is_busy && (adoptions_left_ == 0 || !home.in_vain_.load(sync::memory_order_relaxed)))
    return false;
  if (!home.sleep_.hold()) return false;
  const bool idle = cell.activity.load(sync::memory_order_relaxed) == Activity::idle;
  if (idle) cell.home.store(this, sync::memory_order_release);
  home.sleep_.let_go();
  if (!idle) return false;
  took(Transition::adopted);
  if (is_busy) --adoptions_left_;
  heed(cell);
  return true;
}

}  // namespace isola::detail
