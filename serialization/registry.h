// The message types that this program knows by name: for tools that get a name or an id, and bytes.
//
//   register_message<Note>();
//   auto [type, err] = find_message(pool, "Note");        // or "notes.capnp:Note", or its id
//   auto [message, err2] = read_message(pool, *type, bytes);
//   std::cout << to_text(pool, message).value;
//
// A type is registered on the way by what is rarely done: read_message<T>, from_json<T>. Sending
// does not register, since that would cost each message something, and nothing is registered by
// static constructors, which would come with the library whether somebody looks or not. So a
// program registers what it wants to be found.
//
// Lifetime: what is registered stays until the program ends; like the schemas that are linked into
// it, it belongs to the program and to no System. Thread safety: any thread.
#pragma once

#include <isola/serialization/message.h>
#include <isola/serialization/result.h>
#include <isola/serialization/shape.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isola {

namespace detail {

struct RegisteredMessage {
  const MessageType* type;
  Block* (*compose)(Pool& pool);                // compose<T>
  void (*adopt)(Block& block, uint32_t words);  // Block::adopt<T>
  std::string name;                             // MessageType::name()
  std::string full_name;
  ShapeGraph shapes;
};

const RegisteredMessage& add_message(const MessageType& type, Block* (*compose)(Pool& pool),
                                     void (*adopt)(Block& block, uint32_t words));
// Nothing if it isn't registered.
const RegisteredMessage* registered_message(const MessageType& type);

template <MessageStruct T>
const RegisteredMessage& registered_message() {
  static const RegisteredMessage& entry = add_message(
      message_type<T>, [](Pool& pool) { return isola::compose<T>(pool).take(); },
      [](Block& block, uint32_t words) { block.adopt<T>(words); });
  return entry;
}

}  // namespace detail

// Makes the type known. Does nothing if it is already.
template <MessageStruct T>
const MessageType& register_message() {
  return *detail::registered_message<T>().type;
}

// The one type with this name: "Box(Text)", or with schema file and scope "boxes.capnp:Box(Text)".
// Fails: unknown_type, also if several have this name; the record says which.
Result<const MessageType*> find_message(Pool& pool, std::string_view name);
// The one type with this schema id. The instances of a generic struct share it.
Result<const MessageType*> find_message(Pool& pool, uint64_t id);

// All registered types, in the order of their full names.
std::vector<const MessageType*> registered_messages();

}  // namespace isola
