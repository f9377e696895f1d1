// A strand: something that a simulation can switch to, an execution with its place on some stack.
//
// A switch is what a switch of the operating system is: whatever stack runs is left as it is and
// gone on with later, so a strand may itself change stacks meanwhile (a virtual worker with its
// carriers does). What the C++ runtime and isola keep for each thread is exchanged with it.
//
// Thread safety: one thread.
#pragma once

#include <isola/context/exception_state.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace isola {
class PoolCache;
namespace detail {
struct Execution;
class Worker;
}  // namespace detail
namespace testing {

// Bytes of a virtual thread's stack: what a test with GoogleTest's messages needs, and room.
inline constexpr size_t kStackBytes = 256 * 1024;

// What a thread has of its own.
struct ThreadState {
  detail::ExceptionState exceptions;
  detail::Execution* execution = nullptr;
  PoolCache* pool_cache = nullptr;
  detail::Worker* worker = nullptr;
  void* fiber_context = nullptr;  // Boost.Fiber's (fiber_state.h)
};

struct Stack {
  void* bottom = nullptr;
  size_t bytes = 0;
};

// Stacks with a guard page, kept for reuse.
class Stacks {
 public:
  Stacks() = default;
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  Stack take();
  void give(Stack stack) { free_.push_back(stack); }

 private:
  std::vector<Stack> free_;
};

class Strand {
 public:
  using Entry = void (*)(void* argument);

  // The one that runs, on the stack that it has.
  Strand() = default;
  ~Strand();
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  // Begins at `entry(argument)` on `stack` when it is first switched to. `entry` never returns.
  // `fiber_context`: the main one of a scheduler, or nullptr: then it can't use Boost.Fiber.
  void prepare(Stack stack, void* fiber_context, Entry entry, void* argument);

  // Leaves `from`, which runs, for this one. Returns when `from` is switched to. `for_good`: it
  // will never be.
  void resume_from(Strand& from, bool for_good = false);

  const Stack& stack() const { return stack_; }

 private:
  void arrived(void* fake_stack);

  void* context_ = nullptr;
  void* argument_ = nullptr;
  Entry entry_ = nullptr;
  Stack stack_;
  ThreadState state_;
  // For the sanitizers: where it stood when it was left, on its own stack or a generator's.
  [[maybe_unused]] Stack left_;
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] void* tsan_left_ = nullptr;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;  // its own
};

}  // namespace testing
}  // namespace isola
