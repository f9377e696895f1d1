// What benchmarks of actors have in common: an actor that adds up, starting one from outside, and
// checking that the work was done.
#pragma once

#include <isola/isola.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "bench.capnp.h"

namespace isola::bench {

inline void expect_equal(int64_t got, uint64_t wanted, const char* what) {
  if (got != static_cast<int64_t>(wanted))
    throw std::runtime_error(std::string(what) + ": messages were lost");
}

// Asks an actor to start with this count and waits for the total that it answers.
template <class Actor>
int64_t start_and_wait(const Actor& actor, uint64_t count) {
  const auto fill = [&](Start::Builder start) { start.setCount(static_cast<int64_t>(count)); };
  return actor.template ask<Start>(fill).get().or_raise()->getValue();
}

struct Counter : Actor<Counter, Add, Ask<GetTotal, Total>> {
  void on(Add::Reader add) { total_ += add.getAmount(); }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_);
    return total;
  }

 private:
  int64_t total_ = 0;
};

}  // namespace isola::bench
