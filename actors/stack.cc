// Mapping of carrier stacks.
#include "stack.h"

#include <isola/actors/sanitizers.h>

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace isola::detail {

namespace {

// Linux 6.13: a guard inside a mapping, which does not split it in two. Older kernels refuse it.
constexpr int kMadviseGuardInstall = 102;

}  // namespace

StackPool::StackPool(size_t bytes)
    : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
      bytes_((bytes + page_ - 1) / page_ * page_) {}

StackPool::~StackPool() { clear(); }

void StackPool::clear() {
  for (void* base : free_) {
    sanitizer_forget_stack(static_cast<char*>(base) + page_, bytes_);
    munmap(base, bytes_ + page_);
  }
  free_.clear();
}

boost::context::stack_context StackPool::allocate() {
  void* base;
  if (!free_.empty()) {
    base = free_.back();
    free_.pop_back();
  } else {
    base = mmap(nullptr, bytes_ + page_, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    if (madvise(base, page_, kMadviseGuardInstall) != 0 && mprotect(base, page_, PROT_NONE) != 0) {
      munmap(base, bytes_ + page_);
      throw std::bad_alloc();
    }
    sanitizer_know_stack(static_cast<char*>(base) + page_, bytes_);
  }
  boost::context::stack_context stack;
  stack.size = bytes_;
  stack.sp = static_cast<char*>(base) + page_ + bytes_;  // stacks grow downwards
  return stack;
}

void StackPool::deallocate(boost::context::stack_context& stack) noexcept {
  char* bottom = static_cast<char*>(stack.sp) - stack.size;
  sanitizer_clean_stack(bottom, stack.size);
  // A vector that can't grow: give the mapping back instead.
  try {
    free_.push_back(bottom - page_);
  } catch (const std::bad_alloc&) {
    sanitizer_forget_stack(bottom, bytes_);
    munmap(bottom - page_, bytes_ + page_);
  }
}

}  // namespace isola::detail
