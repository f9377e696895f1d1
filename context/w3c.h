// The W3C's traceparent, tracestate and baggage of a call: bound from the headers of a request, and
// written for the headers of the next one.
//
//   isola::TraceHeaders in;                          // of a request that came in
//   for (auto& [name, value] : request.headers) in.add(name, value);
//   isola::TraceScope trace{in};                     // until the end of the block
//   isola::SpanScope span;                           // what is done here, as a span of its own
//   isola::TraceHeaders out = isola::headers_to_send();   // here, or in an actor asked from here
//
// Nothing is recorded or exported: who does that reads current_trace(). Specifications: Trace
// Context Level 2 and Baggage of the W3C. Thread safety: a scope belongs to the stack it is on.
#pragma once

#include <isola/context/baggage.h>
#include <isola/context/scope.h>
#include <isola/context/trace_context.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isola {

// In the context each is the text of its header. Bind them by the scopes below: what is bound
// otherwise, and is not as the specifications want it, is not sent on.
inline constexpr Key<text> traceparent{"traceparent", Flow::wire};
inline constexpr Key<text> tracestate{"tracestate", Flow::wire};
inline constexpr Key<text> baggage{"baggage", Flow::wire};

// The three headers as texts; an empty one is not there.
struct TraceHeaders {
  std::string traceparent{};
  std::string tracestate{};
  std::string baggage{};

  // Takes a header of a request if it is one of the three, in any case; false if it is none. One
  // that comes more than once is joined with commas, as HTTP wants it. Beyond kHeaderBytesMax
  // nothing is added any more: such a header is refused when it is read.
  bool add(std::string_view name, std::string_view value);
};

// What the context has now; nothing, or no members, where it has none or no valid one.
std::optional<TraceParent> current_trace();
TraceState current_trace_state();
Baggage current_baggage();
// The texts to send with a request made here. The parent id is that of the innermost SpanScope.
TraceHeaders headers_to_send();

namespace detail {

// A text that is bound to a key; an empty one only if it hides what is bound outside.
class TextBinding {
 public:
  // nullopt: binds nothing.
  TextBinding(const Key<text>& key, std::optional<std::string> value) {
    if (value && (!value->empty() || key.find())) scope_.emplace(key, *std::move(value));
  }

 private:
  std::optional<Scope<text>> scope_;
};

}  // namespace detail

// Binds baggage until the end of the C++ scope, in the place of all that is bound outside.
// REQUIRES: destroyed as any Scope: a local variable.
class BaggageScope {
 public:
  explicit BaggageScope(const Baggage& bag) : bound_(baggage, bag.to_string()) {}

 private:
  const detail::TextBinding bound_;
};

// Binds what came with a request until the end of the C++ scope, in the place of all three that are
// bound outside. Without a valid traceparent a new trace begins, and the tracestate is ignored.
// REQUIRES: destroyed as any Scope: a local variable.
class TraceScope {
 public:
  explicit TraceScope(const TraceHeaders& received, const RandomBits& random = random_identifier)
      : TraceScope(read(received, random)) {}

  // What is bound: the caller's span, or the first one of a new trace.
  const TraceParent& parent() const { return parent_; }
  // True if the trace is the caller's.
  bool continues() const { return continues_; }
  // One for each header that was there and can't be read, or not all of it. None stops the call.
  const std::vector<Error>& errors() const { return errors_; }

 private:
  struct Read {
    TraceParent parent{};
    bool continues = false;
    TraceState state{};
    Baggage bag{};
    std::vector<Error> errors{};
  };
  static Read read(const TraceHeaders& received, const RandomBits& random);
  explicit TraceScope(Read read);

  const TraceParent parent_;
  const bool continues_;
  const std::vector<Error> errors_;
  const detail::TextBinding traceparent_;
  const detail::TextBinding tracestate_;
  const BaggageScope baggage_;
};

// Binds a new span of the current trace, or of a new one if there is none, until the end of the C++
// scope. REQUIRES: destroyed as any Scope: a local variable.
class SpanScope {
 public:
  explicit SpanScope(const RandomBits& random = random_identifier);
  const TraceParent& span() const { return span_; }

 private:
  SpanScope(std::optional<TraceParent> outer, const RandomBits& random);
  const TraceParent span_;
  const detail::TextBinding traceparent_;
  const detail::TextBinding tracestate_;
};

}  // namespace isola
