// Choosing by one field of a message, straight from its words.
#include <isola/channels/field_key.h>

#include <capnp/any.h>

#include <cstring>
#include <stdexcept>

namespace isola::detail {
namespace {

// FNV-1a, with a final mix (splitmix64's), because partitions are chosen by the low bits.
uint64_t hash_bytes(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
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

std::shared_ptr<const FieldKey> FieldKey::of(capnp::StructSchema schema, const char* field_name) {
  KJ_IF_MAYBE (field, schema.findFieldByName(field_name)) {
    auto proto = field->getProto();
    if (!proto.isSlot()) return nullptr;
    auto type = proto.getSlot().getType();
    FieldKey key;
    key.offset_ = proto.getSlot().getOffset();
    key.is_pointer_ = type.isText() || type.isData();
    key.bits_ = data_bits(type);
    if (!key.is_pointer_ && key.bits_ == 0) return nullptr;
    return std::make_shared<const FieldKey>(key);
  }
  return nullptr;
}

std::string_view FieldKey::bytes(const Block& block, Scratch& scratch) const {
  const capnp::AnyStruct::Reader root = block.any_root().getAs<capnp::AnyStruct>();
  if (is_pointer_) {
    auto pointers = root.getPointerSection();
    if (offset_ >= pointers.size()) return {};
    auto bytes = pointers[offset_].getAs<capnp::Data>();
    // A text is data with a final zero byte, which is part of every text alike.
    return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
  }
  auto data = root.getDataSection();
  scratch.fill(0);
  if (bits_ == 1) {
    const size_t byte = offset_ / 8;
    if (byte < data.size()) scratch[0] = static_cast<char>((data[byte] >> (offset_ % 8)) & 1);
    return {scratch.data(), 1};
  }
  const size_t size = bits_ / 8;
  if ((offset_ + 1) * size <= data.size())
    std::memcpy(scratch.data(), data.begin() + offset_ * size, size);
  return {scratch.data(), size};
}

uint64_t FieldKey::hash(const Block& block) const {
  Scratch scratch;
  return hash_bytes(bytes(block, scratch));
}

std::shared_ptr<const FieldKey> latest_key(const MessageType& type, Overflow overflow,
                                           const std::string& field) {
  if ((overflow == Overflow::keep_latest) == field.empty())
    throw std::invalid_argument(field.empty()
                                    ? "isola: a channel that keeps the latest needs a key"
                                    : "isola: only a channel that keeps the latest has a key");
  if (field.empty()) return nullptr;
  auto key = FieldKey::of(type.schema(), field.c_str());
  if (key == nullptr)
    throw std::invalid_argument("isola: " + type.name() + " has no field \"" + field +
                                "\" that can be a key: that takes a text, data, integer, boolean "
                                "or enumerant");
  return key;
}

}  // namespace isola::detail
