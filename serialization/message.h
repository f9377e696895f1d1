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
};

// Composes a message in a block of this pool. `words_hint`: how many words the body will need, if
// that is known; a message that grows beyond its block gets further segments, nothing is copied.
// Fails: throws PoolExhausted.
template <MessageStruct T>
Message<T> compose(Pool& pool, uint64_t words_hint = 0) {
  constexpr uint64_t kRootWords =
      1 + T::_capnpPrivate::dataWordSize + T::_capnpPrivate::pointerCount;
  if constexpr (message_type<T>.is_flat()) {
    if (Block* block = pool.take_kept(message_type<T>)) {
      block->start_kept<T>();
      return Message<T>(block);
    }
    Block* block = pool.take(kRootWords);
    block->start<T>();
#ifndef ISOLA_CHECKED
    if (block->size_class != detail::kLargeClass) block->kept_for = block->type;
#endif
    return Message<T>(block);
  } else {
    // Room for a few short texts or lists behind the root.
    constexpr uint64_t kRoomWords = 16;
    Block* block = pool.take(words_hint > kRootWords ? words_hint : kRootWords + kRoomWords);
    block->start<T>();
    return Message<T>(block);
  }
}

}  // namespace isola
