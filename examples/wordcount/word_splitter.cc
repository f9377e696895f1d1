// The table of letters.
#include "word_splitter.h"

namespace wordcount {
namespace {

constexpr std::array<char, 256> lower_letters() {
  std::array<char, 256> table{};
  for (char c = 'a'; c <= 'z'; ++c) {
    table[static_cast<size_t>(c)] = c;
    table[static_cast<size_t>(c - 'a' + 'A')] = c;
  }
  return table;
}

}  // namespace

const std::array<char, 256> kLowerLetters = lower_letters();

}  // namespace wordcount
