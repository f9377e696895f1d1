// The mail of an actor: a plain queue for its own worker, a lock-free stack for everybody else.
//
// Whoever runs on the actor's home worker appends to the queue without a single atomic instruction,
// as that thread is the only one that touches it. All others push onto a stack (Treiber, 1986),
// which the home takes as a whole and appends, oldest first. The first of them to push also has to
// put the actor into its home's list of notifications: it finds kNotified unset and has set it.
//
// Messages of one sender stay in order: before anything is appended to the queue, what lies on the
// stack is appended. So a sender that moves to another worker between two sends is served, too.
//
// The word: block     the newest of the pushed blocks, or none
//           depth     how many there are, modulo 65,536: so a block that was taken, used again and
//                     pushed again while somebody looked is not mistaken for what it was
//           kNotified the actor is in its home's list of notifications, or about to be
//           kClosed   its actor is gone; no block then
// Transitions: push: sets the block and kNotified. notify: sets kNotified. take: drops the blocks.
//              acknowledge: drops the blocks and kNotified. close: blocks -> kClosed, once.
//
// Thread safety: push, notify, closed and depth: any thread; the rest: the home's thread, or who
// has the home's side for the moment (see Worker).
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>
#include <isola/serialization/transitions.h>

#include <cstdint>
#include <utility>

namespace isola::detail {

class Inbox {
 public:
  enum class Push : uint8_t { pushed, pushed_first, full, closed };
  static constexpr uint32_t kNoBound = UINT32_MAX;

  // --- any thread

  // Pushes onto the stack, if fewer than `bound` messages wait. pushed_first: the caller has to
  // tell the home.
  Push push(Block* block, uint32_t bound) {
    // Acquire: the descriptor that it names may have been made on another thread.
    uintptr_t old = word_.load(sync::memory_order_acquire);
    for (;;) {
      if ((old & kClosed) != 0) return took(Transition::push_found_it_closed), Push::closed;
      Block* top = block_of(old);
      // A block's descriptor stays a descriptor as long as its pool lives, so reading the depth of
      // one that was just taken away is harmless.
      const uint32_t below = top == nullptr ? 0 : top->depth.load(sync::memory_order_relaxed);
      if (depth_bits(below) != (old & kDepth)) {
        old = word_.load(sync::memory_order_acquire);
        continue;
      }
      // Off for a moment while the home takes the stack: not yet in the number of those that wait.
      const uint32_t depth = below + 1;
      if (depth + waiting() > bound) return took(Transition::push_found_it_full), Push::full;
      block->next = top;
      block->depth.store(depth, sync::memory_order_relaxed);
      // Release: the body and the envelope are seen by who takes it. Acquire: a pusher that finds
      // kNotified unset reads which worker is the home after whoever unset it had changed that.
      if (word_.compare_exchange_weak(
              old, reinterpret_cast<uintptr_t>(block) | depth_bits(depth) | kNotified,
              sync::memory_order_acq_rel, sync::memory_order_acquire)) {
        const bool notified = (old & kNotified) != 0;
        took(notified ? Transition::pushed_while_notified : Transition::pushed_and_notified);
        return notified ? Push::pushed : Push::pushed_first;
      }
    }
  }
  // True if the caller has to tell the home: it was not notified before, and is not closed.
  bool notify() {
    return (word_.fetch_or(kNotified, sync::memory_order_acq_rel) & (kNotified | kClosed)) == 0;
  }
  bool closed() const { return (word_.load(sync::memory_order_acquire) & kClosed) != 0; }
  // How many messages wait; a recent value.
  uint32_t depth() const {
    Block* top = block_of(word_.load(sync::memory_order_acquire));
    return waiting() + (top == nullptr ? 0 : top->depth.load(sync::memory_order_relaxed));
  }

  // --- the home's thread

  // True if nothing lies on the stack and it is not closed. Relaxed: take() acquires, and what a
  // sender pushed from elsewhere before it came here is seen in any case.
  bool quiet() const { return (word_.load(sync::memory_order_relaxed) & ~kNotified) == 0; }
  // How many wait in the queue.
  uint32_t waiting() const { return waiting_.load(sync::memory_order_relaxed); }
  // REQUIRES: quiet().
  void append(Block* block) {
    block->next = nullptr;
    link(block, block);
    waiting_.store(waiting() + 1, sync::memory_order_relaxed);
  }
  // Bytes of all that waits, which is walked over. What is pushed meanwhile may be left out.
  uint64_t waiting_bytes() const {
    uint64_t bytes = 0;
    for (const Block* block = head_; block != nullptr; block = block->next)
      bytes += block->held_bytes();
    // Only the home takes blocks from the stack, so what lies there stays for now.
    const Block* block = block_of(word_.load(sync::memory_order_acquire));
    for (; block != nullptr; block = block->next) bytes += block->held_bytes();
    return bytes;
  }
  // The oldest message of the queue, or nullptr.
  Block* first() const { return head_; }
  // The same, taken.
  Block* pop() {
    Block* block = head_;
    if (block == nullptr) return nullptr;
    head_ = block->next;
    waiting_.store(waiting() - 1, sync::memory_order_relaxed);
    return block;
  }
  // As if it had not been popped: it was the last one that was.
  void put_back(Block* block) {
    block->next = head_;
    if (head_ == nullptr) tail_ = block;
    head_ = block;
    waiting_.store(waiting() + 1, sync::memory_order_relaxed);
  }
  // Appends what lies on the stack to the queue; how many that were. Acquire: with the pushes.
  uint32_t take() {
    if (quiet()) return 0;
    return append_stack(word_.fetch_and(kNotified | kClosed, sync::memory_order_acquire));
  }
  // As take, and the next who pushes or notifies has to tell the home again. Release: which one it
  // is.
  uint32_t acknowledge() {
    return append_stack(word_.fetch_and(kClosed, sync::memory_order_acq_rel));
  }
  // Ends the inbox; all that was waiting, oldest first. It stays notified if it was.
  Block* close() {
    uintptr_t old = word_.load(sync::memory_order_relaxed);
    while (!word_.compare_exchange_weak(old, kClosed | (old & kNotified),
                                        sync::memory_order_acq_rel, sync::memory_order_relaxed)) {
    }
    append_stack(old);
    waiting_.store(0, sync::memory_order_relaxed);
    if (head_ != nullptr) took(Transition::closed_with_mail);
    return std::exchange(head_, nullptr);
  }
  // Makes an inbox new. `notified`: nobody has to tell the home until it is acknowledged.
  // REQUIRES: nobody else can reach it.
  void reopen(bool notified) { word_.store(notified ? kNotified : 0, sync::memory_order_relaxed); }
  // Ends that state: false if something came meanwhile; then the home has to be told. Release:
  // which one it is.
  bool acknowledge_nothing() {
    uintptr_t expected = kNotified;
    return word_.compare_exchange_strong(expected, 0, sync::memory_order_release,
                                         sync::memory_order_relaxed);
  }

 private:
  static constexpr uintptr_t kNotified = 1;
  static constexpr uintptr_t kClosed = 2;
  static constexpr uintptr_t kBits = 3;
  static_assert(alignof(Block) > kBits, "the bits lie below a block's alignment");
  static constexpr int kDepthShift = 48;  // no address that a program gets is longer
  static constexpr uintptr_t kDepth = ~uintptr_t{0} << kDepthShift;

  static Block* block_of(uintptr_t word) {
    return reinterpret_cast<Block*>(word & ~(kBits | kDepth));
  }
  static uintptr_t depth_bits(uint32_t depth) { return uintptr_t{depth} << kDepthShift; }
  void link(Block* first, Block* last) {
    if (head_ == nullptr)
      head_ = first;
    else
      tail_->next = first;
    tail_ = last;
  }
  uint32_t append_stack(uintptr_t word) {
    Block* newest = block_of(word);
    if (newest == nullptr) return 0;
    Block* oldest = nullptr;
    uint32_t count = 0;
    for (Block* block = newest; block != nullptr; ++count) {
      Block* next = block->next;
      block->next = oldest;
      oldest = block;
      block = next;
    }
    link(oldest, newest);
    waiting_.store(waiting() + count, sync::memory_order_relaxed);
    return count;
  }

  sync::atomic<uintptr_t> word_{0};
  Block* head_ = nullptr;
  Block* tail_ = nullptr;  // the last one, if there is one
  // Written by the home only; others want a recent value.
  sync::atomic<uint32_t> waiting_{0};
};

}  // namespace isola::detail
