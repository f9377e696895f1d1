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

// The empty context is everybody's.
bool is_claimed(const std::optional<Context>& context) { return context && context->id() != 0; }

}  // namespace

void GeneratorFrame::resume_slow(Execution& execution) {
  if (given_) {
    entered_.emplace(*given_, Claimed());
    consumer_ = execution.bindings;
    consumer_inherited_ = execution.inherited;
  }
  if (innermost_ != nullptr) {
    if (outermost_->kind == BindingKind::entered) {
      auto& entered = static_cast<EnteredBinding&>(*outermost_);
      entered.before = consumer_;
      entered.inherited_before = execution.inherited;
      entered.deadline_before = execution.deadline_ns;
    } else {
      outermost_->outer = consumer_;
    }
    renew(innermost_, outermost_, consumer_ != nullptr && consumer_->suppressed);
    execution.bindings = innermost_;
    if (has_entered_) execution.inherited = inherited_;
    execution.forget_all();
    innermost_ = nullptr;
  }
  resume_frame(data_);
}

void GeneratorFrame::suspend_slow(Execution& execution) {
  if (!ended_) suspend_frame(data_);
  execution.frame = data_.outer;
  execution.deadline_ns = consumer_deadline_ns_;
  const bool keeps_own = rule_ != Rule::acts_on_consumer || entered_;
  if (keeps_own && execution.bindings != consumer_) {
    innermost_ = execution.bindings;
    has_entered_ = false;
    for (const Binding* b = innermost_; b != consumer_; b = before(*b)) {
      outermost_ = const_cast<Binding*>(b);
      has_entered_ = has_entered_ || b->kind == BindingKind::entered;
    }
    inherited_ = execution.inherited;
    execution.bindings = consumer_;
    execution.inherited = consumer_inherited_;
    execution.forget_all();
  }
  entered_.reset();
  data_.is_special = given_ || innermost_ != nullptr || !data_.switches.empty();
}

void GeneratorFrame::check_yield_slow(const Execution& execution) const {
  require_may_suspend(execution);
  if (execution.strict != 0 && rule_ == Rule::own && execution.bindings != consumer_)
    throw ContextError(ContextFault::open_scope,
                       "a generator yields while " + describe(*execution.bindings) +
                           " is open: close it before, or say generator<T, KeepsScopes>");
}

void GeneratorFrame::end() {
  ended_ = true;
  end_frame(data_, false);
}

void GeneratorFrame::close(bool is_done) {
  if (is_done) return;
  closes_ = true;
  resume(Execution::current());
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
    suspend(Execution::current(), data_.outer);
  }
  if (is_claimed(given_)) give_up_context(given_->id());
}

void GeneratorFrame::give(std::optional<Context> context) {
  for (const Binding* b = innermost_; b != nullptr && b != consumer_; b = before(*b))
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
  data_.is_special = true;
}

}  // namespace isola::detail
