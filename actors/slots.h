// The slots of a System: where its actors live, in slabs that stay as long as their Runtime.
//
// Free slots lie in a list under a lock, and each worker has some of its own: a worker that starts
// and ends actors takes the lock once for kSlotsMoved of them. The ids are one counter, so that
// they are in the order of the starts.
// Thread safety: any thread; a Cache belongs to one.
#pragma once

#include <isola/actors/cell.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace isola::detail {

// How many slots go to a worker, or come back, at once.
inline constexpr uint32_t kSlotsMoved = sync::kSimulated ? 2 : 32;

class Slots {
 public:
  // The free slots of a worker. Each counts as a use of the Runtime, as those in use do.
  struct Cache {
    ActorCell* first = nullptr;
    uint32_t count = 0;
  };

  explicit Slots(Runtime& runtime);
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // A slot with a new id. `cache`: of the worker whose thread this is, or nullptr. nullptr once
  // close() was called. The slot counts as one use of the Runtime.
  ActorCell* take(Cache* cache);
  // Gives it back, and that use with it, which may be the last one.
  void give(ActorCell& cell, Cache* cache);
  // What a worker has left at its end.
  void give_all(Cache& cache);
  // From now on none can be taken. False if it was so before.
  bool close();

  // References to all that live, in the order of their start. Looks at all slots, without a lock.
  std::vector<CellRef> living() const;
  // The living one with this id, or nothing. Looks at all slots, without a lock.
  CellRef find(uint64_t id) const;

  // --- for the inspector: no lock
  // A simulation makes many small Systems.
  static constexpr size_t kSlabCells = sync::kSimulated ? 8 : 256;
  static constexpr size_t kSlabsMax = 256 * 1024;  // 67 million actors
  size_t slabs() const { return slab_count_.load(sync::memory_order_acquire); }
  ActorCell* slab(size_t index) const {
    return slab_table_[index].load(sync::memory_order_acquire);
  }

 private:
  // A reference to who lives in this slot now, or to nobody.
  static CellRef living(ActorCell& cell);
  ActorCell* pop();  // under the lock
  void add_slab();   // under the lock

  Runtime& runtime_;
  sync::Mutex mutex_;  // guards the two below, and adding slabs
  ActorCell* free_ = nullptr;
  bool is_closed_ = false;
  sync::atomic<bool> closed_{false};  // the same, for who has a cache
  sync::atomic<uint64_t> next_id_{1};

  // Zeroed by the system page by page, so a table for millions costs a small System nothing.
  struct Free {
    void operator()(sync::atomic<ActorCell*>* table) const { std::free(table); }
  };
  std::unique_ptr<sync::atomic<ActorCell*>[], Free> slab_table_;
  sync::atomic<size_t> slab_count_{0};
};

}  // namespace isola::detail
