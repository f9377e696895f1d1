// Who runs next, and until when.
#include <isola/serialization/block.h>
#include <isola/tools/testing/simulation.h>

#include <algorithm>

namespace isola::testing {
namespace {

// One seed in so many goes by priorities.
constexpr uint64_t kByPriorityOneIn = 4;
// By priorities, how often they change: as many as the depth of a bug, less one. Few are deep.
constexpr uint64_t kChangesMax = 4;
// And within how many steps: a power of two up to this one, as short tests and long ones differ.
constexpr uint64_t kLogStepsMax = 14;
// By priorities, how long one may run at most, or several that wake each other: they may wait in a
// loop for somebody below them.
constexpr uint64_t kSliceMax = 1000;
// Otherwise, the mean length of a slice: a power of two.
constexpr uint64_t kLogSliceMax = 7;
constexpr uint64_t kLogSliceMaxWeak = 4;  // these tests are short
// A timer fires although others could run: one switch in so many.
constexpr uint64_t kFireEarlyOneIn = 8;
// After how many looks at what it waits for a lone thread is believed to wait for a time.
constexpr uint32_t kYieldsInVain = 100;
// The time that a switch takes, so that loops which look at the clock end.
constexpr int64_t kSwitchNs = 100;

}  // namespace

void Simulation::draw_strategy() {
  by_priority_ = random_.one_in(kByPriorityOneIn);
  mean_slice_ = uint64_t{1} << random_.below(is_weak() ? kLogSliceMaxWeak : kLogSliceMax);
  next_lowest_ = uint64_t{1} << 62;
  demoted_at_ = 0;
  change_points_.clear();
  if (!by_priority_) return;
  const uint64_t within = uint64_t{1} << (3 + random_.below(kLogStepsMax - 2));
  for (uint64_t n = random_.below(kChangesMax + 1); n > 0; --n)
    change_points_.push_back(1 + random_.below(within));
  std::sort(change_points_.rbegin(), change_points_.rend());
}

void Simulation::start_slice() {
  if (!by_priority_) {
    slice_end_ = steps_ + random_.around(mean_slice_);
    return;
  }
  while (!change_points_.empty() && change_points_.back() <= steps_) change_points_.pop_back();
  slice_end_ = steps_ + kSliceMax;
  if (!change_points_.empty()) slice_end_ = std::min(slice_end_, change_points_.back());
}

void Simulation::demote(VirtualThread& thread) {
  thread.priority = --next_lowest_;
  demoted_at_ = steps_;
}

// The step at which the slice ends is about to be taken.
void Simulation::end_slice() {
  if (steps_ > options_.steps_max)
    fail("no end after " + std::to_string(options_.steps_max) + " operations; " + title(me()) +
         " runs");
  fire_timer_early();
  if (ready_.empty()) return start_slice();
  VirtualThread& self = me();
  if (by_priority_) {
    // Else it ended because somebody of higher priority became ready.
    const bool changes = !change_points_.empty() && change_points_.back() <= steps_;
    const bool too_long =
        steps_ - demoted_at_ > kSliceMax ||
        std::none_of(ready_.begin(), ready_.end(),
                     [&](const auto* other) { return other->priority > self.priority; });
    if (changes || too_long) demote(self);
  }
  VirtualThread& next = take_next();
  if (by_priority_ && next.priority < self.priority) {
    ready_.push_back(&next);
    return start_slice();
  }
  ready_.push_back(&self);
  switch_to(next);
}

void Simulation::leave_turn() {
  now_ns_ += kSwitchNs;
  if (steps_ > options_.steps_max) return end_slice();
  VirtualThread& self = me();
  if (by_priority_) demote(self);
  // Who waits in a loop may wait for a time.
  if (!ready_.empty())
    fire_timer_early();
  else if (timed_ > 0 && (is_near(*earliest_timer()) || ++yields_in_vain_ > kYieldsInVain))
    fire(*earliest_timer());
  if (ready_.empty()) return;
  VirtualThread& next = take_next();
  ready_.push_back(&self);
  switch_to(next);
}

void Simulation::wait() {
  VirtualThread& self = me();
  self.state = State::waits;
  fire_timer_early();
  while (ready_.empty())
    if (!fire_timer()) report_deadlock();
  VirtualThread& next = take_next();
  if (&next == &self)
    start_slice();
  else
    switch_to(next);
}

void Simulation::make_ready(VirtualThread& thread) {
  if (thread.deadline_ns != kNoDeadline) --timed_;
  thread.deadline_ns = kNoDeadline;
  thread.futex = nullptr;
  thread.joins = kNobody;
  thread.state = State::ready;
  ready_.push_back(&thread);
  if (by_priority_ && thread.priority > me().priority) slice_end_ = steps_ + 1;
}

void Simulation::fire_timer_early() {
  if (timed_ == 0 || !random_.one_in(kFireEarlyOneIn)) return;
  if (VirtualThread* next = earliest_timer(); is_near(*next)) fire(*next);
}

// False: there is none.
bool Simulation::fire_timer() {
  if (timed_ == 0) return false;
  fire(*earliest_timer());
  return true;
}

void Simulation::fire(VirtualThread& thread) {
  now_ns_ = std::max(now_ns_, thread.deadline_ns);
  make_ready(thread);
}

// Of equal ones that of the thread which began first. REQUIRES: there is one.
Simulation::VirtualThread* Simulation::earliest_timer() {
  VirtualThread* earliest = nullptr;
  for (uint32_t i = 0; i < count_; ++i) {
    VirtualThread& thread = *threads_[i];
    if (thread.state == State::waits && thread.deadline_ns != kNoDeadline &&
        (earliest == nullptr || thread.deadline_ns < earliest->deadline_ns))
      earliest = &thread;
  }
  return earliest;
}

// Out of ready_, which is not empty.
Simulation::VirtualThread& Simulation::take_next() {
  auto next = ready_.begin();
  if (by_priority_)
    next = std::max_element(ready_.begin(), ready_.end(), [](const auto* a, const auto* b) {
      return a->priority < b->priority;
    });
  else if (ready_.size() > 1)
    next += static_cast<ptrdiff_t>(random_.below(ready_.size()));
  VirtualThread& thread = **next;
  *next = ready_.back();
  ready_.pop_back();
  return thread;
}

void Simulation::switch_to(VirtualThread& next) {
  VirtualThread& self = me();
  ++switches_;
  yields_in_vain_ = 0;
  now_ns_ += kSwitchNs;
  running_ = next.number;
  start_slice();
  next.strand.resume_from(self.strand);
}

}  // namespace isola::testing
