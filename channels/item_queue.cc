// The places of keys in a queue.
#include "item_queue.h"

#include <isola/channels/field_key.h>
#include <isola/serialization/check.h>
#include <isola/serialization/program_memory.h>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace isola::detail {

struct ItemQueue::Keys {
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  struct Place {
    Block* block;
    Block* previous;  // the one before it in the queue
  };
  using Places = std::unordered_map<std::string, Place, Hash, std::equal_to<>>;

  Places::iterator find(const Block& block) {
    FieldKey::Scratch scratch;
    return places.find(field->bytes(block, scratch));
  }

  // A marker has no place of its own.
  void set_previous(const Block* block, Block* previous) {
    if (block == nullptr) return;
    auto place = find(*block);
    if (place != places.end() && place->second.block == block) place->second.previous = previous;
  }

  std::shared_ptr<const FieldKey> field;
  Places places;
};

ItemQueue::ItemQueue(std::shared_ptr<const FieldKey> key) {
  if (key == nullptr) return;
  keys_ = std::make_unique<Keys>();
  keys_->field = std::move(key);
}

ItemQueue::~ItemQueue() { ISOLA_CHECK(size_, ==, 0u); }

void ItemQueue::note_key(Block* block) {
  if ((block->flags & (Block::kMarker | Block::kOwnerError)) != 0) return;  // nothing replaces it
  const ProgramMemory program;
  FieldKey::Scratch scratch;
  keys_->places.emplace(keys_->field->bytes(*block, scratch), Keys::Place{block, blocks_.last()});
}

void ItemQueue::forget_key(Block* block) {
  auto place = keys_->find(*block);
  if (place != keys_->places.end() && place->second.block == block) keys_->places.erase(place);
  keys_->set_previous(blocks_.first(), nullptr);  // what was second is first now
}

Block* ItemQueue::replace_by_key(Block* block) {
  auto place = keys_->find(*block);
  if (place == keys_->places.end()) return nullptr;
  Block* old = std::exchange(place->second.block, block);
  keys_->set_previous(old->next, block);
  blocks_.replace(place->second.previous, old, block);
  bytes_ += block->held_bytes();
  bytes_ -= old->held_bytes();
  return old;
}

}  // namespace isola::detail
