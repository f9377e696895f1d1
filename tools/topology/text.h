// Text as it comes from files and arguments: is it UTF-8, and how is it shown without harm?
//
// Thread safety: pure functions.
#pragma once

#include <isola/serialization/utf8.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace isola::topology {

using detail::first_invalid_byte;  // of UTF-8

// What a TOML key has without quotation marks: ASCII letters, digits, "_" and "-".
bool is_key_character(char c);

// How many bytes the first code point of `text` takes, or 1 if it is none. REQUIRES: not empty.
size_t character_bytes(std::string_view text);

// How many code points `text` has. A byte that is no UTF-8 counts as one.
size_t columns_of(std::string_view text);

// `text` with control characters, characters that turn the direction of writing, and bytes that
// are no UTF-8 spelled out (\x1b, \u202e): safe on a terminal, and always one line.
std::string escaped(std::string_view text);

// The same between quotation marks, cut when it is long.
std::string in_quotes(std::string_view text);

// `; did you mean "results"?` if one of the names is near enough to `name`, else nothing. Only the
// first 200 names are looked at.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

// The name that did_you_mean would propose; empty: none.
std::string nearest(std::string_view name, const std::vector<std::string>& names);

// `"a", "b" and "c"`.
std::string listed(const std::vector<std::string>& names);

}  // namespace isola::topology
