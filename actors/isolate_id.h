// IsolateId: which isolate of a System, never used again.
//
// Ids are ordered by creation. They are no numbers: what comes in as text is parsed.
#pragma once

#include <isola/serialization/result.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace isola {

class IsolateId {
 public:
  // Of no isolate.
  constexpr IsolateId() = default;

  // What to_string() gives, back. Errors: invalid_argument, for what is no id ("-1", "x", "").
  static Result<IsolateId> parse(std::string_view text);
  // A decimal number; "none" for no isolate.
  std::string to_string() const;

  constexpr explicit operator bool() const { return value_ != UINT64_MAX; }
  constexpr auto operator<=>(const IsolateId&) const = default;

  // For the runtime's own tables and records, where an id is a word.
  static constexpr IsolateId from_word(uint64_t word) {
    IsolateId id;
    id.value_ = word;
    return id;
  }
  constexpr uint64_t word() const { return value_; }

 private:
  uint64_t value_ = UINT64_MAX;
};

// The main isolate, in every System: where code runs that no isolate of it runs.
inline constexpr IsolateId kMainIsolate = IsolateId::from_word(0);

inline std::ostream& operator<<(std::ostream& out, IsolateId id) { return out << id.to_string(); }

}  // namespace isola

template <>
struct std::hash<isola::IsolateId> {
  size_t operator()(isola::IsolateId id) const { return std::hash<uint64_t>()(id.word()); }
};
