// Benchmarks of actors, through the public API with default policies.
#pragma once

#include <cstdint>

namespace isola::bench {

// Two actors bounce one message; nanoseconds a message. 2,000,000 round trips by default.
double run_pingpong(unsigned workers, uint64_t round_trips);
// 8 pairs of actors bounce a message each, so that there is work for every worker; nanoseconds a
// message. 250,000 round trips of each pair by default.
double run_pairs(unsigned workers, uint64_t round_trips);
// The same in so many Systems of one worker each, which share nothing: what the machine lets two
// threads do at once.
double run_pairs_apart(unsigned count, uint64_t round_trips);
// One actor sends numbers to another, which adds them up; nanoseconds a message.
double run_counting(unsigned workers, uint64_t messages);
// As counting, from a function actor to another over a channel of 1,024.
double run_channel(unsigned workers, uint64_t messages);
// An actor asks another and waits for the answer; nanoseconds for a request and its answer.
double run_ask(unsigned workers, uint64_t asks);
// The same, but it goes on with then().
double run_ask_then(unsigned workers, uint64_t asks);

}  // namespace isola::bench
