// What a generator's context does when it is resumed and suspended.
#include "generator.h"

namespace isola::detail {

namespace {

// The scopes of a generator stand on other ones now: records and copies of before don't hold.
void renew(const Binding* innermost, const Binding* outermost, bool suppressed_outside) {
  const bool is_outermost = innermost == outermost;
  if (!is_outermost) renew(before(*innermost), outermost, suppressed_outside);
  auto& binding = const_cast<Binding&>(*innermost);
  drop_copies(binding);
  if (binding.kind == BindingKind::entered) return;
  const bool outside = is_outermost ? suppressed_outside : before(binding)->suppressed;
  binding.suppressed = outside || binding.kind == BindingKind::suppressed;
}

// The deadlines of a generator, and of those within it that it yields from, are within that of its
// consumer, as it is now.
void renew(DeadlineBound* innermost, Execution& execution) {
  if (innermost == nullptr) return;
  renew(innermost->outer, execution);
  innermost->narrow(execution);
}
void renew_deadlines(FrameData* innermost, const FrameData* end, Execution& execution) {
  if (innermost == end) return;
  renew_deadlines(innermost->outer, end, execution);
  renew(innermost->deadlines, execution);
}
const DeadlineBound* outermost_deadline(const FrameData* innermost, const FrameData* end) {
  const DeadlineBound* outermost = nullptr;
  for (const FrameData* frame = innermost; frame != end; frame = frame->outer)
    for (const DeadlineBound* each = frame->deadlines; each != nullptr; each = each->outer)
      outermost = each;
  return outermost;
}

// The empty context is everybody's.
bool is_claimed(const std::optional<Context>& context) { return context && context->id() != 0; }

}  // namespace

bool GeneratorFrame::resume_slow() {
  if (ended_) return false;
  Execution& execution = Execution::current();
  data_.outer = execution.frame;
  if (!data_.is_special) {
    data_.resumed_in = execution.frame;
    execution.frame = &data_;
    return true;
  }
  execution.frame = &data_;
  if (given_) entered_.emplace(*given_, Claimed());
  const Binding* const consumers = execution.bindings;
  // What generators within it took for their consumer's is its own consumer's.
  for (FrameData* frame = within_; frame != &data_; frame = frame->outer)
    if (frame->stands_on == data_.stands_on) frame->stands_on = consumers;
  data_.stands_on = consumers;
  execution.frame = within_;
  renew_deadlines(within_, data_.outer, execution);
  if (innermost_ != nullptr) {
    if (outermost_->kind == BindingKind::entered)
      static_cast<EnteredBinding*>(outermost_)->before = consumers;
    else
      outermost_->outer = consumers;
    renew(innermost_, outermost_, consumers != nullptr && consumers->suppressed);
    execution.bindings = innermost_;
    if (entered_outermost_ != nullptr) {
      entered_outermost_->inherited_before = execution.inherited;
      execution.inherited = inherited_;
    }
    execution.forget_all();
    innermost_ = nullptr;
  }
  resume_frames(within_, data_.outer);
  return true;
}

void GeneratorFrame::suspend_slow() {
  Execution& execution = Execution::current();
  const Binding* const consumers = data_.stands_on;
  if (!ended_) suspend_frames(within_, data_.outer);
  execution.frame = data_.outer;
  if (const DeadlineBound* bound = outermost_deadline(within_, data_.outer))
    execution.deadline_ns = bound->outside_ns;
  const bool keeps_own = rule_ != Rule::acts_on_consumer || entered_;
  if (keeps_own && execution.bindings != consumers) {
    innermost_ = execution.bindings;
    entered_outermost_ = nullptr;
    for (const Binding* b = innermost_; b != consumers; b = before(*b)) {
      outermost_ = const_cast<Binding*>(b);
      if (b->kind == BindingKind::entered)
        entered_outermost_ = static_cast<EnteredBinding*>(outermost_);
    }
    execution.bindings = consumers;
    if (entered_outermost_ != nullptr) {
      inherited_ = execution.inherited;
      execution.inherited = entered_outermost_->inherited_before;
    }
    execution.forget_all();
  }
  entered_.reset();
  data_.is_special = given_ || innermost_ != nullptr || !data_.switches.empty() ||
                     data_.deadlines != nullptr || within_ != &data_;
  data_.resumed_in = data_.is_special ? &data_ : data_.outer;
}

void GeneratorFrame::check_yield() const {
  const Execution& execution = Execution::current();
  if (execution.strict != 0 && rule_ == Rule::own && data_.is_special &&
      execution.bindings != data_.stands_on)
    throw ContextError(ContextFault::open_scope,
                       "a generator yields while " + describe(*execution.bindings) +
                           " is open: close it before, or say generator<T, KeepsScopes>");
}

void GeneratorFrame::yield_slow() {
  check_yield();
  suspend_slow();
}

void GeneratorFrame::note_thrown(std::exception_ptr& thrown) { thrown = std::current_exception(); }

void GeneratorFrame::end() {
  ended_ = true;
  data_.resumed_in = &no_frame;  // there is nothing to resume
  end_frame(data_, false);
  suspend();
  data_.resumed_in = &no_frame;
}

bool GeneratorFrame::finish() {
  end();
  rethrow();
  return false;
}

void GeneratorFrame::close(bool is_done) {
  if (is_done) return;
  closes_ = true;
  resume();
}

bool GeneratorFrame::runs() const {
  const FrameData* frame = Execution::current().frame;
  while (frame != nullptr && frame != &data_) frame = frame->outer;
  return frame != nullptr;
}

GeneratorFrame::~GeneratorFrame() {
  if (closes_) {
    ended_ = true;
    end_frame(data_, true);
    suspend();
  }
  if (is_claimed(given_)) give_up_context(given_->id());
}

void GeneratorFrame::give(std::optional<Context> context) {
  for (const Binding* b = innermost_; b != nullptr && b != data_.stands_on; b = before(*b))
    if (b->kind == BindingKind::entered)
      throw ContextError(ContextFault::not_innermost,
                         "the generator is suspended within " + describe(*b) +
                             ", which it entered itself: its own context can't change meanwhile");
  if (runs())
    throw ContextError(ContextFault::not_innermost, "the generator runs: its context can't change");
  if (is_claimed(context)) {
    require_not_entered(context->id());
    claim_context(context->id());
  }
  if (is_claimed(given_)) give_up_context(given_->id());
  given_.reset();
  if (context) given_.emplace(*std::move(context));
  data_.make_special(nullptr);  // it is not running
}

}  // namespace isola::detail
