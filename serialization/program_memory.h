// Where the runtime's own memory comes from, for programs whose plain `new` takes the heap of the
// actor that runs (isola::new_on_heap): what outlives an actor must not lie there.
//
// In all other programs it makes no difference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace isola::detail {

// While it lives, plain `new` of this thread takes the program's memory. For code that does not
// suspend meanwhile: isola::Outside is for all other.
class [[nodiscard]] ProgramMemory {
 public:
  ProgramMemory() { ++depth_; }
  ~ProgramMemory() { --depth_; }
  ProgramMemory(const ProgramMemory&) = delete;
  ProgramMemory& operator=(const ProgramMemory&) = delete;
  static bool is_open() { return depth_ > 0; }

 private:
  static constinit inline thread_local uint32_t depth_ = 0;
};

// A base of classes whose objects go from actor to actor.
class InProgramMemory {
 public:
  static void* operator new(size_t bytes) { return taken(std::malloc(bytes)); }
  static void* operator new(size_t bytes, std::align_val_t alignment) {
    const auto step = static_cast<size_t>(alignment);
    return taken(std::aligned_alloc(step, (bytes + step - 1) / step * step));
  }
  static void* operator new(size_t, void* place) { return place; }
  static void operator delete(void* memory) { std::free(memory); }
  static void operator delete(void* memory, std::align_val_t) { std::free(memory); }

 private:
  static void* taken(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
};

}  // namespace isola::detail
