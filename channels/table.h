// The channels of a System: their ids, and the way from an id to its channel.
//
// Sharded by id, each shard with its own lock, which only making, ending and looking up a channel
// take: no operation on a channel does. Thread safety: any thread.
#pragma once

#include <isola/context/clock.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace isola::detail {

class ChannelCore;

// A counted reference to a core, or to nothing.
class CoreRef {
 public:
  CoreRef() = default;
  // Takes one reference.
  explicit CoreRef(ChannelCore* core) : core_(core) {}
  CoreRef(CoreRef&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  CoreRef& operator=(CoreRef&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~CoreRef();
  explicit operator bool() const { return core_ != nullptr; }
  ChannelCore* operator->() const { return core_; }
  ChannelCore& operator*() const { return *core_; }

 private:
  ChannelCore* core_ = nullptr;
};

class ChannelTable {
 public:
  explicit ChannelTable(const Clock& clock) : clock_(clock) {}
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;

  // Gives the core its id.
  void add(ChannelCore& core);
  void remove(ChannelCore& core);
  // Nothing if there is no such channel, or no longer.
  CoreRef find(uint64_t id) const;
  // True for an id that a channel has or had.
  bool was_given(uint64_t id) const {
    return id != 0 && id <= last_id_.load(sync::memory_order_acquire);
  }
  // All channels, in the order of their creation.
  std::vector<CoreRef> all() const;
  size_t size() const;
  // Closes all, by force. Says in debug builds what was left in which.
  void close_all();
  // Tells these channels that an isolate is gone.
  void isolate_gone(uint64_t isolate_id, const std::vector<uint64_t>& channels);
  const Clock& clock() const { return clock_; }

 private:
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {
    mutable sync::Mutex mutex;
    ChannelCore* first = nullptr;
    size_t size = 0;
  };
  Shard& shard(uint64_t id) { return shards_[id % kShards]; }
  const Shard& shard(uint64_t id) const { return shards_[id % kShards]; }

  const Clock& clock_;
  std::array<Shard, kShards> shards_;
  sync::atomic<uint64_t> last_id_{0};
};

}  // namespace isola::detail
