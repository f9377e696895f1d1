// Makes the memory of this thread run out, at any of its allocations: plain new, and what isola
// takes by malloc. For tests linked with --wrap for malloc, calloc and aligned_alloc.
//
// Thread safety: each thread has its own count.
#pragma once

#include <gtest/gtest.h>

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

// Which allocations are refused: the one after so many, or all after so many.
struct Refused {
  int64_t after = 0;
  bool all = false;
};

// Does `work` so; it may throw bad_alloc. Returns how many allocations were refused.
template <class Work>
uint64_t without_memory(Refused refused, const Work& work) {
  struct All {
    ~All() { allocations_left = -1; }
  };
  refused_allocations = 0;
  refusals_max = refused.all ? UINT64_MAX : 1;
  try {
    const All again;
    allocations_left = refused.after;
    work();
  } catch (const std::bad_alloc&) {
  }
  return refused_allocations;
}

// Calls `body(refused)` for the first allocation, for the second, and so on, until none is refused;
// then the same for all from there on. What it makes is new each time, so nothing has what an
// earlier call left. It returns what without_memory did.
template <class Body>
void at_every_allocation(const Body& body) {
  for (const bool all : {false, true}) {
    int64_t refused = 0;
    while (body(Refused{refused, all}) > 0) ++refused;
    EXPECT_GT(refused, 0) << "it allocates nothing";
  }
}

}  // namespace isola::test
