// Counting with nothing but Boost.Fiber, which isola's fibers are made of.
#pragma once

#include <cstdint>

namespace isola::bench {

// Two fibers on one thread: one sends numbers over a boost::fibers::buffered_channel of 1,024, the
// other adds them up; nanoseconds a message. A bare int64_t passes, where isola has a message.
double run_boost_fiber_counting(uint64_t messages);

}  // namespace isola::bench
