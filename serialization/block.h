// A block: one message, from its composition to its release. The body is Cap'n Proto words and
// nothing else; all that the runtime knows about it is in this descriptor, which lies apart.
//
//   descriptor (Block)                              body (in a slab of its size class)
//   +-----------------------------------------+     +------------------------------+
//   | next  pool  type  words -----------------+---> | root pointer | data | ...    |
//   | sizes, state, flags                     |     +------------------------------+
//   | envelope: sender context deadline reply |
//   | typed builder (T::Builder)              |     further segments of a message that grew
//   | arena (capnp::MessageBuilder)           |     are blocks too, linked by more_segments
//   | attachments, origin                     |
//   +-----------------------------------------+
//
// An *alias* is a descriptor whose body is that of another block, its origin: one body, many
// receivers, each with an envelope of its own (topics). It has the origin's words and segments.
//
// Thread safety: a block has one owner at a time, except a shared one (see `references`), which
// nobody may change. Any thread may ask for the state.
// Invariants: 1. A block in a free list holds no context record, no reply target, no attachments,
//                no use of another block, and no flags.
//             2. Words of the body beyond those that the arena used are zero.
//             3. kept_for != nullptr: the arena is alive, its root is a struct of that type, and
//                builder_ and reader_ are of this root. A flat one is made a new message by zeroing
//                its data section, another one by rewind().
//             4. flags has kAttached exactly if attachments != nullptr, kAlias exactly if
//                origin != nullptr; an origin is no alias itself.
#pragma once

#include <capnp/any.h>
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
class Waiter;
class Error;

// A time that never comes, in nanoseconds of the system's clock.
inline constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

namespace detail {

// Checked builds find out who writes to a message after sending it (seal.h).
#ifdef ISOLA_CHECKED
inline constexpr bool kChecked = true;
#else
inline constexpr bool kChecked = false;
#endif

class Attachments;    // attachment.h
class SegmentReader;  // block.cc

struct Seal;  // seal.h
void release_slow(Block* block);
// Reports it if the message was changed since it was sealed, if it was.
void verify_seal(Block& block);

// Where the answer to a message goes. Implemented by the actors' layer; owned by the envelope.
class ReplyTarget {
 public:
  // Hands over the answer. Takes `answer`; ends this target.
  virtual void answer(Block* answer) = 0;
  // Tells the asker that no answer will come. Ends this target.
  virtual void fail(const Error& error) = 0;
  // Until drop() it is there, whoever ends it.
  virtual void retain() = 0;
  virtual void drop() = 0;

  // Whether the answer is still wanted, and who waits on the way to it: see channels/call.h.
  sync::atomic<Waiter*> waiter{nullptr};
  sync::atomic<uint32_t> wish{0};

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
  // With a body that already has a root.
  BlockArena(Block& block, SegmentInit body)
      : MessageBuilder(kj::arrayPtr(&body, 1)), block_(block) {}
  kj::ArrayPtr<capnp::word> allocateSegment(capnp::uint minimum_words) override;

 private:
  Block& block_;
};

}  // namespace detail

// Who has the block:
//   free       its pool
//   composing  whoever writes the message, or had it back because a send failed
//   queued     an inbox, a channel, or the storage of an answer
//   delivered  whoever received it
//   shared     all of its users: a context record, the record of an error, an origin of aliases
//   segment    the message that has it as a further segment, `segment_of`
// free -> composing -> queued <-> delivered -> free; any but queued and free -> shared -> free;
// a message that goes straight from hand to hand, or is thrown away, skips steps.
enum class BlockState : uint8_t { free, composing, queued, delivered, shared, segment };

class alignas(64) Block {
 public:
  Block* next = nullptr;  // in an inbox, a channel or a free list
  Pool* pool = nullptr;
  const MessageType* type = nullptr;      // of the root struct
  const MessageType* kept_for = nullptr;  // invariant 3
  capnp::word* words = nullptr;
  Block* more_segments = nullptr;  // an alias's are its origin's
  uint8_t size_class = 0;
  // Relaxed: only counted by Pool::stats, which wants a recent value and orders nothing.
  sync::atomic<BlockState> state{BlockState::free};
  bool arena_alive = false;
  bool arena_has_body = false;           // the arena was given the body as a segment
  sync::atomic<uint32_t> depth{0};       // how many lie in the inbox up to this one
  sync::atomic<uint32_t> references{1};  // of a shared block; 1 for a message
  uint16_t flags = 0;                    // kMarker and so on
  uint8_t kept_place = 0;                // of the free list of kept_for, where it usually is
  detail::Envelope envelope;

  // Bits of `flags`. A marker stands for an item that is gone, and reads as all defaults.
  static constexpr uint16_t kMarker = 1;
  static constexpr uint16_t kOwnerError = 2;  // to be received as item_owner_destroyed
  static constexpr uint16_t kAttached = 4;
  static constexpr uint16_t kAlias = 8;
  static constexpr uint16_t kSealed = 16;
  // A context record that names callers.
  static constexpr uint16_t kNamesCallers = 32;
  // It came from outside, so its root struct may have other sizes than ours.
  static constexpr uint16_t kAdopted = 64;

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
  // unchecked, with the reader that was made with its builder, or, where all is known of it, one
  // made now; one that grew is read through the arena, which knows its segments.
  template <MessageStruct T>
  typename T::Reader read() const {
    if constexpr (message_type<T>.is_flat()) {
      // Without a look at the kept one, which lies on a cache line that is not needed otherwise.
      if ((flags & (kMarker | kAlias | kAdopted)) == 0) [[likely]]
        return typename T::Reader(capnp::_::StructReader(
            kj::arrayPtr(words + 1, size_t{T::_capnpPrivate::dataWordSize})));
    } else {
      if (more_segments != nullptr) [[unlikely]]
        return read_grown<T>();
    }
    return *std::launder(reinterpret_cast<const typename T::Reader*>(reader_));
  }

  // Makes the root of a new message. REQUIRES: just taken from the pool.
  template <MessageStruct T>
  void start() {
    restart_arena();
    type = &message_type<T>;
    new (builder_) typename T::Builder(arena().initRoot<T>());
    // The reader points to the same root, whatever will be written there.
    static_assert(sizeof(typename T::Reader) <= kReaderBytes);
    if constexpr (message_type<T>.is_flat())
      new (reader_) typename T::Reader(builder<T>().asReader());
    else
      new (reader_) typename T::Reader(capnp::readMessageUnchecked<T>(words));
  }

  // Makes a message of a body that lies ready in the words: one segment, without far pointers, and
  // checked. It is only read. REQUIRES: just taken from the pool and cleared.
  template <MessageStruct T>
  void adopt(uint32_t body_words) {
    dirty_words = body_words;
    flags |= kAdopted;
    type = &message_type<T>;
    // Its structs may have other sizes than ours, but a reader knows the sizes.
    new (reader_) typename T::Reader(capnp::readMessageUnchecked<T>(words));
  }

  // Makes a kept message new. REQUIRES: kept_for == &message_type<T>.
  template <MessageStruct T>
  void start_kept() {
    // The root pointer stays; the data follows it.
    if constexpr (message_type<T>.is_flat())
      std::memset(static_cast<void*>(words + 1), 0, T::_capnpPrivate::dataWordSize * 8);
    else
      rewind(1 + T::_capnpPrivate::dataWordSize + T::_capnpPrivate::pointerCount);
  }

  detail::BlockArena& arena() {
    return *std::launder(reinterpret_cast<detail::BlockArena*>(arena_));
  }

  // The segments in order, as capnp's serialization takes them.
  kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments() {
    return arena().getSegmentsForOutput();
  }

  void set_state(BlockState now) {
    state.store(now, sync::memory_order_relaxed);
    if constexpr (detail::kChecked) {
      if (now == BlockState::delivered) detail::verify_seal(*this);
    }
  }

  // The root, of whatever type, for those who know only the schema.
  capnp::AnyPointer::Reader any_root() const;

  // Bytes that the message keeps from being used otherwise: the capacity of all its segments (of
  // an alias: the origin's) and what its attachments say.
  uint64_t held_bytes() const {
    const uint64_t own = uint64_t{capacity_words} * sizeof(capnp::word);
    return more_segments == nullptr && (flags & (kAttached | kAlias)) == 0 ? own
                                                                           : held_bytes_slow();
  }

  // One more user of a shared block.
  void retain() { references.fetch_add(1, sync::memory_order_relaxed); }

  // Ends the arena and zeroes what it used. Leaves the block without a root. REQUIRES: the further
  // segments are gone.
  void clear_arena();

 private:
  friend Block* make_alias(Pool& pool, Block* shared);
  friend void make_marker(Block& block);
  friend void detail::release_slow(Block* block);
  template <MessageStruct T>
  typename T::Reader read_grown() const {
    auto& self = const_cast<Block&>(*this);
    if (origin != nullptr) return self.alias_root().getAs<T>();
    return self.builder<T>().asReader();
  }
  // Zeroes all but the root pointer, and lets the arena begin anew behind the root struct.
  // REQUIRES: kept, no further segments.
  void rewind(uint32_t root_words);
  capnp::AnyPointer::Reader alias_root();
  uint64_t held_bytes_slow() const;
  void release_segments();
  void release_origin();
  void restart_arena() {
    clear_arena();
    new (arena_) detail::BlockArena(*this);
    arena_alive = true;
  }

  // What only an alias has. An alias has no arena: these lie in its place.
  struct AliasParts {
    capnp::word* own_words;                 // its own body, unused
    detail::SegmentReader* segment_reader;  // of what grew, once it was read
  };
  AliasParts& alias_parts() { return *std::launder(reinterpret_cast<AliasParts*>(arena_)); }

  // What setters read of a builder, its third word, is the last on the second cache line: so a flat
  // message that is composed, sent, read and released needs two lines, and that of its body.
  alignas(8) std::byte builder_[kBuilderBytes];
  alignas(8) std::byte reader_[kReaderBytes];

 public:
  uint32_t capacity_words = 0;
  uint32_t dirty_words = 0;  // how many may be other than zero, while no arena is alive
  // While it waits in a channel: since when, in milliseconds of coarse time, and its OwnerGone.
  uint32_t queued_ms = 0;
  uint8_t item_policy = 0;

 private:
  alignas(8) std::byte arena_[sizeof(detail::BlockArena)];

 public:
  // --- rarely used, so far from the rest
  detail::Attachments* attachments = nullptr;  // owned
  detail::Seal* seal = nullptr;                // owned; in checked builds, once it was sent
  Block* origin = nullptr;                     // of an alias: one use of it
  sync::atomic<Block*> segment_of{nullptr};    // while its state is `segment`
};
// Each is on cache lines of its own, and how many these are is known.
static_assert(sizeof(Block) == 448);

// A descriptor with an envelope of its own for the body of `shared`, which takes one more use of
// it: zero bytes are copied. The first one makes `shared` shared: nobody may write to it any more.
// Its attachments are those of `shared`. Thread safety: as retain(). Fails: throws PoolExhausted.
Block* make_alias(Pool& pool, Block* shared);

// Makes a marker of an item whose sender is gone: drops body, context, attachments and reply; keeps
// type and sender. What is read from it are all defaults. REQUIRES: owned by the caller, no reader
// of it in use.
void make_marker(Block& block);

// Gives up a block (or one use of a shared record): drops its context record, fails its reply
// target as unanswered, and gives it back to its pool. Any thread.
inline void release(Block* block);

}  // namespace isola

#include <isola/serialization/pool.h>  // release() is inline, and ends in the pool
