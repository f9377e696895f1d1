// Benchmarks in which one message travels: around a ring of many actors, and with a large body.
#pragma once

#include <cstdint>

namespace isola::bench {

// A message goes around a ring of 100 actors; nanoseconds a hop. 2,000,000 hops by default, rounded
// up to full rounds.
double run_thread_ring(unsigned workers, uint64_t hops);
// Two actors pass a message of 1 MiB to and fro; microseconds a pass, measured by one of them from
// the first send to the last receipt. 2,000 passes by default, rounded up to an even number.
double run_payload(unsigned workers, uint64_t passes);

}  // namespace isola::bench
