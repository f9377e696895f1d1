// What a schema says about the pointers of a struct, in a form that is quick to check against.
//
// A Cap'n Proto reader throws where a pointer leads to something else than its field says, a list
// where the schema has a text for example. Bytes from outside are checked for that once, when they
// come in; the shapes are what they are checked against.
//
// Lifetime: shapes live as long as their ShapeGraph. Thread safety: immutable once made.
#pragma once

#include <capnp/schema.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace isola::detail {

struct StructShape;

// What a pointer may lead to, if it isn't null.
struct PointerShape {
  enum class Kind : uint8_t { anything, any_struct, any_list, text, data, structure, list };
  Kind kind = Kind::anything;
  capnp::ElementSize element = capnp::ElementSize::VOID;  // of a list
  const StructShape* structure = nullptr;                 // of a struct, or of the list's elements
  const PointerShape* item = nullptr;                     // of a list of pointers
};

// A union member is there only while this 16-bit number of the struct's data has this value.
struct UnionCondition {
  uint32_t offset;  // in 16-bit units
  uint16_t value;
};

// A pointer field. Members of unions may share one place in the pointer section.
struct PointerSlot {
  uint32_t index;  // in the pointer section
  std::string name;
  PointerShape pointer;
  std::vector<UnionCondition> conditions;  // all have to hold
};

struct StructShape {
  std::string name;
  std::vector<PointerSlot> slots;  // in the order of their index; what isn't there is unknown
  std::vector<uint32_t> first;     // of each index: where its slots begin; and where the last end

  // The slots at this place of the pointer section: several if members of unions share it.
  std::span<const PointerSlot> at(uint32_t index) const {
    if (index + 1 >= first.size()) return {};
    return {slots.data() + first[index], first[index + 1] - first[index]};
  }
};

// The shapes of a struct and of all structs that it leads to.
class ShapeGraph {
 public:
  explicit ShapeGraph(capnp::StructSchema root);
  ShapeGraph(const ShapeGraph&) = delete;
  ShapeGraph& operator=(const ShapeGraph&) = delete;

  const StructShape& root() const { return structs_.front(); }

 private:
  // Generic structs could go on for ever (`next :Node(List(T))`); what lies beyond is not checked
  // against its schema, only for its bounds.
  static constexpr size_t kStructsMax = 4096;

  struct HashType {
    size_t operator()(const capnp::Type& type) const { return type.hashCode(); }
  };

  StructShape* shape_of(capnp::StructSchema schema);
  void fill(StructShape& shape, capnp::StructSchema schema,
            const std::vector<UnionCondition>& conditions);
  PointerShape pointer_to(capnp::Type type);

  std::deque<StructShape> structs_;
  std::deque<PointerShape> items_;
  std::unordered_map<capnp::Type, StructShape*, HashType> known_;
  std::deque<std::pair<StructShape*, capnp::StructSchema>> unfilled_;
};

}  // namespace isola::detail
