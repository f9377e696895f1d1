// The heap of one isolate: chunks of the runtime, size classes, no locks, freed whole.
//
//   isola::vector<int> v;            // on the current isolate's heap
//   isola::heap().live_bytes();
//
// It costs nothing until first used. Small sizes come from chunks by bumping a pointer and go to
// free lists (16-byte steps); large ones are blocks of their own, which are linked so that they go
// with the heap as well. Reclaim costs by chunk, not by object.
//
// Thread safety: one turn at a time, as everything of an isolate; live_bytes() from any thread.
// Invariants: 1. live_bytes() == the sum of the sizes (rounded up to 16) not yet deallocated.
//             2. Nothing allocated from a heap outlives its isolate.
#pragma once

#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

namespace isola {

class Heap final : public std::pmr::memory_resource {
 public:
  // `quota_bytes`: live bytes beyond it throw std::bad_alloc in the isolate.
  // `live_bytes`, if given, is where the live bytes are kept for others to read; it outlives this.
  explicit Heap(uint64_t quota_bytes, sync::atomic<uint64_t>* live_bytes = nullptr)
      : quota_bytes_(quota_bytes), live_bytes_(live_bytes != nullptr ? *live_bytes : own_live_) {}
  ~Heap() override { release(); }

  // Frees everything, whatever still points to it.
  void release();

  uint64_t live_bytes() const { return live_bytes_.load(sync::memory_order_relaxed); }
  uint64_t peak_bytes() const { return peak_bytes_; }
  // Held from the operating system.
  uint64_t chunk_bytes() const { return chunk_bytes_; }

 private:
  static constexpr size_t kStep = 16;
  static constexpr size_t kSmallMax = 1024;
  static constexpr size_t kFirstChunk = 1024;          // an actor with one small map stays small
  static constexpr size_t kLargestChunk = 256 * 1024;  // beyond this, growing saves no calls
  struct FreeBlock {
    FreeBlock* next;
  };
  struct Chunk {
    Chunk* next;
  };
  struct alignas(kStep) Large {
    Large* next;
    Large* previous;
    size_t bytes;
  };
  static_assert(sizeof(Large) % kStep == 0, "what follows a Large is aligned");

  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* memory, size_t bytes, size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  void* allocate_large(size_t bytes, size_t alignment);
  void* bump(size_t bytes);
  void account(uint64_t more, uint64_t less);

  const uint64_t quota_bytes_;
  std::array<FreeBlock*, kSmallMax / kStep> free_{};
  char* next_ = nullptr;
  char* end_ = nullptr;
  Chunk* chunks_ = nullptr;
  Large* large_ = nullptr;
  size_t chunk_size_ = kFirstChunk;
  uint64_t chunk_bytes_ = 0;
  uint64_t peak_bytes_ = 0;
  sync::atomic<uint64_t> own_live_{0};
  sync::atomic<uint64_t>& live_bytes_;  // one writer
};

// The heap of the isolate that runs here; outside of any isolate, the program's own.
std::pmr::memory_resource& heap();

// An allocator that takes the current heap when a container is made without one.
template <class T>
class allocator : public std::pmr::polymorphic_allocator<T> {
 public:
  using Base = std::pmr::polymorphic_allocator<T>;
  allocator() : Base(&heap()) {}
  allocator(std::pmr::memory_resource* resource) : Base(resource) {}
  template <class U>
  allocator(const allocator<U>& other) : Base(other.resource()) {}
  template <class U>
  struct rebind {
    using other = allocator<U>;
  };
  allocator select_on_container_copy_construction() const { return allocator(); }
};

template <class T>
using vector = std::vector<T, allocator<T>>;
using string = std::basic_string<char, std::char_traits<char>, allocator<char>>;
template <class K, class V, class Compare = std::less<K>>
using map = std::map<K, V, Compare, allocator<std::pair<const K, V>>>;
template <class K, class V, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
using unordered_map = std::unordered_map<K, V, Hash, Equal, allocator<std::pair<const K, V>>>;

}  // namespace isola
