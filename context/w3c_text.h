// What the readers of header texts of the W3C have in common. Thread safety: pure functions.
#pragma once

#include <isola/serialization/error.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace isola {

// Bound of a header that is read, in bytes. The longest tracestate has 16447 without blanks; of
// what is longer than twice that, nothing is read.
inline constexpr size_t kHeaderBytesMax = 32 * 1024;

namespace detail {

// A header that is read: whose faults are at a byte of it.
struct HeaderText {
  const char* name;  // "tracestate"
  std::string_view text;

  // "tracestate, byte 17: <what>". `at` points into the text.
  Error error(Code code, const char* at, const std::string& what) const;
  Error error(Code code, size_t at, const std::string& what) const;
  // Fails: message_too_large if the text is longer than kHeaderBytesMax.
  Error check_size() const;
};

// An Error with a text of its own, for code that has no message pool at hand.
Error make_error(Code code, const std::string& what);

// 'x', or its number where it can't be printed.
std::string shown(char c);

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
// The text without the blanks before and after it (OWS in the specifications).
std::string_view without_blanks(std::string_view text);

// Takes what comes before the first `separator`, or all, off the front of `rest`. What is left has
// no data() when that was the last piece.
std::string_view take_piece(std::string_view& rest, char separator);

}  // namespace detail
}  // namespace isola
