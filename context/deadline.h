// The deadline of a call.
#pragma once

#include <isola/context/execution.h>

#include <chrono>

namespace isola {

// Shortens the deadline of the call until the end of the C++ scope: what is sent from here carries
// it, and every operation that waits ends by then with Code::timeout. Never lengthens it.
class Deadline {
 public:
  template <class Rep, class Period>
  explicit Deadline(std::chrono::duration<Rep, Period> within)
      : outer_ns_(detail::Execution::current().deadline_ns) {
    detail::Execution& execution = detail::Execution::current();
    const int64_t deadline_ns = deadline_in(*execution.clock, within);
    if (deadline_ns < outer_ns_) execution.deadline_ns = deadline_ns;
  }
  ~Deadline() { detail::Execution::current().deadline_ns = outer_ns_; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  const int64_t outer_ns_;
};

}  // namespace isola
