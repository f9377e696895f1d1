// Mapping and unmapping.
#include "pages.h"

#include <isola/serialization/sanitizers.h>

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace isola::detail {

namespace {

#ifdef ISOLA_ASAN
constexpr bool kMaps = false;  // it watches over what malloc gives
#else
constexpr bool kMaps = true;
#endif

constexpr size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

bool is_mapped(size_t bytes) { return kMaps && bytes >= kMappedBytesMin; }

}  // namespace

void* take_pages(size_t bytes, size_t alignment) {
  if (bytes > SIZE_MAX / 4 || alignment > SIZE_MAX / 4) return nullptr;
  if (!is_mapped(bytes)) return std::aligned_alloc(alignment, round_up(bytes, alignment));
  const size_t mapped = round_up(bytes, kHugePageBytes);
  alignment = std::max(alignment, kHugePageBytes);
  void* raw = ::mmap(nullptr, mapped + alignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  // What lies before and behind goes back: it is aligned so.
  const auto begin = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t at = round_up(begin, alignment);
  if (at > begin) ::munmap(raw, at - begin);
  if (const size_t behind = begin + alignment - at; behind > 0)
    ::munmap(reinterpret_cast<void*>(at + mapped), behind);
  auto* memory = reinterpret_cast<void*>(at);
  ::madvise(memory, mapped, MADV_HUGEPAGE);  // without it is only slower
  return memory;
}

void give_pages(void* memory, size_t bytes) {
  if (is_mapped(bytes))
    ::munmap(memory, round_up(bytes, kHugePageBytes));
  else
    std::free(memory);
}

}  // namespace isola::detail
