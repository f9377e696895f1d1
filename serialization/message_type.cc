// The readable names of message types.
#include "message_type.h"

namespace isola {
namespace {

std::string bound_parameters(capnp::Schema schema);

std::string type_name(capnp::Type type) {
  switch (type.which()) {
    case capnp::schema::Type::VOID:
      return "Void";
    case capnp::schema::Type::BOOL:
      return "Bool";
    case capnp::schema::Type::INT8:
      return "Int8";
    case capnp::schema::Type::INT16:
      return "Int16";
    case capnp::schema::Type::INT32:
      return "Int32";
    case capnp::schema::Type::INT64:
      return "Int64";
    case capnp::schema::Type::UINT8:
      return "UInt8";
    case capnp::schema::Type::UINT16:
      return "UInt16";
    case capnp::schema::Type::UINT32:
      return "UInt32";
    case capnp::schema::Type::UINT64:
      return "UInt64";
    case capnp::schema::Type::FLOAT32:
      return "Float32";
    case capnp::schema::Type::FLOAT64:
      return "Float64";
    case capnp::schema::Type::TEXT:
      return "Text";
    case capnp::schema::Type::DATA:
      return "Data";
    case capnp::schema::Type::LIST:
      return "List(" + type_name(type.asList().getElementType()) + ")";
    case capnp::schema::Type::ENUM:
      return type.asEnum().getShortDisplayName().cStr();
    case capnp::schema::Type::STRUCT:
      return type.asStruct().getShortDisplayName().cStr() + bound_parameters(type.asStruct());
    case capnp::schema::Type::INTERFACE:
      return type.asInterface().getShortDisplayName().cStr() + bound_parameters(type.asInterface());
    case capnp::schema::Type::ANY_POINTER:
      return "AnyPointer";
  }
  return "?";
}

// "(Text, List(Int32))" of a generic schema, or nothing: its own parameters, then those of the
// struct around it.
std::string bound_parameters(capnp::Schema schema) {
  const auto node = schema.getProto();
  if (!node.getIsGeneric()) return "";
  std::string list;
  for (const uint64_t scope : {node.getId(), node.getScopeId()}) {
    const auto bound = schema.getBrandArgumentsAtScope(scope);
    for (unsigned i = 0; i < bound.size(); ++i)
      list += (list.empty() ? "" : ", ") + type_name(bound[i]);
  }
  return list.empty() ? "" : "(" + list + ")";
}

}  // namespace

std::string MessageType::name() const { return type_name(schema()); }

std::string MessageType::full_name() const {
  const capnp::StructSchema type = schema();
  return type.getProto().getDisplayName().cStr() + bound_parameters(type);
}

}  // namespace isola
