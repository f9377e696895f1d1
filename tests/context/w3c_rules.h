// What holds for every text that is read as a header of the W3C, whatever is in it: for the tests
// and for the fuzz target.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace isola::test {

enum class Header : uint8_t { traceparent, tracestate, baggage };

// Reads the text and writes it again. Returns which rule is broken, or an empty text: an error is
// of the right kind and points into the text; what is written is within the bounds, in printable
// ASCII, and read as the same.
std::string broken_rule(Header header, std::string_view text);

// Whether the text is read without an error.
bool is_read(Header header, std::string_view text);

// Calls `use` with the text, every beginning of it, and the text with each byte changed to every
// other, with each byte left out, and with each of `inserted` inserted everywhere.
void for_mutations(const std::string& text, std::string_view inserted,
                   const std::function<void(const std::string&)>& use);

// Texts of bytes that headers consist of, and some others.
void for_random_texts(uint64_t seed, int count, const std::function<void(const std::string&)>& use);

}  // namespace isola::test
