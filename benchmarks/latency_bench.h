// How long an ask takes while others ask, too.
#pragma once

#include <cstdint>

namespace isola::bench {

// Of asks at half of the highest throughput, in microseconds from the time at which each was due:
// one that starts late because an earlier one took long counts the time that it was late.
struct Latency {
  double p50 = 0;
  double p99 = 0;
  double p999 = 0;
  double load = 0;  // asks a millisecond
};

// 4 function actors ask one handler actor: first as fast as they can, which is the highest
// throughput, then half as often, evenly, in 100 parts. `asks` all together, each time; 500,000
// by default.
Latency run_latency(unsigned workers, uint64_t asks);

}  // namespace isola::bench
