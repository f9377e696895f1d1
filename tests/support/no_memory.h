// Makes the memory of this thread run out, at any of its allocations: plain new, and what isola
// takes by malloc. For tests linked with --wrap for malloc, calloc and aligned_alloc.
//
// Thread safety: each thread has its own count.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>

namespace isola::test {

// How many allocations of this thread succeed still; below zero: all.
inline constinit thread_local int64_t allocations_left = -1;
inline constinit thread_local uint64_t refused_allocations = 0;
// How many are refused at most.
inline constinit thread_local uint64_t refusals_max = 0;

inline bool refuses_memory() {
  if (allocations_left < 0) return false;
  if (allocations_left > 0) {
    --allocations_left;
    return false;
  }
  if (++refused_allocations == refusals_max) allocations_left = -1;
  return true;
}

// In its scope there is memory for `count` allocations; then so many are refused.
class MemoryFor {
 public:
  MemoryFor(int64_t count, uint64_t refusals) {
    refused_allocations = 0;
    refusals_max = refusals;
    allocations_left = count;
  }
  ~MemoryFor() { allocations_left = -1; }
  MemoryFor(const MemoryFor&) = delete;
  MemoryFor& operator=(const MemoryFor&) = delete;
};

// Runs `work` with memory for no allocation, then for one, and so on, until it has had enough; it
// may throw bad_alloc. Twice: so that only one is refused, and all from there on. After each run
// `check()` has all memory. Returns how many allocations there were.
template <class Work, class Check>
int64_t at_every_allocation(const Work& work, const Check& check) {
  int64_t most = 0;
  for (const uint64_t refusals : {uint64_t{1}, UINT64_MAX}) {
    for (int64_t count = 0;; ++count) {
      try {
        const MemoryFor memory(count, refusals);
        work();
      } catch (const std::bad_alloc&) {
      }
      const bool had_enough = refused_allocations == 0;
      check();
      most = std::max(most, count);
      if (had_enough) break;
    }
  }
  return most;
}

}  // namespace isola::test
