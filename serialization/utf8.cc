// Decoding UTF-8 as RFC 3629 defines it: no surrogates, nothing longer than needed.
#include "utf8.h"

namespace isola::detail {

DecodedCharacter decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {kNoCharacter, 1};
  char32_t character = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kNoCharacter, 1};
    character = (character << 6) | (byte(i) & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < kSmallest[bytes] || character > 0x10ffff || surrogate) return {kNoCharacter, 1};
  return {character, bytes};
}

size_t first_invalid_byte(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const DecodedCharacter decoded = decode_utf8(text.substr(at));
    if (decoded.character == kNoCharacter || decoded.character == 0) return at;
    at += decoded.bytes;
  }
  return std::string_view::npos;
}

size_t whole_characters(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text.size();
  size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return size;
}

}  // namespace isola::detail
