// UTF-8: decoding, and finding what is none.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string_view>

namespace isola::detail {

inline constexpr char32_t kNoCharacter = 0xffffffff;

struct DecodedCharacter {
  char32_t character;  // kNoCharacter: one byte that is no UTF-8
  size_t bytes;
};

// The first code point of `text`. REQUIRES: text is not empty.
DecodedCharacter decode_utf8(std::string_view text);

// Where the first byte lies that is no part of well-formed UTF-8, or that is zero; npos: nowhere.
size_t first_invalid_byte(std::string_view text);

// How many bytes of `text`, at most this many, are whole characters: where it can be cut.
size_t whole_characters(std::string_view text, size_t bytes_max);

}  // namespace isola::detail
