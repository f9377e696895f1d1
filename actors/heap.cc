// Chunks, free lists and large blocks of a heap.
#include "heap.h"

#include <isola/serialization/check.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace isola {
namespace {

constexpr size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

}  // namespace

void Heap::account(uint64_t more, uint64_t less) {
  const uint64_t live = live_bytes_.load(sync::memory_order_relaxed) + more - less;
  // Relaxed: one writer, and readers only want a recent value.
  live_bytes_.store(live, sync::memory_order_relaxed);
  peak_bytes_ = std::max(peak_bytes_, live);
}

void* Heap::do_allocate(size_t bytes, size_t alignment) {
  const size_t size = round_up(std::max<size_t>(bytes, 1), kStep);
  if (size < bytes || size > quota_bytes_ || live_bytes() > quota_bytes_ - size)
    throw std::bad_alloc();
  if (size > kSmallMax || alignment > kStep) return allocate_large(size, alignment);
  FreeBlock*& list = free_[size / kStep - 1];
  void* memory = list;
  if (memory != nullptr) {
    list = list->next;
  } else {
    memory = bump(size);
  }
  account(size, 0);
  return memory;
}

void* Heap::bump(size_t bytes) {
  if (static_cast<size_t>(end_ - next_) < bytes) {
    const size_t wanted = std::max(chunk_size_, sizeof(Chunk) + kStep + bytes);
    auto* chunk = static_cast<Chunk*>(std::malloc(wanted));
    if (chunk == nullptr) throw std::bad_alloc();
    chunk->next = chunks_;
    chunks_ = chunk;
    chunk_bytes_ += wanted;
    next_ = reinterpret_cast<char*>(chunk) + kStep;
    end_ = reinterpret_cast<char*>(chunk) + wanted;
    chunk_size_ = std::min(chunk_size_ * 2, kLargestChunk);
  }
  void* memory = next_;
  next_ += bytes;
  return memory;
}

void* Heap::allocate_large(size_t bytes, size_t alignment) {
  // The header lies right before the memory, whatever the alignment in front of it.
  const size_t offset = round_up(sizeof(Large), std::max(alignment, kStep));
  void* raw = std::aligned_alloc(std::max(alignment, kStep),
                                 round_up(offset + bytes, std::max(alignment, kStep)));
  if (raw == nullptr) throw std::bad_alloc();
  auto* large = new (raw) Large{large_, nullptr, offset + bytes};
  if (large_ != nullptr) large_->previous = large;
  large_ = large;
  chunk_bytes_ += large->bytes;
  account(bytes, 0);
  return static_cast<char*>(raw) + offset;
}

void Heap::do_deallocate(void* memory, size_t bytes, size_t alignment) {
  const size_t size = round_up(std::max<size_t>(bytes, 1), kStep);
  account(0, size);
  if (size <= kSmallMax && alignment <= kStep) {
    FreeBlock*& list = free_[size / kStep - 1];
    list = new (memory) FreeBlock{list};
    return;
  }
  const size_t offset = round_up(sizeof(Large), std::max(alignment, kStep));
  auto* large = reinterpret_cast<Large*>(static_cast<char*>(memory) - offset);
  ISOLA_ASSERT(large->bytes, ==, offset + size);
  (large->previous != nullptr ? large->previous->next : large_) = large->next;
  if (large->next != nullptr) large->next->previous = large->previous;
  chunk_bytes_ -= large->bytes;
  std::free(large);
}

void Heap::release() {
  while (chunks_ != nullptr) std::free(std::exchange(chunks_, chunks_->next));
  while (large_ != nullptr) std::free(std::exchange(large_, large_->next));
  free_.fill(nullptr);
  next_ = end_ = nullptr;
  chunk_size_ = kFirstChunk;
  chunk_bytes_ = 0;
  live_bytes_.store(0, sync::memory_order_relaxed);
}

}  // namespace isola
