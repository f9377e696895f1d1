// Benchmarks of building a message with pointers: a text of 11 bytes and a list of eight numbers.
#pragma once

#include <cstdint>

namespace isola::bench {

// Composes, fills, reads and releases; nanoseconds a message.
double run_text_list(uint64_t messages);
// The same, but sent to an actor, which reads it.
double run_text_list_sent(uint64_t messages);
// The same by hand: a fresh Cap'n Proto arena for each message, over words prepared once.
double run_text_list_by_hand(uint64_t messages);

}  // namespace isola::bench
