// The check of a message that came from outside: its whole graph of pointers, once.
//
// What passes can be read without any further check, by capnp::readMessageUnchecked if it lies in
// one segment without far pointers: each pointer stays within its segment, the graph is no deeper
// and not more work to walk than the limits say, each field leads to what its schema says, and
// there are no capabilities, which mean nothing outside of the process that they come from.
// The walk keeps no more than one small frame for each level of depth.
//
// Encoding: https://capnproto.org/encoding.html. Thread safety: a function of its arguments.
#pragma once

#include <capnp/common.h>
#include <isola/serialization/error.h>
#include <isola/serialization/shape.h>

#include <cstdint>
#include <span>
#include <string>

namespace isola::detail {

using Segment = std::span<const capnp::word>;

struct GraphLimits {
  uint32_t depth_max;            // pointers from the root to anything
  uint64_t traversal_words_max;  // each time that something is reached counts
};

struct GraphFinding {
  Code code = Code::ok;  // or bad_message, message_too_large
  std::string what;      // if not ok: what is wrong, where, and which limit it exceeds
  bool has_far_pointers = false;

  explicit operator bool() const { return code != Code::ok; }
};

// `first_byte`: where the first segment begins in the message, to say where a fault lies.
GraphFinding check_graph(std::span<const Segment> segments, uint64_t first_byte,
                         const StructShape& root, const GraphLimits& limits);

}  // namespace isola::detail
