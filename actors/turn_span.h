// Spans of turns: each message that is handled under a W3C trace is a span of it, told to a tracer.
//
//   isola::System system({.on_span = [&](const isola::TurnSpan& span) { exporter.add(span); }});
//
// The handler's trace context (w3c.h) is then that of its own span, so what it sends and the
// requests that it makes have it as their parent, and its time, actor and message type are told
// when it ends. Functions that run in isolates are spans, too. Without a traceparent in the
// context that a message is handled in there is no span, nor is there without on_span.
#pragma once

#include <isola/context/w3c.h>
#include <isola/serialization/message_type.h>

#include <cstdint>
#include <optional>
#include <string>

namespace isola {

struct TurnSpan {
  TraceParent span;        // parent_id: its own id, which is the parent of what is done in it
  uint64_t parent_id = 0;  // the span that the message was sent in
  uint64_t actor = 0;
  std::string name;      // of the actor, or its type and number
  std::string message;   // its type; of a function in an isolate: empty
  int64_t begin_ns = 0;  // in the System's clock
  int64_t end_ns = 0;
  bool threw = false;  // it was left by an exception, or was cancelled
};

namespace detail {

class ActorCell;

// While it lives, the running code of an actor is a span. REQUIRES: destroyed as any Scope.
class SpanOfTurn {
 public:
  // `message`: nullptr if there is none.
  SpanOfTurn(ActorCell& cell, const MessageType* message);
  ~SpanOfTurn();
  SpanOfTurn(const SpanOfTurn&) = delete;
  SpanOfTurn& operator=(const SpanOfTurn&) = delete;

 private:
  ActorCell& cell_;
  const MessageType* const message_;
  const std::optional<TraceParent> outer_;
  const int exceptions_;
  int64_t begin_ns_ = 0;
  std::optional<SpanScope> scope_;
};

}  // namespace detail
}  // namespace isola
