// Asking, and the two ends of an answer.
//
//   auto [total, err] = counter.ask<GetTotal>().get(100ms);   // Result<Total>
//
// The storage of an answer is reserved when it is asked for, so answering never blocks and never
// fails for lack of room. An Asking that is dropped abandons its answer; if that is done by a call
// that was cancelled, or by a turn that is being ended, what was asked is cancelled, too.
//
// get() waits for the answer, with the stack of whoever waits. An actor that is to go on with its
// messages meanwhile, or asks many, has a function called with it:
//
//   counter.ask<GetTotal>().then([this](isola::Result<Total> total) { … });
//
// The state word of an ask:
//   pending           nobody waits, no answer yet
//   pointer           this waiter waits
//   continuing        this continuation is to be resumed
//   answered          answer and error are written; the waiter or the continuation seen before may
//                     still be touched
//   timing out        the continuation may still be touched by who saw that its time has come
//   finished          as answered, and the answerer touches nothing any more
//   abandoned         the asker touches nothing any more, and there is no answer yet
// pending <-> pointer, pending -> continuing, pending | continuing -> abandoned by the asker;
// pending -> finished and pointer | continuing -> answered -> finished by the answerer; continuing
// -> timing out -> abandoned by the time. So it tells which of the two ends is the last, and
// neither counts: finished, that is the asker; abandoned, the answerer.
//
// Where the asker waits on the worker that answers, which is the usual case, neither is disturbed:
// the asker is suspended, on a carrier of this very thread. So the answer takes no atomic
// read-modify-write, and all of an ask one: pending -> pointer.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/continuation.h>
#include <isola/channels/call.h>
#include <isola/channels/waiter.h>
#include <isola/context/key.h>
#include <isola/serialization/message.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/result.h>
#include <isola/serialization/seal.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace isola {

namespace detail {

// Memory of KeptMemory::kBytes: from what the worker keeps, where there is one.
void* take_kept_memory();
void give_kept_memory(void* memory);

// Shared by the asker and the message. Thread safety: any thread.
class AskState final : public ReplyTarget, public InProgramMemory {
 public:
  static void* operator new(size_t bytes);
  static void operator delete(void* memory) { give_kept_memory(memory); }

  explicit AskState(ActorCell& target)
      : target_(&target), target_id_(target.id.load(sync::memory_order_relaxed)) {}
  // Of nobody in particular.
  AskState() : target_(nullptr), target_id_(0) {}

  void answer(Block* block) override {
    // Without one: what was asked for was only that something is done.
    if (block != nullptr) {
      block->envelope.sender = Execution::current().isolate_id;
      seal(*block);
      block->set_state(BlockState::queued);
    }
    answer_ = block;
    finish();
  }
  void fail(const Error& error) override {
    error_ = error;
    finish();
  }
  // Waits for the answer. A timeout leaves it pending. Blocks.
  Error wait(int64_t deadline_ns);
  // True if wait() would not wait.
  bool is_finished() const {
    const uintptr_t state = state_.load(sync::memory_order_acquire);
    return state == kAnswered || state == kFinished;
  }
  // Has the continuation of this actor resumed instead. `here`: the worker that it runs on, or
  // nullptr if others may look at the continuation, too. False if the answer has come already: it
  // is not resumed, then. REQUIRES: nobody waits.
  bool continue_with(Resumable& continuation, ActorCell& actor, Worker* here);
  // By the worker that resumes it, where nobody else can: what is to be pushed; nullptr: it is to
  // be resumed no more.
  Block* finish_here();
  // Resumes it without an answer, if it is not resumed yet.
  void time_out();
  // The continuation is not to be resumed, and the asker touches this no more. False if it is, or
  // was, resumed all the same.
  bool leave_continuation();

  // REQUIRES: answered.
  const Error& error() const { return error_; }
  // REQUIRES: answered without an error, and not taken before.
  Block* take_answer() { return std::exchange(answer_, nullptr); }
  // The asker touches it no more.
  void leave() {
    // Acquire: the answer, and all that the answerer did.
    if (state_.load(sync::memory_order_acquire) != kFinished) [[unlikely]]
      return abandon();
    drop();
  }
  void retain() override { references_.fetch_add(1, sync::memory_order_relaxed); }
  void drop() override {
    // If there is one reference, nobody is there who could take another. Acquire: what those did
    // who had one.
    if (references_.load(sync::memory_order_acquire) == 1 ||
        references_.fetch_sub(1, sync::memory_order_acq_rel) == 1)
      delete this;
  }

  bool limit_is_gone = false;  // its worker's thread; see AnswerLimit

 private:
  ~AskState() {
    if (answer_ != nullptr) release(answer_);
  }
  void finish();
  void finish_from_elsewhere(uintptr_t seen);
  void abandon();

  static constexpr uintptr_t kPending = 0;
  static constexpr uintptr_t kAnswered = 1;
  static constexpr uintptr_t kFinished = 2;
  static constexpr uintptr_t kAbandoned = 3;
  static constexpr uintptr_t kContinuing = 4;
  static constexpr uintptr_t kTimingOut = 5;
  static bool is_waiter(uintptr_t state) { return state > kTimingOut; }

  sync::atomic<uintptr_t> state_{kPending};
  // Where the asker waits, or has said what to go on with; written before the state says so.
  // nullptr: on a thread of its own.
  sync::atomic<Worker*> waits_on_{nullptr};
  // One of the asker and the answerer together, and those that were retained.
  sync::atomic<uint32_t> references_{1};
  // Both written before the state says so.
  Resumable* continuation_ = nullptr;
  ActorCell* continues_ = nullptr;  // the actor of it: a slot
  const ActorCell* const target_;   // only compared, never followed
  const uint64_t target_id_;
  Block* answer_ = nullptr;
  Error error_;
};

template <MessageStruct R>
Result<R> result_of(Block* answer, Error error) {
  if (error) return {{}, std::move(error)};
  if (answer == nullptr) return {{}, Error(Code::empty_message)};
  answer->set_state(BlockState::delivered);
  return {Delivery<R>(answer), Error()};
}

template <MessageStruct R, class F>
class FunctionContinuation final : public Continuation {
 public:
  explicit FunctionContinuation(auto&& function)
      : function_(std::in_place, std::forward<decltype(function)>(function)) {}

 protected:
  void call(Block* answer, Error error) override {
    (*function_)(result_of<R>(answer, std::move(error)));
  }
  void forget() override { function_.reset(); }

 private:
  std::optional<F> function_;
};

}  // namespace detail

// An answer to come. Thread safety: one thread (or actor) at a time.
template <MessageStruct R>
class Asking {
 public:
  explicit Asking(detail::AskState* state) : state_(state) {}
  explicit Asking(Error error) : error_(std::move(error)) {}
  Asking(Asking&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), error_(std::move(other.error_)) {}
  Asking& operator=(Asking&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(error_, other.error_);
    return *this;
  }
  ~Asking() {
    if (state_ == nullptr) return;
    if (!state_->is_finished() && detail::gives_up_what_it_asked()) detail::cancel(*state_);
    state_->leave();
  }

  // Waits for the answer: its Delivery, or why there is none: what the handler threw (failed),
  // no_such_actor, no_reply, timeout (the answer is still pending then), asks_itself, …
  // Blocks. An answer can be taken once.
  Result<R> get() { return take(kNoDeadline); }
  template <class Rep, class Period>
  Result<R> get(std::chrono::duration<Rep, Period> limit) {
    return take(deadline_in(*detail::Execution::current().clock, limit));
  }

  // Instead of waiting: has `function(Result<R>)` called with the answer, or with why there is
  // none, as get() gives it. It is called in a turn of its own of the actor that runs now, as a
  // handler is, never before this returns; in the context, and under the deadline, of this call of
  // then(). What it throws ends the actor as what a handler throws does. `limit`, or the deadline:
  // with timeout, then, and the answer is dropped when it comes. If the actor ends or is restarted
  // before, the function is not called, but destroyed. An answer that is given after this returns
  // comes in the order of what its giver sends.
  // It may ask the actor itself, and costs no stack: any number of asks may be under way.
  // Fails: throws std::logic_error but in a handler of an actor with handlers, or in its
  // constructor (there with a limit only if one of its System's workers makes it), PoolExhausted,
  // std::bad_alloc; the answer can still be taken then, but the function is gone.
  template <std::invocable<Result<R>> F>
  void then(F&& function) && {
    continue_with(std::forward<F>(function), kNoDeadline);
  }
  template <class Rep, class Period, std::invocable<Result<R>> F>
  void then(std::chrono::duration<Rep, Period> limit, F&& function) && {
    continue_with(std::forward<F>(function),
                  deadline_in(*detail::Execution::current().clock, limit));
  }

  // The answer is not wanted any more: see channels/call.h. get() then gives Code::cancelled. False
  // if the answer has come already: it can still be taken.
  bool cancel() {
    if (state_ == nullptr || state_->is_finished()) return false;
    detail::cancel(*state_);
    std::exchange(state_, nullptr)->leave();
    error_ = Error(Code::cancelled);
    return true;
  }

 private:
  Result<R> take(int64_t deadline_ns) {
    if (error_) return {{}, error_};
    if (state_ == nullptr) return {{}, Error(Code::empty_message)};
    if (Error error = state_->wait(deadline_ns)) return {{}, std::move(error)};
    return detail::result_of<R>(state_->take_answer(), {});
  }
  template <class F>
  void continue_with(F&& function, int64_t limit_ns) {
    using Continuation = detail::FunctionContinuation<R, std::decay_t<F>>;
    static_assert(alignof(Continuation) <= alignof(std::max_align_t),
                  "isola: what is given to then() must not need a larger alignment than 16");
    const Error missing = error_ ? error_ : Error(Code::empty_message);
    detail::Continuation::start(std::make_unique<Continuation>(std::forward<F>(function)), state_,
                                missing, limit_ns);
  }

  detail::AskState* state_ = nullptr;
  Error error_;
};

// The other end: whoever has it owes the answer. A handler that takes one answers when it likes,
// also after it has returned; one that is dropped unanswered tells the asker no_reply.
template <MessageStruct R>
class Reply {
 public:
  Reply() = default;
  explicit Reply(detail::ReplyTarget* target) : target_(target) {}
  Reply(Reply&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Reply& operator=(Reply&& other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Reply() {
    if (target_ != nullptr) target_->fail(Error(Code::no_reply));
  }

  // Answers. REQUIRES: not answered before.
  void send(Message<R>&& message) {
    ISOLA_REQUIRE(target_ != nullptr, ==, true);
    std::exchange(target_, nullptr)->answer(message.take());
  }
  void fail(const Error& error) {
    ISOLA_REQUIRE(target_ != nullptr, ==, true);
    std::exchange(target_, nullptr)->fail(error);
  }

 private:
  detail::ReplyTarget* target_ = nullptr;
};

}  // namespace isola
