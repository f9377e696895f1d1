// The stacks of fiber generators, and how they are switched to and fro.
#include "fiber_generator.h"

#include <isola/serialization/sanitizers.h>
#include <isola/serialization/throw_trace.h>

#include <algorithm>
#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstdio>

// A return after a switch goes elsewhere than the processor expects, which costs it 9 ns: so there
// are as few as can be. For the sanitizers a switch is a function of its own.
#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
#define ISOLA_SWITCH ISOLA_NOT_SANITIZED
#else
#define ISOLA_SWITCH inline __attribute__((always_inline))
#endif

namespace isola::detail {

namespace {

namespace bc = boost::context::detail;

// Thrown by a yield to unwind a body that is abandoned.
struct Abandoned {};

#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
constexpr size_t kSanitizedStacks = 4;  // larger frames
#else
constexpr size_t kSanitizedStacks = 1;
#endif
constexpr size_t kKeptBytes = kFiberStackBytes * kSanitizedStacks;

// Stacks of the usual size are kept for the next generator of this thread: mapping one and touching
// it first costs a hundred times as much. So many: as are open at a time within each other, and a
// megabyte at most.
constexpr size_t kKeptMax = 16;

struct KeptStacks {
  std::array<char*, kKeptMax> bottoms;
  size_t count;
  bool closed;  // the thread ends
};
constinit thread_local KeptStacks kept{};

// Whoever ends a generator after this, the destructor of some static, keeps no stack.
struct AtThreadEnd {
  bool used = false;
  ~AtThreadEnd() {
    while (kept.count > 0) unmap_stack({kept.bottoms[--kept.count], kKeptBytes});
    kept.closed = true;
  }
};
thread_local AtThreadEnd at_thread_end;

StackMemory take_stack(size_t bytes) {
  if (bytes == kKeptBytes && kept.count > 0) return {kept.bottoms[--kept.count], bytes};
  return map_stack(bytes);
}

void give_stack(StackMemory stack) noexcept {
  if (stack.bytes != kKeptBytes || kept.closed || kept.count == kKeptMax) return unmap_stack(stack);
  at_thread_end.used = true;
  sanitizer_clean_stack(stack.bottom, stack.bytes);
  kept.bottoms[kept.count++] = stack.bottom;
}

void report_thrown(GeneratorFrame& frame) {
  try {
    frame.rethrow();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "isola: a generator that was abandoned threw: %s\n", error.what());
  } catch (...) {
    // A cancellation, for one, which comes again at the consumer's next wait.
  }
}

}  // namespace

// Nothing instrumented runs between an announcement and its switch. All that belongs to a thread is
// asked for on the consumer's side: that is on the same one before and after.
ISOLA_SWITCH void FiberBody::enter() {
  stage_ = Stage::running;
  ExceptionState& of_thread = ExceptionState::of_thread();
  const ExceptionState consumers = of_thread;
  of_thread = exceptions_;
#ifdef ISOLA_ASAN
  void* consumers_fake_stack;
  __sanitizer_start_switch_fiber(&consumers_fake_stack, stack_.bottom, stack_.bytes);
#endif
#ifdef ISOLA_TSAN
  consumers_tsan_fiber_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_fiber_, 0);
#endif
  context_ = bc::jump_fcontext(context_, this).fctx;
#ifdef ISOLA_ASAN
  __sanitizer_finish_switch_fiber(consumers_fake_stack, nullptr, nullptr);
#endif
  exceptions_ = of_thread;
  of_thread = consumers;
}

// `for_good`: nobody comes back to this stack.
ISOLA_SWITCH void FiberBody::leave([[maybe_unused]] bool for_good) {
#ifdef ISOLA_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack_, consumers_bottom_,
                                 consumers_bytes_);
#endif
#ifdef ISOLA_TSAN
  __tsan_switch_to_fiber(consumers_tsan_fiber_, 0);
#endif
  consumers_context_ = bc::jump_fcontext(consumers_context_, nullptr).fctx;
#ifdef ISOLA_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &consumers_bottom_, &consumers_bytes_);
#endif
}

FiberBody::FiberBody(GeneratorFrame::Rule rule, const FiberOptions& options)
    : frame_(std::in_place, rule),
      stack_bytes_(whole_pages(std::max(options.stack_bytes, kFiberStackBytesMin)) *
                   kSanitizedStacks) {}

void FiberBody::require_not_running() const {
  if (stage_ == Stage::running)
    throw ContextError(ContextFault::already_entered,
                       "a generator that runs can't be resumed or closed by its own body");
}

void FiberBody::begin() {
  stack_ = take_stack(stack_bytes_);
#ifdef ISOLA_TSAN
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
  // It stands on no stack of ours, so it is not instrumented.
  struct Begin {
    ISOLA_NOT_SANITIZED static void on_own_stack(bc::transfer_t from) {
      auto* self = static_cast<FiberBody*>(from.data);
      self->consumers_context_ = from.fctx;
#ifdef ISOLA_ASAN
      __sanitizer_finish_switch_fiber(nullptr, &self->consumers_bottom_, &self->consumers_bytes_);
#endif
      self->run_and_catch();
      self->leave(true);
    }
  };
  context_ = bc::make_fcontext(stack_.top(), stack_.bytes, Begin::on_own_stack);
}

void FiberBody::run_and_catch() noexcept {
  try {
    run();
  } catch (const Abandoned&) {
  } catch (...) {
    frame_->note_thrown();
  }
  stage_ = Stage::done;
}

void FiberBody::drop_stack() {
  if (stack_.bottom == nullptr) return;
#ifdef ISOLA_TSAN
  __tsan_destroy_fiber(tsan_fiber_);
#endif
  give_stack(std::exchange(stack_, {}));
}

bool FiberBody::resume() {
  if (stage_ == Stage::done) return false;
  require_not_running();
  if (stack_.bottom == nullptr) [[unlikely]]
    begin();
  frame_->resume();
  enter();
  const bool done = stage_ == Stage::done;
  if (done) [[unlikely]] {
    drop_stack();
    frame_->end();
  } else {
    frame_->note_innermost();
    frame_->suspend();
  }
  if (done) [[unlikely]]
    frame_->rethrow();
  return !done;
}

void FiberBody::throw_abandoned() const {
  if (std::uncaught_exceptions() > 0) return;
  const TraceThrows no_record(false);  // nobody asks where it was thrown
  throw Abandoned{};
}

void FiberBody::yield(const void* value) {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (here - reinterpret_cast<uintptr_t>(stack_.bottom) >= stack_.bytes)
    throw ContextError(ContextFault::cannot_suspend,
                       "only the body of a generator, on its own stack, can yield values of it");
  if (abandoned_) return throw_abandoned();
  require_may_suspend(Execution::current());
  frame_->check_yield();
  value_ = value;
  stage_ = Stage::suspended;
  leave(false);
  if (abandoned_) [[unlikely]]
    throw_abandoned();
}

void FiberBody::close() {
  require_not_running();
  const bool is_open = stage_ == Stage::suspended;
  frame_->close(!is_open);
  if (is_open) {
    abandoned_ = true;
    enter();  // a yield does not leave any more, so the body ends
    report_thrown(*frame_);
  }
  drop_stack();
  frame_.reset();  // with its cleanups
}

}  // namespace isola::detail
