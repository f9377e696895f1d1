// isola::sync: the seam through which every shared atomic, lock and wake-up of the runtime goes.
//
// In production the names below are the standard types and cost nothing beyond them. A simulated
// build can replace them by types that let the schedule change at each operation; that is why no
// other file of the runtime names std::atomic, std::mutex or the futex (tests/tidy enforces it).
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <ctime>
#include <mutex>

namespace isola::sync {

template <class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

using Mutex = std::mutex;
using Lock = std::lock_guard<Mutex>;
using UniqueLock = std::unique_lock<Mutex>;

// Sleeps while `word` holds `expected`. May return spuriously: callers loop.
// `timeout_ns` < 0 waits without limit. Blocks: the operating system's thread.
inline void futex_wait(const atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns) {
  timespec limit{timeout_ns / 1'000'000'000, static_cast<long>(timeout_ns % 1'000'000'000)};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? nullptr : &limit,
          nullptr, 0);
}

// Wakes one thread that sleeps on `word`. The word may already be gone: the kernel then finds
// nobody, which is fine, so a waiter may free it as soon as it has seen its new value.
inline void futex_wake(const atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// Tells the processor that this is a waiting loop.
inline void relax_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace isola::sync
