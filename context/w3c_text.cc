// Pieces of header texts, and errors about them.
#include "w3c_text.h"

#include <isola/serialization/pool.h>
#include <isola/serialization/program_memory.h>

namespace isola::detail {

Error make_error(Code code, const std::string& what) {
  const ProgramMemory program;  // the error may outlive the actor that runs
  // The record keeps its pool, which has room for nothing else: errors are made beyond the bound.
  Pool* pool = Pool::create(0);
  Error error = make_error(*pool, code, isola::name(code), what, {});
  pool->close();
  return error;
}

Error HeaderText::error(Code code, size_t at, const std::string& what) const {
  return make_error(code, std::string(name) + ", byte " + std::to_string(at) + ": " + what);
}

Error HeaderText::error(Code code, const char* at, const std::string& what) const {
  return error(code, static_cast<size_t>(at - text.data()), what);
}

Error HeaderText::check_size() const {
  if (text.size() <= kHeaderBytesMax) return {};
  return error(Code::message_too_large, kHeaderBytesMax,
               "the header has " + std::to_string(text.size()) + " bytes, and at most " +
                   std::to_string(kHeaderBytesMax) + " are read; send less");
}

std::string shown(char c) {
  if (c >= ' ' && c <= '~') return {'\'', c, '\''};
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  return {'b', 'y', 't', 'e', ' ', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_piece(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view piece = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return piece;
}

}  // namespace isola::detail
