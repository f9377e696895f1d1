// Slabs, free slots and their caches.
#include "slots.h"

#include <isola/actors/runtime.h>
#include <isola/serialization/check.h>

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

namespace isola::detail {

Slots::Slots(Runtime& runtime)
    : runtime_(runtime),
      slab_table_(
          static_cast<sync::atomic<Slab*>*>(std::calloc(kSlabsMax, sizeof(sync::atomic<Slab*>)))) {
  static_assert(std::is_trivially_destructible_v<sync::atomic<Slab*>>);
  if (slab_table_ == nullptr) throw std::bad_alloc();
}

Slots::~Slots() {
  for (size_t i = 0; i < slabs(); ++i) delete slab_table_[i].load(sync::memory_order_relaxed);
}

void Slots::add_slab() {
  const size_t index = slab_count_.load(sync::memory_order_relaxed);
  ISOLA_CHECK(index, <, kSlabsMax);
  auto* slab = new Slab;
  for (size_t i = kSlabCells; i-- > 0;) {
    ActorCell& cell = slab->cells[i];
    cell.runtime = &runtime_;
    cell.place = static_cast<uint32_t>(index * kSlabCells + i);
    cell.next_free = free_;
    free_ = &cell;
  }
  slab_table_[index].store(slab, sync::memory_order_release);
  slab_count_.store(index + 1, sync::memory_order_release);
}

ActorCell* Slots::pop() {
  if (free_ == nullptr) add_slab();
  return std::exchange(free_, free_->next_free);
}

ActorCell* Slots::take(Cache* cache) {
  ActorCell* cell;
  if (cache == nullptr) {
    sync::Lock lock(mutex_);
    if (is_closed_) return nullptr;
    cell = pop();
    runtime_.retain();
  } else {
    if (closed_.load(sync::memory_order_acquire)) return nullptr;
    if (cache->count == 0) {
      sync::Lock lock(mutex_);
      do {
        ActorCell* moved = pop();
        moved->next_free = std::exchange(cache->first, moved);
      } while (++cache->count < kSlotsMoved && free_ != nullptr);
      runtime_.retain(cache->count);
    }
    cell = std::exchange(cache->first, cache->first->next_free);
    --cache->count;
  }
  // Never an address, so a seed gives the same ids.
  cell->id.store(next_id_.fetch_add(1, sync::memory_order_relaxed), sync::memory_order_relaxed);
  return cell;
}

void Slots::give(ActorCell& cell, Cache* cache) {
  uint32_t given = 1;
  if (cache == nullptr) {
    sync::Lock lock(mutex_);
    cell.next_free = std::exchange(free_, &cell);
  } else {
    cell.next_free = std::exchange(cache->first, &cell);
    if (++cache->count < 2 * kSlotsMoved) return;
    sync::Lock lock(mutex_);
    for (given = 0; given < kSlotsMoved; ++given) {
      ActorCell* moved = std::exchange(cache->first, cache->first->next_free);
      moved->next_free = std::exchange(free_, moved);
    }
    cache->count -= kSlotsMoved;
  }
  runtime_.drop(given);
}

void Slots::give_all(Cache& cache) {
  uint32_t given = 0;
  {
    sync::Lock lock(mutex_);
    for (; cache.first != nullptr; ++given) {
      ActorCell* moved = std::exchange(cache.first, cache.first->next_free);
      moved->next_free = std::exchange(free_, moved);
    }
  }
  cache.count = 0;
  if (given > 0) runtime_.drop(given);
}

bool Slots::close() {
  sync::Lock lock(mutex_);
  if (is_closed_) return false;
  is_closed_ = true;
  closed_.store(true, sync::memory_order_release);
  return true;
}

void Slots::show(ActorCell& cell, Cache* cache) {
  const uint64_t id = cell.id.load(sync::memory_order_relaxed);
  // Release: that it lives.
  id_beside(cell).store(id, sync::memory_order_release);
  Made& made = cache != nullptr ? cache->made : made_elsewhere_;
  made[id % made.size()].store(&cell, sync::memory_order_release);
}

// Relaxed: who still sees it looks whether it lives. The next one to live there is shown later, as
// the slot is given back and taken in between, by references that go to nobody.
void Slots::hide(ActorCell& cell) const {
  sync::atomic<uint64_t>& id = id_beside(cell);
  if (id.load(sync::memory_order_relaxed) != 0) id.store(0, sync::memory_order_relaxed);
}

template <class Ref>
Ref Slots::refer(ActorCell& cell, uint64_t id) {
  const auto lives = [&] {
    return cell.id.load(sync::memory_order_acquire) == id &&
           cell.life.load(sync::memory_order_acquire) == Life::alive;
  };
  if (!lives() || !cell.try_retain(Ref::kCount)) return {};
  Ref ref = Ref::adopt(cell);
  // Again: the slot may have changed hands before it was retained.
  return lives() ? std::move(ref) : Ref();
}

ActorCell* Slots::find(uint64_t id, const Made& made) const {
  // Acquire: its slab may have been made on another thread.
  ActorCell* cell = made[id % made.size()].load(sync::memory_order_acquire);
  const bool found = cell != nullptr && id_beside(*cell).load(sync::memory_order_relaxed) == id;
  return found ? cell : nullptr;
}

ActorCell* Slots::find(uint64_t id) const {
  if (id >= next_id_.load(sync::memory_order_relaxed)) return nullptr;  // nobody had it yet
  if (ActorCell* cell = find(id, made_elsewhere_)) return cell;
  for (size_t i = 0; i < slabs(); ++i) {
    Slab& slab = *slab_table_[i].load(sync::memory_order_acquire);
    for (size_t j = 0; j < kSlabCells; ++j)
      if (slab.ids[j].load(sync::memory_order_relaxed) == id) return &slab.cells[j];
  }
  return nullptr;
}

template <class Ref>
std::vector<Ref> Slots::living() const {
  std::vector<std::pair<uint64_t, ActorCell*>> seen;
  seen.reserve(kSlotsMoved);
  for (size_t i = 0; i < slabs(); ++i) {
    Slab& slab = *slab_table_[i].load(sync::memory_order_acquire);
    for (size_t j = 0; j < kSlabCells; ++j)
      if (const uint64_t id = slab.ids[j].load(sync::memory_order_acquire); id != 0)
        seen.emplace_back(id, &slab.cells[j]);
  }
  std::sort(seen.begin(), seen.end());
  std::vector<Ref> living;
  living.reserve(seen.size());
  for (const auto& [id, cell] : seen)
    if (Ref ref = refer<Ref>(*cell, id); ref.get() != nullptr) living.push_back(std::move(ref));
  return living;
}

std::vector<CellRef> Slots::not_ended() const {
  std::vector<CellRef> all;
  for (size_t i = 0; i < slabs(); ++i)
    for (size_t j = 0; j < kSlabCells; ++j)
      if (CellRef ref = refer<CellRef>(slab(i)[j], slab(i)[j].id.load(sync::memory_order_acquire)))
        all.push_back(std::move(ref));
  std::sort(all.begin(), all.end(), [](const CellRef& a, const CellRef& b) {
    return a->id.load(sync::memory_order_relaxed) < b->id.load(sync::memory_order_relaxed);
  });
  return all;
}

template CellRef Slots::refer(ActorCell& cell, uint64_t id);
template HandleRef Slots::refer(ActorCell& cell, uint64_t id);
template std::vector<CellRef> Slots::living() const;
template std::vector<HandleRef> Slots::living() const;

}  // namespace isola::detail
