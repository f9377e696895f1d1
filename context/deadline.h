// The deadline of a call.
#pragma once

#include <isola/context/execution.h>

#include <algorithm>
#include <chrono>

namespace isola {

namespace detail {

// What shortens the deadline of a call for a while. One that a generator opens is noted in its
// frame: the generator may yield meanwhile, and go on under another deadline of its consumer.
struct DeadlineBound {
  int64_t own_ns = kNoDeadline;
  int64_t outside_ns = kNoDeadline;  // what the deadline was, and is again
  FrameData* noted_in = nullptr;
  DeadlineBound* outer = nullptr;  // noted there before

  void narrow(Execution& execution) {
    outside_ns = execution.deadline_ns;
    execution.deadline_ns = std::min(outside_ns, own_ns);
  }
  void note(const Execution& execution) {
    if (execution.frame != nullptr) [[unlikely]]
      note_slow(execution);
  }
  void close(Execution& execution) {
    execution.deadline_ns = outside_ns;
    if (noted_in != nullptr) [[unlikely]]
      strike();
  }

 private:
  void note_slow(const Execution& execution);
  void strike();
};

}  // namespace detail

// Shortens the deadline of the call until the end of the C++ scope: what is sent from here carries
// it, and every operation that waits ends by then with Code::timeout. Never lengthens it. A
// generator's is its own: it holds whenever that runs, and not for its consumer.
class Deadline {
 public:
  template <class Rep, class Period>
  explicit Deadline(std::chrono::duration<Rep, Period> within) {
    detail::Execution& execution = detail::Execution::current();
    bound_.own_ns = deadline_in(*execution.clock, within);
    bound_.narrow(execution);
    bound_.note(execution);
  }
  ~Deadline() { bound_.close(detail::Execution::current()); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  detail::DeadlineBound bound_;
};

}  // namespace isola
