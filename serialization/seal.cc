// Checksums of bodies, and the report of who wrote late.
#include "seal.h"

#include <isola/serialization/pool.h>
#include <isola/serialization/sync.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace isola {

namespace detail {

// Of a pool, once one of its handlers was set.
struct SealHooks {
  sync::Mutex mutex;
  SealViolationHandler on_violation;
  std::function<std::string(uint64_t)> name_of;
};

namespace {

// All words there are, also those that the message did not use: a late writer may use them.
// The mix is that of splitmix64.
uint64_t checksum(const Block& block) {
  uint64_t sum = 0;
  for (const Block* segment = &block; segment != nullptr; segment = segment->more_segments) {
    // An alias has the words of its origin, and its further segments, but a capacity of its own.
    const Block& sized = segment->origin != nullptr ? *segment->origin : *segment;
    sum += sized.capacity_words;
    for (uint32_t i = 0; i < sized.capacity_words; ++i) {
      uint64_t word;
      std::memcpy(&word, segment->words + i, sizeof word);
      sum = (sum ^ word ^ (sum >> 29)) * 0xbf58476d1ce4e5b9u;
    }
  }
  return sum;
}

void report(Block& block, uint64_t writer) {
  SealViolation violation{writer, {}, block.type};
  SealViolationHandler handler;
  if (SealHooks* hooks = block.pool->seal_hooks()) {
    sync::Lock lock(hooks->mutex);
    handler = hooks->on_violation;
    if (hooks->name_of && writer != 0) violation.writer_name = hooks->name_of(writer);
  }
  if (handler) return handler(violation);
  std::fprintf(stderr, "isola: %s\n", violation.to_string().c_str());
  std::abort();
}

}  // namespace

void seal_block(Block& block) {
  const uint64_t sender = block.envelope.sender;
  if (block.seal == nullptr) {
    block.seal = new Seal{checksum(block), sender};
    block.flags |= Block::kSealed;
  } else if (block.seal->writer == sender) {
    block.seal->checksum = checksum(block);
  } else {
    verify_seal(block);
  }
}

void verify_seal(Block& block) {
  if (block.seal == nullptr || checksum(block) == block.seal->checksum) return;
  const uint64_t writer = block.seal->writer;
  end_seal(block);
  report(block, writer);
}

void end_seal(Block& block) {
  delete std::exchange(block.seal, nullptr);
  block.flags &= ~Block::kSealed;
}

void set_seal_writer_names(Pool& pool, std::function<std::string(uint64_t)> name_of) {
  SealHooks& hooks = pool.make_seal_hooks();
  sync::Lock lock(hooks.mutex);
  hooks.name_of = std::move(name_of);
}

}  // namespace detail

void set_seal_violation_handler(Pool& pool, SealViolationHandler handler) {
  detail::SealHooks& hooks = pool.make_seal_hooks();
  sync::Lock lock(hooks.mutex);
  hooks.on_violation = std::move(handler);
}

std::string SealViolation::to_string() const {
  const std::string what = type == nullptr ? "?" : type->name();
  std::string who = writer_name.empty() ? "" : writer_name + " (";
  who += writer == 0 ? "a thread in no isolate" : "isolate " + std::to_string(writer);
  if (!writer_name.empty()) who += ")";
  return "a message " + what + " was written to after it was sent, by " + who;
}

// Here, where the type is complete.
detail::SealHooks& Pool::make_seal_hooks() {
  sync::Lock lock(mutex_);
  detail::SealHooks* hooks = seal_hooks_.load(sync::memory_order_relaxed);
  if (hooks == nullptr) {
    hooks = new detail::SealHooks;
    // Release: who finds it finds it whole.
    seal_hooks_.store(hooks, sync::memory_order_release);
  }
  return *hooks;
}

void Pool::delete_seal_hooks() { delete seal_hooks_.load(sync::memory_order_relaxed); }

}  // namespace isola
