// The timers of one worker, in the order of their deadlines.
//
// The timer of a wait lies on the stack of the code that waits, and always on that code's own
// worker. Thread safety: the worker's thread.
#pragma once

#include <isola/channels/waiter.h>

#include <boost/intrusive/set.hpp>

#include <cstdint>

namespace isola::detail {

class Timer : public boost::intrusive::set_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Timer(int64_t at) : deadline_ns(at) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Its deadline has come. It is in no set any more, and may end itself.
  virtual void expire() = 0;
  // The same where its worker ends.
  virtual void forget() {}

  const int64_t deadline_ns;
  bool operator<(const Timer& other) const { return deadline_ns < other.deadline_ns; }

 protected:
  ~Timer() = default;
};

// Wakes whoever waits and was not completed before.
class WaitTimer final : public Timer {
 public:
  WaitTimer(int64_t at, Waiter& waiter) : Timer(at), waiter_(waiter) {}
  void expire() override {
    if (waiter_.claim(Outcome::timed_out)) waiter_.wake();
  }

 private:
  Waiter& waiter_;
};

class Timers {
 public:
  Timers() = default;
  ~Timers() {
    while (!set_.empty()) pop().forget();
  }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  void add(Timer& timer) { set_.insert(timer); }
  bool empty() const { return set_.empty(); }
  // kNoDeadline if there is none.
  int64_t next_ns() const { return set_.empty() ? kNoDeadline : set_.begin()->deadline_ns; }

  void fire(int64_t now_ns) {
    while (!set_.empty() && set_.begin()->deadline_ns <= now_ns) pop().expire();
  }

 private:
  Timer& pop() {
    Timer& first = *set_.begin();
    set_.erase(set_.begin());
    return first;
  }

  boost::intrusive::multiset<Timer, boost::intrusive::constant_time_size<false>> set_;
};

}  // namespace isola::detail
