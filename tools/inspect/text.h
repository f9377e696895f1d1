// Texts from another process, made fit for a terminal and for JSON. Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace isola::inspect {

// `text` on one line, without power over a terminal: control characters, characters that turn
// the direction of writing, and bytes that are no UTF-8 become \xNN, a backslash becomes two.
std::string printable(std::string_view text);

// The columns that a printable text takes, when every character takes one.
size_t columns(std::string_view text);

// `text` with U+FFFD for each byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

// `json` with \uNNNN for each character beyond ASCII that printable() would not let through.
std::string printable_json(std::string_view json);

// "0 B", "512 B", "1.5 KiB", "12 MiB"
std::string human_bytes(uint64_t bytes);

// "3 s", "5 min", "2 h", "9 d"
std::string human_duration(uint64_t ms);

}  // namespace isola::inspect
