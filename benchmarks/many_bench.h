// Benchmarks of many actors at once, after those of the Savina suite (Imam, Sarkar: "Savina – An
// Actor Benchmark Suite", AGERE 2014).
#pragma once

#include <cstdint>

namespace isola::bench {

// An actor starts many others, each of which gets one message and stops; nanoseconds an actor, to
// the end of the last. 200,000 by default.
double run_fork_join_create(unsigned workers, uint64_t actors);
// An actor sends messages to 60 others in turn; nanoseconds a message. 20,000 to each by default.
double run_fork_join_throughput(unsigned workers, uint64_t messages);
// Each of 120 actors sends a ping to another at random, waits for its pong, and so on; nanoseconds
// for a ping and its pong. 2,000 by each actor by default.
double run_big(unsigned workers, uint64_t pings);
// 100 chameneos meet two by two in a mall and change colour; nanoseconds a meeting, which takes
// four messages. 400,000 by default.
double run_chameneos(unsigned workers, uint64_t meetings);

}  // namespace isola::bench
