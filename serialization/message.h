// Message<T> while it is composed, Delivery<T> once it was received.
//
// Both own the same block: sending moves the block and copies no byte of its body.
//
//   Message<Add> add = sender.compose();   // a builder writes into the block that is delivered
//   add->setAmount(3);
//   sender.send(std::move(add));
//   ...
//   Delivery<Add> got = *receiver.recv();  // frozen; may be forwarded as it is
//   use(got->getAmount());
//
// Thread safety: one owner, one thread at a time. Lifetime: a message may outlive its System.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/check.h>
#include <isola/serialization/pool.h>

#include <utility>

namespace isola {

template <class T>
struct Result;

namespace detail {

// The one owner of a block, or of nothing.
class BlockOwner {
 public:
  BlockOwner() = default;
  explicit BlockOwner(Block* block) : block_(block) {}
  BlockOwner(BlockOwner&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockOwner& operator=(BlockOwner&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockOwner() {
    if (block_ != nullptr) release(block_);
  }

  // False when moved from, sent or default-made.
  explicit operator bool() const { return block_ != nullptr; }
  Block* block() const { return block_; }
  Block* take() { return std::exchange(block_, nullptr); }

 protected:
  Block* block_ = nullptr;
};

template <class Reader>
struct Arrow {
  Reader reader;
  Reader* operator->() { return &reader; }
};

}  // namespace detail

template <MessageStruct T>
class Message : public detail::BlockOwner {
 public:
  using BlockOwner::BlockOwner;

  // REQUIRES: not empty.
  typename T::Builder& operator*() const { return block_->builder<T>(); }
  typename T::Builder* operator->() const { return &block_->builder<T>(); }

  // Lets `value` travel with the message. Returns its handle, counted from 1, to be stored in a
  // UInt32 field of the body. Include attachment.h. REQUIRES: not empty.
  template <class X>
  uint32_t attach(X&& value);
};

template <MessageStruct T>
class Delivery : public detail::BlockOwner {
 public:
  using BlockOwner::BlockOwner;
  // A message that this program composed and wants to read itself.
  explicit Delivery(Message<T>&& message) : BlockOwner(message.take()) {}

  // The root struct. REQUIRES: not empty. The reader is valid as long as this Delivery.
  typename T::Reader root() const { return block_->read<T>(); }
  typename T::Reader operator*() const { return root(); }
  detail::Arrow<typename T::Reader> operator->() const { return {root()}; }

  // The isolate that sent it; 0 for a thread that runs in no isolate.
  uint64_t sender() const { return block_->envelope.sender; }
  // True if the item itself is gone, with its sender: what is read are all defaults.
  bool is_marker() const { return (block_->flags & Block::kMarker) != 0; }

  // A clone of what travels under this handle; the Delivery stays as it is and may be forwarded
  // with it. Include attachment.h. Fails: no_attachment, wrong_attachment. REQUIRES: not empty.
  template <class X>
  Result<X> attached(uint32_t handle) const;
};

namespace detail {

// Words of a body that has room for a few short texts or lists behind the root. All blocks that
// are kept for T have this size.
template <MessageStruct T>
inline constexpr uint64_t kUsualWords = 1 + T::_capnpPrivate::dataWordSize +
                                        T::_capnpPrivate::pointerCount +
                                        (message_type<T>.is_flat() ? 0 : 16);

// Prepares a block for T. Out of line: what comes after the first few blocks is compose's.
template <MessageStruct T>
[[gnu::noinline]] Block* start_new(Pool& pool, uint64_t words) {
  Block* block = pool.take(words);
  block->start<T>();
  if (!kChecked && block->size_class == class_for(kUsualWords<T>) &&
      block->size_class != kLargeClass) {
    block->kept_for = block->type;
    block->kept_place = static_cast<uint8_t>(typed_index(message_type<T>));
  }
  return block;
}

}  // namespace detail

// Composes a message in a block of this pool. `words_hint`: how many words the body will need, if
// that is known; a message that grows beyond its block gets further segments, nothing is copied.
// Fails: throws PoolExhausted.
template <MessageStruct T>
[[gnu::always_inline]] inline Message<T> compose(Pool& pool, uint64_t words_hint = 0) {
  // A flat body never needs more than its root.
  if (message_type<T>.is_flat() || words_hint <= detail::kUsualWords<T>) {
    if (Block* block = pool.take_kept(message_type<T>)) [[likely]] {
      block->start_kept<T>();
      return Message<T>(block);
    }
    words_hint = detail::kUsualWords<T>;
  }
  return Message<T>(detail::start_new<T>(pool, words_hint));
}

}  // namespace isola
