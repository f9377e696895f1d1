// Whether a worker sleeps, and who may touch what is its own meanwhile.
//
// The owner announces its sleep, looks once more whether something has arrived, and then sleeps
// until it is woken. Whoever has put something where it looks calls wake() afterwards. Both the
// announcement and what is put there are sequentially consistent, and so are both looks: so one
// side sees the other's, and no wake-up is lost.
// While the owner sleeps, another thread may hold it: it does not go on until it is let go.
//
// The word: kAsleep  has nothing to do, and is about to sleep
//           kParked  sleeps on the futex that the word is
//           kHeld    somebody touches what is the owner's
// Transitions: announce: 0 -> kAsleep. park: sets kParked. wake: drops kAsleep and kParked.
//              hold: sets kHeld, if kAsleep is. let_go: drops kHeld. end: drops the others, and
//              waits for 0.
//
// Thread safety: announce, park and end: the owner. The rest: any other thread.
#pragma once

#include <isola/serialization/sync.h>
#include <isola/serialization/transitions.h>

#include <cstdint>

namespace isola::detail {

class Sleep {
 public:
  // Release: who holds the owner sees what it did.
  void announce() { word_.store(kAsleep, sync::memory_order_seq_cst); }
  // Until wake(), or for this long; may return early then. `limit_ns` < 0: no limit. Blocks: the
  // thread.
  void park(int64_t limit_ns) {
    uint32_t word = word_.fetch_or(kParked, sync::memory_order_relaxed) | kParked;
    took((word & kAsleep) != 0 ? Transition::slept : Transition::woken_before_it_slept);
    while ((word & kAsleep) != 0) {
      sync::futex_wait(word_, word, limit_ns);
      if (limit_ns >= 0) return;
      word = word_.load(sync::memory_order_relaxed);
    }
  }
  // Blocks: spins while somebody holds it, which is for some instructions.
  void end() {
    word_.fetch_and(kHeld, sync::memory_order_relaxed);
    // Acquire: with let_go(), what was taken away.
    while (word_.load(sync::memory_order_acquire) != 0) sync::relax_processor();
  }

  // A recent value.
  bool asleep() const { return word_.load(sync::memory_order_relaxed) != 0; }
  void wake() {
    if ((word_.load(sync::memory_order_seq_cst) & kAsleep) != 0 &&
        (word_.fetch_and(kHeld, sync::memory_order_relaxed) & kParked) != 0) {
      took(Transition::woken_from_sleep);
      sync::futex_wake(word_);
    }
  }
  // False if it is not asleep, or somebody else holds it.
  bool hold() {
    uint32_t word = word_.load(sync::memory_order_relaxed);
    // Acquire: what the owner did before it slept.
    return (word & (kAsleep | kHeld)) == kAsleep &&
           word_.compare_exchange_strong(word, word | kHeld, sync::memory_order_acquire,
                                         sync::memory_order_relaxed);
  }
  void let_go() { word_.fetch_and(~kHeld, sync::memory_order_release); }

 private:
  static constexpr uint32_t kAsleep = 1;
  static constexpr uint32_t kParked = 2;
  static constexpr uint32_t kHeld = 4;

  sync::atomic<uint32_t> word_{0};
};

}  // namespace isola::detail
