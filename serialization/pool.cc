// Slabs, magazines and the slow paths of the message pool.
#include "pool.h"

#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>
#include <isola/serialization/program_memory.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace isola {

using detail::kLargeClass;
using detail::kMagazine;
using detail::poison;
using detail::unpoison;

// A magazine's worth of blocks and their bodies, allocated together, bodies zeroed.
struct Pool::Slab {
  explicit Slab(uint8_t size_class)
      : words(static_cast<capnp::word*>(
            std::calloc(size_t{kMagazine} * detail::class_words(size_class), 8))) {
    if (words == nullptr) throw PoolExhausted();
  }
  ~Slab() {
    for (Block& block : blocks) {
      unpoison(block);
      block.clear_arena();
    }
    std::free(words);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  capnp::word* words;
  std::array<Block, kMagazine> blocks;
};

// --- caches -------------------------------------------------------------------------------------

Block* PoolCache::refill(detail::FreeList& list, uint8_t size_class) {
  if (list.spare != nullptr) {
    list.head = list.spare;
    list.spare = nullptr;
  } else if (is_shared_) {
    list.head = pool_.take_magazine(list, size_class);
  } else {
    sync::Lock lock(pool_.mutex_);
    list.head = pool_.take_magazine(list, size_class);
  }
  list.count = list.head == nullptr ? 0 : kMagazine;
  return list.head;
}

void PoolCache::make_room(detail::FreeList& list, uint8_t size_class) {
  if (list.spare != nullptr) {
    if (is_shared_) {
      pool_.give_magazine(list, size_class, list.spare);
    } else {
      sync::Lock lock(pool_.mutex_);
      pool_.give_magazine(list, size_class, list.spare);
    }
  }
  list.spare = list.head;
  list.head = nullptr;
  list.count = 0;
}

PoolCache::PoolCache(Pool& pool) : pool_(pool) {
  sync::Lock lock(pool_.mutex_);
  pool_.caches_.push_back(this);
}

PoolCache::~PoolCache() {
  if (is_shared_) return;  // the slabs go with the pool
  uses_.drop_all();
  sync::Lock lock(pool_.mutex_);
  // What is left goes to the shared cache, block by block: this happens once for each worker.
  auto hand_over = [this](detail::FreeList& list) {
    for (Block* chain : {list.head, list.spare}) {
      while (chain != nullptr) {
        Block* block = chain;
        chain = chain->next;
        pool_.shared_->give(block);
        ++pool_.gone_taken_;  // not a return by a user: balance the count
      }
    }
  };
  for (auto& list : typed_) hand_over(list);
  for (auto& list : classes_) hand_over(list);
  pool_.gone_taken_ += taken_.load(sync::memory_order_relaxed);
  pool_.gone_given_ += given_.load(sync::memory_order_relaxed);
  std::erase(pool_.caches_, this);
}

// --- the pool -----------------------------------------------------------------------------------

Pool* Pool::create(uint64_t bytes_max) { return new Pool(bytes_max); }

Pool::Pool(uint64_t bytes_max)
    : bytes_max_(bytes_max), shared_(new PoolCache(*this, PoolCache::Shared{})) {}

Pool::~Pool() { delete_seal_hooks(); }

void Pool::hold() {
  sync::Lock lock(mutex_);
  ++holders_;
}

void Pool::drop() {
  bool last;
  {
    sync::Lock lock(mutex_);
    ISOLA_CHECK(holders_, >, 0u);
    --holders_;
    last = finished();
  }
  if (last) delete this;
}

void Pool::close() {
  bool last;
  {
    sync::Lock lock(mutex_);
    closed_ = true;
    last = finished();
  }
  if (last) delete this;
}

Block* Pool::take(uint64_t words, bool beyond_bound) {
  const uint8_t size_class = detail::class_for(words);
  Block* block;
  if (size_class == kLargeClass) {
    block = take_large(words, beyond_bound);
  } else if (PoolCache* cache = beyond_bound ? nullptr : own_cache()) {
    block = cache->take(size_class);
  } else {
    sync::Lock lock(mutex_);
    beyond_bound_ = beyond_bound;
    block = shared_->take(size_class);
  }
  unpoison(*block);
  block->set_state(BlockState::composing);
  block->kept_for = nullptr;
  return block;
}

Block* Pool::take_kept_shared(const MessageType& type) {
  sync::Lock lock(mutex_);
  return shared_->take_kept(type);
}

void Pool::give_slow(Block* block) {
  bool last;
  if (block->size_class == kLargeClass) {
    const uint64_t bytes = uint64_t{block->capacity_words} * 8;
    block->clear_arena();
    std::free(block->words);
    sync::Lock lock(mutex_);
    block->words = nullptr;
    block->capacity_words = 0;
    block->set_state(BlockState::free);
    // The descriptor stays one: an inbox may still look at it.
    block->next = large_descriptors_;
    large_descriptors_ = block;
    reserved_ -= bytes;
    large_given_.fetch_add(1, sync::memory_order_relaxed);
    last = finished();
  } else {
    sync::Lock lock(mutex_);
    shared_->give(block);
    last = finished();
  }
  if (last) delete this;
}

detail::FreeList* PoolCache::probe_typed_list(const MessageType& type) {
  for (uint32_t probe = 0; probe < detail::kTypedProbes; ++probe) {
    detail::FreeList& list = typed_[detail::typed_index(type, probe)];
    if (list.type == nullptr) list.type = &type;
    if (list.type == &type) return &list;
  }
  return nullptr;
}

Block* Pool::take_large(uint64_t words, bool beyond_bound) {
  const detail::ProgramMemory program;
  const uint64_t bytes = words * 8;
  {
    sync::Lock lock(mutex_);
    reserve_bytes(bytes, beyond_bound);
  }
  void* const memory = words > UINT32_MAX ? nullptr : std::calloc(words, 8);
  Block* block = nullptr;
  {
    sync::Lock lock(mutex_);
    try {
      if (memory == nullptr) throw PoolExhausted();
      if (large_descriptors_ == nullptr) {
        large_.push_back(std::make_unique<Block>());
        large_descriptors_ = large_.back().get();
      }
    } catch (...) {
      reserved_ -= bytes;
      std::free(memory);
      throw;
    }
    block = std::exchange(large_descriptors_, large_descriptors_->next);
    block->pool = this;
    block->words = static_cast<capnp::word*>(memory);
    block->capacity_words = static_cast<uint32_t>(words);
    block->size_class = kLargeClass;
  }
  large_taken_.fetch_add(1, sync::memory_order_relaxed);
  return block;
}

bool Pool::over_bound(uint64_t bytes) const {
  return bytes > bytes_max_ || reserved_ > bytes_max_ - bytes;
}

void Pool::reserve_bytes(uint64_t bytes, bool beyond_bound) {
  const bool exhausted = over_bound(bytes) || detail::happens(detail::Fault::pool_exhausted);
  if (exhausted && !beyond_bound) throw PoolExhausted();
  reserved_ += bytes;
}

Pool::Magazines& Pool::magazines(const detail::FreeList& list, uint8_t size_class) {
  if (list.type == nullptr) return classes_[size_class];
  Magazines* vacant = nullptr;
  for (uint32_t probe = 0; probe < detail::kTypedProbes; ++probe) {
    Magazines& place = typed_[detail::typed_index(*list.type, probe)];
    if (place.type == list.type) return place;
    if (vacant == nullptr && place.first == nullptr) vacant = &place;
  }
  return vacant != nullptr ? *vacant : typed_[detail::typed_index(*list.type)];
}

Block* Pool::take_magazine(const detail::FreeList& list, uint8_t size_class) {
  Magazines& from = magazines(list, size_class);
  if (from.first != nullptr && from.type == list.type) {
    Block* magazine = from.first;
    from.first = magazine->more_segments;
    magazine->more_segments = nullptr;
    return magazine;
  }
  return list.type != nullptr ? nullptr : new_magazine(size_class, beyond_bound_);
}

void Pool::give_magazine(const detail::FreeList& list, uint8_t size_class, Block* magazine) {
  Magazines* to = &magazines(list, size_class);
  if (to->first == nullptr) to->type = list.type;
  if (to->type != list.type) {
    // Two types share this place: the newcomer's blocks serve anyone from now on.
    for (Block* block = magazine; block != nullptr; block = block->next) block->kept_for = nullptr;
    to = &classes_[magazine->size_class];
  }
  magazine->more_segments = to->first;
  to->first = magazine;
}

// When nothing else is left: blocks that were kept for some type, and serve anyone from now on.
Block* Pool::take_typed_magazine(uint8_t size_class) {
  for (Magazines& kept : typed_) {
    // All blocks that are kept for a type are of one size class.
    if (kept.first == nullptr || kept.first->size_class != size_class) continue;
    Block* magazine = std::exchange(kept.first, kept.first->more_segments);
    magazine->more_segments = nullptr;
    for (Block* block = magazine; block != nullptr; block = block->next) block->kept_for = nullptr;
    return magazine;
  }
  return nullptr;
}

Block* Pool::new_magazine(uint8_t size_class, bool beyond_bound) {
  const detail::ProgramMemory program;
  const uint64_t words = detail::class_words(size_class);
  const uint64_t bytes = kMagazine * (sizeof(Block) + words * 8);
  if (over_bound(bytes)) {
    if (Block* magazine = take_typed_magazine(size_class)) return magazine;
  }
  reserve_bytes(bytes, beyond_bound);
  const size_t slabs = slabs_.size();
  try {
    slabs_.emplace_back();  // first, as a slab can't be dropped before its blocks are set up
    slabs_.back() = std::make_unique<Slab>(size_class);
  } catch (...) {
    slabs_.resize(slabs);
    reserved_ -= bytes;
    throw;
  }
  Slab& slab = *slabs_.back();
  Block* chain = nullptr;
  for (size_t i = kMagazine; i-- > 0;) {
    Block& block = slab.blocks[i];
    block.pool = this;
    block.words = slab.words + i * words;
    block.capacity_words = static_cast<uint32_t>(words);
    block.size_class = size_class;
    block.next = chain;
    chain = &block;
    poison(block);
  }
  return chain;
}

uint64_t Pool::live_locked() const {
  const auto relaxed = sync::memory_order_relaxed;
  // Signed sums: a cache may have given back more than it took.
  uint64_t taken = gone_taken_ + large_taken_.load(relaxed) + shared_->taken_.load(relaxed);
  uint64_t given = gone_given_ + large_given_.load(relaxed) + shared_->given_.load(relaxed);
  for (const PoolCache* cache : caches_) {
    taken += cache->taken_.load(relaxed);
    given += cache->given_.load(relaxed);
  }
  return taken - given;
}

namespace {

void count(const Block& block, PoolStats& stats) {
  BlockState state = block.state.load(sync::memory_order_relaxed);
  if (state == BlockState::segment) {
    // As the message that it belongs to. If it goes home just now that may be none, or a new one.
    const Block* message = block.segment_of.load(sync::memory_order_relaxed);
    state = message == nullptr ? BlockState::free : message->state.load(sync::memory_order_relaxed);
  }
  BlockCount* to = nullptr;
  switch (state) {
    case BlockState::free:
    case BlockState::segment:
      return;
    case BlockState::composing:
      to = &stats.composing;
      break;
    case BlockState::queued:
      to = &stats.queued;
      break;
    case BlockState::delivered:
      to = &stats.delivered;
      break;
    case BlockState::shared:
      to = &stats.shared;
      break;
  }
  ++to->blocks;
  to->bytes += uint64_t{block.capacity_words} * sizeof(capnp::word);
}

}  // namespace

PoolStats Pool::stats() const {
  PoolStats stats;
  std::vector<const Slab*> slabs;
  {
    sync::Lock lock(mutex_);
    const auto relaxed = sync::memory_order_relaxed;
    stats.live = live_locked();
    stats.allocated = gone_taken_ + large_taken_.load(relaxed) + shared_->taken_.load(relaxed);
    for (const PoolCache* cache : caches_) stats.allocated += cache->taken_.load(relaxed);
    stats.reserved = reserved_;
    stats.bytes_copied = bytes_copied_.load(relaxed);
    for (const auto& block : large_) count(*block, stats);
    slabs.reserve(slabs_.size());
    for (const auto& slab : slabs_) slabs.push_back(slab.get());
  }
  // Slabs stay as long as the pool, and so do the sizes of their blocks: no lock for the long walk.
  for (const Slab* slab : slabs)
    for (const Block& block : slab->blocks) count(block, stats);
  return stats;
}

}  // namespace isola
