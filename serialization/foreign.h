// Messages from and to the outside: memory, files, pipes, sockets; in the stream framing that the
// program `capnp` reads and writes.
//
//   auto [note, err] = read_message<Note>(pool, bytes);    // Result<Note>
//   MessageStream stream(pool, fd);
//   while (auto next = stream.next<Note>()) use(next->value, next->err);
//   write_message(note, fd);
//
// Bytes from outside are not trusted. They are copied into a block of the pool, since their writer
// might still change them, and checked there once (pointer_graph.h); from then on the message is
// read as fast as one that was composed here. One that came in several segments is copied a second
// time, into one. Structs may be larger or smaller than those that this program was compiled with.
//
// Ownership: a message is owned by its Delivery, as any; bytes and descriptors stay the caller's.
// Thread safety: of a MessageStream, one thread; everything else any.
// Errors: bad_message, message_too_large, pool_exhausted, io; each with a record that says what is
// wrong and at which byte. Nothing that lies in the bytes makes these functions throw or crash, or
// take more memory than a few times what was already read of them.
#pragma once

#include <isola/serialization/framing.h>
#include <isola/serialization/message.h>
#include <isola/serialization/registry.h>
#include <isola/serialization/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace isola {

// What is too much. The defaults are those of Cap'n Proto's own readers.
struct ForeignLimits {
  uint64_t bytes_max = 64 << 20;  // of the segments of one message, unpacked
  uint32_t segments_max = 512;    // more than 65,536 are never allowed
  // How many pointers may lie between the root and anything. Who reads a message usually calls a
  // function for each level, so this bounds the stack.
  uint32_t depth_max = 64;
  // Words that are met on a walk over everything, each as often as it is met: pointers that share
  // a target make a small message large to its reader. Elements without a size count one word.
  uint64_t traversal_words_max = 8 << 20;
};

// A message whose type is known only when the program runs.
class AnyDelivery : public detail::BlockOwner {
 public:
  using BlockOwner::BlockOwner;

  // REQUIRES: not empty.
  const MessageType& type() const { return *block_->type; }
};

namespace detail {

// What a message is read by. Returns an error, or sets `block` to an owned message.
Error read_body(Pool& pool, const RegisteredMessage& type, WordSource& source,
                const ForeignLimits& limits, bool& framing_is_intact, Block*& block);
// The same from bytes that are one message and nothing else.
Error read_whole(Pool& pool, const RegisteredMessage& type, std::span<const std::byte> bytes,
                 const ForeignLimits& limits, Framing framing, Block*& block);

}  // namespace detail

// Reads one message; there must be nothing behind it.
template <MessageStruct T>
Result<T> read_message(Pool& pool, std::span<const std::byte> bytes,
                       const ForeignLimits& limits = {}, Framing framing = Framing::flat) {
  Block* block = nullptr;
  Error error =
      detail::read_whole(pool, detail::registered_message<T>(), bytes, limits, framing, block);
  return {Delivery<T>(block), std::move(error)};
}

// The same for a type that was registered. Fails: also unknown_type.
Result<AnyDelivery> read_message(Pool& pool, const MessageType& type,
                                 std::span<const std::byte> bytes, const ForeignLimits& limits = {},
                                 Framing framing = Framing::flat);

// Messages one after another. Lifetime: `bytes` must stay, `fd` must stay open.
class MessageStream {
 public:
  // Reads ahead from `fd`.
  MessageStream(Pool& pool, int fd, const ForeignLimits& limits = {},
                Framing framing = Framing::flat)
      : pool_(pool), limits_(limits), source_(detail::ByteSource(fd), framing) {}
  MessageStream(Pool& pool, std::span<const std::byte> bytes, const ForeignLimits& limits = {},
                Framing framing = Framing::flat)
      : pool_(pool), limits_(limits), source_(detail::ByteSource(bytes), framing) {}

  // The next message; nothing at the end of the stream. After a message that is bad in itself the
  // stream goes on with the next one; where the next one begins is unknown after an error of the
  // framing, so that is told again and again. Blocks: the thread, until a whole message is there.
  template <MessageStruct T>
  std::optional<Result<T>> next() {
    Block* block = nullptr;
    if (!next_body(detail::registered_message<T>(), block)) return std::nullopt;
    return Result<T>{Delivery<T>(block), error_};
  }

  // Bytes of the stream that belong to what was read so far.
  uint64_t offset() const { return source_.offset(); }

 private:
  bool next_body(const detail::RegisteredMessage& type, Block*& block);

  Pool& pool_;
  const ForeignLimits limits_;
  detail::WordSource source_;
  bool is_intact_ = true;
  Error error_;  // of the last message
};

// The message as bytes. What is attached to it is not among them: that means something only here.
// Fails: empty_message. Throws std::bad_alloc.
Result<std::vector<std::byte>> write_message(const detail::BlockOwner& message,
                                             Framing framing = Framing::flat);
// Fails: empty_message; io. Blocks: the thread. Writing to a pipe or socket that nobody reads
// raises SIGPIPE, as write(2) does.
Result<void> write_message(const detail::BlockOwner& message, int fd,
                           Framing framing = Framing::flat);

}  // namespace isola
