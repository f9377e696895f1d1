// Mapping of stacks.
#include "stack_memory.h"

#include <isola/serialization/sanitizers.h>

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace isola::detail {

namespace {

// Linux 6.13: a guard inside a mapping, which does not split it in two. Older kernels refuse it.
constexpr int kMadviseGuardInstall = 102;

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

size_t whole_pages(size_t bytes) {
  return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

StackMemory map_stack(size_t bytes) {
  const size_t guard = page_bytes();
  void* base = mmap(nullptr, bytes + guard, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  if (madvise(base, guard, kMadviseGuardInstall) != 0 && mprotect(base, guard, PROT_NONE) != 0) {
    munmap(base, bytes + guard);
    throw std::bad_alloc();
  }
  const StackMemory stack{static_cast<char*>(base) + guard, bytes};
  sanitizer_know_stack(stack.bottom, stack.bytes);
  return stack;
}

void unmap_stack(StackMemory stack) noexcept {
  const size_t guard = page_bytes();
  sanitizer_clean_stack(stack.bottom, stack.bytes);  // what is mapped there next is clean
  sanitizer_forget_stack(stack.bottom, stack.bytes);
  munmap(stack.bottom - guard, stack.bytes + guard);
}

}  // namespace isola::detail
