// The W3C's traceparent and tracestate as values: which trace a call belongs to, and what tracing
// systems noted about it.
//
//   auto [parent, err] = isola::TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-"
//                                                  "00f067aa0ba902b7-01");
//   parent.sampled();               // true
//   parent.child().to_string();     // the same trace, another span
//
// What is read is what "Trace Context Level 2" allows, which includes all of Level 1. How both come
// with a call: w3c.h. Thread safety: as of any value.
#pragma once

#include <isola/serialization/result.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isola {

// Where identifiers come from: 64 random bits with each call.
using RandomBits = std::function<uint64_t()>;
// The operating system's, so that identifiers of several programs differ; in a System with a seed,
// the running code's own, so that they repeat with the seed. Takes less than a microsecond.
uint64_t random_identifier();

// Which trace a call belongs to, and which span of it is the parent of what happens here.
struct TraceParent {
  static constexpr uint8_t kSampled = 1;        // the caller may have recorded this call
  static constexpr uint8_t kRandomTraceId = 2;  // the last 7 bytes of the trace id are random
  static constexpr size_t kBytes = 55;          // of the text

  uint64_t trace_id_high = 0;
  uint64_t trace_id_low = 0;
  uint64_t parent_id = 0;
  // Of version 00 all eight, as they came; of a later version the two that are known.
  uint8_t flags = 0;

  // Reads a text of any version but ff. Of versions after 00 the part that 00 has is read.
  // Fails: bad_message; then there is no trace to continue, and its tracestate means nothing.
  static Result<TraceParent> parse(std::string_view text);
  // A new trace, with kRandomTraceId.
  static TraceParent begin(bool sampled = false, const RandomBits& random = random_identifier);

  // The same trace with a new parent id. Flags that nobody has defined yet are cleared.
  // REQUIRES: valid().
  TraceParent child(const RandomBits& random = random_identifier) const;
  // Always of version 00. REQUIRES: valid().
  std::string to_string() const;
  std::string trace_id() const;  // 32 digits

  bool sampled() const { return (flags & kSampled) != 0; }
  // Neither identifier is zero: what parse, begin and child give.
  bool valid() const { return (trace_id_high | trace_id_low) != 0 && parent_id != 0; }
  bool operator==(const TraceParent&) const = default;
};

// What is written of a tracestate, in bytes: what everybody has to pass on.
inline constexpr size_t kTraceStateBytesMax = 512;
inline constexpr size_t kTraceStateMembersMax = 32;
inline constexpr size_t kTraceStateKeyBytesMax = 256;
inline constexpr size_t kTraceStateValueBytesMax = 256;
// Where a text is too long, members longer than this go first.
inline constexpr size_t kTraceStateLongMemberBytes = 128;

// Notes of tracing systems, the latest first, each under a key of its own.
//
// Invariants: 1. At most kTraceStateMembersMax members. 2. Each is as the grammar wants it.
class TraceState {
 public:
  struct Member {
    std::string key;
    std::string value;
    bool operator==(const Member&) const = default;
  };

  // Reads the text of one header, or of several with a comma between each. A key that comes twice
  // is kept twice, as it came. Empty members are left out.
  // Fails: bad_message, or message_too_large; all of it is to be ignored then.
  static Result<TraceState> parse(std::string_view text);

  // The first value of the key. Valid until the next change.
  std::optional<std::string_view> get(std::string_view key) const;
  // Adds a member, or changes it, and moves it to the front; one too many falls off the end.
  // Fails: invalid_argument if the key or the value can't be written; then nothing changes.
  Result<void> set(std::string_view key, std::string_view value);
  // False if there is no such key.
  bool remove(std::string_view key);

  const std::vector<Member>& members() const { return members_; }
  // At most so many bytes: whole members are left out, from the end, those of more than
  // kTraceStateLongMemberBytes before the others.
  std::string to_string(size_t bytes_max = kTraceStateBytesMax) const;
  bool operator==(const TraceState&) const = default;

 private:
  std::vector<Member> members_;
};

}  // namespace isola
