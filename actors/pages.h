// Memory for heaps: small pieces from malloc, large ones as pages of their own.
//
// Large pieces ask the kernel for huge pages of 2 MiB (madvise). Getting and above all giving back
// memory costs by page: a gibibyte of small ones takes some 80 ms to give back, of huge ones 4.
// Thread safety: any thread.
#pragma once

#include <cstddef>

namespace isola::detail {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;
// From this size on a piece has pages of its own, and begins where a huge page may: a heap whose
// chunks double holds as much already, so that a huge page which is hardly used adds half at most.
inline constexpr size_t kMappedBytesMin = 2 * kHugePageBytes;

// `alignment`: a power of two, 16 at least. nullptr if there is no memory.
void* take_pages(size_t bytes, size_t alignment);
// With the bytes that it was taken with.
void give_pages(void* memory, size_t bytes);

}  // namespace isola::detail
