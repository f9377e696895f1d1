// Messages as text that people read and write: JSON, and Cap'n Proto's own notation. Works from
// the schema of a message, so its type need not be known when the program is compiled.
//
//   std::cout << to_text(delivery).or_raise();       // (text = "to be read")
//   auto [note, err] = from_json<Note>(pool, R"({"text": "to be read"})");
//
// Lifetime: nothing refers to anything else. Thread safety: any thread, as of the message.
// Errors: what Cap'n Proto can't put into JSON or take from it, as a record that says why.
#pragma once

#include <isola/serialization/foreign.h>

#include <string>
#include <string_view>

namespace isola {

enum class Layout : uint8_t { one_line, pretty };

// JSON takes many times its size in memory while it is read, so there is a limit on it.
inline constexpr size_t kJsonBytesMax = 4 << 20;

// As capnp::JsonCodec does it: 64-bit integers are strings, data are arrays of numbers.
// Fails: empty_message; invalid_argument for messages with an AnyPointer that is set.
Result<std::string> to_json(const detail::BlockOwner& message, Layout layout = Layout::one_line);

// As `capnp decode` prints it. Fails: empty_message.
Result<std::string> to_text(const detail::BlockOwner& message, Layout layout = Layout::one_line);

// The same for anybody who looks at a block, a tap or an inspector; a failure is text too.
std::string print(const Block& block);

namespace detail {
Result<BlockOwner> block_from_json(Pool& pool, const RegisteredMessage& type,
                                   std::string_view json);
}

// Fails: bad_message if it is no JSON, has fields that the type doesn't have, or values that they
// can't hold; message_too_large beyond kJsonBytesMax; pool_exhausted.
template <MessageStruct T>
Result<Message<T>> from_json(Pool& pool, std::string_view json) {
  auto [owner, error] = detail::block_from_json(pool, detail::registered_message<T>(), json);
  return {Message<T>(owner.take()), std::move(error)};
}

// The same for a type that was registered. Fails: also unknown_type.
Result<AnyDelivery> from_json(Pool& pool, const MessageType& type, std::string_view json);

}  // namespace isola
