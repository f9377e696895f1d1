// The rules, and texts that try them.
#include "w3c_rules.h"

#include <isola/context/baggage.h>
#include <isola/context/trace_context.h>
#include <isola/context/w3c_text.h>

#include <algorithm>
#include <random>

namespace isola::test {

namespace {

std::string fault_of_error(const Error& error, std::string_view name, std::string_view text) {
  if (error != Code::bad_message && error != Code::message_too_large) return "the code is another";
  const std::string message = error.message();
  const std::string begin = std::string(name) + ", byte ";
  if (!message.starts_with(begin)) return "an error says where: " + message;
  const size_t at = std::stoul(message.substr(begin.size()));
  if (at > text.size()) return "the place lies in the text: " + message;
  return {};
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// The text of what was read, checked: it is read as the same again.
template <class T>
std::string fault_of_text(const T& value, const std::string& text, size_t bytes_max) {
  if (!is_printable(text)) return "what is written is printable ASCII";
  if (text.size() > bytes_max) return "what is written is within the bound";
  const auto again = T::parse(text);
  if (again.err) return "what is written can be read: " + again.err.message();
  if (!(again.value == value)) return "it is read as the same: " + text;
  return {};
}

std::string fault_of(const TraceParent& value) {
  if (!value.valid()) return "identifiers are not zero";
  return fault_of_text(value, value.to_string(), TraceParent::kBytes);
}

std::string fault_of(const TraceState& value) {
  if (value.members().size() > kTraceStateMembersMax) return "there are few members";
  const std::string short_text = value.to_string();
  if (short_text.size() > kTraceStateBytesMax) return "what is written is within the bound";
  const std::string text = value.to_string(kHeaderBytesMax);
  if (text.size() <= kTraceStateBytesMax && short_text != text) return "nothing is cut in vain";
  const auto again = TraceState::parse(short_text);
  if (again.err) return "what is cut can be read: " + again.err.message();
  auto next = value.members().begin();
  for (const auto& member : again.value.members()) {
    next = std::find(next, value.members().end(), member);
    if (next == value.members().end()) return "a cut keeps the order";
    ++next;
  }
  return fault_of_text(value, text, kHeaderBytesMax);
}

std::string fault_of(const Baggage& value) {
  if (value.members().size() > kBaggageMembersMax) return "there are few members";
  return fault_of_text(value, value.to_string(), kBaggageBytesMax);
}

template <class T>
std::string broken(std::string_view name, std::string_view text) {
  const auto [value, err] = T::parse(text);
  if (!err) return fault_of(value);
  if (!(value == T())) return "there is no value beside an error";
  return fault_of_error(err, name, text);
}

}  // namespace

std::string broken_rule(Header header, std::string_view text) {
  if (header == Header::traceparent) return broken<TraceParent>("traceparent", text);
  if (header == Header::tracestate) return broken<TraceState>("tracestate", text);
  return broken<Baggage>("baggage", text);
}

bool is_read(Header header, std::string_view text) {
  if (header == Header::traceparent) return TraceParent::parse(text).ok();
  if (header == Header::tracestate) return TraceState::parse(text).ok();
  return Baggage::parse(text).ok();
}

void for_mutations(const std::string& text, std::string_view inserted,
                   const std::function<void(const std::string&)>& use) {
  use(text);
  for (size_t at = 0; at < text.size(); ++at) {
    use(text.substr(0, at));
    use(text.substr(0, at) + text.substr(at + 1));
    std::string changed = text;
    for (int byte = 0; byte < 256; ++byte) {
      changed[at] = static_cast<char>(byte);
      use(changed);
    }
  }
  for (size_t at = 0; at <= text.size(); ++at)
    for (const char c : inserted) use(text.substr(0, at) + c + text.substr(at));
}

void for_random_texts(uint64_t seed, int count,
                      const std::function<void(const std::string&)>& use) {
  std::mt19937_64 random(seed);
  // The bytes that mean something come often: others only end the reading at once.
  const std::string usual = "0011aabbf---,,==;;%% \t@_*/zZ~\"\\\xc3\xa9";
  for (int i = 0; i < count; ++i) {
    std::string text;
    for (uint64_t bytes = random() % 100; bytes > 0; --bytes)
      text += random() % 64 == 0 ? static_cast<char>(random()) : usual[random() % usual.size()];
    use(text);
  }
}

}  // namespace isola::test
