// The floor: the way of a message by hand, without actors, channels or atomics. A block from a
// free list kept for its type with its typed Cap'n Proto builder, one setter, an intrusive queue, a
// virtual call with a reader over the same words, the block back to its list.
#pragma once

#include <cstdint>

namespace isola::bench {

// Nanoseconds a message, of `messages` that bounce between two handlers.
double run_floor(uint64_t messages);

}  // namespace isola::bench
