// The inbox: a queue of blocks, many senders, one owner, no locks, bounded.
//
// Senders push onto a stack (Treiber, 1986); the owner takes what is new on it and reverses that,
// so messages of one sender stay in order. Taking is a load: the stack stays as it is, and the
// owner remembers the newest block that it has taken (`seen_`). Only an owner that goes to rest, or
// gives that block away, changes the word. So a message to an idle actor costs two exchanges.
//
// The word: 0        idle: empty, its actor is not scheduled
//           owned    empty; the actor is scheduled or in a turn
//           closed   its actor is gone
//           block    the newest of the pushed blocks (maybe taken already, then it is `seen_`); may
//                    carry the bit `waited_for`: senders wait for room
// Transitions: push: idle|owned|block -> block; the push that finds idle schedules the actor.
//              rest: owned|seen -> idle. detach: owned|block -> owned. rouse: idle -> owned, for a
//              signal. close: any -> closed, once. wait_for_room: block -> block + waited_for.
//
// Thread safety: push, rouse, wait_for_room and depth: any thread; the rest: the owner.
// Invariants: 1. The block `seen_` is not given up while the word may name it: the owner first
//                calls rest() (true), take() (blocks came) or detach(). Otherwise the same block,
//                sent again, would be taken for the one that was seen.
//             2. Below `seen_` the stack is not looked at: those blocks have been given up.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>

#include <cstdint>
#include <utility>

namespace isola::detail {

class Inbox {
 public:
  enum class Push : uint8_t { pushed, pushed_first, full, closed };

  // Pushes if at most `bound` blocks then wait to be taken. The owner may hold a taken batch
  // besides, so at most 2 * bound messages wait.
  Push push(Block* block, uint32_t bound) {
    // Acquire: the descriptor that it names may have been made on another thread.
    uintptr_t old = word_.load(sync::memory_order_acquire);
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
                                      sync::memory_order_acquire))
        return old == kIdle ? Push::pushed_first : Push::pushed;
    }
  }

  // What has come since the last take, oldest first, linked by next; nullptr if nothing has.
  // Adds their number to `count`. `senders_wait`: they are to be woken.
  Block* take(bool& senders_wait, uint32_t& count) {
    // Acquire: with the push, the body and the envelope.
    const uintptr_t word = word_.load(sync::memory_order_acquire);
    if ((word & kWaitedFor) != 0) [[unlikely]] {
      senders_wait = true;
      return detach(count);
    }
    Block* top = block_of(word);
    if (top == seen_ || top == nullptr) return nullptr;
    // What is pushed from now on is counted anew.
    top->depth.store(0, sync::memory_order_relaxed);
    return reversed_until(top, std::exchange(seen_, top), count);
  }
  // As take, and the stack forgets all blocks: the owner may give any of them up.
  Block* detach(uint32_t& count) {
    Block* top = block_of(word_.exchange(kOwned, sync::memory_order_acq_rel));
    Block* seen = std::exchange(seen_, nullptr);
    return top == seen ? nullptr : reversed_until(top, seen, count);
  }
  // The block of invariant 1, if any.
  Block* seen() const { return seen_; }

  // Gives up ownership; false if blocks have come. Sequentially consistent, as rouse(): of a
  // signal that is set before rouse() and a rest() that precedes a look at the signals, one sees
  // the other. REQUIRES: all that was taken has been handled.
  bool rest() {
    Block* seen = std::exchange(seen_, nullptr);
    uintptr_t expected = seen == nullptr ? kOwned : reinterpret_cast<uintptr_t>(seen);
    if (word_.compare_exchange_strong(expected, kIdle, sync::memory_order_seq_cst)) return true;
    seen_ = seen;
    return false;
  }
  // True if the actor was idle: the caller now has to schedule it.
  bool rouse() {
    uintptr_t expected = kIdle;
    return word_.compare_exchange_strong(expected, kOwned, sync::memory_order_seq_cst);
  }

  // Asks the owner to wake the waiting senders when it takes; false if there is room meanwhile.
  bool wait_for_room(uint32_t bound) {
    uintptr_t old = word_.load(sync::memory_order_acquire);
    for (;;) {
      Block* top = block_of(old);
      if (top == nullptr || top->depth.load(sync::memory_order_relaxed) < bound) return false;
      if ((old & kWaitedFor) != 0) return true;
      if (word_.compare_exchange_weak(old, old | kWaitedFor, sync::memory_order_seq_cst,
                                      sync::memory_order_acquire))
        return true;
    }
  }

  // Ends the inbox; what was still to be taken, oldest first.
  Block* close() {
    Block* top = block_of(word_.exchange(kClosed, sync::memory_order_acq_rel));
    Block* seen = std::exchange(seen_, nullptr);
    uint32_t count = 0;
    return top == seen ? nullptr : reversed_until(top, seen, count);
  }
  bool closed() const { return word_.load(sync::memory_order_acquire) == kClosed; }
  // Makes an inbox new, and owned by the caller. REQUIRES: nobody else can reach it.
  void reopen() { word_.store(kOwned, sync::memory_order_relaxed); }

  bool idle() const { return word_.load(sync::memory_order_relaxed) == kIdle; }
  // How many blocks wait to be taken; a recent value.
  uint32_t depth() const {
    Block* top = block_of(word_.load(sync::memory_order_acquire));
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
  // Those from `top` down to `end`, which is not one of them; adds their number to `count`.
  static Block* reversed_until(Block* top, const Block* end, uint32_t& count) {
    Block* oldest = nullptr;
    for (Block* block = top; block != end; ++count) {
      Block* next = block->next;
      block->next = oldest;
      oldest = block;
      block = next;
    }
    return oldest;
  }

  sync::atomic<uintptr_t> word_{kIdle};
  Block* seen_ = nullptr;  // the owner's
};

}  // namespace isola::detail
