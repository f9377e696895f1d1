// UTF-8 and sizes for people.
#include "text.h"

#include <fmt/format.h>

#include <array>

namespace isola::inspect {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// The character at the beginning of `text`, which is not empty. Overlong forms, surrogates and
// what lies past U+10FFFF are not valid, as RFC 3629 has it.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  uint32_t code = lead & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    code = code << 6 | (next & 0x3Fu);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, bytes, true};
}

// Control characters, line separators, and marks that turn the direction of writing.
bool is_harmful(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C ||
         (code >= 0x200E && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Calls `put` with each character of `text` and its bytes.
template <class Put>
void for_each_character(std::string_view text, Put&& put) {
  while (!text.empty()) {
    const Character character = first_character(text);
    put(character, text.substr(0, character.bytes));
    text.remove_prefix(character.bytes);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  for_each_character(text, [&](const Character& character, std::string_view bytes) {
    if (!character.valid || is_harmful(character.code)) {
      for (const char byte : bytes) result += fmt::format("\\x{:02x}", byte & 0xFF);
    } else if (character.code == '\\') {
      result += "\\\\";
    } else {
      result += bytes;
    }
  });
  return result;
}

size_t columns(std::string_view text) {
  size_t count = 0;
  for_each_character(text, [&](const Character&, std::string_view) { ++count; });
  return count;
}

std::string valid_utf8(std::string_view text) {
  std::string result;
  for_each_character(text, [&](const Character& character, std::string_view bytes) {
    result += character.valid ? bytes : "\xEF\xBF\xBD";
  });
  return result;
}

std::string printable_json(std::string_view json) {
  std::string result;
  for_each_character(json, [&](const Character& character, std::string_view bytes) {
    if (character.code >= 0x7F && is_harmful(character.code))
      result += fmt::format("\\u{:04x}", character.code);
    else
      result += bytes;
  });
  return result;
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  // What would be printed as 1024 is 1 of the next unit.
  while (value >= (unit == 0 ? 1024 : 1023.5) && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool with_fraction = unit > 0 && value < 9.95;
  return fmt::format("{:.{}f} {}", value, with_fraction ? 1 : 0, kUnits[unit]);
}

std::string human_duration(uint64_t ms) {
  const uint64_t seconds = ms / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 60 * 60) return fmt::format("{} h", seconds / (60 * 60));
  return fmt::format("{} d", seconds / (24 * 60 * 60));
}

}  // namespace isola::inspect
