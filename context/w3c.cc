// Headers of the W3C in and out of the context.
#include "w3c.h"

#include <isola/context/w3c_text.h>

#include <algorithm>
#include <utility>

namespace isola {

static_assert(kBaggageBytesMax <= kContextTextBytesMax);
static_assert(kTraceStateBytesMax <= kContextTextBytesMax);

namespace {

bool same_name(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char c, char low) {
    return c == low || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == low);
  });
}

}  // namespace

bool TraceHeaders::add(std::string_view name, std::string_view value) {
  std::string* const header = same_name(name, "traceparent")  ? &traceparent
                              : same_name(name, "tracestate") ? &tracestate
                              : same_name(name, "baggage")    ? &baggage
                                                              : nullptr;
  if (header == nullptr) return false;
  if (header->size() > kHeaderBytesMax) return true;
  if (!header->empty()) *header += ',';
  *header += value.substr(0, kHeaderBytesMax + 1);
  return true;
}

std::optional<TraceParent> current_trace() {
  const auto text = traceparent.find();
  if (!text || text->empty()) return std::nullopt;
  Result<TraceParent> read = TraceParent::parse(*text);
  if (read.err) return std::nullopt;
  return read.value;
}

TraceState current_trace_state() {
  if (!current_trace()) return {};
  return TraceState::parse(tracestate.find().value_or("")).value_or({});
}

Baggage current_baggage() { return Baggage::parse(baggage.find().value_or("")).value_or({}); }

TraceHeaders headers_to_send() {
  TraceHeaders headers;
  if (const auto trace = current_trace()) {
    headers.traceparent = trace->to_string();
    headers.tracestate = current_trace_state().to_string();
  }
  headers.baggage = current_baggage().to_string();
  return headers;
}

TraceScope::Read TraceScope::read(const TraceHeaders& received, const RandomBits& random) {
  Read read;
  const std::string_view parent = detail::without_blanks(received.traceparent);
  if (!parent.empty()) {
    auto [value, err] = TraceParent::parse(parent);
    read.parent = value;
    read.continues = !err;
    if (err) read.errors.push_back(std::move(err));
  }
  if (read.continues) {
    auto [value, err] = TraceState::parse(received.tracestate);
    read.state = std::move(value);
    if (err) read.errors.push_back(std::move(err));
    if (read.state.to_string(kHeaderBytesMax).size() > kTraceStateBytesMax)
      read.errors.push_back(detail::make_error(
          Code::message_too_large, "tracestate: members are left out; at most " +
                                       std::to_string(kTraceStateBytesMax) + " bytes go on"));
  } else {
    read.parent = TraceParent::begin(false, random);
  }
  auto [bag, err] = Baggage::parse(received.baggage);
  read.bag = std::move(bag);
  if (err) read.errors.push_back(std::move(err));
  if (read.bag.dropped() != 0)
    read.errors.push_back(detail::make_error(
        Code::message_too_large, "baggage: " + std::to_string(read.bag.dropped()) +
                                     " members are left out; at most " +
                                     std::to_string(kBaggageMembersMax) + " of " +
                                     std::to_string(kBaggageBytesMax) + " bytes go on"));
  return read;
}

TraceScope::TraceScope(Read read)
    : parent_(read.parent),
      continues_(read.continues),
      errors_(std::move(read.errors)),
      traceparent_(traceparent, parent_.to_string()),
      tracestate_(tracestate, read.state.to_string()),
      baggage_(read.bag) {}

SpanScope::SpanScope(const RandomBits& random) : SpanScope(current_trace(), random) {}

SpanScope::SpanScope(std::optional<TraceParent> outer, const RandomBits& random)
    : span_(outer ? outer->child(random) : TraceParent::begin(false, random)),
      traceparent_(traceparent, span_.to_string()),
      // A state without its trace says nothing about the new one.
      tracestate_(tracestate, outer ? std::nullopt : std::optional<std::string>("")) {}

}  // namespace isola
