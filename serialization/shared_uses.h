// Uses of shared blocks that a worker has in hand. What it sends under one context record takes a
// use of that each time, and what it has handled gives one back: through this, the count of the
// block, which all workers share, changes once for some hundreds of them.
//
// A use that is given is kept for who takes one next. So a block may live longer than those who
// needed it: until its place is wanted for another one, or the worker has nothing to do and drops
// what it has.
//
// Thread safety: one thread.
// Invariant: `count` references of the block of a place are ours. If that is none, the block may be
//            gone.
#pragma once

#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace isola {

class Block;

namespace detail {

class SharedUses {
 public:
  SharedUses() = default;
  ~SharedUses() { drop_all(); }
  SharedUses(const SharedUses&) = delete;
  SharedUses& operator=(const SharedUses&) = delete;

  // One more use of the block, for the caller, who has one or knows who has.
  void take(Block& block) {
    Place& place = place_of(block);
    if (place.block != &block || place.count == 0) [[unlikely]]
      stock(place, block);
    --place.count;
  }
  // One fewer.
  void give(Block& block) {
    Place& place = place_of(block);
    if (place.block != &block || place.count == kMost) [[unlikely]]
      make_room(place, block);
    ++place.count;
  }
  // One fewer, and all that is in hand here: so that it is gone at once if nobody else uses it.
  void give_all(Block& block);
  void drop_all();

 private:
  struct Place {
    Block* block = nullptr;
    uint32_t count = 0;
  };
  // Enough that the shared count doesn't matter; few enough that 32 bits hold those of all workers.
  static constexpr uint32_t kAtOnce = 256;
  static constexpr uint32_t kMost = 2 * kAtOnce;
  // Bounds what lives on because of this. Blocks that share a place put each other out.
  static constexpr size_t kPlaces = 16;
  static constexpr size_t kLineBytes = 64;

  Place& place_of(const Block& block) {
    // The trace of a simulation must not hang on addresses.
    if constexpr (sync::kSimulated) return places_[0];
    // Descriptors lie side by side, an odd number of cache lines each: neighbours don't collide.
    return places_[reinterpret_cast<uintptr_t>(&block) / kLineBytes % kPlaces];
  }
  void stock(Place& place, Block& block);
  void make_room(Place& place, Block& block);
  void drop(Place& place);

  std::array<Place, kPlaces> places_;
};

}  // namespace detail
}  // namespace isola
