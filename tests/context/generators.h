// Generators that tell which value of a key they see.
#pragma once

#include <gtest/gtest.h>
#include <isola/context/generator.h>

#include <cstddef>
#include <random>
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

// Generators that `make` makes, each for the value that it binds to `digits`, are begun, advanced
// and closed in random orders, of which there are so many: each sees its own value, and nobody else
// does.
template <class Make>
void expect_kept_apart(unsigned seeds, Make make) {
  for (unsigned seed = 0; seed < seeds; ++seed) {
    std::mt19937 random(seed);
    std::vector<decltype(make(0))> all;
    std::vector<int> bound;
    for (int step = 0; step < 60; ++step) {
      const size_t which = all.empty() ? 0 : random() % all.size();
      switch (all.empty() ? 0 : random() % 4) {
        case 0:
          bound.push_back(static_cast<int>(random() % 100));
          all.push_back(make(bound.back()));
          break;
        case 1: {
          const Scope consumers{digits, -1};
          ASSERT_EQ(all[which].next(), bound[which]) << "seed " << seed;
          ASSERT_EQ(digits.get(), -1);
          break;
        }
        case 2:
          ASSERT_EQ(all[which].next(), bound[which]) << "seed " << seed;
          break;
        case 3:
          all.erase(all.begin() + static_cast<std::ptrdiff_t>(which));
          bound.erase(bound.begin() + static_cast<std::ptrdiff_t>(which));
          break;
      }
      ASSERT_EQ(digits.get(), 28) << "seed " << seed;
    }
  }
}

}  // namespace isola::test
