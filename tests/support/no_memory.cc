// What allocates in a program whose memory can run out. Apart from the tests, where the compiler
// would see through it.
#include "no_memory.h"

#include <cstdlib>

extern "C" {
void* __real_malloc(size_t bytes);
void* __real_calloc(size_t count, size_t bytes);
void* __real_aligned_alloc(size_t alignment, size_t bytes);
void* __wrap_malloc(size_t bytes) {
  return isola::test::refuses_memory() ? nullptr : __real_malloc(bytes);
}
void* __wrap_calloc(size_t count, size_t bytes) {
  return isola::test::refuses_memory() ? nullptr : __real_calloc(count, bytes);
}
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return isola::test::refuses_memory() ? nullptr : __real_aligned_alloc(alignment, bytes);
}
}

namespace {

void* take(size_t bytes, size_t alignment) {
  if (isola::test::refuses_memory()) throw std::bad_alloc();
  const size_t whole = (bytes + (bytes == 0) + alignment - 1) / alignment * alignment;
  void* memory = __real_aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
