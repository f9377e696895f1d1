// Memory that a worker keeps for what it makes and ends all the time: the states of asks, and what
// goes on when they are answered.
//
// Ownership: its worker's; what is left is freed with that. Thread safety: one thread.
#pragma once

#include <isola/serialization/sanitizers.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace isola::detail {

class KeptMemory {
 public:
  static constexpr size_t kBytes = 112;
  // As many asks as are under way at once where an actor asks some others and then waits.
  static constexpr uint32_t kMax = 64;

  KeptMemory() = default;
  ~KeptMemory() {
    while (void* memory = take()) std::free(memory);
  }
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;

  // kBytes of std::malloc, or nullptr: then there are none.
  void* take() {
    Free* const free = first_;
    if (free == nullptr) return nullptr;
    first_ = free->next;
    --count_;
    return free;
  }
  // kBytes of std::malloc that nobody uses any more. False if it keeps no more of them.
  bool give(void* memory) {
#ifdef ISOLA_ASAN
    (void)memory;
    return false;  // so that the sanitizer finds late uses
#else
    if (count_ == kMax) return false;
    first_ = new (memory) Free{first_};
    ++count_;
    return true;
#endif
  }

 private:
  struct Free {
    Free* next;
  };
  Free* first_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace isola::detail
