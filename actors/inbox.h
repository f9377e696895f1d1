// The inbox: a queue of blocks, many senders, one owner, no locks, bounded.
//
// Senders push onto a stack (Treiber, 1986); the owner takes all of it with one exchange and
// reverses it, so messages of one sender stay in order.
//
// The word: 0        idle: empty, its actor is not scheduled
//           owned    empty; the actor is scheduled or in a turn
//           closed   its actor is gone
//           block    the newest of the pushed blocks; may carry the bit `waited_for`: senders wait
//                    for room
// Transitions: push: idle|owned|block -> block; the push that finds idle schedules the actor.
//              take: block|owned -> owned. rest: owned -> idle. rouse: idle -> owned, for a
//              signal. close: any -> closed, once. wait_for_room: block -> block + waited_for.
//
// Thread safety: push, rouse, wait_for_room and depth: any thread; take, rest, close: the owner.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>

#include <cstdint>

namespace isola::detail {

class Inbox {
 public:
  enum class Push : uint8_t { pushed, pushed_first, full, closed };

  // Pushes if at most `bound` blocks then lie on the stack. The owner may hold a taken batch
  // besides, so at most 2 * bound messages wait.
  Push push(Block* block, uint32_t bound) {
    uintptr_t old = word_.load(sync::memory_order_relaxed);
    for (;;) {
      if (old == kClosed) return Push::closed;
      Block* top = block_of(old);
      // A block's descriptor stays a descriptor as long as its pool lives, so reading the depth of
      // one that was just taken away is harmless: then the exchange fails, or the bound is off
      // by a few for a moment.
      const uint32_t depth = top == nullptr ? 1 : top->depth.load(sync::memory_order_relaxed) + 1;
      if (depth > bound) return Push::full;
      block->next = top;
      block->depth.store(depth, sync::memory_order_relaxed);
      const uintptr_t mine = reinterpret_cast<uintptr_t>(block) | (old & kWaitedFor);
      // Release: the body and the envelope are seen by the owner's take.
      if (word_.compare_exchange_weak(old, mine, sync::memory_order_seq_cst,
                                      sync::memory_order_relaxed))
        return old == kIdle ? Push::pushed_first : Push::pushed;
    }
  }

  // All pushed blocks, oldest first, linked by next, and how many (about: see push).
  // `senders_wait`: they are to be woken.
  Block* take(bool& senders_wait, uint32_t& count) {
    const uintptr_t old = word_.exchange(kOwned, sync::memory_order_acquire);
    if (Block* top = block_of(old)) count = top->depth.load(sync::memory_order_relaxed);
    return reversed(old, senders_wait);
  }
  bool empty() const { return word_.load(sync::memory_order_relaxed) == kOwned; }

  // Gives up ownership; false if blocks have come. Sequentially consistent, as rouse(): of a
  // signal that is set before rouse() and a rest() that precedes a look at the signals, one sees
  // the other.
  bool rest() {
    uintptr_t expected = kOwned;
    return word_.compare_exchange_strong(expected, kIdle, sync::memory_order_seq_cst);
  }
  // True if the actor was idle: the caller now has to schedule it.
  bool rouse() {
    uintptr_t expected = kIdle;
    return word_.compare_exchange_strong(expected, kOwned, sync::memory_order_seq_cst);
  }

  // Asks the owner to wake the waiting senders when it takes; false if there is room meanwhile.
  bool wait_for_room(uint32_t bound) {
    uintptr_t old = word_.load(sync::memory_order_relaxed);
    for (;;) {
      Block* top = block_of(old);
      if (top == nullptr || top->depth.load(sync::memory_order_relaxed) < bound) return false;
      if ((old & kWaitedFor) != 0) return true;
      if (word_.compare_exchange_weak(old, old | kWaitedFor, sync::memory_order_seq_cst,
                                      sync::memory_order_relaxed))
        return true;
    }
  }

  // Ends the inbox; what was still in it, oldest first.
  Block* close() {
    bool senders_wait = false;
    return reversed(word_.exchange(kClosed, sync::memory_order_acq_rel), senders_wait);
  }
  bool closed() const { return word_.load(sync::memory_order_acquire) == kClosed; }
  // Makes an inbox new, and owned by the caller. REQUIRES: nobody else can reach it.
  void reopen() { word_.store(kOwned, sync::memory_order_relaxed); }

  bool idle() const { return word_.load(sync::memory_order_relaxed) == kIdle; }
  // How many blocks lie on the stack; a recent value.
  uint32_t depth() const {
    Block* top = block_of(word_.load(sync::memory_order_relaxed));
    return top == nullptr ? 0 : top->depth.load(sync::memory_order_relaxed);
  }

 private:
  static constexpr uintptr_t kIdle = 0;
  static constexpr uintptr_t kOwned = 1;
  static constexpr uintptr_t kClosed = 2;
  static constexpr uintptr_t kWaitedFor = 4;
  static constexpr uintptr_t kBits = 7;
  static_assert(alignof(Block) > kBits, "the bits lie below a block's alignment");

  static Block* block_of(uintptr_t word) { return reinterpret_cast<Block*>(word & ~kBits); }
  static Block* reversed(uintptr_t word, bool& senders_wait) {
    senders_wait = (word & kWaitedFor) != 0;
    Block* oldest = nullptr;
    for (Block* block = block_of(word); block != nullptr;) {
      Block* next = block->next;
      block->next = oldest;
      oldest = block;
      block = next;
    }
    return oldest;
  }

  sync::atomic<uintptr_t> word_{kIdle};
};

}  // namespace isola::detail
