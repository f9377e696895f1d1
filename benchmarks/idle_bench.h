// What actors cost that do nothing: memory, and time of the processor. Each is meant to run in a
// process of its own, in which nothing else has taken or given back memory.
#pragma once

#include <cstdint>

namespace isola::bench {

// Bytes of the process for each of `actors` handler actors that have handled one message.
double run_idle_bytes(unsigned workers, uint64_t actors);
// Bytes of the process for each of `actors` handler actors that are blocked in a handler, waiting
// for a channel. At most about 8,000 for each worker, the default of SystemOptions::carriers_max.
double run_blocked_bytes(unsigned workers, uint64_t actors);
// Percent of one processor that a System with so many idle actors uses, over 2 s for a million and
// in proportion for fewer, but 20 ms at least.
double run_idle_cpu(unsigned workers, uint64_t actors);

}  // namespace isola::bench
