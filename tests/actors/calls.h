// What the tests of cancelled calls share.
#pragma once

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <cstdint>
#include <string>

#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"

namespace isola::test {

inline void tell(const Sender<Note>& to, const std::string& text) {
  EXPECT_FALSE(to.send(line(text)));
}

inline Message<Total> total_of(int64_t value) {
  auto total = compose<Total>(detail::current_runtime().pool());
  total->setValue(value);
  return total;
}

// What an actor waits for that nobody ever gives it.
struct Never {
  explicit Never(System& system)
      : empty(system.channel<Number>(bounded(1))), full(system.channel<Number>(bounded(1))) {
    EXPECT_FALSE(full.sender.send(number(0)));
  }
  Channel<Number> empty;
  Channel<Number> full;
};

}  // namespace isola::test
