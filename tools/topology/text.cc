// Texts shown without harm, and the distance between two names.
#include "text.h"

#include <fmt/format.h>
#include <isola/serialization/utf8.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace isola::topology {
namespace {

// Longer quotations hide the message that they stand in.
constexpr size_t kQuotedColumnsMax = 100;
// Longer names are not compared: the distance costs the product of the lengths.
constexpr size_t kComparedBytesMax = 64;
static_assert(kComparedBytesMax < UINT8_MAX, "a distance is at most the longer name's length");
// So that a file of nothing but wrong names is read in seconds.
constexpr size_t kComparedNamesMax = 200;

bool is_harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Damerau-Levenshtein distance, of single bytes, whatever their case: insert, delete, replace, swap
// two neighbours. REQUIRES: both have at most kComparedBytesMax.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<uint8_t, kComparedBytesMax + 1>, 3> rows;
  auto* before_last = &rows[0];
  auto* last = &rows[1];
  auto* row = &rows[2];
  for (size_t j = 0; j <= b.size(); ++j) (*last)[j] = static_cast<uint8_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    (*row)[0] = static_cast<uint8_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int differ = lower(a[i - 1]) != lower(b[j - 1]) ? 1 : 0;
      int best = std::min({(*last)[j] + 1, (*row)[j - 1] + 1, (*last)[j - 1] + differ});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        best = std::min(best, (*before_last)[j - 2] + 1);
      (*row)[j] = static_cast<uint8_t>(best);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return (*last)[b.size()];
}

}  // namespace

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

size_t character_bytes(std::string_view text) { return detail::decode_utf8(text).bytes; }

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  for (; !text.empty(); text.remove_prefix(detail::decode_utf8(text).bytes)) ++columns;
  return columns;
}

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const detail::DecodedCharacter decoded = detail::decode_utf8(text);
    if (decoded.character == detail::kNoCharacter)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (decoded.character == '\n')
      out += "\\n";
    else if (decoded.character == '\t')
      out += "\\t";
    else if (!is_harmful(decoded.character))
      out += text.substr(0, decoded.bytes);
    else if (decoded.character < 0x100)
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(decoded.character));
    else
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(decoded.character));
    text.remove_prefix(decoded.bytes);
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  size_t bytes = 0;
  for (size_t columns = 0; bytes < text.size() && columns < kQuotedColumnsMax; ++columns)
    bytes += detail::decode_utf8(text.substr(bytes)).bytes;
  return '"' + escaped(text.substr(0, bytes)) + (bytes < text.size() ? "…\"" : "\"");
}

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.empty() || name.size() > kComparedBytesMax) return {};
  std::string best;
  // A third of the name may be wrong, and one letter of a short one.
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (size_t i = 0; i < names.size() && i < kComparedNamesMax; ++i) {
    const std::string& candidate = names[i];
    const size_t longer = std::max(candidate.size(), name.size());
    const size_t shorter = std::min(candidate.size(), name.size());
    if (candidate.size() <= 1 || longer > kComparedBytesMax || longer - shorter >= best_distance)
      continue;
    const size_t d = edit_distance(name, candidate);
    if (d >= best_distance) continue;
    best_distance = d;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string best = nearest(name, names);
  return best.empty() ? "" : "; did you mean " + in_quotes(best) + "?";
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += in_quotes(names[i]);
  }
  return out;
}

}  // namespace isola::topology
