// Switches by Boost.Context's own jump, the cheapest there is.
#include "strand.h"

#include <isola/actors/worker.h>
#include <isola/context/execution.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/sanitizers.h>
#include <isola/tools/testing/fiber_state.h>

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>

namespace isola::testing {
namespace {

namespace bc = boost::context::detail;

constexpr size_t kGuardBytes = 4096;

// Who is left, and who is gone to: known on the other side, where no argument arrives.
struct Passage {
  Strand* from = nullptr;
  Strand* to = nullptr;
};
constinit thread_local Passage passage;

void save(ThreadState& state) {
  state.exceptions = detail::ExceptionState::of_thread();
  state.execution = detail::Execution::current_or_null();
  state.pool_cache = PoolCache::current();
  state.worker = detail::Worker::current();
  if (FiberStates::in_use()) state.fiber_context = FiberStates::exchange(nullptr);
}

void restore(const ThreadState& state) {
  detail::ExceptionState::of_thread() = state.exceptions;
  detail::Execution::set_current(state.execution);
  PoolCache::set_current(state.pool_cache);
  detail::Worker::set_current(state.worker);
  if (FiberStates::in_use()) FiberStates::exchange(state.fiber_context);
}

}  // namespace

Stacks::~Stacks() {
  for (const Stack& stack : free_) {
    detail::sanitizer_clean_stack(stack.bottom, stack.bytes);  // what is mapped there next is clean
    detail::sanitizer_forget_stack(stack.bottom, stack.bytes);
    munmap(static_cast<char*>(stack.bottom) - kGuardBytes, stack.bytes + kGuardBytes);
  }
}

Stack Stacks::take() {
  if (!free_.empty()) {
    const Stack stack = free_.back();
    free_.pop_back();
    detail::sanitizer_clean_stack(stack.bottom, stack.bytes);
    return stack;
  }
  void* memory = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  const Stack stack{static_cast<char*>(memory) + kGuardBytes, kStackBytes};
  detail::sanitizer_know_stack(stack.bottom, stack.bytes);
  return stack;
}

Strand::~Strand() {
#ifdef ISOLA_TSAN
  if (tsan_fiber_ != nullptr) __tsan_destroy_fiber(tsan_fiber_);
#endif
}

void Strand::prepare(Stack stack, void* fiber_context, Entry entry, void* argument) {
  stack_ = left_ = stack;
  entry_ = entry;
  argument_ = argument;
  state_ = {};
  state_.fiber_context = fiber_context;
  fake_stack_ = nullptr;
#ifdef ISOLA_TSAN
  if (tsan_fiber_ == nullptr) tsan_fiber_ = __tsan_create_fiber(0);
  tsan_left_ = tsan_fiber_;
#endif
  context_ = bc::make_fcontext(static_cast<char*>(stack.bottom) + stack.bytes, stack.bytes,
                               [](bc::transfer_t transfer) {
                                 passage.from->context_ = transfer.fctx;
                                 Strand* self = passage.to;
                                 self->arrived(nullptr);
                                 self->entry_(self->argument_);
                               });
}

void Strand::arrived([[maybe_unused]] void* fake_stack) {
#ifdef ISOLA_ASAN
  const void* bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(fake_stack, &bottom, &bytes);
  passage.from->left_ = {const_cast<void*>(bottom), bytes};
#endif
  restore(state_);
}

ISOLA_NOT_SANITIZED void Strand::resume_from(Strand& from, [[maybe_unused]] bool for_good) {
  save(from.state_);
  passage = {&from, this};
#ifdef ISOLA_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.fake_stack_, left_.bottom, left_.bytes);
#endif
#ifdef ISOLA_TSAN
  from.tsan_left_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_left_, 0);
#endif
  const bc::transfer_t transfer = bc::jump_fcontext(context_, nullptr);
  passage.from->context_ = transfer.fctx;
  from.arrived(from.fake_stack_);
}

}  // namespace isola::testing
