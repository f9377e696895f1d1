// The seam for choice: which ready actor runs next. In production the oldest one, and no Choice is
// asked; a System with a seed draws it, so that the same seed gives the same order, and so do some
// runs of a simulation.
//
// Thread safety: the worker's thread.
#pragma once

#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>

namespace isola {

class Choice {
 public:
  virtual ~Choice() = default;
  // One of 0 … count-1. REQUIRES: count > 0.
  virtual size_t choose(size_t count) = 0;
};

// splitmix64 (Steele, Lea, Flood 2014): small, good enough for choices, no state to share.
inline uint64_t next_random(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class SeededChoice final : public Choice {
 public:
  explicit SeededChoice(uint64_t seed) : state_(seed) {}
  size_t choose(size_t count) override { return next_random(state_) % count; }

 private:
  uint64_t state_;
};

#ifdef ISOLA_SIMULATED

namespace detail {
inline bool ready_actors_are_drawn = false;  // by the Systems that are made now
}

class SimulatedChoice final : public Choice {
 public:
  size_t choose(size_t count) override {
    sync::Simulator* simulator = sync::Simulator::current();
    return simulator != nullptr ? simulator->random() % count : 0;
  }
};

#endif

}  // namespace isola
