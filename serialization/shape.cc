// Shapes are made from schemas breadth first, so that no schema is too deep for the stack.
#include "shape.h"

#include <algorithm>

namespace isola::detail {
namespace {

using capnp::ElementSize;
using Which = capnp::schema::Type;
using AnyKind = capnp::schema::Type::AnyPointer::Unconstrained;

ElementSize element_size(capnp::Type type) {
  switch (type.which()) {
    case Which::VOID:
      return ElementSize::VOID;
    case Which::BOOL:
      return ElementSize::BIT;
    case Which::INT8:
    case Which::UINT8:
      return ElementSize::BYTE;
    case Which::INT16:
    case Which::UINT16:
    case Which::ENUM:
      return ElementSize::TWO_BYTES;
    case Which::INT32:
    case Which::UINT32:
    case Which::FLOAT32:
      return ElementSize::FOUR_BYTES;
    case Which::INT64:
    case Which::UINT64:
    case Which::FLOAT64:
      return ElementSize::EIGHT_BYTES;
    case Which::STRUCT:
      return ElementSize::INLINE_COMPOSITE;
    default:
      return ElementSize::POINTER;
  }
}

}  // namespace

ShapeGraph::ShapeGraph(capnp::StructSchema root) {
  shape_of(root);
  while (!unfilled_.empty()) {
    const auto [shape, schema] = unfilled_.front();
    unfilled_.pop_front();
    fill(*shape, schema, {});
    std::stable_sort(shape->slots.begin(), shape->slots.end(),
                     [](const auto& a, const auto& b) { return a.index < b.index; });
    for (uint32_t i = 0; i < shape->slots.size(); ++i)
      shape->first.resize(shape->slots[i].index + 1, i);
    shape->first.push_back(static_cast<uint32_t>(shape->slots.size()));
  }
  known_.clear();
}

StructShape* ShapeGraph::shape_of(capnp::StructSchema schema) {
  auto found = known_.find(schema);
  if (found != known_.end()) return found->second;
  if (structs_.size() >= kStructsMax) return nullptr;
  StructShape* shape = &structs_.emplace_back();
  known_.emplace(schema, shape);
  unfilled_.emplace_back(shape, schema);
  return shape;
}

// A group has no place of its own: its fields lie in the sections of the struct around it.
void ShapeGraph::fill(StructShape& shape, capnp::StructSchema schema,
                      const std::vector<UnionCondition>& conditions) {
  if (shape.name.empty()) shape.name = schema.getShortDisplayName().cStr();
  const uint32_t discriminant = schema.getProto().getStruct().getDiscriminantOffset();
  for (const auto field : schema.getFields()) {
    const auto proto = field.getProto();
    std::vector<UnionCondition> all = conditions;
    if (proto.getDiscriminantValue() != capnp::schema::Field::NO_DISCRIMINANT)
      all.push_back({discriminant, proto.getDiscriminantValue()});
    if (proto.isGroup()) {
      fill(shape, field.getType().asStruct(), all);
    } else if (element_size(field.getType()) == ElementSize::POINTER ||
               field.getType().isStruct()) {
      shape.slots.push_back({proto.getSlot().getOffset(), proto.getName().cStr(),
                             pointer_to(field.getType()), std::move(all)});
    }
  }
}

PointerShape ShapeGraph::pointer_to(capnp::Type type) {
  using Kind = PointerShape::Kind;
  PointerShape shape;
  switch (type.which()) {
    case Which::TEXT:
      shape.kind = Kind::text;
      break;
    case Which::DATA:
      shape.kind = Kind::data;
      break;
    case Which::STRUCT:
      shape.kind = Kind::structure;
      shape.structure = shape_of(type.asStruct());
      break;
    case Which::LIST: {
      const capnp::Type element = type.asList().getElementType();
      shape.kind = Kind::list;
      shape.element = element_size(element);
      if (element.isStruct()) shape.structure = shape_of(element.asStruct());
      if (shape.element == ElementSize::POINTER) {
        const PointerShape item = pointer_to(element);
        shape.item = &items_.emplace_back(item);
      }
      break;
    }
    case Which::ANY_POINTER:
      if (type.getBrandParameter() == nullptr && type.getImplicitParameter() == nullptr) {
        if (type.whichAnyPointerKind() == AnyKind::STRUCT) shape.kind = Kind::any_struct;
        if (type.whichAnyPointerKind() == AnyKind::LIST) shape.kind = Kind::any_list;
      }
      break;
    default:
      break;  // a capability: refused wherever it comes from
  }
  return shape;
}

}  // namespace isola::detail
