// The pool of message blocks: size classes, a cache for each worker, a bound on all of it.
//
// A block knows its pool, never a worker. A cache trades whole magazines of 64 blocks with the
// pool (Bonwick and Adams, "Magazines and Vmem", 2001), so blocks that are freed on another worker
// than they were composed on go home in batches, at one lock for 64 of them.
//
// Thread safety: any thread may allocate and release; a thread that has a PoolCache of this pool
// uses that without locks, others share one under the pool's lock.
// Invariants: 1. live() == blocks taken minus blocks given back.
//             2. The pool is destroyed when it was closed, nobody holds it, and live() == 0:
//                so a message may outlive its System.
#pragma once

#include <isola/serialization/apart.h>
#include <isola/serialization/block.h>
#include <isola/serialization/shared_uses.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define ISOLA_POISONS_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ISOLA_POISONS_BLOCKS 1
#endif
#endif
#ifdef ISOLA_POISONS_BLOCKS
#include <sanitizer/asan_interface.h>
#endif

namespace isola {

// Thrown by compose when the pool has reached its bound. A local exception.
class PoolExhausted : public std::bad_alloc {
 public:
  const char* what() const noexcept override {
    return "isola: the message pool has reached its bound (SystemOptions::pool_bytes_max)";
  }
};

// How many blocks, and the bytes of body that they have room for.
struct BlockCount {
  uint64_t blocks = 0;
  uint64_t bytes = 0;
};

// By owner: of a moment in which others go on, so the four need not add up to `live`.
struct PoolStats {
  uint64_t allocated = 0;     // blocks ever taken
  uint64_t live = 0;          // blocks taken and not yet given back
  uint64_t reserved = 0;      // bytes held from the operating system
  uint64_t bytes_copied = 0;  // bytes of message bodies that were copied
  BlockCount composing;       // with whoever writes them
  BlockCount queued;          // in inboxes, channels and answers that nobody took yet
  BlockCount delivered;       // with whoever received them
  BlockCount shared;          // records, and bodies that several messages share
};

namespace detail {

struct SealHooks;  // seal.cc

inline constexpr uint32_t kMagazine = 64;     // blocks that travel together
inline constexpr uint32_t kSizeClasses = 6;   // 64 B to 64 KiB, each 4 times the one before
inline constexpr uint8_t kLargeClass = 0xff;  // own mapping, given back to the system when freed
inline constexpr uint32_t kTypedLists = 128;  // types whose blocks are kept with a builder; < 256
inline constexpr uint32_t kTypedProbes = 4;   // places where a type's list may be

constexpr uint32_t class_words(uint32_t size_class) { return 8u << (2 * size_class); }
constexpr uint8_t class_for(uint64_t words) {
  for (uint8_t c = 0; c < kSizeClasses; ++c)
    if (words <= class_words(c)) return c;
  return kLargeClass;
}

// Where the list of a type is looked for first, and after `probe` others (linear probing).
constexpr uint32_t typed_index(const MessageType& type, uint32_t probe = 0) {
  return (static_cast<uint32_t>(type.id) + probe) % kTypedLists;  // ids of schemas are random
}

// The address sanitizer reports who touches the body of a block that lies in a free list.
inline void poison(Block& block) {
#ifdef ISOLA_POISONS_BLOCKS
  ASAN_POISON_MEMORY_REGION(block.words, block.capacity_words * sizeof(capnp::word));
#else
  (void)block;
#endif
}
inline void unpoison(Block& block) {
#ifdef ISOLA_POISONS_BLOCKS
  ASAN_UNPOISON_MEMORY_REGION(block.words, block.capacity_words * sizeof(capnp::word));
#else
  (void)block;
#endif
}

// A stack of free blocks and a full spare magazine behind it.
struct FreeList {
  const MessageType* type = nullptr;  // of a typed list, once it is taken
  Block* head = nullptr;
  uint32_t count = 0;
  Block* spare = nullptr;
};

}  // namespace detail

// The free blocks of one worker. Thread safety: one thread.
class PoolCache {
 public:
  explicit PoolCache(Pool& pool);
  ~PoolCache();
  PoolCache(const PoolCache&) = delete;
  PoolCache& operator=(const PoolCache&) = delete;

  Pool& pool() const { return pool_; }

  // A block kept for this type, or nullptr: then take() one and start it.
  Block* take_kept(const MessageType& type);
  Block* take(uint8_t size_class);
  void give(Block* block);
  detail::SharedUses& uses() { return uses_; }

  // The cache of the running thread, or nullptr.
  static PoolCache* current() { return current_; }
  static void set_current(PoolCache* cache) { current_ = cache; }

 private:
  friend class Pool;
  enum class Shared {};
  PoolCache(Pool& pool, Shared) : pool_(pool), is_shared_(true) {}
  // The list of a type, which it gets at its first use; nullptr if all of its places are taken.
  detail::FreeList* typed_list(const MessageType& type) {
    detail::FreeList& list = typed_[detail::typed_index(type)];
    if (list.type == &type) [[likely]]
      return &list;
    return probe_typed_list(type);
  }
  detail::FreeList* probe_typed_list(const MessageType& type);
  Block* pop(detail::FreeList& list, uint8_t size_class);
  void push(detail::FreeList& list, Block* block, uint8_t size_class);
  void make_room(detail::FreeList& list, uint8_t size_class);
  Block* refill(detail::FreeList& list, uint8_t size_class);
  void count_taken() { bump(taken_); }
  static void bump(sync::atomic<uint64_t>& counter) {
    // One writer; readers only want a recent value.
    counter.store(counter.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
  }

  static constinit inline thread_local PoolCache* current_ = nullptr;

  Pool& pool_;
  const bool is_shared_ = false;  // the pool's own: used under its lock
  sync::atomic<uint64_t> taken_{0};
  sync::atomic<uint64_t> given_{0};
  std::array<detail::FreeList, detail::kTypedLists> typed_;
  std::array<detail::FreeList, detail::kSizeClasses> classes_;
  detail::SharedUses uses_;
};

class Pool {
 public:
  // Created open, with one hold. Ends with close().
  static Pool* create(uint64_t bytes_max);

  // One more (or one fewer) holder that may still allocate, a channel for example.
  void hold();
  void drop();
  // No more allocations; the pool goes when the last block and the last holder are gone.
  void close();

  // A block of at least `words` words. Fails: throws PoolExhausted; `beyond_bound` is for the
  // records of errors, which must be made even then.
  Block* take(uint64_t words, bool beyond_bound = false);
  // A block that is kept for this type, or nullptr.
  Block* take_kept(const MessageType& type);
  // Gives a block back as it is. Use isola::release for messages. `cache`: of the running thread.
  void give(Block* block);
  void give(Block* block, PoolCache& cache);

  // One more use of a shared block of this pool, and one fewer: as Block::retain() and release(),
  // and cheaper where they come by the thousand. See shared_uses.h.
  void take_use(Block& shared) {
    if (PoolCache* cache = own_cache()) return cache->uses().take(shared);
    shared.retain();
  }
  void give_use(Block& shared) {
    if (PoolCache* cache = own_cache()) return cache->uses().give(shared);
    release(&shared);
  }
  // One fewer, by who knows that this thread will need none for now.
  void give_last_use(Block& shared) {
    if (PoolCache* cache = own_cache()) return cache->uses().give_all(shared);
    release(&shared);
  }

  // Walks all blocks, which costs nothing until somebody asks: some microseconds for a thousand.
  PoolStats stats() const;
  // Counts bytes of bodies that had to be copied after all.
  void count_copied(uint64_t bytes) { bytes_copied_.fetch_add(bytes, sync::memory_order_relaxed); }

  // For checked builds (seal.h): nullptr as long as nobody has set a handler.
  detail::SealHooks* seal_hooks() const { return seal_hooks_.load(sync::memory_order_acquire); }
  detail::SealHooks& make_seal_hooks();

 private:
  friend class PoolCache;
  struct Slab;
  struct Magazines {
    const MessageType* type = nullptr;
    Block* first = nullptr;  // linked through Block::more_segments, blocks inside through next
  };

  explicit Pool(uint64_t bytes_max);
  ~Pool();
  PoolCache* own_cache() const {
    PoolCache* cache = PoolCache::current();
    return cache != nullptr && &cache->pool() == this ? cache : nullptr;
  }
  Block* take_kept_shared(const MessageType& type);
  void give_slow(Block* block);
  Block* take_large(uint64_t words, bool beyond_bound);
  // The ones below are called with mutex_ held.
  Magazines& magazines(const detail::FreeList& list, uint8_t size_class);
  Block* take_typed_magazine(uint8_t size_class);
  Block* new_magazine(uint8_t size_class, bool beyond_bound);
  Block* take_magazine(const detail::FreeList& list, uint8_t size_class);
  void give_magazine(const detail::FreeList& list, uint8_t size_class, Block* magazine);
  bool over_bound(uint64_t bytes) const;
  void reserve_bytes(uint64_t bytes, bool beyond_bound);
  uint64_t live_locked() const;
  void delete_seal_hooks();
  bool finished() const { return closed_ && holders_ == 0 && live_locked() == 0; }

  const uint64_t bytes_max_;
  mutable sync::Mutex mutex_;
  std::array<Magazines, detail::kTypedLists> typed_;
  std::array<Magazines, detail::kSizeClasses> classes_;
  std::vector<std::unique_ptr<Slab>> slabs_;
  std::vector<PoolCache*> caches_;
  std::vector<std::unique_ptr<Block>> large_;  // all descriptors of large blocks
  uint64_t reserved_ = 0;
  Block* large_descriptors_ = nullptr;  // of large blocks that are gone
  uint64_t holders_ = 0;
  uint64_t gone_taken_ = 0;  // counts of caches that are gone
  uint64_t gone_given_ = 0;
  bool closed_ = false;
  bool beyond_bound_ = false;  // the block that is being taken may exceed the bound
  sync::atomic<uint64_t> large_taken_{0};
  sync::atomic<uint64_t> large_given_{0};
  sync::atomic<uint64_t> bytes_copied_{0};
  sync::atomic<detail::SealHooks*> seal_hooks_{nullptr};  // owned
  std::unique_ptr<PoolCache> shared_;  // for threads without a cache; under mutex_
};

[[gnu::always_inline]] inline Block* PoolCache::pop(detail::FreeList& list, uint8_t size_class) {
  Block* block = list.head;
  if (block == nullptr) [[unlikely]] {
    block = refill(list, size_class);
    if (block == nullptr) return nullptr;
  }
  list.head = block->next;
  --list.count;
  count_taken();
  return block;
}

[[gnu::always_inline]] inline Block* PoolCache::take_kept(const MessageType& type) {
  detail::FreeList* list = typed_list(type);
  if (list == nullptr) [[unlikely]]
    return nullptr;
  return pop(*list, detail::kLargeClass);
}

inline Block* PoolCache::take(uint8_t size_class) { return pop(classes_[size_class], size_class); }

inline void PoolCache::push(detail::FreeList& list, Block* block, uint8_t size_class) {
  if (list.count == detail::kMagazine) [[unlikely]]
    make_room(list, size_class);
  block->next = list.head;
  list.head = block;
  ++list.count;
}

inline void PoolCache::give(Block* block) {
  bump(given_);
  detail::poison(*block);
  block->set_state(BlockState::free);
  if (block->kept_for != nullptr) {
    detail::FreeList& usual = detail::apart(typed_[block->kept_place]);
    if (usual.type == block->kept_for) [[likely]]
      return push(usual, block, detail::kLargeClass);
    if (detail::FreeList* list = probe_typed_list(*block->kept_for))
      return push(*list, block, detail::kLargeClass);
    block->kept_for = nullptr;  // other types have its places: the block serves anyone
  }
  push(classes_[block->size_class], block, block->size_class);
}

[[gnu::always_inline]] inline Block* Pool::take_kept(const MessageType& type) {
  // A kept builder would let a late writer reach the next message.
  if constexpr (detail::kChecked) return nullptr;
  PoolCache* cache = own_cache();
  Block* block;
  if (cache != nullptr) [[likely]]
    block = cache->take_kept(type);
  else
    block = take_kept_shared(type);
  if (block == nullptr) [[unlikely]]
    return nullptr;
  detail::unpoison(*block);
  block->set_state(BlockState::composing);
  return block;
}

inline void Pool::give(Block* block) {
  PoolCache* cache = PoolCache::current();
  if (cache == nullptr) return give_slow(block);
  give(block, *cache);
}

inline void Pool::give(Block* block, PoolCache& cache) {
  if (&cache.pool() != this || block->size_class == detail::kLargeClass) return give_slow(block);
  cache.give(block);
}

// The usual end of a message: nothing hangs on the block, and it goes to this worker's cache.
inline bool has_nothing_attached(const Block& block) {
  const auto bits = [](const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); };
  // Acquire: what the other users of a shared block did comes before its reuse.
  const uint32_t others = block.references.load(sync::memory_order_acquire) ^ 1;
  // One branch for all that may hang on it.
  return ((others | block.flags) | bits(block.envelope.reply) | bits(block.envelope.context) |
          bits(block.more_segments)) == 0;
}
inline void release(Block* block) {
  if (!has_nothing_attached(*block)) [[unlikely]]
    return detail::release_slow(block);
  block->envelope.deadline_ns = kNoDeadline;
  block->pool->give(block);
}
// The same by who knows the cache of the running thread.
inline void release(Block* block, PoolCache& cache) {
  if (!has_nothing_attached(*block)) [[unlikely]]
    return detail::release_slow(block);
  block->envelope.deadline_ns = kNoDeadline;
  block->pool->give(block, cache);
}

}  // namespace isola
