// The gate of a worker: a lock that costs its owner two stores and a load, and others a call of the
// operating system. It guards the worker's side of its actors: who is ready, and what waits for
// them. The owner passes it for every message that it sends; another worker only to take actors
// away from one that is stuck in a long turn.
//
// It is a biased lock by Dekker's pattern with an asymmetric fence: the owner stores `inside_` and
// then loads `wanted_`, another stores `wanted_` and then loads `inside_`. The owner's side has no
// fence that the processor sees; the other side's fence reaches into the owner's processor
// (membarrier, see sync.h), so that one of both sees the other's store.
//
// Thread safety: enter and leave: the owner. seize and release: any other thread.
#pragma once

#include <isola/serialization/sync.h>

#include <cstdint>

namespace isola::detail {

class Gate {
 public:
  // Not again before leave(). Blocks: the thread, while another has seized the gate.
  void enter() {
    if (!try_enter()) [[unlikely]]
      wait_and_enter();
  }
  // False if another thread has seized the gate, or is about to: then leave() at once.
  bool try_enter() {
    inside_.store(1, sync::memory_order_relaxed);
    sync::light_fence();
    // Acquire: with release(), what the other side did.
    return wanted_.load(sync::memory_order_acquire) == 0;
  }
  // Release: what was done inside is seen by who seizes the gate.
  void leave() { inside_.store(0, sync::memory_order_release); }

  // False if somebody else has it, or the system has no such fence. Blocks: spins while the owner
  // is inside, which is for some instructions, if it is not interrupted.
  bool seize();
  void release();

 private:
  void wait_and_enter();

  sync::atomic<uint32_t> inside_{0};
  sync::atomic<uint32_t> wanted_{0};
};

// Passes a gate for a scope.
class Inside {
 public:
  explicit Inside(Gate& gate) : gate_(gate) { gate_.enter(); }
  ~Inside() { gate_.leave(); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Gate& gate_;
};

}  // namespace isola::detail
