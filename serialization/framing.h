// The bytes of messages that lie outside, as a sequence of words: from memory or from a file
// descriptor, flat or packed. Only what the stream framing needs; foreign.h makes messages of it.
//
// Framing and packing: https://capnproto.org/encoding.html (Serialization Over a Stream, Packing).
// Lifetime: neither the bytes nor the file descriptor are owned. Thread safety: one thread.
#pragma once

#include <capnp/common.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace isola {

// How messages lie in bytes: as their words, or packed, which leaves out most zero bytes. It is
// the choice that the program `capnp` has with --packed.
enum class Framing : uint8_t { flat, packed };

namespace detail {

// Bytes one after another. Memory is read where it lies, each byte once; a descriptor in pieces.
class ByteSource {
 public:
  explicit ByteSource(std::span<const std::byte> bytes) : next_(bytes) {}
  explicit ByteSource(int fd) : fd_(fd) {}

  // Copies the next bytes; fewer than asked for only at the end or at an error. Blocks: the
  // thread, also if the descriptor doesn't.
  size_t read(void* to, size_t bytes);
  // True if nothing follows. Blocks: until that is known.
  bool at_end() { return next_.empty() && !refill(); }

  bool is_memory() const { return fd_ < 0; }
  uint64_t left_in_memory() const { return next_.size(); }
  // Where the bytes end, as far as they are known.
  uint64_t end_offset() const { return is_memory() ? offset_ + next_.size() : offset_; }
  uint64_t offset() const { return offset_; }  // bytes that were read
  int error() const { return error_; }         // errno, or 0

 private:
  static constexpr size_t kBufferBytes = 16 * 1024;  // a read of the system for many messages

  bool refill();
  size_t read_system(void* to, size_t bytes);

  std::span<const std::byte> next_;
  std::unique_ptr<std::byte[]> buffer_;
  uint64_t offset_ = 0;
  int fd_ = -1;
  int error_ = 0;
};

// Words one after another.
class WordSource {
 public:
  WordSource(ByteSource bytes, Framing framing) : bytes_(std::move(bytes)), framing_(framing) {}

  // Copies the next words; fewer than asked for only at the end or at an error.
  size_t read(capnp::word* to, size_t words);
  bool at_end() { return zero_words_ == 0 && literal_words_ == 0 && bytes_.at_end(); }

  // False if so many words can't follow any more. True says nothing.
  bool may_follow(uint64_t words) const;
  // True if what may_follow says is exact.
  bool is_exact() const { return bytes_.is_memory() && framing_ == Framing::flat; }
  uint64_t offset() const { return bytes_.offset(); }
  uint64_t end_offset() const { return bytes_.end_offset(); }
  int error() const { return bytes_.error(); }

 private:
  bool unpack_word(capnp::word* to);

  ByteSource bytes_;
  Framing framing_;
  uint32_t zero_words_ = 0;     // of a run of zeros that is being unpacked
  uint32_t literal_words_ = 0;  // of a run of words that lie there as they are
};

// Writes all of it. Returns 0 or errno. Blocks: the thread, also if the descriptor doesn't.
int write_all(int fd, const void* from, size_t bytes);

}  // namespace detail
}  // namespace isola
