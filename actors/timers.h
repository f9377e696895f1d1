// The timers of one worker: waiters in the order of their deadlines.
//
// A timer lies on the stack of the code that waits, and always on that code's own worker.
// Thread safety: the worker's thread.
#pragma once

#include <isola/channels/waiter.h>

#include <boost/intrusive/set.hpp>

#include <cstdint>

namespace isola::detail {

struct Timer
    : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  Timer(int64_t at, Waiter& who) : deadline_ns(at), waiter(who) {}
  const int64_t deadline_ns;
  Waiter& waiter;
  bool operator<(const Timer& other) const { return deadline_ns < other.deadline_ns; }
};

class Timers {
 public:
  void add(Timer& timer) { set_.insert(timer); }
  bool empty() const { return set_.empty(); }
  // kNoDeadline if there is none.
  int64_t next_ns() const { return set_.empty() ? kNoDeadline : set_.begin()->deadline_ns; }

  // Wakes whoever's deadline has come and was not completed before.
  void fire(int64_t now_ns) {
    while (!set_.empty() && set_.begin()->deadline_ns <= now_ns) {
      Timer& timer = *set_.begin();
      set_.erase(set_.begin());
      if (timer.waiter.claim(Outcome::timed_out)) timer.waiter.wake();
    }
  }

 private:
  boost::intrusive::multiset<Timer, boost::intrusive::constant_time_size<false>> set_;
};

}  // namespace isola::detail
