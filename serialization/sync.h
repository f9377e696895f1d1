// isola::sync: the seam through which every shared atomic, lock and wake-up of the runtime goes.
//
// In production the names below are the standard types and cost nothing beyond them. A simulated
// build (ISOLA_SIMULATED) takes those of simulated_sync.h, which let the schedule change at each
// operation; that is why no other file of the runtime names std::atomic, std::mutex or the futex
// (tests/tidy enforces it).
#pragma once

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <thread>

#ifdef ISOLA_SIMULATED
#include <isola/serialization/simulated_sync.h>
#endif

namespace isola::sync {

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

namespace native {

// A system call on the word of a futex.
inline void futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns) {
  timespec limit{timeout_ns / 1'000'000'000, static_cast<long>(timeout_ns % 1'000'000'000)};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? nullptr : &limit,
          nullptr, 0);
}
inline void futex_wake(const std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// Registered once for the process, at the first call.
inline bool register_heavy_fence() {
  static const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered;
}
inline bool heavy_fence() {
  return register_heavy_fence() &&
         syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

}  // namespace native

#ifndef ISOLA_SIMULATED

inline constexpr bool kSimulated = false;

template <class T>
using atomic = std::atomic<T>;
using Thread = std::thread;

// Sleeps while `word` holds `expected`. May return spuriously: callers loop.
// `timeout_ns` < 0 waits without limit. Blocks: the operating system's thread.
inline void futex_wait(const atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns) {
  native::futex_wait(word, expected, timeout_ns);
}

// Wakes one thread that sleeps on `word`. The word may already be gone: the kernel then finds
// nobody, which is fine, so a waiter may free it as soon as it has seen its new value.
inline void futex_wake(const atomic<uint32_t>& word) { native::futex_wake(word); }

// Tells the processor that this is a waiting loop.
inline void relax_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

inline void thread_fence(std::memory_order order) { std::atomic_thread_fence(order); }

// Asymmetric fences: of a light_fence between a store and a load on one thread and a heavy_fence
// between a store and a load on another, at least one load sees the other's store. Of two light
// ones that is not so. (Goldblatt, "Asymmetric fences", P1202.) The light one keeps only the
// compiler from moving operations; the heavy one interrupts every running thread of the process.
// It returns false where the kernel can't do that, and the light one then does nothing: ask
// heavy_fence_available() once, and use ordinary fences if it is false.
inline void light_fence() { std::atomic_signal_fence(memory_order_seq_cst); }
inline bool heavy_fence() { return native::heavy_fence(); }
inline bool heavy_fence_available() { return native::register_heavy_fence(); }

// The monotonic clock; virtual in a simulation.
inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A number that differs from one `object` to another, to begin a stream of random numbers with.
inline uint64_t begin_of_random(const void* object) { return reinterpret_cast<uintptr_t>(object); }

// The T of the thread that runs, made when it is first asked for.
template <class T>
T& of_this_thread() {
  static thread_local T object;
  return object;
}

// How many threads can run at once.
inline uint32_t processors() { return std::max(1u, std::thread::hardware_concurrency()); }

#else

inline constexpr bool kSimulated = true;

// One in a simulation, where nobody gets on while another one spins.
inline uint32_t processors() {
  return Simulator::current() != nullptr ? 1 : std::max(1u, std::thread::hardware_concurrency());
}

inline void futex_wait(const atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns,
                       Site site = Site::current()) {
  Simulator* simulator = Simulator::current();
  if (simulator == nullptr) return native::futex_wait(word.native(), expected, timeout_ns);
  announce(*simulator, Kind::futex_wait, memory_order_relaxed, &word.native(), site);
  simulator->futex_wait(word.native(), expected, timeout_ns);
}
inline void futex_wake(const atomic<uint32_t>& word, Site site = Site::current()) {
  Simulator* simulator = Simulator::current();
  if (simulator == nullptr) return native::futex_wake(word.native());
  // The word may be gone: only its address is used.
  announce(*simulator, Kind::futex_wake, memory_order_relaxed, &word.native(), site);
  simulator->futex_wake(&word.native());
}

inline void light_fence(Site site = Site::current()) {
  std::atomic_signal_fence(memory_order_seq_cst);
  if (Simulator* simulator = Simulator::current())
    announce(*simulator, Kind::light_fence, memory_order_seq_cst, nullptr, site);
}
inline bool heavy_fence(Site site = Site::current()) {
  Simulator* simulator = Simulator::current();
  if (simulator == nullptr) return native::heavy_fence();
  announce(*simulator, Kind::heavy_fence, memory_order_seq_cst, nullptr, site);
  return true;
}
inline bool heavy_fence_available() {
  return Simulator::current() != nullptr || native::register_heavy_fence();
}

inline uint64_t begin_of_random(const void* object) {
  // No address in a simulation: it differs from run to run.
  Simulator* simulator = Simulator::current();
  return simulator != nullptr ? simulator->random() : reinterpret_cast<uintptr_t>(object);
}

inline int64_t now_ns() {
  if (Simulator* simulator = Simulator::current()) return simulator->now_ns();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

#endif

#if defined(__SANITIZE_THREAD__)
#define ISOLA_PLAIN_MUTEX 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ISOLA_PLAIN_MUTEX 1
#endif
#endif

#if defined(ISOLA_PLAIN_MUTEX) && !defined(ISOLA_SIMULATED)
using Mutex = std::mutex;  // whose order the thread sanitizer checks
#else
// A lock for a few instructions, inline: 0 free, 1 taken, 2 taken and somebody may sleep. (The
// third mutex of Drepper, "Futexes are tricky", 2011.) Half of what std::mutex takes when nobody
// contends.
class Mutex {
 public:
  void lock() {
    uint32_t expected = 0;
    if (!word_.compare_exchange_strong(expected, 1, memory_order_acquire, memory_order_relaxed))
      [[unlikely]]
      lock_slow();
  }
  void unlock() {
    if (word_.exchange(0, memory_order_release) == 2) [[unlikely]]
      futex_wake(word_);
  }

 private:
  void lock_slow() {
    // No spinning: who sleeps lets the other side do many operations at once, where two that spin
    // would hand the lock to and fro at each (docs/performance.md).
    while (word_.exchange(2, memory_order_acquire) != 0) futex_wait(word_, 2, -1);
  }

  atomic<uint32_t> word_{0};
};
#endif
using Lock = std::lock_guard<Mutex>;
using UniqueLock = std::unique_lock<Mutex>;

}  // namespace isola::sync
