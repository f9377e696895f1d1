// Where a program is: program counters, cheap to take, and what they mean once somebody looks.
//
// What a program counter means is looked up in the program's symbols, and, if it was compiled with
// -g or -g1, in its line tables. The first look-up reads those, which takes some milliseconds and
// stays in memory; nothing is read before.
// Thread safety: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace isola {

// A place in a program. Empty where it is not known.
struct Frame {
  uintptr_t pc = 0;      // of the call, or of the throw
  std::string function;  // as C++ spells it
  std::string file;
  uint32_t line = 0;

  // "Counter::add(int) (counter.cc:12)", or as much of it as is known.
  std::string to_string() const;
};

namespace detail {

inline constexpr size_t kFramesMax = 32;  // of one trace; what is further out is left away

// Return addresses, the innermost first.
struct Trace {
  std::array<uintptr_t, kFramesMax> pcs;
  uint32_t size = 0;

  std::span<const uintptr_t> all() const { return {pcs.data(), size}; }
};

// Of the caller, and of its callers. Allocates nothing; some 100 ns for each.
Trace trace_here();

// What it means; several if functions were inlined there, the innermost first.
std::vector<Frame> look_up(uintptr_t pc);
// What they mean, without the frames of the runtime around and below those of the user.
std::vector<Frame> look_up(std::span<const uintptr_t> pcs);

}  // namespace detail
}  // namespace isola
