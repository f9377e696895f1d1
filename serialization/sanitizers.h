// How the sanitizers are told of fiber switches and stacks. Empty in other builds.
//
// Switches are announced where they are made (carriers, fiber generators, the strands of
// simulations), in functions that are not instrumented themselves. A stack may be left from another
// one that stands on it: whoever leaves asks where it really is.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#define ISOLA_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ISOLA_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ISOLA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ISOLA_ASAN 1
#endif
#endif

#if defined(__clang__)
#define ISOLA_NOT_SANITIZED __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define ISOLA_NOT_SANITIZED __attribute__((no_sanitize("thread", "address"), noinline))
#endif

#ifdef ISOLA_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef ISOLA_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace isola::detail {

// The leak sanitizer looks for pointers on this stack from now on.
inline void sanitizer_know_stack(void* bottom, size_t bytes) {
#ifdef ISOLA_ASAN
  __lsan_register_root_region(bottom, bytes);
#else
  (void)bottom, (void)bytes;
#endif
}

// The stack is about to be unmapped.
inline void sanitizer_forget_stack(void* bottom, size_t bytes) {
#ifdef ISOLA_ASAN
  __lsan_unregister_root_region(bottom, bytes);
#else
  (void)bottom, (void)bytes;
#endif
}

// The stack will be used by another carrier: nothing on it is poisoned any more.
inline void sanitizer_clean_stack(void* bottom, size_t bytes) {
#ifdef ISOLA_ASAN
  __asan_unpoison_memory_region(bottom, bytes);
#else
  (void)bottom, (void)bytes;
#endif
}

// Nobody may touch this memory from now on: the address sanitizer reports who does.
inline void sanitizer_forbid(const void* memory, size_t bytes) {
#ifdef ISOLA_ASAN
  __asan_poison_memory_region(memory, bytes);
#else
  (void)memory, (void)bytes;
#endif
}

// It may be used again.
inline void sanitizer_allow(const void* memory, size_t bytes) {
#ifdef ISOLA_ASAN
  __asan_unpoison_memory_region(memory, bytes);
#else
  (void)memory, (void)bytes;
#endif
}

}  // namespace isola::detail
