// What the runtime knows about a message type: its schema and the sizes of its root struct.
//
// There is one MessageType for each Cap'n Proto struct that a program sends, made by the compiler;
// its address is the type's identity inside the process: the instances of a generic struct share
// the id of their schema, but not the MessageType. Thread safety: immutable.
#pragma once

#include <capnp/schema.h>

#include <cstdint>
#include <new>
#include <string>

namespace isola {

struct MessageType {
  capnp::StructSchema (*schema)();
  uint64_t id;             // of the schema, the same in every process
  uint16_t data_words;     // of the root struct
  uint16_t pointer_count;  // of the root struct
  void (*make_default_reader)(void* at);  // a T::Reader that gives all defaults

  // A flat struct has no pointers: it never grows, and zeroing its data makes it new.
  constexpr bool is_flat() const { return pointer_count == 0; }
  // The name in the schema file without its scope, and what its parameters are bound to:
  // "GetTotal", "Box(Text)".
  std::string name() const;
  // The same with the schema file and the scope: "game/messages.capnp:Table.Box(Text)".
  std::string full_name() const;
};

// T is a Cap'n Proto struct.
template <class T>
concept MessageStruct = requires {
  typename T::Reader;
  typename T::Builder;
  T::_capnpPrivate::dataWordSize;
};

template <MessageStruct T>
inline constexpr MessageType message_type{
    [] { return capnp::StructSchema(capnp::Schema::from<T>()); },
    T::_capnpPrivate::typeId,
    T::_capnpPrivate::dataWordSize,
    T::_capnpPrivate::pointerCount,
    [](void* at) { new (at) typename T::Reader(); },
};

}  // namespace isola
