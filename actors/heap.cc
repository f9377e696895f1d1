// Chunks, free lists and large blocks of a heap.
#include "heap.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace isola {

using detail::heap_class;
using detail::heap_class_bytes;
using detail::heap_size;
using detail::kHeapClassMax;
using detail::kHeapStep;

namespace {

constexpr size_t kCacheLine = 64;
// Of blocks of up to kCarvedMax as many are cut at once as have kCarvedBytes together, in a chunk
// that is not small.
constexpr size_t kCarvedMax = 256;
constexpr size_t kCarvedBytes = 2048;
constexpr size_t kCarvedChunkMin = 64 * 1024;
// A heap that got empty begins its chunks anew if as many bytes have been cut. What is smaller
// stays in the caches, where the block that was freed last is the best one.
constexpr size_t kBegunBytesMin = 512 * 1024;

constexpr uintptr_t round_up(uintptr_t value, size_t step) { return (value + step - 1) & -step; }

}  // namespace

HeapQuotaExceeded::HeapQuotaExceeded(uint64_t asked_bytes, uint64_t live_bytes,
                                     uint64_t quota_bytes) noexcept
    : asked_bytes_(asked_bytes), live_bytes_(live_bytes), quota_bytes_(quota_bytes) {
  std::snprintf(text_, sizeof(text_),
                "%" PRIu64 " bytes more on a heap with %" PRIu64
                " live bytes exceed its quota of %" PRIu64 " bytes (heap_quota)",
                asked_bytes, live_bytes, quota_bytes);
}

void Heap::set_limit() {
  const uint64_t most = std::min(peak_bytes(), quota_bytes_);
  const uint64_t others = figures_.other_bytes.load(sync::memory_order_relaxed);
  limit_bytes_ = most - std::min(most, others);
}

void Heap::count_more(uint64_t size) {
  set_live(live_bytes() + size);
  if (live_bytes() <= limit_bytes_) return;
  figures_.note_peak();
  set_limit();
}

void Heap::require_quota(size_t size) const {
  const uint64_t live = figures_.live_bytes();
  if (size > quota_bytes_ || live > quota_bytes_ - size)
    throw HeapQuotaExceeded(size, live, quota_bytes_);
}

void* Heap::do_allocate(size_t bytes, size_t alignment) {
  require_owner();
  if (alignment <= kHeapStep) return take_inline(bytes);
  if (bytes > kBytesMax) throw std::bad_alloc();
  const size_t size = heap_size(bytes);
  require_quota(size);
  void* memory = take_block(size, alignment);
  count_more(size);
  return memory;
}

void Heap::do_deallocate(void* memory, size_t bytes, size_t alignment) {
  if (!used_by_owner()) return report_foreign_deallocation(bytes);
  if (alignment <= kHeapStep) return give(memory, bytes);
  const size_t size = heap_size(bytes);
  const bool has_more = count_less(size);
  give_block(memory, size, alignment);
  if (!has_more) emptied();
}

void Heap::give(void* memory, size_t bytes) { give_inline(memory, bytes); }

void* Heap::take_slow(size_t bytes) {
  if (bytes > kBytesMax) throw std::bad_alloc();
  const size_t size = heap_size(bytes);
  require_quota(size);
  void* memory = take_block(size, kHeapStep);
  count_more(size);
  return memory;
}

void Heap::give_slow(void* memory, size_t bytes) {
  const size_t size = heap_size(bytes);
  const bool has_more = count_less(size);
  give_block(memory, size, kHeapStep);
  if (!has_more) emptied();
}

// A block that is aligned to more than all are: cut out of a larger one. Where that begins stands
// right before the memory.
void* Heap::take_block(size_t size, size_t alignment) {
  if (alignment > kHeapStep) {
    if (alignment > kHeapClassMax || size + alignment > kHeapClassMax)
      return take_large(size, alignment);
    char* block = static_cast<char*>(take_block(size + alignment, kHeapStep));
    const auto begin = reinterpret_cast<uintptr_t>(block);
    char* memory = block + (round_up(begin + kHeapStep, alignment) - begin);
    reinterpret_cast<char**>(memory)[-1] = block;
    return memory;
  }
  if (size > kHeapClassMax) return take_large(size, alignment);
  const size_t index = heap_class(size);
  FreeBlock* block = free_[index];
  if (block == nullptr) return cut(index, size);
  detail::sanitizer_allow(block, size);
  free_[index] = block->next;
  return block;
}

void Heap::give_block(void* memory, size_t size, size_t alignment) {
  const bool aligned = alignment > kHeapStep;
  if (size > kHeapClassMax ||
      (aligned && (alignment > kHeapClassMax || size + alignment > kHeapClassMax)))
    return give_large(memory);
  if (aligned) {
    memory = static_cast<char**>(memory)[-1];
    size += alignment;
  }
  push(heap_class(size), memory);
}

void* Heap::cut(size_t index, size_t size) {
  const size_t bytes = heap_class_bytes(index);
  // A block of whole cache lines lies on whole cache lines: nodes of hash maps often have 64 bytes.
  const auto gap = [&] {
    return bytes % kCacheLine == 0 ? -reinterpret_cast<uintptr_t>(next_) % kCacheLine : 0;
  };
  const auto left = [&] { return static_cast<size_t>(end_ - next_); };
  if (left() < gap() + bytes) new_chunk(bytes);
  if (left() >= gap() + bytes) spare(gap());
  char* memory = std::exchange(next_, next_ + bytes);
  detail::sanitizer_allow(memory, size);
  if (bytes <= kCarvedMax && chunks_->bytes >= kCarvedChunkMin) carve(index, bytes);
  return memory;
}

// Some more blocks of a class: the next to be taken are those next to each other.
void Heap::carve(size_t index, size_t bytes) {
  const size_t count = std::min(kCarvedBytes, static_cast<size_t>(end_ - next_)) / bytes;
  char* const begin = std::exchange(next_, next_ + count * bytes);
  for (char* block = next_; block != begin;) {
    block -= bytes;
    detail::sanitizer_allow(block, bytes);
    push(index, block);
  }
}

// What is next goes to the free lists.
void Heap::spare(size_t bytes) {
  while (bytes >= kHeapStep) {
    size_t index = heap_class(std::min(bytes, kHeapClassMax));
    if (heap_class_bytes(index) > bytes) --index;
    const size_t taken = heap_class_bytes(index);
    detail::sanitizer_allow(next_, taken);
    push(index, std::exchange(next_, next_ + taken));
    bytes -= taken;
  }
}

// Begins a chunk with room for `bytes`, an empty one if there is. What is left of the one before
// goes to the free lists.
void Heap::new_chunk(size_t bytes) {
  const size_t least = sizeof(Chunk) + bytes;
  Chunk* chunk = empty_;
  if (chunk != nullptr && chunk->bytes >= least) {
    empty_ = chunk->next;
  } else {
    const size_t wanted = std::max(chunk_size_, least);
    chunk = static_cast<Chunk*>(detail::take_pages(wanted, kHeapStep));
    if (chunk == nullptr) throw std::bad_alloc();
    chunk->bytes = wanted;
    count_chunk(wanted, 0);
    detail::sanitizer_forbid(chunk + 1, wanted - sizeof(Chunk));
    chunk_size_ = std::min(chunk_size_ * 2, kLargestChunk);
  }
  spare(static_cast<size_t>(end_ - next_));
  chunk->next = chunks_;
  chunks_ = chunk;
  begun_bytes_ += chunk->bytes;
  next_ = reinterpret_cast<char*>(chunk + 1);
  end_ = reinterpret_cast<char*>(chunk) + chunk->bytes;
}

// Nothing lives: the chunks begin anew, the largest first. So blocks that are made one after the
// other lie next to each other again, whatever the order in which those before were freed; and
// memory that was of one size serves others.
void Heap::emptied() {
  if (begun_bytes_ - static_cast<size_t>(end_ - next_) < kBegunBytesMin) return;
  free_.fill(nullptr);
  next_ = end_ = nullptr;
  begun_bytes_ = 0;
  while (Chunk* chunk = chunks_) {
    chunks_ = chunk->next;
    Chunk** before = &empty_;
    while (*before != nullptr && (*before)->bytes > chunk->bytes) before = &(*before)->next;
    chunk->next = *before;
    *before = chunk;
  }
}

void* Heap::take_large(size_t size, size_t alignment) {
  // The header lies right before the memory, whatever the alignment in front of it.
  const size_t step = std::max(alignment, kHeapStep);
  const size_t offset = round_up(sizeof(Large), step);
  if (size > kBytesMax - offset - step) throw std::bad_alloc();
  const size_t bytes = round_up(offset + size, step);
  void* raw = detail::take_pages(bytes, step);
  if (raw == nullptr) throw std::bad_alloc();
  auto* large =
      new (static_cast<char*>(raw) + offset - sizeof(Large)) Large{large_, nullptr, raw, bytes};
  if (large_ != nullptr) large_->previous = large;
  large_ = large;
  count_chunk(bytes, 0);
  return static_cast<char*>(raw) + offset;
}

void Heap::give_large(void* memory) {
  Large* large = static_cast<Large*>(memory) - 1;
  (large->previous != nullptr ? large->previous->next : large_) = large->next;
  if (large->next != nullptr) large->next->previous = large->previous;
  count_chunk(0, large->bytes);
  detail::give_pages(large->raw, large->bytes);
}

void Heap::release() {
  for (Chunk** chunks : {&chunks_, &empty_}) {
    while (Chunk* chunk = *chunks) {
      *chunks = chunk->next;
      detail::give_pages(chunk, chunk->bytes);
    }
  }
  while (Large* large = large_) {
    large_ = large->next;
    detail::give_pages(large->raw, large->bytes);
  }
  free_.fill(nullptr);
  next_ = end_ = nullptr;
  chunk_size_ = kFirstChunk;
  begun_bytes_ = 0;
  set_live(0);
  count_chunk(0, chunk_bytes());
}

}  // namespace isola
