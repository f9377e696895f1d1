// The stacks of carriers that are kept.
#include "stack.h"

#include <isola/context/stack_memory.h>
#include <isola/serialization/sanitizers.h>

#include <new>

namespace isola::detail {

StackPool::StackPool(size_t bytes) : bytes_(whole_pages(bytes)) {}

StackPool::~StackPool() { clear(); }

void StackPool::clear() {
  for (char* bottom : free_) unmap_stack({bottom, bytes_});
  free_.clear();
}

boost::context::stack_context StackPool::allocate() {
  StackMemory memory;
  if (!free_.empty()) {
    memory = {free_.back(), bytes_};
    free_.pop_back();
  } else {
    memory = map_stack(bytes_);
  }
  boost::context::stack_context stack;
  stack.size = memory.bytes;
  stack.sp = memory.top();
  return stack;
}

void StackPool::deallocate(boost::context::stack_context& stack) noexcept {
  char* bottom = static_cast<char*>(stack.sp) - stack.size;
  sanitizer_clean_stack(bottom, stack.size);
  // A vector that can't grow: give the mapping back instead.
  try {
    free_.push_back(bottom);
  } catch (const std::bad_alloc&) {
    unmap_stack({bottom, bytes_});
  }
}

}  // namespace isola::detail
