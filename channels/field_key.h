// One field of a message type by which messages are told apart: the partition that they go to, or
// the place of the latest of its kind.
//
// The value is read straight from the message's words. Thread safety: immutable.
#pragma once

#include <capnp/schema.h>
#include <isola/channels/capacity.h>
#include <isola/serialization/block.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace isola::detail {

class FieldKey {
 public:
  using Scratch = std::array<char, 8>;

  // nullptr if there is no such field, or it is no text, data, integer, boolean or enumerant.
  static std::shared_ptr<const FieldKey> of(capnp::StructSchema schema, const char* field);

  // The value's bytes: in the message, or in `scratch`. A field that the message's (older) sender
  // did not know has no bytes, or zeros. Valid as long as both.
  std::string_view bytes(const Block& block, Scratch& scratch) const;
  uint64_t hash(const Block& block) const;

 private:
  bool is_pointer_ = false;
  uint32_t offset_ = 0;  // in pointers, or in units of `bits_`
  uint32_t bits_ = 0;
};

// The key of a channel that keeps the latest; nullptr for one that does not. Throws
// std::invalid_argument for a field that can't be one, or that is missing or needless.
std::shared_ptr<const FieldKey> latest_key(const MessageType& type, Overflow overflow,
                                           const std::string& field);

}  // namespace isola::detail
