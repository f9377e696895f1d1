// Reading and writing traceparent and tracestate.
#include "trace_context.h"

#include <isola/context/execution.h>
#include <isola/context/w3c_text.h>
#include <isola/serialization/check.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace isola {

using detail::HeaderText;
using detail::shown;

uint64_t random_identifier() {
#ifdef ISOLA_SIMULATED
  if (sync::Simulator* simulator = sync::Simulator::current()) return simulator->random();
#endif
  detail::Execution& execution = detail::Execution::current();
  if (execution.clock == &SteadyClock::instance()) {
    // Not random_state: it begins in the same way in every run of the program.
    uint64_t bits = 0;
    ISOLA_CHECK(getentropy(&bits, sizeof bits), ==, 0);
    return bits;
  }
  // splitmix64 (Steele, Lea, Flood 2014) on the stack's own state. The states of two stacks may be
  // the same: the isolate tells them apart.
  uint64_t z = execution.random_state += 0x9e3779b97f4a7c15u;
  z ^= execution.isolate_id * 0xd1342543de82ef95u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// --- traceparent --------------------------------------------------------------------------------

namespace {

constexpr uint8_t kKnownFlags = TraceParent::kSampled | TraceParent::kRandomTraceId;
// Where the fields of the text begin: version-trace_id-parent_id-flags.
constexpr size_t kTraceIdAt = 3;
constexpr size_t kParentIdAt = 36;

// The fields of a text from left to right; after the first error nothing is read any more.
class Fields {
 public:
  explicit Fields(std::string_view text) : header_{"traceparent", text} {}

  uint64_t hex(size_t digits, const char* field) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits && !error_; ++i) {
      const char c = next(field);
      const bool letter = c >= 'a' && c <= 'f';
      if (!error_ && !detail::is_digit(c) && !letter)
        fail(at_ - 1, shown(c) + " is no digit of the " + field + "; it takes 0-9 and a-f");
      value = value << 4 | static_cast<uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    return value;
  }
  void dash(const char* field) {
    const char c = next(field);
    if (!error_ && c != '-')
      fail(at_ - 1, shown(c) + " where a '-' has to follow the " + std::string(field));
  }
  void refuse_if(bool bad, size_t at, const char* what) {
    if (bad && !error_) fail(at, what);
  }
  Error take_error() { return std::move(error_); }

 private:
  char next(const char* field) {
    if (error_) return '0';
    if (at_ < header_.text.size()) return header_.text[at_++];
    fail(at_, "the text ends within the " + std::string(field) + "; it takes " +
                  std::to_string(TraceParent::kBytes) + " bytes");
    return '0';
  }
  void fail(size_t at, const std::string& what) {
    error_ = header_.error(Code::bad_message, at, what + "; begin a new trace");
  }

  const HeaderText header_;
  size_t at_ = 0;
  Error error_;
};

uint64_t not_zero(uint64_t identifier) { return identifier == 0 ? 1 : identifier; }

void append_hex(std::string& to, uint64_t value, size_t digits) {
  for (size_t i = digits; i-- > 0;) to += "0123456789abcdef"[value >> (4 * i) & 15];
}

}  // namespace

Result<TraceParent> TraceParent::parse(std::string_view text) {
  Fields fields(text);
  TraceParent parsed;
  const uint64_t version = fields.hex(2, "version");
  fields.refuse_if(version == 0xff, 0, "there is no version ff");
  fields.dash("version");
  parsed.trace_id_high = fields.hex(16, "trace id");
  parsed.trace_id_low = fields.hex(16, "trace id");
  fields.refuse_if((parsed.trace_id_high | parsed.trace_id_low) == 0, kTraceIdAt,
                   "a trace id of zeros names no trace");
  fields.dash("trace id");
  parsed.parent_id = fields.hex(16, "parent id");
  fields.refuse_if(parsed.parent_id == 0, kParentIdAt, "a parent id of zeros names no span");
  fields.dash("parent id");
  parsed.flags = static_cast<uint8_t>(fields.hex(2, "flags"));
  const bool longer = text.size() > kBytes;
  fields.refuse_if(longer && version == 0, kBytes, "version 00 has 55 bytes");
  fields.refuse_if(longer && text[kBytes] != '-', kBytes,
                   "after the flags a later version goes on with a '-'");
  if (version != 0) parsed.flags &= kKnownFlags;
  Error error = fields.take_error();
  if (error) return {{}, std::move(error)};
  return {parsed, {}};
}

TraceParent TraceParent::begin(bool sampled, const RandomBits& random) {
  TraceParent made;
  made.trace_id_high = random();
  made.trace_id_low = not_zero(random());
  made.parent_id = not_zero(random());
  made.flags = kRandomTraceId | (sampled ? kSampled : 0);
  return made;
}

TraceParent TraceParent::child(const RandomBits& random) const {
  ISOLA_REQUIRE(valid(), ==, true);
  TraceParent made = *this;
  made.parent_id = not_zero(random());
  made.flags &= kKnownFlags;
  return made;
}

std::string TraceParent::trace_id() const {
  std::string text;
  append_hex(text, trace_id_high, 16);
  append_hex(text, trace_id_low, 16);
  return text;
}

std::string TraceParent::to_string() const {
  ISOLA_REQUIRE(valid(), ==, true);
  std::string text = "00-" + trace_id() + '-';
  append_hex(text, parent_id, 16);
  text += '-';
  append_hex(text, flags, 2);
  return text;
}

// --- tracestate ---------------------------------------------------------------------------------

namespace {

// What is wrong with a key or a value, and with which byte; no text: nothing.
struct Fault {
  size_t at = 0;
  std::string what;
};

Fault fault_of_key(std::string_view key) {
  const auto allowed = [](char c) {
    return detail::is_lower(c) || detail::is_digit(c) ||
           std::string_view("_-*/@").find(c) != std::string_view::npos;
  };
  if (key.empty()) return {0, "there is no key; write key=value"};
  if (!detail::is_lower(key[0]) && !detail::is_digit(key[0]))
    return {0, shown(key[0]) + " can't begin a key; it begins with a-z or 0-9"};
  for (size_t i = 0; i < key.size(); ++i)
    if (!allowed(key[i]))
      return {i, shown(key[i]) + " can't be in a key; it takes a-z, 0-9 and _-*/@"};
  if (key.size() > kTraceStateKeyBytesMax)
    return {kTraceStateKeyBytesMax,
            "a key has at most " + std::to_string(kTraceStateKeyBytesMax) + " bytes"};
  return {};
}

Fault fault_of_value(std::string_view value) {
  if (value.empty()) return {0, "there is no value; write key=value"};
  for (size_t i = 0; i < value.size(); ++i)
    if (value[i] < ' ' || value[i] > '~' || value[i] == ',' || value[i] == '=')
      return {i, shown(value[i]) + " can't be in a value; it takes printable ASCII but , and ="};
  if (value.back() == ' ') return {value.size() - 1, "a value can't end with a blank"};
  if (value.size() > kTraceStateValueBytesMax)
    return {kTraceStateValueBytesMax,
            "a value has at most " + std::to_string(kTraceStateValueBytesMax) + " bytes"};
  return {};
}

size_t written_size(const TraceState::Member& member) {
  return member.key.size() + 1 + member.value.size();
}

}  // namespace

Result<TraceState> TraceState::parse(std::string_view text) {
  const HeaderText header{"tracestate", text};
  if (Error error = header.check_size()) return {{}, std::move(error)};
  const auto refuse = [&](std::string_view part, const Fault& fault) -> Result<TraceState> {
    return {{}, header.error(Code::bad_message, part.data() + fault.at, fault.what)};
  };
  TraceState parsed;
  for (std::string_view rest = text; rest.data() != nullptr;) {
    const std::string_view member = detail::without_blanks(detail::take_piece(rest, ','));
    if (member.empty()) continue;
    const size_t equals = std::min(member.find('='), member.size());
    const std::string_view key = member.substr(0, equals);
    if (const Fault fault = fault_of_key(key); !fault.what.empty()) return refuse(key, fault);
    if (equals == member.size()) return refuse(member, {equals, "no '=' follows the key"});
    const std::string_view value = member.substr(equals + 1);
    if (const Fault fault = fault_of_value(value); !fault.what.empty()) return refuse(value, fault);
    if (parsed.members_.size() == kTraceStateMembersMax)
      return {{},
              header.error(
                  Code::message_too_large, member.data(),
                  "there are more than " + std::to_string(kTraceStateMembersMax) + " members")};
    parsed.members_.push_back({std::string(key), std::string(value)});
  }
  return {std::move(parsed), {}};
}

std::optional<std::string_view> TraceState::get(std::string_view key) const {
  for (const Member& member : members_)
    if (member.key == key) return member.value;
  return std::nullopt;
}

Result<void> TraceState::set(std::string_view key, std::string_view value) {
  for (const Fault& fault : {fault_of_key(key), fault_of_value(value)})
    if (!fault.what.empty())
      return {detail::make_error(Code::invalid_argument,
                                 "tracestate member " + std::string(key.substr(0, 64)) + ", byte " +
                                     std::to_string(fault.at) + ": " + fault.what)};
  Member member{std::string(key), std::string(value)};
  remove(key);
  members_.insert(members_.begin(), std::move(member));
  if (members_.size() > kTraceStateMembersMax) members_.pop_back();
  return {};
}

bool TraceState::remove(std::string_view key) {
  const std::string name(key);  // it may lie in a member
  return std::erase_if(members_, [&](const Member& member) { return member.key == name; }) != 0;
}

std::string TraceState::to_string(size_t bytes_max) const {
  std::vector<const Member*> kept;
  size_t bytes = 0;  // with a comma after each
  for (const Member& member : members_) {
    kept.push_back(&member);
    bytes += written_size(member) + 1;
  }
  const auto leave_out = [&](size_t longer_than) {
    for (size_t i = kept.size(); i-- > 0 && bytes > bytes_max + 1;) {
      if (written_size(*kept[i]) <= longer_than) continue;
      bytes -= written_size(*kept[i]) + 1;
      kept.erase(kept.begin() + static_cast<ptrdiff_t>(i));
    }
  };
  leave_out(kTraceStateLongMemberBytes);
  leave_out(0);
  std::string text;
  for (const Member* member : kept) {
    if (!text.empty()) text += ',';
    text += member->key + '=' + member->value;
  }
  return text;
}

}  // namespace isola
