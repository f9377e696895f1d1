// Hashing a message by one of its fields, straight from its words.
#include <isola/channels/channel_core.h>

#include <capnp/any.h>

#include <cstring>

namespace isola::detail {
namespace {

// Where the field lies: in the pointer section, or some bits of the data section.
struct FieldPlace {
  bool is_pointer = false;
  uint32_t offset = 0;  // pointers, or units of `bits`
  uint32_t bits = 0;
};

// FNV-1a, with a final mix (splitmix64's), because partitions are chosen by the low bits.
uint64_t hash_bytes(const unsigned char* bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

uint32_t data_bits(capnp::schema::Type::Reader type) {
  switch (type.which()) {
    case capnp::schema::Type::BOOL:
      return 1;
    case capnp::schema::Type::INT8:
    case capnp::schema::Type::UINT8:
      return 8;
    case capnp::schema::Type::INT16:
    case capnp::schema::Type::UINT16:
    case capnp::schema::Type::ENUM:
      return 16;
    case capnp::schema::Type::INT32:
    case capnp::schema::Type::UINT32:
      return 32;
    case capnp::schema::Type::INT64:
    case capnp::schema::Type::UINT64:
      return 64;
    default:
      return 0;
  }
}

}  // namespace

std::shared_ptr<const void> partition_state(capnp::StructSchema schema, const char* field_name) {
  KJ_IF_MAYBE (field, schema.findFieldByName(field_name)) {
    auto proto = field->getProto();
    if (!proto.isSlot()) return nullptr;
    auto type = proto.getSlot().getType();
    FieldPlace place;
    place.offset = proto.getSlot().getOffset();
    place.is_pointer = type.isText() || type.isData();
    place.bits = data_bits(type);
    if (!place.is_pointer && place.bits == 0) return nullptr;
    return std::make_shared<const FieldPlace>(place);
  }
  return nullptr;
}

uint64_t partition_hash(const void* state, const Block& block) {
  const auto& place = *static_cast<const FieldPlace*>(state);
  const capnp::AnyStruct::Reader root =
      block.more_segments == nullptr
          ? capnp::readMessageUnchecked<capnp::AnyPointer>(block.words).getAs<capnp::AnyStruct>()
          : const_cast<Block&>(block)
                .arena()
                .getRoot<capnp::AnyPointer>()
                .asReader()
                .getAs<capnp::AnyStruct>();
  if (place.is_pointer) {
    auto pointers = root.getPointerSection();
    if (place.offset >= pointers.size()) return hash_bytes(nullptr, 0);
    auto bytes = pointers[place.offset].getAs<capnp::Data>();
    // A text is data with a final zero byte, which is part of every text alike.
    return hash_bytes(bytes.begin(), bytes.size());
  }
  auto data = root.getDataSection();
  if (place.bits == 1) {
    const size_t byte = place.offset / 8;
    const unsigned char bit = byte < data.size() ? (data[byte] >> (place.offset % 8)) & 1 : 0;
    return hash_bytes(&bit, 1);
  }
  const size_t size = place.bits / 8;
  unsigned char bytes[8] = {};
  if ((place.offset + 1) * size <= data.size())
    std::memcpy(bytes, data.begin() + place.offset * size, size);
  return hash_bytes(bytes, size);
}

}  // namespace isola::detail
