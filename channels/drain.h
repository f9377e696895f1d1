// What is left in a channel whose send side was closed: taken out by any number of threads, without
// a lock.
//
// A counter says which slot is next; whoever gets a number has the slot to itself. Nothing is
// added. Thread safety: any thread, but for_items_of under its channel's lock.
// Ownership: the drain owns its blocks until they are taken.
#pragma once

#include <isola/channels/item_queue.h>
#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace isola::detail {

class Drain {
 public:
  // Room for `slots` blocks. Throws std::bad_alloc.
  explicit Drain(size_t slots) : slots_(slots), blocks_(new Slot[slots]) {}
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  // Before it is shared only: fills the next slot.
  void add(Block* block, uint64_t sender, uint8_t policy) {
    Slot& slot = blocks_[added_++];
    slot.sender = sender;
    slot.policy = policy;
    slot.block.store(block, sync::memory_order_relaxed);
  }

  // The next block, or nullptr when there is none and never will be.
  Block* take() {
    while (next_.load(sync::memory_order_relaxed) < slots_) {
      const size_t index = next_.fetch_add(1, sync::memory_order_relaxed);
      if (index >= slots_) return nullptr;
      // Acquire: one that took another's place was made meanwhile; and a hole was counted before.
      Block* block = blocks_[index].block.exchange(nullptr, sync::memory_order_acquire);
      if (block != nullptr) return block;
      holes_.fetch_sub(1, sync::memory_order_relaxed);
    }
    return nullptr;
  }

  // How many blocks nobody has taken, or is about to; a recent value.
  size_t left() const {
    const size_t taken = next_.load(sync::memory_order_relaxed);
    const size_t holes = holes_.load(sync::memory_order_relaxed);
    return taken + holes < slots_ ? slots_ - taken - holes : 0;
  }

  // Calls `change` with each block that nobody has taken, whose sender is `isolate_id`, with its
  // policy; it returns what takes the block's place (maybe the block itself), or nullptr.
  // What was replaced is added to `gone`. Returns how many have nothing in their place.
  template <class Change>
  uint64_t for_items_of(uint64_t isolate_id, Change&& change, BlockList& gone) {
    uint64_t dropped = 0;
    for (size_t i = 0; i < slots_; ++i) {
      Slot& slot = blocks_[i];
      if (slot.sender != isolate_id || slot.policy == 0) continue;
      // Relaxed: what is there was there before the drain, or was put there under the same lock.
      Block* block = slot.block.load(sync::memory_order_relaxed);
      if (block == nullptr) continue;
      Block* with = change(slot.policy, slot.sender);
      // Before the slot is empty: whoever finds it so counts it off again.
      if (with == nullptr) holes_.fetch_add(1, sync::memory_order_relaxed);
      if (slot.block.compare_exchange_strong(block, with, sync::memory_order_release,
                                             sync::memory_order_relaxed)) {
        if (with == nullptr) ++dropped;
        gone.push(block);
      } else if (with != nullptr) {
        release(with);
      } else {
        holes_.fetch_sub(1, sync::memory_order_relaxed);
      }
    }
    return dropped;
  }

 private:
  struct Slot {
    sync::atomic<Block*> block{nullptr};
    uint64_t sender = 0;
    uint8_t policy = 0;
  };
  const size_t slots_;
  const std::unique_ptr<Slot[]> blocks_;
  size_t added_ = 0;
  sync::atomic<size_t> next_{0};
  sync::atomic<size_t> holes_{0};  // slots from next_ on that hold nothing
};

}  // namespace isola::detail
