// Answers that come as messages.
#include "continuation.h"

#include <isola/actors/answered.capnp.h>
#include <isola/actors/cell.h>
#include <isola/actors/reply.h>
#include <isola/actors/runtime.h>
#include <isola/actors/timers.h>
#include <isola/actors/worker.h>
#include <isola/context/context.h>
#include <isola/serialization/message.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace isola::detail {

// The time at which an answer is not waited for any more. Thread safety: its worker's.
class AnswerLimit final : public Timer, public InProgramMemory {
 public:
  AnswerLimit(int64_t deadline_ns, AskState& asked) : Timer(deadline_ns), asked_(asked) {
    asked_.retain();
  }
  ~AnswerLimit() {
    asked_.limit_is_gone = true;
    asked_.drop();
  }
  void expire() override {
    asked_.time_out();
    delete this;
  }
  void forget() override { delete this; }

 private:
  AskState& asked_;
};

namespace {

// What runs is a turn of an actor that handles `Answered`.
ActorCell& require_handlers() {
  ActorCell* cell = Execution::current().cell;
  const BehaviourType* type =
      cell != nullptr ? cell->type.load(sync::memory_order_relaxed) : nullptr;
  if (type == nullptr || !type->handles_answers)
    throw std::logic_error(
        "isola: then() needs an actor with handlers, whose turn runs: elsewhere use get()");
  return *cell;
}

// Nothing, if that is the actor's own.
std::unique_ptr<Context> context_of(const ActorCell& cell) {
  const Execution& execution = Execution::current();
  if (execution.bindings == nullptr && execution.inherited == cell.root_context) [[likely]]
    return nullptr;
  const ProgramMemory memory;
  return std::make_unique<Context>(capture());
}

}  // namespace

void* Continuation::operator new(size_t bytes) {
  return bytes <= KeptMemory::kBytes ? take_kept_memory() : InProgramMemory::operator new(bytes);
}

void Continuation::operator delete(void* memory, size_t bytes) {
  if (bytes <= KeptMemory::kBytes)
    give_kept_memory(memory);
  else
    InProgramMemory::operator delete(memory);
}

Continuation::Continuation() = default;
Continuation::~Continuation() = default;

void Continuation::link(Continuation*& list) {
  next_ = list;
  if (next_ != nullptr) next_->in_ = &next_;
  in_ = &list;
  list = this;
}

void Continuation::unlink() {
  *in_ = next_;
  if (next_ != nullptr) next_->in_ = in_;
}

void Continuation::start(std::unique_ptr<Continuation> continuation, AskState*& asked,
                         const Error& error, int64_t limit_ns) {
  const Execution& execution = Execution::current();
  ActorCell& cell = require_handlers();
  // Made elsewhere, it has no worker yet that could look at the time; the deadline of the call in
  // which it is made is none of its own.
  Worker* const here = Worker::current();
  Worker* const worker = here != nullptr && &here->runtime() == cell.runtime ? here : nullptr;
  if (limit_ns != kNoDeadline && worker == nullptr)
    throw std::logic_error(
        "isola: then() with a limit needs a worker: an actor that is made outside has none yet");
  const int64_t call_ns = worker != nullptr ? execution.deadline_ns : kNoDeadline;
  const int64_t deadline_ns = std::min(limit_ns, call_ns);
  const bool has_limit = deadline_ns != kNoDeadline;
  CellExtras& extras = cell.own_extras();
  Message<Answered> token = compose<Answered>(cell.runtime->pool());
  token->setContinuation(reinterpret_cast<uintptr_t>(continuation.get()));
  token.block()->envelope.deadline_ns = call_ns;
  continuation->context_ = context_of(cell);
  if (asked == nullptr) {
    asked = new AskState;
    asked->fail(error);
  }
  if (has_limit) {
    continuation->limit_ = new AnswerLimit(deadline_ns, *asked);
    asked->retain();
    continuation->limit_is_on_ = worker;
    worker->timers().add(*continuation->limit_);
  }
  // Nothing fails from here on.
  continuation->cell_ = &cell;
  continuation->token_ = token.take();
  continuation->asked_ = std::exchange(asked, nullptr);
  Continuation& started = *continuation.release();
  started.link(extras.continuations);
  if (!started.asked_->continue_with(started, cell, has_limit ? nullptr : worker))
    cell.resume(*started.token_);
}

Resumable::Token Continuation::take_token() {
  cell_->retain();
  return {*cell_, *token_};
}

void Resumable::Token::push() const {
  cell.resume(block);
  cell.drop();
}

bool Continuation::handle(const Block& block) {
  if (block.type != &message_type<Answered>) return false;
  const uint64_t address = block.read<Answered>().getContinuation();
  const std::unique_ptr<Continuation> self(reinterpret_cast<Continuation*>(address));
  self->unlink();
  if (!self->is_forgotten_) self->run();
  return true;
}

void Continuation::run() {
  end_limit();
  AskState& asked = *std::exchange(asked_, nullptr);
  Block* answer = nullptr;
  Error error;
  if (timed_out_) {
    error = Error(Code::timeout);
  } else {
    error = asked.error();
    answer = asked.take_answer();
    asked.leave();
  }
  if (limit_is_on_ != nullptr) asked.drop();
  if (context_ == nullptr) [[likely]]
    call(answer, std::move(error));
  else
    context_->run([&] { call(answer, std::move(error)); });
}

void Continuation::end_limit() {
  // Elsewhere it ends by itself, when its time has come.
  if (limit_is_on_ == nullptr || limit_is_on_ != Worker::current()) return;
  AnswerLimit* const limit = std::exchange(limit_, nullptr);
  if (limit != nullptr && !asked_->limit_is_gone) delete limit;
}

bool Continuation::give_up() {
  if (asked_ == nullptr) return false;
  end_limit();
  AskState& asked = *std::exchange(asked_, nullptr);
  const bool killed = (cell_->signals.load(sync::memory_order_relaxed) & kKill) != 0;
  if ((killed || gives_up_what_it_asked()) && !asked.is_finished()) cancel(asked);
  const bool left = asked.leave_continuation();
  if (limit_is_on_ != nullptr) asked.drop();
  if (left) release(std::exchange(token_, nullptr));
  return left;
}

void Continuation::drop_all(CellExtras& extras, bool open) {
  // What they hold may begin new ones when it ends.
  Continuation* kept = nullptr;
  while (Continuation* first = extras.continuations) {
    first->unlink();
    const bool gone = first->give_up();
    if (gone || !open) {
      delete first;
      continue;
    }
    first->is_forgotten_ = true;
    first->forget();
    first->context_.reset();
    first->link(kept);
  }
  if (kept != nullptr) {
    extras.continuations = kept;
    kept->in_ = &extras.continuations;
  }
}

}  // namespace isola::detail
