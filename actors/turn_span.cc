// Telling a tracer of spans.
#include "turn_span.h"

#include <isola/actors/outside.h>
#include <isola/actors/runtime.h>

#include <exception>

namespace isola::detail {

SpanOfTurn::SpanOfTurn(ActorCell& cell, const MessageType* message)
    : cell_(cell),
      message_(message),
      outer_(current_trace()),
      exceptions_(std::uncaught_exceptions()) {
  if (!outer_) return;
  begin_ns_ = cell.runtime->clock().now_ns();
  scope_.emplace();
}

SpanOfTurn::~SpanOfTurn() {
  if (!scope_) return;
  const Outside outside;  // the tracer keeps what it likes
  TurnSpan told{.span = scope_->span(),
                .parent_id = outer_->parent_id,
                .actor = cell_.id.load(sync::memory_order_relaxed),
                .name = cell_.label(),
                .message = message_ != nullptr ? message_->name() : std::string(),
                .begin_ns = begin_ns_,
                .end_ns = cell_.runtime->clock().now_ns(),
                .threw = std::uncaught_exceptions() > exceptions_};
  scope_.reset();
  try {
    cell_.runtime->options().on_span(told);
  } catch (...) {
    // A tracer that fails is not the actor's failure.
  }
}

}  // namespace isola::detail
