// The queue of a channel: blocks in the order in which they were sent, and, for keep_latest, the
// place of each key.
//
// Thread safety: under its channel's lock. The queue owns its blocks until they are taken out.
#pragma once

#include <isola/serialization/block.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace isola::detail {

class FieldKey;

// A list of blocks linked by next.
class BlockList {
 public:
  BlockList() = default;
  BlockList(BlockList&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)), tail_(std::exchange(other.tail_, nullptr)) {}
  BlockList& operator=(BlockList&&) = delete;

  bool empty() const { return head_ == nullptr; }
  void push(Block* block) {
    block->next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = block;
    tail_ = block;
  }
  Block* pop() {
    Block* block = head_;
    head_ = block->next;
    if (head_ == nullptr) tail_ = nullptr;
    block->next = nullptr;
    return block;
  }
  Block* first() const { return head_; }
  Block* last() const { return tail_; }
  // Puts `with` in the place of `old`, which follows `previous` (nullptr: is the first).
  void replace(Block* previous, Block* old, Block* with) {
    with->next = std::exchange(old->next, nullptr);
    (previous != nullptr ? previous->next : head_) = with;
    if (tail_ == old) tail_ = with;
  }

 private:
  Block* head_ = nullptr;
  Block* tail_ = nullptr;
};

class ItemQueue {
 public:
  // `key`: nullptr, or by which field a newer message takes the place of one that waits.
  explicit ItemQueue(std::shared_ptr<const FieldKey> key = nullptr);
  ~ItemQueue();
  ItemQueue(const ItemQueue&) = delete;
  ItemQueue& operator=(const ItemQueue&) = delete;

  size_t size() const { return size_; }
  // Memory that the blocks hold.
  uint64_t bytes() const { return bytes_; }
  Block* first() const { return blocks_.first(); }

  // Appends the block.
  void push(Block* block) {
    if (keys_ != nullptr) [[unlikely]]
      note_key(block);
    blocks_.push(block);
    ++size_;
    bytes_ += block->held_bytes();
  }
  // Puts the block in the place of one with an equal key, and returns that one; nullptr: there is
  // none, or the queue has no keys.
  Block* replace(Block* block) { return keys_ == nullptr ? nullptr : replace_by_key(block); }
  // REQUIRES: not empty.
  Block* pop() {
    Block* block = blocks_.pop();
    if (keys_ != nullptr) [[unlikely]]
      forget_key(block);
    --size_;
    bytes_ -= block->held_bytes();
    return block;
  }
  // Rebuilds the queue from what `keep` makes of each block: itself, another block in its place, or
  // nullptr for a block that it has taken out.
  template <class Keep>
  void filter(Keep&& keep) {
    BlockList all(std::move(blocks_));
    size_ = 0;
    bytes_ = 0;
    while (!all.empty()) {
      Block* block = all.pop();
      if (keys_ != nullptr) forget_key(block);
      if (Block* kept = keep(block)) push(kept);
    }
  }

 private:
  struct Keys;
  void note_key(Block* block);
  void forget_key(Block* block);
  Block* replace_by_key(Block* block);

  BlockList blocks_;
  size_t size_ = 0;
  uint64_t bytes_ = 0;
  std::unique_ptr<Keys> keys_;
};

}  // namespace isola::detail
