// The slots of a System: where its actors live, in slabs that stay as long as their Runtime.
//
// Free slots lie in a list under a lock, and each worker has some of its own: a worker that starts
// and ends actors takes the lock once for kSlotsMoved of them. The ids are one counter, so that
// they are in the order of the starts.
//
// The ids of those that live also lie beside the slots, so that listing them and looking one up
// reads few cache lines, and hardly any that another worker writes; and a worker knows where some
// of those are that it made last. Thread safety: any thread; a Cache belongs to one.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/handle.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace isola::detail {

// How many slots go to a worker, or come back, at once.
inline constexpr uint32_t kSlotsMoved = sync::kSimulated ? 2 : 32;
// Of how many a worker knows where they are: of those with the same id modulo this, the one that it
// made last.
inline constexpr size_t kSlotsRemembered = sync::kSimulated ? 2 : 128;

class Slots {
 public:
  // By id, modulo its size: a slot that the actor with such an id got. Any thread reads it.
  using Made = std::array<sync::atomic<ActorCell*>, kSlotsRemembered>;
  // The free slots of a worker. Each counts as a use of the Runtime, as those in use do.
  struct Cache {
    ActorCell* first = nullptr;
    uint32_t count = 0;
    Made made{};
  };

  explicit Slots(Runtime& runtime);
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // A slot with a new id. `cache`: of the worker whose thread this is, or nullptr. nullptr once
  // close() was called. The slot counts as one use of the Runtime.
  ActorCell* take(Cache* cache);
  // It lives from now on, and can be found until it is hidden: at its end, or when nothing can keep
  // it from that. The caller of hide() has a reference. `cache`: as for take().
  void show(ActorCell& cell, Cache* cache);
  void hide(ActorCell& cell) const;
  // Gives it back, and that use with it, which may be the last one.
  void give(ActorCell& cell, Cache* cache);
  // What a worker has left at its end.
  void give_all(Cache& cache);
  // From now on none can be taken. False if it was so before.
  bool close();

  // References to all that can be found, in the order of their start. `Ref`: CellRef or HandleRef.
  // Looks at all ids, without a lock.
  template <class Ref>
  std::vector<Ref> living() const;
  // All that have not ended, in that order. Looks at all slots, without a lock.
  std::vector<CellRef> not_ended() const;
  // The slot of the one with this id, if it can be found, or nullptr. Looks at all ids, without a
  // lock, unless it was made last outside of workers.
  ActorCell* find(uint64_t id) const;
  // The same if the worker knows where it is; of any worker.
  ActorCell* find(uint64_t id, const Made& made) const;
  // A reference to the actor with this id, which was found in this slot, or to nobody if it does
  // not live any more.
  template <class Ref>
  static Ref refer(ActorCell& cell, uint64_t id);

  // --- for the inspector: no lock
  // A simulation makes many small Systems.
  static constexpr size_t kSlabCells = sync::kSimulated ? 8 : 256;
  static constexpr size_t kSlabsMax = 256 * 1024;  // 67 million actors
  size_t slabs() const { return slab_count_.load(sync::memory_order_acquire); }
  ActorCell* slab(size_t index) const {
    return slab_table_[index].load(sync::memory_order_acquire)->cells.data();
  }

 private:
  struct Slab {
    // Who lives in the slot; 0: nobody. Those of two workers mostly lie in different cache lines,
    // as slots go to workers in runs.
    alignas(64) std::array<sync::atomic<uint64_t>, kSlabCells> ids{};
    std::array<ActorCell, kSlabCells> cells;
  };
  sync::atomic<uint64_t>& id_beside(const ActorCell& cell) const {
    Slab* slab = slab_table_[cell.place / kSlabCells].load(sync::memory_order_relaxed);
    return slab->ids[cell.place % kSlabCells];
  }
  ActorCell* pop();  // under the lock
  void add_slab();   // under the lock

  Runtime& runtime_;
  // Zeroed by the system page by page, so a table for millions costs a small System nothing.
  struct Free {
    void operator()(sync::atomic<Slab*>* table) const { std::free(table); }
  };
  std::unique_ptr<sync::atomic<Slab*>[], Free> slab_table_;
  sync::atomic<size_t> slab_count_{0};
  sync::atomic<bool> closed_{false};  // is_closed_, for who has a cache
  Made made_elsewhere_{};             // by threads that are no workers
  // Written at each start of an actor, by any worker: apart from what is only read there.
  alignas(64) sync::atomic<uint64_t> next_id_{1};
  alignas(64) sync::Mutex mutex_;  // guards the two below, and adding slabs
  ActorCell* free_ = nullptr;
  bool is_closed_ = false;
};

}  // namespace isola::detail
