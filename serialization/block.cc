// The slow paths of a block: growth, the end of an arena, release.
#include "block.h"

#include <isola/serialization/check.h>
#include <isola/serialization/error.h>
#include <isola/serialization/pool.h>

#include <algorithm>
#include <cstring>

namespace isola {

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
  *end = segment;
  return kj::arrayPtr(segment->words, segment->capacity_words);
}

void Block::clear_arena() {
  if (arena_alive) {
    dirty_words = std::max(dirty_words, static_cast<uint32_t>(segments()[0].size()));
    arena().~BlockArena();
    arena_alive = false;
  }
  arena_has_body = false;
  std::memset(static_cast<void*>(words), 0, size_t{dirty_words} * sizeof(capnp::word));
  dirty_words = 0;
}

void detail::release_slow(Block* block) {
  if (block->references.load(sync::memory_order_acquire) != 1) {
    if (block->references.fetch_sub(1, sync::memory_order_acq_rel) != 1) return;
    block->references.store(1, sync::memory_order_relaxed);
  }
  detail::Envelope& envelope = block->envelope;
  if (envelope.reply != nullptr) {
    detail::ReplyTarget* reply = envelope.reply;
    envelope.reply = nullptr;
    reply->fail(Error(Code::no_reply));
  }
  if (envelope.context != nullptr) {
    release(envelope.context);
    envelope.context = nullptr;
  }
  envelope.deadline_ns = kNoDeadline;
  if (block->more_segments != nullptr) {
    // The arena ends here, so that its other segments can go home, each with what it used.
    auto used = block->segments();
    size_t index = used.size();
    Block* segment = block->more_segments;
    size_t count = 0;
    for (Block* s = segment; s != nullptr; s = s->more_segments) ++count;
    index -= count;
    for (Block* s = segment; s != nullptr; s = s->more_segments)
      s->dirty_words = static_cast<uint32_t>(used[index++].size());
    block->clear_arena();
    block->more_segments = nullptr;
    while (segment != nullptr) {
      Block* next = segment->more_segments;
      segment->more_segments = nullptr;
      segment->pool->give(segment);
      segment = next;
    }
  }
  block->pool->give(block);
}

}  // namespace isola
