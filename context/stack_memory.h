// Memory of a stack: mapped lazily, with a guard page below it.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>

namespace isola::detail {

struct StackMemory {
  char* bottom = nullptr;
  size_t bytes = 0;

  char* top() const { return bottom + bytes; }  // stacks grow downwards
};

// So many bytes, in whole pages.
size_t whole_pages(size_t bytes);

// REQUIRES: whole pages. Fails: throws std::bad_alloc when the system gives no more mappings.
StackMemory map_stack(size_t bytes);
void unmap_stack(StackMemory stack) noexcept;

}  // namespace isola::detail
