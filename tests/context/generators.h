// Generators that tell which value of a key they see.
#pragma once

#include <isola/context/generator.h>

#include <string>
#include <vector>

namespace isola::test {

inline constexpr Key<int> digits{"app.digits", Flow::local, 28};
inline constexpr Key<text> locale{"app.locale", Flow::wire};

using Log = std::vector<std::string>;

inline generator<int, KeepsScopes> reads_within(int bound) {
  const Scope own{digits, bound};
  for (;;) co_yield digits.get();
}

inline generator<int> reads() {
  for (;;) co_yield digits.get();
}

}  // namespace isola::test
