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
      slab_table_(static_cast<sync::atomic<ActorCell*>*>(
          std::calloc(kSlabsMax, sizeof(sync::atomic<ActorCell*>)))) {
  static_assert(std::is_trivially_destructible_v<sync::atomic<ActorCell*>>);
  if (slab_table_ == nullptr) throw std::bad_alloc();
}

Slots::~Slots() {
  for (size_t i = 0; i < slabs(); ++i) delete[] slab(i);
}

void Slots::add_slab() {
  const size_t index = slab_count_.load(sync::memory_order_relaxed);
  ISOLA_CHECK(index, <, kSlabsMax);
  auto* cells = new ActorCell[kSlabCells];
  for (size_t i = kSlabCells; i-- > 0;) {
    cells[i].runtime = &runtime_;
    cells[i].next_free = free_;
    free_ = &cells[i];
  }
  slab_table_[index].store(cells, sync::memory_order_release);
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
      for (; cache->count < kSlotsMoved; ++cache->count) {
        ActorCell* moved = pop();
        moved->next_free = std::exchange(cache->first, moved);
      }
      runtime_.retain(kSlotsMoved);
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

CellRef Slots::living(ActorCell& cell) {
  // The id first: a slot that changes hands meanwhile has another one afterwards.
  const uint64_t id = cell.id.load(sync::memory_order_acquire);
  if (id == 0 || cell.life.load(sync::memory_order_acquire) != Life::alive || !cell.try_retain())
    return {};
  CellRef ref = CellRef::adopt(cell);
  const bool same = cell.id.load(sync::memory_order_acquire) == id &&
                    cell.life.load(sync::memory_order_acquire) == Life::alive;
  return same ? ref : CellRef();
}

CellRef Slots::find(uint64_t id) const {
  for (size_t i = 0; i < slabs(); ++i)
    for (size_t j = 0; j < kSlabCells; ++j)
      if (ActorCell& cell = slab(i)[j]; cell.id.load(sync::memory_order_relaxed) == id)
        return living(cell);
  return {};
}

std::vector<CellRef> Slots::living() const {
  std::vector<std::pair<uint64_t, CellRef>> found;
  for (size_t i = 0; i < slabs(); ++i) {
    for (size_t j = 0; j < kSlabCells; ++j) {
      CellRef cell = living(slab(i)[j]);
      if (cell) found.emplace_back(cell->id.load(sync::memory_order_relaxed), std::move(cell));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<CellRef> cells;
  cells.reserve(found.size());
  for (auto& [id, cell] : found) cells.push_back(std::move(cell));
  return cells;
}

}  // namespace isola::detail
