// Adding, finding and closing the channels of a System.
#include "table.h"

#include <isola/channels/channel_core.h>

#include <algorithm>
#include <cstdio>

namespace isola::detail {

CoreRef::~CoreRef() {
  if (core_ != nullptr) core_->drop();
}

void ChannelTable::add(ChannelCore& core) {
  core.id_ = last_id_.fetch_add(1, sync::memory_order_acq_rel) + 1;
  Shard& shard = this->shard(core.id_);
  sync::Lock lock(shard.mutex);
  core.next_ = shard.first;
  if (shard.first != nullptr) shard.first->previous_ = &core;
  shard.first = &core;
  ++shard.size;
}

void ChannelTable::remove(ChannelCore& core) {
  Shard& shard = this->shard(core.id_);
  sync::Lock lock(shard.mutex);
  (core.previous_ != nullptr ? core.previous_->next_ : shard.first) = core.next_;
  if (core.next_ != nullptr) core.next_->previous_ = core.previous_;
  --shard.size;
}

CoreRef ChannelTable::find(uint64_t id) const {
  const Shard& shard = this->shard(id);
  sync::Lock lock(shard.mutex);
  // A core that is being destroyed waits in remove() for this lock, so each one here is alive.
  for (ChannelCore* core = shard.first; core != nullptr; core = core->next_)
    if (core->id_ == id) return core->try_retain() ? CoreRef(core) : CoreRef();
  return CoreRef();
}

std::vector<CoreRef> ChannelTable::all() const {
  std::vector<CoreRef> cores;
  for (const Shard& shard : shards_) {
    sync::Lock lock(shard.mutex);
    for (ChannelCore* core = shard.first; core != nullptr; core = core->next_)
      if (core->try_retain()) cores.emplace_back(core);
  }
  std::sort(cores.begin(), cores.end(),
            [](const CoreRef& a, const CoreRef& b) { return a->id() < b->id(); });
  return cores;
}

size_t ChannelTable::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    sync::Lock lock(shard.mutex);
    size += shard.size;
  }
  return size;
}

void ChannelTable::close_all() {
  for (CoreRef& core : all()) {
    uint64_t dropped = 0;
    (void)core->close(Force::yes, dropped);
#ifndef NDEBUG
    if (dropped > 0)
      std::fprintf(stderr, "isola: %s held %llu messages when its System ended\n",
                   core->label().c_str(), static_cast<unsigned long long>(dropped));
#endif
  }
}

void ChannelTable::isolate_gone(uint64_t isolate_id, const std::vector<uint64_t>& channels) {
  for (const uint64_t id : channels)
    if (CoreRef core = find(id)) core->isolate_gone(isolate_id);
}

}  // namespace isola::detail
