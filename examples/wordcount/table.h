// What the word count prints.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wordcount/tally.h"

namespace wordcount {

struct Totals {
  uint64_t files = 0;
  uint64_t failed = 0;
  uint64_t words = 0;
  uint64_t bytes = 0;
  double seconds = 0;
};

// The `top` most frequent words (0: all), those of equal count in the order of the alphabet, a line
// `count word` for each.
std::string plain_table(const Tally& tally, size_t top);

// The same for people, with the totals below.
std::string table(const Tally& tally, size_t top, const Totals& totals);

// One line without an end: how far it has come.
std::string progress_line(const Totals& totals);

}  // namespace wordcount
