// Benchmarks of channels alone, through the public API with default policies.
#pragma once

#include <cstdint>

namespace isola::bench {

// A function actor receives flat messages that wait in a channel already, and reads and releases
// each; nanoseconds a message. It fills the channel in batches of 1,000, which is not measured.
double run_recv(uint64_t messages);
// A plain thread sends numbers to another over a channel of 1,024; nanoseconds a message. The one
// worker of the System has nothing to do.
double run_thread_channel(uint64_t messages);

// As recv, each message by a select over 8 channels.
double run_select8(uint64_t messages);
// A message with a blob of this size attached, from a function actor to another over a channel of
// 1,024; nanoseconds a message.
double run_blob(uint64_t bytes, uint64_t messages);

}  // namespace isola::bench
