// A number in a message.
#pragma once

#include <cstdint>

namespace isola::test {

// Fills a Number or a Total.
inline auto number(int64_t value) {
  return [value](auto builder) { builder.setValue(value); };
}

}  // namespace isola::test
