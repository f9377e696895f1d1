// The heap of one isolate: chunks of the runtime, size classes, no locks, freed whole.
//
//   isola::vector<int> v;            // on the current isolate's heap
//   isola::heap_stats().live_bytes;
//
// It costs nothing until first used. A block of up to 128 KiB is cut from a chunk and, once freed,
// goes to the free list of its size class: 16 bytes apart up to 1 KiB, then four a doubling.
// A larger one is a block of its own, linked so that it goes with the heap as well. So reclaim
// costs by chunk, not by object. A heap that gets empty begins its chunks anew.
//
//   chunk:  | next | block | block | ... | not cut yet      |   chunks double, from 1 KiB to 4 MiB
//                                        ^ next_            ^ end_
//
// Thread safety: one turn at a time, as everything of an isolate; the figures from any thread.
// Invariants: 1. live_bytes() == the sum of the sizes (rounded up to 16) not yet deallocated.
//             2. Nothing allocated from a heap outlives its isolate.
//             3. Only code that runs as the owner uses it, if it has one. Others get ForeignHeap.
#pragma once

#include <isola/actors/heap_classes.h>
#include <isola/actors/pages.h>
#include <isola/context/execution.h>
#include <isola/serialization/sanitizers.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace isola {

// What is thrown in an isolate whose heap would exceed its quota. Made without allocating.
class HeapQuotaExceeded : public std::bad_alloc {
 public:
  HeapQuotaExceeded(uint64_t asked_bytes, uint64_t live_bytes, uint64_t quota_bytes) noexcept;
  const char* what() const noexcept override { return text_; }
  uint64_t asked_bytes() const { return asked_bytes_; }
  uint64_t live_bytes() const { return live_bytes_; }
  uint64_t quota_bytes() const { return quota_bytes_; }

 private:
  uint64_t asked_bytes_;
  uint64_t live_bytes_;
  uint64_t quota_bytes_;
  char text_[160];
};

// What is thrown in code that runs as one isolate and allocates from the heap of another. Names
// both. A deallocation can't throw: it is reported (SystemOptions::on_failure) as a failure of this
// type, and the memory stays until its heap goes.
class ForeignHeap : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// What an isolate has of memory, in bytes.
struct HeapStats {
  uint64_t live_bytes = 0;   // allocated on its heap, each size rounded up to 16
  uint64_t peak_bytes = 0;   // the most that has ever lived there
  uint64_t chunk_bytes = 0;  // that the heap holds from the operating system
  uint64_t quota_bytes = UINT64_MAX;
  uint64_t inbox_messages = 0;  // that wait for it
  // Of their bodies and attachments. Known to the isolate itself, and to others if its inbox has a
  // bound in bytes (SpawnOptions::inbox_bytes_max); otherwise 0.
  uint64_t inbox_bytes = 0;

  bool operator==(const HeapStats&) const = default;
};

namespace detail {

// The figures of a heap. One writer; any thread reads them, relaxed: a recent value.
struct HeapFigures {
  sync::atomic<uint64_t> heap_bytes{0};   // that live on the heap
  sync::atomic<uint64_t> other_bytes{0};  // of the isolate's memory elsewhere: new_on_heap
  sync::atomic<uint64_t> peak_bytes{0};   // the most that both have been together
  sync::atomic<uint64_t> chunk_bytes{0};

  uint64_t live_bytes() const {
    return heap_bytes.load(sync::memory_order_relaxed) +
           other_bytes.load(sync::memory_order_relaxed);
  }
  void note_peak() {
    const uint64_t live = live_bytes();
    if (live > peak_bytes.load(sync::memory_order_relaxed))
      peak_bytes.store(live, sync::memory_order_relaxed);
  }
};

}  // namespace detail

class Heap final : public std::pmr::memory_resource {
 public:
  // `quota_bytes`: live bytes beyond it throw HeapQuotaExceeded.
  // `figures`, if given, is where others read them; it outlives this.
  // `owner`: the actor that alone may use it; nullptr: whoever the caller says.
  explicit Heap(uint64_t quota_bytes, detail::HeapFigures* figures = nullptr,
                detail::ActorCell* owner = nullptr)
      : figures_(figures != nullptr ? *figures : own_figures_),
        quota_bytes_(quota_bytes),
        owner_(owner) {
    set_limit();
  }
  ~Heap() override { release(); }

  // Frees everything, whatever still points to it.
  void release();

  uint64_t live_bytes() const { return figures_.heap_bytes.load(sync::memory_order_relaxed); }
  // Of all that the figures count.
  uint64_t peak_bytes() const { return figures_.peak_bytes.load(sync::memory_order_relaxed); }
  // Held from the operating system.
  uint64_t chunk_bytes() const { return figures_.chunk_bytes.load(sync::memory_order_relaxed); }
  uint64_t quota_bytes() const { return quota_bytes_; }

  // As allocate(bytes, 16) and deallocate(memory, bytes, 16) without a look at who runs.
  // REQUIRES: the running code is the owner.
  void* take_inline(size_t bytes);
  void give(void* memory, size_t bytes);
  // The same, for a size that is a constant.
  void give_inline(void* memory, size_t bytes);

  // To be called when what the figures count besides this heap has changed.
  void set_limit();

 private:
  static constexpr size_t kFirstChunk = 1024;  // an actor with one small map stays small
  static constexpr size_t kLargestChunk = detail::kMappedBytesMin;  // of huge pages
  static constexpr size_t kBytesMax = SIZE_MAX / 2;                 // so that no sum overflows
  struct FreeBlock {
    FreeBlock* next;
  };
  struct alignas(detail::kHeapStep) Chunk {
    Chunk* next;
    size_t bytes;
  };
  static_assert(sizeof(Chunk) == detail::kHeapStep, "what follows a Chunk is aligned");
  struct alignas(detail::kHeapStep) Large {
    Large* next;
    Large* previous;
    void* raw;
    size_t bytes;
  };

  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* memory, size_t bytes, size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  // heap_owner.cc
  bool used_by_owner();
  void require_owner();
  void report_foreign_deallocation(size_t bytes);
  void* take_slow(size_t bytes);
  void give_slow(void* memory, size_t bytes);
  void* take_block(size_t size, size_t alignment);
  void give_block(void* memory, size_t size, size_t alignment);
  void* cut(size_t index, size_t size);
  void new_chunk(size_t bytes);
  void carve(size_t index, size_t bytes);
  void spare(size_t bytes);
  void emptied();
  void* take_large(size_t size, size_t alignment);
  void give_large(void* memory);
  void push(size_t index, void* memory);
  void require_quota(size_t size) const;
  void set_live(uint64_t bytes) {
    // Relaxed: one writer, and readers only want a recent value.
    figures_.heap_bytes.store(bytes, sync::memory_order_relaxed);
  }
  void count_more(uint64_t size);
  // False if none is left.
  bool count_less(uint64_t size) {
    const uint64_t left = live_bytes() - size;
    set_live(left);
    return left != 0;
  }
  void count_chunk(uint64_t more, uint64_t less) {
    figures_.chunk_bytes.store(chunk_bytes() + more - less, sync::memory_order_relaxed);
  }

  detail::HeapFigures& figures_;
  const uint64_t quota_bytes_;
  detail::ActorCell* const owner_;
  // Live bytes of this heap up to which an allocation neither exceeds the quota nor makes a new
  // peak. So the usual case has one comparison for both, and that only when something is taken.
  uint64_t limit_bytes_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::array<FreeBlock*, detail::kHeapClasses> free_{};
  Chunk* chunks_ = nullptr;  // that blocks have been cut from
  Chunk* empty_ = nullptr;   // that nothing has been cut from since the heap was empty
  Large* large_ = nullptr;
  size_t chunk_size_ = kFirstChunk;
  size_t begun_bytes_ = 0;  // of chunks_
  detail::HeapFigures own_figures_;
};

// The heap of the isolate that runs here; outside of any isolate, the program's own.
std::pmr::memory_resource& heap();

// Figures of the isolate that runs here; outside of any isolate, all defaults.
HeapStats heap_stats();

namespace detail {

// The heap of the code that runs here, if it has used it in this turn. Else nullptr: ask heap().
inline Heap* heap_in_use() { return Execution::heap_here(); }

inline std::pmr::memory_resource* current_resource() {
  Heap* heap = heap_in_use();
  if (heap == nullptr) [[unlikely]]
    return &isola::heap();
  return heap;
}

// As the resource's own, out of the way.
[[gnu::cold, gnu::noinline]] inline void* allocate_elsewhere(std::pmr::memory_resource& resource,
                                                             size_t bytes, size_t alignment) {
  return resource.allocate(bytes, alignment);
}
[[gnu::cold, gnu::noinline]] inline void deallocate_elsewhere(std::pmr::memory_resource& resource,
                                                              void* memory, size_t bytes,
                                                              size_t alignment) noexcept {
  resource.deallocate(memory, bytes, alignment);
}

}  // namespace detail

// An allocator that takes the current heap when a container is made without one. One comparison
// tells that its resource is the running isolate's own heap; then there are no calls for the rest
// of the usual case. All else, other resources and foreign heaps, goes the way of a
// memory_resource.
template <class T>
class allocator : public std::pmr::polymorphic_allocator<T> {
 public:
  using Base = std::pmr::polymorphic_allocator<T>;
  allocator() : Base(detail::current_resource()) {}
  allocator(std::pmr::memory_resource* resource) : Base(resource) {}
  // Also from one of the standard's, which elements are made with: they take their container's
  // heap.
  template <class U>
  allocator(const std::pmr::polymorphic_allocator<U>& other) : Base(other.resource()) {}
  template <class U>
  struct rebind {
    using other = allocator<U>;
  };
  allocator select_on_container_copy_construction() const { return allocator(); }

  // Fails: throws std::bad_array_new_length, HeapQuotaExceeded, ForeignHeap, std::bad_alloc.
  [[nodiscard, gnu::always_inline]] T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) [[unlikely]]
      throw std::bad_array_new_length();
    const size_t bytes = count * sizeof(T);
    // No heap is nullptr, no resource is.
    if constexpr (alignof(T) <= detail::kHeapStep)
      if (Heap* heap = detail::heap_in_use(); heap == this->resource()) [[likely]]
        return static_cast<T*>(heap->take_inline(bytes));
    return static_cast<T*>(detail::allocate_elsewhere(*this->resource(), bytes, alignof(T)));
  }
  [[gnu::always_inline]] void deallocate(T* memory, size_t count) noexcept {
    const size_t bytes = count * sizeof(T);
    if constexpr (alignof(T) <= detail::kHeapStep)
      if (Heap* heap = detail::heap_in_use(); heap == this->resource()) [[likely]]
        return __builtin_constant_p(bytes) ? heap->give_inline(memory, bytes)
                                           : heap->give(memory, bytes);
    detail::deallocate_elsewhere(*this->resource(), memory, bytes, alignof(T));
  }
};

// Vectors, maps and the like: containers.h.
using string = std::basic_string<char, std::char_traits<char>, allocator<char>>;

// --- the usual case of an allocation, inline -----------------------------------------------------
//
// Where the size is a constant, as that of a node, little is left of it. Where it is not, to take
// inline is faster (docs/performance.md), to give is not.

[[gnu::always_inline]] inline void* Heap::take_inline(size_t bytes) {
  const size_t last = bytes - 1;  // of no bytes: the largest number, which goes the slow way
  if (last < detail::kHeapFineMax) [[likely]] {
    FreeBlock*& list = free_[last / detail::kHeapStep];
    FreeBlock* block = list;
    const size_t size = (last | (detail::kHeapStep - 1)) + 1;
    const uint64_t live = live_bytes() + size;
    if (block != nullptr && live <= limit_bytes_) [[likely]] {
      detail::sanitizer_allow(block, size);
      list = block->next;
      set_live(live);
      return block;
    }
  }
  return take_slow(bytes);
}

[[gnu::always_inline]] inline void Heap::give_inline(void* memory, size_t bytes) {
  const size_t last = bytes - 1;
  if (last >= detail::kHeapFineMax) [[unlikely]]
    return give_slow(memory, bytes);
  const bool has_more = count_less((last | (detail::kHeapStep - 1)) + 1);
  push(last / detail::kHeapStep, memory);
  if (!has_more) [[unlikely]]
    emptied();
}

inline void Heap::push(size_t index, void* memory) {
  FreeBlock*& list = free_[index];
  list = new (memory) FreeBlock{list};
  detail::sanitizer_forbid(memory, detail::heap_class_bytes(index));
}

}  // namespace isola
