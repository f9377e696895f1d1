// What Boost.Fiber keeps for each thread, kept for each virtual thread: so each of them can have a
// fiber scheduler of its own, as a virtual worker does, although all run on one thread.
//
// Boost.Fiber keeps one thing for a thread: which context runs there. A virtual thread gets a main
// context and a scheduler from a helper thread, where Boost makes them as it always does, and which
// then sleeps until it may end them. At a switch of virtual threads that one pointer is exchanged.
// It is hidden in the library, but it lies in the thread's static data and is known by its value.
//
// Thread safety: one thread. Invariant: a state is given back with its main context running.
#pragma once

#include <memory>
#include <vector>

namespace isola::testing {

class FiberStates {
 public:
  // Fails: throws std::runtime_error if Boost's pointer is not found.
  FiberStates();
  ~FiberStates();
  FiberStates(const FiberStates&) = delete;
  FiberStates& operator=(const FiberStates&) = delete;

  // A main context that runs nowhere. Its helper may be new.
  void* take();
  void give(void* context);
  // It was left in the middle: neither it nor its helper can ever end.
  void abandon(void* context);

  // Exchanges the context that runs on this thread. REQUIRES: a FiberStates lives.
  static void* exchange(void* context);
  static bool in_use();

 private:
  struct Helper;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::vector<void*> free_;
};

}  // namespace isola::testing
