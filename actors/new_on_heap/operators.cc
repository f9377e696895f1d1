// The global operators new and delete, and what tells that a static local is being initialised.
#include <isola/actors/new_on_heap/ledger.h>
#include <isola/context/execution.h>
#include <isola/serialization/sync.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

using isola::detail::Execution;
using isola::detail::Head;
using isola::detail::Ledger;

constexpr size_t kAligned = alignof(std::max_align_t);
static_assert(kAligned == 16 && __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 16);
constexpr size_t kBytesMax = size_t{1} << 40;  // what a Head has room for
constexpr size_t kAlignmentMax = size_t{1} << 27;

// Of nobody.
void* take_from_program(size_t bytes, size_t alignment) {
  if (bytes > kBytesMax - 1 || alignment > kAlignmentMax) return nullptr;
  const size_t slack = alignment > kAligned ? alignment : 0;
  void* raw = std::malloc(sizeof(Head) + bytes + slack);
  if (raw == nullptr) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(raw);
  uintptr_t at = begin + sizeof(Head);
  if (slack > 0) at = (at + alignment - 1) & -alignment;
  reinterpret_cast<Head*>(at)[-1] = {nullptr, uint64_t{bytes} << 24 | (at - begin) / 16};
  return reinterpret_cast<void*>(at);
}

// As the standard has it: the new handler is asked as long as there is one.
[[gnu::always_inline]] inline void* take(size_t bytes, size_t alignment, const void* site) {
  if (Ledger* ledger = Ledger::current()) return ledger->take(bytes, alignment, site);
  for (;;) {
    if (void* memory = take_from_program(bytes, alignment)) [[likely]]
      return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

[[gnu::always_inline]] inline void* try_take(size_t bytes, size_t alignment, const void* site) {
  if (Ledger* ledger = Ledger::current()) return ledger->try_take(bytes, alignment, site);
  try {
    return take(bytes, alignment, site);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void give(void* memory) {
  if (memory == nullptr) return;
  Head& head = static_cast<Head*>(memory)[-1];
  if (head.owner != nullptr) return head.owner->give(memory);
  std::free(static_cast<char*>(memory) - head.offset());
}

// What the C++ runtime has under a name that is ours here.
template <class Function>
class Original {
 public:
  explicit constexpr Original(const char* name) : name_(name) {}
  Function* get() {
    // Relaxed: whoever finds nothing looks it up as well, and finds the same.
    Function* found = found_.load(isola::sync::memory_order_relaxed);
    if (found == nullptr) {
      found = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name_));
      found_.store(found, isola::sync::memory_order_relaxed);
    }
    return found;
  }

 private:
  const char* const name_;
  isola::sync::atomic<Function*> found_{nullptr};
};
constinit Original<int(long long*)> guard_acquire{"__cxa_guard_acquire"};
constinit Original<void(long long*)> guard_release{"__cxa_guard_release"};
constinit Original<void(long long*)> guard_abort{"__cxa_guard_abort"};

void count_static(int more) {
  if (Execution* execution = Execution::current_or_null()) {
    execution->outside += static_cast<uint32_t>(more);
    execution->heap = nullptr;
  }
}

}  // namespace

#define ISOLA_SITE __builtin_return_address(0)

void* operator new(size_t bytes) { return take(bytes, kAligned, ISOLA_SITE); }
void* operator new[](size_t bytes) { return take(bytes, kAligned, ISOLA_SITE); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<size_t>(alignment), ISOLA_SITE);
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<size_t>(alignment), ISOLA_SITE);
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return try_take(bytes, kAligned, ISOLA_SITE);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return try_take(bytes, kAligned, ISOLA_SITE);
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return try_take(bytes, static_cast<size_t>(alignment), ISOLA_SITE);
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return try_take(bytes, static_cast<size_t>(alignment), ISOLA_SITE);
}

void operator delete(void* memory) noexcept { give(memory); }
void operator delete[](void* memory) noexcept { give(memory); }
void operator delete(void* memory, size_t) noexcept { give(memory); }
void operator delete[](void* memory, size_t) noexcept { give(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { give(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { give(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  give(memory);
}

// What the compiler calls around the initialisation of a static local (Itanium C++ ABI, 3.3.3): 1
// from acquire means that the caller initialises, and then calls one of the two others.
extern "C" {

int __cxa_guard_acquire(long long* guard) {
  const int initialises = guard_acquire.get()(guard);
  if (initialises != 0) count_static(+1);
  return initialises;
}

void __cxa_guard_release(long long* guard) {
  count_static(-1);
  guard_release.get()(guard);
}

void __cxa_guard_abort(long long* guard) {
  count_static(-1);
  guard_abort.get()(guard);
}
}
