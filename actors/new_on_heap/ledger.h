// Whose block it is, and what an actor has of blocks.
//
// Every block of the program has a Head right before it, and that of an actor an Owned:
//
//   of an actor: | next | previous | site | total | owner | bytes, offset | the caller's ...
//   of nobody:                                    | null  | bytes, offset | the caller's ...
//
// A Ledger holds the chunks of one actor and the list of its blocks. It is made at the actor's
// first plain new and ends with its resource list; then it waits for the blocks that are left.
// Ledgers are used again and never given back, so a block, and what a thread remembers, may point
// to one.
// Thread safety: take and the owner's give: the actor's turn. Others' give: any thread.
// Invariants: 1. Until the end only the owner touches heap and list; afterwards who has the lock.
//             2. A ledger that is free has an empty list.
#pragma once

#include <isola/actors/heap.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace isola::detail {

class ActorCell;
class Ledger;
struct Execution;

struct Head {
  Ledger* owner;
  uint64_t shape;  // bytes << 24 | how far before the caller's bytes the block begins, in 16 bytes
  uint64_t bytes() const { return shape >> 24; }
  size_t offset() const { return (shape & 0xffffff) * 16; }
};
static_assert(sizeof(Head) == 16, "what follows is aligned as malloc's");

struct alignas(16) Owned {
  Owned* next;
  Owned* previous;
  const void* site;
  size_t total;  // of the block
  Head head;
};
static_assert(sizeof(Owned) == 48);

class Ledger {
 public:
  // Of the code that runs, made now if it is an actor that had none; nullptr: it is in no actor, or
  // outside.
  static Ledger* current();

  // A block for the running owner. Fails: throws HeapQuotaExceeded, std::bad_alloc.
  void* take(size_t bytes, size_t alignment, const void* site);
  // The same, but nullptr.
  void* try_take(size_t bytes, size_t alignment, const void* site) noexcept;
  // Takes a block back, whoever gives it.
  void give(void* memory);
  // The actor ends. REQUIRES: called as the actor.
  void end();

 private:
  friend class EndOfLedger;
  static Ledger* find_or_make(Execution& execution);
  bool is_current() const;
  void unlink(Owned& block);
  void give_back(Owned& block);
  void take_returned();
  void report_unfreed(uint64_t blocks) const;
  void report_foreign(const Owned& block) const;
  void recycle();

  // Any thread compares them; they change only while no block is there.
  sync::atomic<const ActorCell*> cell_{nullptr};
  sync::atomic<uint64_t> isolate_{0};
  sync::atomic<Owned*> returned_{nullptr};  // by others; a stack
  Heap heap_{UINT64_MAX};                   // its quota is that of the actor's own
  Owned* blocks_ = nullptr;
  uint64_t count_ = 0;
  uint64_t charged_bytes_ = 0;
  std::string name_;  // once it has ended
  sync::Mutex mutex_;
  sync::atomic<bool> ended_{false};
  Ledger* next_free_ = nullptr;
};

}  // namespace isola::detail
