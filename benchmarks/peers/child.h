// Peers in other languages: programs that measure themselves and print the figure.
#pragma once

#include <cstdint>
#include <string>

namespace isola::bench {

// Runs bin/peers/go_counting, which lies beside this program, with GOMAXPROCS=`threads`; returns
// the nanoseconds a message that it prints.
// Fails: throws std::runtime_error if it can't be run, fails or prints anything else.
double run_go_counting(unsigned threads, uint64_t messages);

}  // namespace isola::bench
