// The seam for time: whoever asks what time it is, or waits until then, asks a Clock.
//
// Times are nanoseconds of the clock's own epoch. Thread safety: any thread.
#pragma once

#include <isola/serialization/block.h>

#include <chrono>
#include <cstdint>

namespace isola {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_ns() const = 0;
};

// The machine's monotonic clock.
class SteadyClock final : public Clock {
 public:
  int64_t now_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  static const SteadyClock& instance() {
    static const SteadyClock clock;  // has no state
    return clock;
  }
};

// The absolute time `after` from now; kNoDeadline if that is beyond counting. A negative time
// counts as now.
template <class Rep, class Period>
int64_t deadline_in(const Clock& clock, std::chrono::duration<Rep, Period> after) {
  const std::chrono::duration<long double, std::nano> wide = after;
  if (wide.count() <= 0) return clock.now_ns();
  const int64_t now = clock.now_ns();
  if (wide.count() >= static_cast<long double>(kNoDeadline - now)) return kNoDeadline;
  return now + static_cast<int64_t>(wide.count());
}

}  // namespace isola
