// Which priority has its turn.
#include "priority.h"

namespace isola::detail {

ActorCell* PriorityLanes::Lane::pop(Choice* choice) {
  ActorCell* before = nullptr;
  ActorCell* cell = head;
  for (size_t steps = choice != nullptr ? choice->choose(size) : 0; steps > 0; --steps) {
    before = cell;
    cell = cell->next_ready;
  }
  (before != nullptr ? before->next_ready : head) = cell->next_ready;
  if (tail == cell) tail = before;
  --size;
  return cell;
}

ActorCell* PriorityLanes::next(bool normal_ready, Choice* choice) {
  if (low_.size > 0) {
    if (others_since_low_ >= kTurnsBeforeLow || (high_.size == 0 && !normal_ready)) {
      others_since_low_ = 0;
      --size_;
      return low_.pop(choice);
    }
    ++others_since_low_;
  }
  if (high_.size > 0 && (!normal_ready || high_in_a_row_ < kHighInARow)) {
    ++high_in_a_row_;
    --size_;
    return high_.pop(choice);
  }
  high_in_a_row_ = 0;
  return nullptr;
}

ActorCell* PriorityLanes::take_all(ActorCell* normal, ActorCell* last) {
  ActorCell* const low = std::exchange(low_, {}).head;
  const Lane high = std::exchange(high_, {});
  size_ = 0;
  if (normal != nullptr)
    last->next_ready = low;
  else
    normal = low;
  if (high.tail == nullptr) return normal;
  high.tail->next_ready = normal;
  return high.head;
}

}  // namespace isola::detail
