// What changes the counts that others share.
#include "shared_uses.h"

#include <isola/serialization/block.h>

#include <utility>

namespace isola::detail {

static_assert(sizeof(Block) / 64 % 2 == 1, "the places of SharedUses are chosen for that");

namespace {

void give_up(Block& block, uint32_t uses) {
  if (uses == 0) return;
  // Release and acquire: whoever ends the block sees what its other users did before.
  if (block.references.fetch_sub(uses, sync::memory_order_acq_rel) != uses) return;
  block.references.store(1, sync::memory_order_relaxed);
  release(&block);
}

}  // namespace

void SharedUses::drop(Place& place) {
  // The place is free before the block goes, which may give up others.
  Block* const block = std::exchange(place.block, nullptr);
  const uint32_t count = std::exchange(place.count, 0);
  if (block != nullptr) give_up(*block, count);
}

void SharedUses::stock(Place& place, Block& block) {
  if (place.block != &block) drop(place);
  block.references.fetch_add(kAtOnce, sync::memory_order_relaxed);  // relaxed: as Block::retain()
  place.block = &block;
  place.count = kAtOnce;
}

void SharedUses::make_room(Place& place, Block& block) {
  if (place.block == &block) {
    place.count -= kAtOnce;
    return give_up(block, kAtOnce);
  }
  drop(place);
  place.block = &block;
}

void SharedUses::give_all(Block& block) {
  Place& place = place_of(block);
  uint32_t uses = 1;
  if (place.block == &block) {
    uses += place.count;
    place = {};
  }
  give_up(block, uses);
}

void SharedUses::drop_all() {
  for (Place& place : places_) drop(place);
}

}  // namespace isola::detail
