// The slow paths of a block: growth, the end of an arena, aliases, markers, release.
#include "block.h"

#include <capnp/serialize.h>
#include <isola/serialization/attachment.h>
#include <isola/serialization/check.h>
#include <isola/serialization/error.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/seal.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <utility>
#include <vector>

namespace isola {

// Reads the segments of a frozen message that grew. The arena of that message can't be used by
// several threads: it counts what is read.
class detail::SegmentReader final : public capnp::MessageReader {
 public:
  explicit SegmentReader(const Block& message)
      : capnp::MessageReader({.traversalLimitInWords = 1ull << 60, .nestingLimit = INT_MAX}) {
    // The words beyond those that a segment uses are zero, so its capacity does for its size.
    for (const Block* s = &message; s != nullptr; s = s->more_segments)
      segments_.push_back(kj::arrayPtr(s->words, s->capacity_words));
  }
  kj::ArrayPtr<const capnp::word> getSegment(capnp::uint id) override {
    return id < segments_.size() ? segments_[id] : nullptr;
  }
  capnp::AnyPointer::Reader any_root() { return getRoot<capnp::AnyPointer>(); }

 private:
  std::vector<kj::ArrayPtr<const capnp::word>> segments_;
};

kj::ArrayPtr<capnp::word> detail::BlockArena::allocateSegment(capnp::uint minimum_words) {
  Block** end = &block_.more_segments;
  uint64_t size = block_.capacity_words;
  if (!block_.arena_has_body) {
    block_.arena_has_body = true;
    if (minimum_words <= size) return kj::arrayPtr(block_.words, size);
  }
  // Each further segment is at least as large as all before it, so there are few of them.
  while (*end != nullptr) {
    size += (*end)->capacity_words;
    end = &(*end)->more_segments;
  }
  Block* segment = block_.pool->take(std::max<uint64_t>(minimum_words, size));
  segment->clear_arena();
  segment->segment_of.store(&block_, sync::memory_order_relaxed);
  segment->set_state(BlockState::segment);
  *end = segment;
  return kj::arrayPtr(segment->words, segment->capacity_words);
}

void Block::rewind(uint32_t root_words) {
  const size_t used = segments()[0].size();
  arena().~BlockArena();
  std::memset(static_cast<void*>(words + 1), 0, (used - 1) * sizeof(capnp::word));
  // The builder of the root stays good: it points to the arena, and to the segment in it, which
  // are where they were.
  new (arena_) detail::BlockArena(*this, {kj::arrayPtr(words, capacity_words), root_words});
}

void Block::clear_arena() {
  kept_for = nullptr;
  if (arena_alive) {
    dirty_words = std::max(dirty_words, static_cast<uint32_t>(segments()[0].size()));
    arena().~BlockArena();
    arena_alive = false;
  }
  arena_has_body = false;
  std::memset(static_cast<void*>(words), 0, size_t{dirty_words} * sizeof(capnp::word));
  dirty_words = 0;
}


// --- aliases and markers ------------------------------------------------------------------------

Block* make_alias(Pool& pool, Block* shared) {
  Block* origin = shared->origin != nullptr ? shared->origin : shared;
  Block* alias = pool.take(0);
  alias->clear_arena();
  origin->retain();
  origin->set_state(BlockState::shared);
  alias->origin = origin;
  alias->flags = Block::kAlias;
  alias->type = origin->type;
  new (alias->arena_) Block::AliasParts{std::exchange(alias->words, origin->words), nullptr};
  alias->more_segments = origin->more_segments;
  std::memcpy(alias->reader_, origin->reader_, Block::kReaderBytes);
  return alias;
}

void make_marker(Block& block) {
  detail::Envelope& envelope = block.envelope;
  if (envelope.reply != nullptr)
    std::exchange(envelope.reply, nullptr)->fail(Error(Code::no_reply));
  if (envelope.context != nullptr) release(std::exchange(envelope.context, nullptr));
  delete std::exchange(block.attachments, nullptr);
  detail::end_seal(block);
  block.release_origin();
  block.release_segments();
  block.clear_arena();
  block.flags = (block.flags | Block::kMarker) & ~(Block::kAttached | Block::kAlias);
  static_assert(sizeof(capnp::AnyStruct::Reader) <= Block::kReaderBytes);
  if (block.type != nullptr) block.type->make_default_reader(block.reader_);
}

capnp::AnyPointer::Reader Block::alias_root() {
  detail::SegmentReader*& reader = alias_parts().segment_reader;
  if (reader == nullptr) {
    const detail::ProgramMemory program;
    reader = new detail::SegmentReader(*origin);
  }
  return reader->any_root();
}

capnp::AnyPointer::Reader Block::any_root() const {
  if (more_segments == nullptr) return capnp::readMessageUnchecked<capnp::AnyPointer>(words);
  auto& self = const_cast<Block&>(*this);
  if (origin != nullptr) return self.alias_root();
  return self.arena().getRoot<capnp::AnyPointer>().asReader();
}

uint64_t Block::held_bytes_slow() const {
  if (origin != nullptr) return origin->held_bytes();
  uint64_t bytes = attachments != nullptr ? attachments->bytes() : 0;
  for (const Block* segment = this; segment != nullptr; segment = segment->more_segments)
    bytes += uint64_t{segment->capacity_words} * sizeof(capnp::word);
  return bytes;
}

// --- release ------------------------------------------------------------------------------------

void Block::release_origin() {
  if (origin == nullptr) return;
  delete std::exchange(alias_parts().segment_reader, nullptr);
  more_segments = nullptr;
  words = std::exchange(alias_parts().own_words, nullptr);
  release(std::exchange(origin, nullptr));
}

void Block::release_segments() {
  if (more_segments == nullptr) return;
  // The arena ends here, so that its other segments can go home, each with what it used.
  auto used = segments();
  size_t index = 1;
  for (Block* s = more_segments; s != nullptr; s = s->more_segments)
    s->dirty_words = static_cast<uint32_t>(used[index++].size());
  Block* segment = std::exchange(more_segments, nullptr);
  clear_arena();
  while (segment != nullptr) {
    Block* next = std::exchange(segment->more_segments, nullptr);
    segment->segment_of.store(nullptr, sync::memory_order_relaxed);
    segment->pool->give(segment);
    segment = next;
  }
}

void detail::release_slow(Block* block) {
  if (block->references.load(sync::memory_order_acquire) != 1) {
    if (block->references.fetch_sub(1, sync::memory_order_acq_rel) != 1) return;
    block->references.store(1, sync::memory_order_relaxed);
  }
  if (Block* context = std::exchange(block->envelope.context, nullptr)) {
    context->pool->give_use(*context);
    return release(block);  // most have nothing else
  }
  if (block->seal != nullptr) {
    verify_seal(*block);
    end_seal(*block);
  }
  detail::Envelope& envelope = block->envelope;
  if (envelope.reply != nullptr)
    std::exchange(envelope.reply, nullptr)->fail(Error(Code::no_reply));
  envelope.deadline_ns = kNoDeadline;
  delete std::exchange(block->attachments, nullptr);
  block->flags = 0;
  block->release_origin();
  block->release_segments();
  block->pool->give(block);
}

}  // namespace isola
