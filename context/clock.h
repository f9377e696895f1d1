// The seam for time: whoever asks what time it is, or waits until then, asks a Clock.
//
// Times are nanoseconds of the clock's own epoch. Thread safety: any thread.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>

#include <chrono>
#include <cstdint>
#include <ctime>

namespace isola {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_ns() const = 0;
  // The same, cheap and up to some milliseconds old: for ages that people look at.
  virtual int64_t coarse_now_ns() const { return now_ns(); }
};

// The machine's monotonic clock.
class SteadyClock final : public Clock {
 public:
  int64_t now_ns() const override { return sync::now_ns(); }
  int64_t coarse_now_ns() const override {
#ifdef ISOLA_SIMULATED
    return now_ns();
#endif
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // the same epoch as std::chrono::steady_clock
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
  static constexpr const SteadyClock& instance() { return instance_; }

 private:
  static const SteadyClock instance_;  // has no state
};
inline constinit const SteadyClock SteadyClock::instance_{};

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

// The absolute time of a point in time of a clock of the standard library, whose present is taken
// for this clock's.
template <class C, class Duration>
int64_t deadline_at(const Clock& clock, std::chrono::time_point<C, Duration> time) {
  return deadline_in(clock, time - C::now());
}

}  // namespace isola
