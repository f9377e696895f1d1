// Seals: checked builds (ISOLA_CHECKED) find out who writes to a message after sending it.
//
// Builders are plain pointers, so a program can write to a message that is somebody else's by then.
// In a checked build each message gets a checksum of all its segments when it is sent; whoever
// receives it, and whoever releases it, compares. A mismatch is reported with the isolate that sent
// the message first, which is the one that has had a builder for it.
//
//   set_seal_violation_handler(system.pool(), [](const SealViolation& v) { log(v.to_string()); });
//
// What it can't see: a late write that is over before the seal, or that comes after the release.
// Ownership: a seal belongs to its block, the handlers to the pool. Thread safety: any thread.
// Invariants: 1. A block has kSealed among its flags exactly if it has a seal.
//             2. A violation is reported once: the seal ends with the report.
#pragma once

#include <isola/serialization/block.h>

#include <cstdint>
#include <functional>
#include <string>

namespace isola {

struct SealViolation {
  uint64_t writer = 0;      // the isolate that sent it first; 0: a thread in no isolate
  std::string writer_name;  // empty if it has none, or is gone
  const MessageType* type = nullptr;

  // "a message Add was written to after it was sent, by counter (isolate 12)"
  std::string to_string() const;
};

// Called on the thread that noticed; must not throw. Without one, or with an empty one, a violation
// is printed to standard error and the program aborts.
using SealViolationHandler = std::function<void(const SealViolation&)>;
void set_seal_violation_handler(Pool& pool, SealViolationHandler handler);

namespace detail {

// Tells the name of an isolate by its id; set by the runtime, unset (empty) before it goes. After
// the return nobody is calling the one before.
void set_seal_writer_names(Pool& pool, std::function<std::string(uint64_t)> name_of);

// Of a block. Made by seal_block.
struct Seal {
  uint64_t checksum;
  uint64_t writer;
};

void seal_block(Block& block);
void end_seal(Block& block);

// Seals a message whose sender has just been written into its envelope. One that its sender gets
// back because the send failed may be written to again, and is sealed anew; one that is
// forwarded keeps its seal and its writer.
inline void seal(Block& block) {
  if constexpr (kChecked) seal_block(block);
}

}  // namespace detail
}  // namespace isola
