// A block: one message, from its composition to its release. The body is Cap'n Proto words and
// nothing else; all that the runtime knows about it is in this descriptor, which lies apart.
//
//   descriptor (Block)                              body (in a slab of its size class)
//   +-----------------------------------------+     +------------------------------+
//   | next  pool  type  words -----------------+---> | root pointer | data | ...    |
//   | sizes, state                            |     +------------------------------+
//   | envelope: sender context deadline reply |
//   | typed builder (T::Builder)              |     further segments of a message that grew
//   | arena (capnp::MessageBuilder)           |     are blocks too, linked by more_segments
//   +-----------------------------------------+
//
// Thread safety: a block has one owner at a time, except a shared record (see `references`).
// Invariants: 1. A block in a free list holds no context record and no reply target.
//             2. Words of the body beyond those that the arena used are zero.
//             3. kept_for != nullptr: the arena is alive and its root is a flat struct of that
//                type, so zeroing the data section makes it a new message.
#pragma once

#include <capnp/message.h>
#include <isola/serialization/message_type.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

namespace isola {

class Pool;
class Block;
class Error;

// A time that never comes, in nanoseconds of the system's clock.
inline constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

namespace detail {

// Where the answer to a message goes. Implemented by the actors' layer; owned by the envelope.
class ReplyTarget {
 public:
  // Hands over the answer. Takes `answer`; ends this target.
  virtual void answer(Block* answer) = 0;
  // Tells the asker that no answer will come. Ends this target.
  virtual void fail(const Error& error) = 0;

 protected:
  ~ReplyTarget() = default;
};

// What travels beside the body: ids and owned records, no pointers into anyone's heap.
struct Envelope {
  uint64_t sender = 0;                // isolate id; 0: not an isolate of this process
  Block* context = nullptr;           // a shared context record, or nothing
  ReplyTarget* reply = nullptr;       // whom to answer, or nobody
  int64_t deadline_ns = kNoDeadline;  // absolute, in the system's clock
  uint64_t span = 0;                  // id of the logical call
};

// The Cap'n Proto arena of a block: its first segment is the block's body.
class BlockArena final : public capnp::MessageBuilder {
 public:
  explicit BlockArena(Block& block) : block_(block) {}
  kj::ArrayPtr<capnp::word> allocateSegment(capnp::uint minimum_words) override;

 private:
  Block& block_;
};

}  // namespace detail

// Who has the block; for assertions, so only debug builds write it down.
enum class BlockState : uint8_t { free, composing, queued, delivered };

class alignas(64) Block {
 public:
  Block* next = nullptr;  // in an inbox, a channel or a free list
  Pool* pool = nullptr;
  const MessageType* type = nullptr;      // of the root struct
  const MessageType* kept_for = nullptr;  // invariant 3
  capnp::word* words = nullptr;
  uint32_t capacity_words = 0;
  uint32_t dirty_words = 0;  // how many may be other than zero, while no arena is alive
  uint8_t size_class = 0;
  BlockState state = BlockState::free;
  bool arena_alive = false;
  bool arena_has_body = false;           // the arena was given the body as a segment
  sync::atomic<uint32_t> depth{0};       // how many lie in the inbox up to this one
  sync::atomic<uint32_t> references{1};  // of a shared record; 1 for a message
  detail::Envelope envelope;
  Block* more_segments = nullptr;

  // A Cap'n Proto builder is five words: segment, capabilities, data, pointers, sizes.
  static constexpr size_t kBuilderBytes = 40;
  // A reader: the same, and how deep one may still follow pointers.
  static constexpr size_t kReaderBytes = 48;

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  template <MessageStruct T>
  typename T::Builder& builder() {
    static_assert(sizeof(typename T::Builder) <= kBuilderBytes);
    return *std::launder(reinterpret_cast<typename T::Builder*>(builder_));
  }

  // Picks the reader: a body made in this process that did not outgrow its block is read
  // unchecked; of a flat one the reader was kept with its builder; one that grew is read through
  // the arena, which knows its segments.
  template <MessageStruct T>
  typename T::Reader read() const {
    auto& self = const_cast<Block&>(*this);
    if constexpr (message_type<T>.is_flat()) {
      return *std::launder(reinterpret_cast<const typename T::Reader*>(reader_));
    } else {
      if (more_segments == nullptr) return capnp::readMessageUnchecked<T>(words);
      return self.builder<T>().asReader();
    }
  }

  // Makes the root of a new message. REQUIRES: just taken from the pool.
  template <MessageStruct T>
  void start() {
    restart_arena();
    type = &message_type<T>;
    new (builder_) typename T::Builder(arena().initRoot<T>());
    // The reader of a flat message points to the same words, whatever is written there.
    if constexpr (message_type<T>.is_flat()) {
      static_assert(sizeof(typename T::Reader) <= kReaderBytes);
      new (reader_) typename T::Reader(builder<T>().asReader());
    }
  }

  // Makes a kept flat message new. REQUIRES: kept_for == &message_type<T>.
  template <MessageStruct T>
  void start_kept() {
    // The root pointer stays; the data follows it.
    std::memset(static_cast<void*>(words + 1), 0, T::_capnpPrivate::dataWordSize * 8);
  }

  detail::BlockArena& arena() {
    return *std::launder(reinterpret_cast<detail::BlockArena*>(arena_));
  }

  // The segments in order, as capnp's serialization takes them.
  kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments() {
    return arena().getSegmentsForOutput();
  }

  void set_state([[maybe_unused]] BlockState now) {
#ifndef NDEBUG
    state = now;
#endif
  }

  // One more user of a shared record.
  void retain() { references.fetch_add(1, sync::memory_order_relaxed); }

  // Ends the arena and zeroes what it used. Leaves the block without a root.
  void clear_arena();

 private:
  void restart_arena() {
    clear_arena();
    new (arena_) detail::BlockArena(*this);
    arena_alive = true;
  }

  alignas(8) std::byte builder_[kBuilderBytes];
  alignas(8) std::byte reader_[kReaderBytes];
  alignas(8) std::byte arena_[sizeof(detail::BlockArena)];
};

// Gives up a block (or one use of a shared record): drops its context record, fails its reply
// target as unanswered, and gives it back to its pool. Any thread.
inline void release(Block* block);

namespace detail {
void release_slow(Block* block);
}

}  // namespace isola

#include <isola/serialization/pool.h>  // release() is inline, and ends in the pool
