// The size classes of a heap: 16 bytes apart up to 1 KiB, then four a doubling, up to 128 KiB.
//
// Thread safety: functions of their arguments.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace isola::detail {

inline constexpr size_t kHeapStep = 16;              // what every block is aligned to
inline constexpr size_t kHeapFineMax = 1024;         // up to here a class for each step
inline constexpr size_t kHeapClassMax = 128 * 1024;  // beyond it a block is a chunk of its own
inline constexpr size_t kHeapFine = kHeapFineMax / kHeapStep;
inline constexpr size_t kHeapClasses =
    kHeapFine + 4 * (std::bit_width(kHeapClassMax) - std::bit_width(kHeapFineMax));

// What an allocation counts for: rounded up, and never nothing. REQUIRES: bytes <= SIZE_MAX / 2.
constexpr size_t heap_size(size_t bytes) {
  return (bytes + (bytes == 0) + kHeapStep - 1) & ~(kHeapStep - 1);
}

// The smallest class for a size. REQUIRES: 0 < size <= kHeapClassMax.
constexpr size_t heap_class(size_t size) {
  if (size <= kHeapFineMax) return (size - 1) / kHeapStep;
  const int width = std::bit_width(size - 1);  // the size is in (2^(width-1), 2^width]
  return kHeapFine + 4 * static_cast<size_t>(width - std::bit_width(kHeapFineMax)) +
         (((size - 1) >> (width - 3)) & 3);
}

// How large the blocks of a class are.
constexpr size_t heap_class_bytes(size_t index) {
  if (index < kHeapFine) return (index + 1) * kHeapStep;
  const size_t doubling = (index - kHeapFine) / 4;
  return (kHeapFineMax << doubling) / 4 * (5 + (index - kHeapFine) % 4);
}

static_assert([] {
  for (size_t index = 0; index < kHeapClasses; ++index) {
    const size_t bytes = heap_class_bytes(index);
    if (bytes % kHeapStep != 0 || heap_class(bytes) != index) return false;
    if (index + 1 < kHeapClasses && heap_class(bytes + 1) != index + 1) return false;
  }
  return heap_class_bytes(kHeapClasses - 1) == kHeapClassMax;
}());

}  // namespace isola::detail
