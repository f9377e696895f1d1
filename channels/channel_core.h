// The core of a channel: an untyped bounded queue of blocks, with those who wait on either side.
//
// Each core has its own lock, held for a few instructions and never while waiting.
//
// Thread safety: any thread, any fiber.
// Invariants: 1. If a receiver waits, the queue is empty; if a sender waits, the queue is full.
//             2. A block is owned by exactly one of: its sender (until send succeeds), the queue,
//                its receiver.
//             3. The core is destroyed when its last end is released.
#pragma once

#include <isola/channels/waiter.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/sync.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace isola {

// How many messages a channel holds. There is no magic zero: see bounded().
class Capacity {
 public:
  size_t items() const { return items_; }

 private:
  friend Capacity bounded(size_t items);
  explicit Capacity(size_t items) : items_(items) {}
  size_t items_;
};

// The largest bound of a channel: beyond it a program wants a database.
inline constexpr size_t kChannelItemsMax = size_t{1} << 30;

// REQUIRES: 1 <= items <= kChannelItemsMax.
Capacity bounded(size_t items);

namespace detail {

class ChannelCore;

// The channels of a System, so that it can close them when it ends. Thread safety: any thread.
class ChannelTable {
 public:
  void add(ChannelCore& core);
  void remove(ChannelCore& core);
  void close_all();
  size_t size() const;

 private:
  mutable sync::Mutex mutex_;
  ChannelCore* first_ = nullptr;
  size_t size_ = 0;
  uint64_t last_id_ = 0;
};

class ChannelCore {
 public:
  // Made without ends; goes with the last end. `table` may be null.
  ChannelCore(Pool& pool, std::shared_ptr<ChannelTable> table, Capacity capacity, std::string name);

  // Sends to one of `partitions` by `hash` of the message, instead of to a queue of its own; takes
  // one sender end of each. REQUIRES: before the first send.
  void partition(std::vector<ChannelCore*> partitions, uint64_t (*hash)(const void*, const Block&),
                 std::shared_ptr<const void> hash_state);

  // An error leaves the block with the caller. `wait` false: never blocks.
  Error send(Block* block, bool wait, int64_t deadline_ns);
  // Success fills `block`.
  Error receive(Block*& block, bool wait, int64_t deadline_ns);

  // The send side: no more sends; what is queued can still be received.
  Error close_send();
  // Both sides. Refused with channel_not_empty when items are queued, unless forced: then they are
  // dropped, and their number added to `dropped`.
  Error close_receive(bool force, uint64_t& dropped);

  void add_sender();
  void add_receiver();
  void release_sender();
  void release_receiver();

  Pool& pool() const { return pool_; }
  const std::string& name() const { return name_; }
  // Numbered in the order of creation in a System, never used again; 0 outside of one.
  uint64_t id() const { return id_; }
  size_t capacity() const { return capacity_; }
  size_t size() const;
  bool closed() const;

 private:
  friend class ChannelTable;
  ~ChannelCore();
  struct Gone;  // what must be woken and released after the lock is dropped
  void close_send_locked(Gone& gone);
  void drop_items_locked(Gone& gone);
  Block* pop_locked();
  void push_locked(Block* block);
  bool abandoned() const { return senders_ == 0 && receivers_ == 0; }

  Pool& pool_;
  const std::shared_ptr<ChannelTable> table_;
  const size_t capacity_;
  const std::string name_;
  uint64_t id_ = 0;
  ChannelCore* next_ = nullptr;  // in the table, under its lock
  ChannelCore* previous_ = nullptr;

  std::vector<ChannelCore*> partitions_;
  uint64_t (*hash_)(const void*, const Block&) = nullptr;
  std::shared_ptr<const void> hash_state_;

  mutable sync::Mutex mutex_;
  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  size_t size_ = 0;
  WaiterQueue waiting_senders_;
  WaiterQueue waiting_receivers_;
  size_t senders_ = 0;
  size_t receivers_ = 0;
  bool send_closed_ = false;
  bool receive_closed_ = false;
};

// How a block is partitioned by a field: makes the hash of that field of every message. `schema`
// must outlive the result. Fails: nullptr if there is no such field, or it is no text, data,
// integer, boolean or enumerant.
std::shared_ptr<const void> partition_state(capnp::StructSchema schema, const char* field);
uint64_t partition_hash(const void* state, const Block& block);

}  // namespace detail
}  // namespace isola
