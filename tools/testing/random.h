// The one source of chance of a simulation: a stream of numbers that follows from the seed.
//
// Integers only, so that a seed means the same on every machine. Thread safety: one thread.
#pragma once

#include <bit>
#include <cstdint>

namespace isola::testing {

class Random {
 public:
  explicit Random(uint64_t seed = 0) : state_(seed) { next(); }

  // splitmix64 (Steele, Lea, Flood, 2014).
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // One of 0 … count-1. REQUIRES: 0 < count < 2^32.
  uint64_t below(uint64_t count) { return ((next() >> 32) * count) >> 32; }
  bool one_in(uint64_t count) { return below(count) == 0; }

  // At least 1; about geometric with this mean: the logarithm is taken piecewise linear.
  // REQUIRES: 0 < mean < 2^32.
  uint64_t around(uint64_t mean) {
    const uint64_t bits = next() | 1;
    const auto zeros = static_cast<uint64_t>(std::countl_zero(bits));
    const uint64_t fraction = ((bits << zeros) << 1) >> 48;  // of 2^16
    const uint64_t binary_log = (zeros << 16) + (65536 - fraction);
    // The mean of binary_log is 1.5 in units of 2^-16, and 43690 is 1/1.5 in them.
    return 1 + ((mean - 1) * ((binary_log * 43690) >> 16) >> 16);
  }

 private:
  uint64_t state_;
};

}  // namespace isola::testing
