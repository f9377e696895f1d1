// Priority: whose turn comes first among the actors that are ready on one worker.
//
//   system.spawn<Watchdog>({.priority = isola::Priority::high});
//
// `high` actors come before the others, and `low` ones when nobody else is ready. So that nobody
// starves there are two bounds: after kHighInARow turns of high ones a normal one gets a turn, if
// one is ready; and after kTurnsBeforeLow turns of others a low one does. Actors of one priority
// take turns in the order in which they became ready, so one that always has mail delays another of
// its priority by what is left of its turn and one turn more: 256 messages.
// What a priority does not do: it never
// interrupts a turn, and a handler that goes on after it was blocked goes on whatever its priority.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/choice.h>

#include <cstdint>
#include <utility>

namespace isola::detail {

// A burst of urgent work gets nearly all of the worker, the others still a part that is felt.
inline constexpr uint32_t kHighInARow = 15;
// Low ones get one turn in this many and one: about 1.5 percent of a busy worker.
inline constexpr uint32_t kTurnsBeforeLow = 64;

// The ready actors of a worker that are not of normal priority. Those are in a queue of the
// worker's own, so that this costs them one branch. Thread safety: as the worker's ready queue.
class PriorityLanes {
 public:
  uint32_t size() const { return size_; }
  void push(ActorCell& cell) {
    cell.next_ready = nullptr;
    (cell.priority == Priority::high ? high_ : low_).push(cell);
    ++size_;
  }
  // Takes the one whose turn it is; nullptr: it is the turn of a normal one. `choice` draws from
  // those of one priority. REQUIRES: size() > 0.
  ActorCell* next(bool normal_ready, Choice* choice);
  // Takes all, the high ones first, and puts the list `normal`, up to `last`, between them.
  ActorCell* take_all(ActorCell* normal, ActorCell* last);

 private:
  struct Lane {
    ActorCell* head = nullptr;
    ActorCell* tail = nullptr;
    uint32_t size = 0;
    void push(ActorCell& cell) {
      (tail != nullptr ? tail->next_ready : head) = &cell;
      tail = &cell;
      ++size;
    }
    ActorCell* pop(Choice* choice);
  };

  Lane high_;
  Lane low_;
  uint32_t size_ = 0;
  uint32_t high_in_a_row_ = 0;
  uint32_t others_since_low_ = 0;  // while low ones were ready
};

}  // namespace isola::detail
