// The core of a channel: an untyped queue of blocks, with those who wait on either side.
//
// Each core has its own lock, held for a few instructions and never while waiting, waking others or
// releasing messages. No lock is shared by all channels. Once the send side is closed, draining
// takes no lock at all.
//
// Thread safety: any thread, any fiber.
// Invariants: 1. If a receiver waits, nothing can be received; if a sender waits, the block of the
//                first one does not fit.
//             2. A block is owned by exactly one of: its sender (until send succeeds), the queue,
//                its receiver.
//             3. The core is destroyed when its last reference is dropped. Its ends hold one each.
//             4. A receive end that waits in its own channel does not count as a receiver: a
//                channel that only it could empty is closed.
#pragma once

#include <isola/channels/capacity.h>
#include <isola/channels/drain.h>
#include <isola/channels/item_queue.h>
#include <isola/channels/waiter.h>
#include <isola/context/clock.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/sync.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace isola {

struct ChannelInfo;

namespace detail {

class ChannelCore;
class ChannelTable;
class EndResource;
class FieldKey;
class Selector;
using ::isola::Side;

struct CoreOptions {
  Capacity capacity;
  std::string name{};
  const MessageType* type = nullptr;
  Overflow overflow = Overflow::wait;
  OwnerGone owner_gone = OwnerGone::keep;
  std::shared_ptr<const FieldKey> key = nullptr;  // of Overflow::keep_latest
};

// Milliseconds of the clock's coarse time, modulo 2^32 (49 days).
uint32_t coarse_ms(const Clock& clock);

// On cache lines of its own, as those that are made with it are used elsewhere.
class alignas(64) ChannelCore : public InProgramMemory {
 public:
  // How an operation ended that does not wait.
  enum class Attempt : uint8_t { done, would_wait, closed, owner_gone };

  // Made without ends and with one reference for the caller. `table` may be null.
  // `dead_letters`: where what finds no room goes, or nullptr.
  ChannelCore(Pool& pool, std::shared_ptr<ChannelTable> table, CoreOptions options,
              const EndResource* dead_letters = nullptr);
  void retain() { references_.fetch_add(1, sync::memory_order_relaxed); }
  // False if it is being destroyed.
  bool try_retain();
  void drop();

  // Sends to one of `partitions` by the hash of a field, instead of to a queue of its own; takes
  // one use of the send side of each. REQUIRES: before the first send.
  void partition(std::vector<ChannelCore*> partitions, std::shared_ptr<const FieldKey> key);
  // The core that a message goes to: this one, or a partition.
  ChannelCore& route(const Block& block);

  // An error leaves the block with the caller. `wait` false: never blocks. `policy`: for this item,
  // or nothing: the channel's.
  Error send(Block* block, bool wait, int64_t deadline_ns, const OwnerGone* policy = nullptr);
  // Success fills `block`.
  Error receive(Block*& block, bool wait, int64_t deadline_ns);

  // The send side: no more sends; what is queued can still be received.
  Error close_send();
  // Both sides. Refused with channel_not_empty when items are queued, unless forced: then they are
  // dropped, and their number added to `dropped`.
  Error close(Force force, uint64_t& dropped);
  // The isolate is gone: its items are treated by their policies.
  void isolate_gone(uint64_t isolate_id);

  // Uses of a side; the last one that goes closes it.
  void add_use(Side side);
  void drop_use(Side side);
  // As add_use and drop_use, for a handle, which the ledger lists.
  void add_end(EndResource& end);
  void remove_end(EndResource& end);
  void set_owner(EndResource& end, uint64_t isolate_id, bool in_transit);

  // Readable for epoll and its like when a receive would not wait; -1 with an error in errno. The
  // core's own: it lives as long as the channel.
  int readable_fd();

  Pool& pool() const { return pool_; }
  const std::string& name() const { return options_.name; }
  const MessageType* type() const { return options_.type; }
  const Capacity& capacity() const { return options_.capacity; }
  // Numbered in the order of creation in a System, never used again; 0 outside of one.
  uint64_t id() const { return id_; }
  size_t size() const;
  bool full() const;
  // True if nothing can be received any more, now or ever.
  bool closed() const;
  bool closed_for_sends() const;
  // `channel "results"`, or "channel #7".
  std::string label() const;
  // An error that names this channel: `channel "results" is empty`.
  Error error(Code code) const;
  void describe(ChannelInfo& info) const;
  // A hint, without the lock: whether a receive would not wait.
  bool looks_receivable() const { return receivable_.load(sync::memory_order_relaxed); }

 private:
  friend class ChannelTable;
  friend class Selector;

  // Takes the lock and counts that.
  class Guard {
   public:
    explicit Guard(const ChannelCore& core) : lock_(core.mutex_) { ++core.locks_; }
    void unlock() { lock_.unlock(); }

   private:
    sync::UniqueLock lock_;
  };
  // What is to be done after the lock was dropped; declared before the Guard.
  struct After {
    explicit After(ChannelCore& owner) : core(owner) {}
    ~After() {
      if (!gone.empty() || !dead.empty()) core.release_blocks(*this);
      if (no_senders) [[unlikely]]
        core.release_partitions();
    }
    ChannelCore& core;
    BlockList gone;           // to be released
    BlockList dead;           // dropped for lack of room: to the dead letters, if there are any
    bool no_senders = false;  // the last use of the send side is gone
    ToWake wake;
  };

  ~ChannelCore();
  Attempt try_send(Block* block, uint8_t policy, After& after);
  Attempt try_receive(Block*& block, After& after);
  Attempt take_drained(Block*& block);
  Error receive_drained(Block*& block);
  // The ones below are called with mutex_ held.
  bool room_for(const Block& block) const {
    return queue_.size() < items_max_ && (bytes_max_ == UINT64_MAX || bytes_for(block));
  }
  bool bytes_for(const Block& block) const;
  void push(Block* block, uint8_t policy, After& after);
  void stamp_queued(Block& block, uint8_t policy);
  void discard(Block* block, After& after);
  void overflow(Block* block, uint8_t policy, After& after);
  void replaced(Block* block, Block* older, uint8_t policy, After& after);
  void admit_senders(After& after) {
    if (!waiting_senders_.empty()) [[unlikely]]
      admit_waiting(after);
  }
  void admit_waiting(After& after);
  void stop_sending(After& after);
  void stop_receiving(After& after);
  void change_uses(Side side, int change, After& after);
  void count_own_ends(Block& block, int change, After& after);
  void update_readable() {
    const bool now = queue_.size() > 0 || send_closed_ || !waiting_senders_.empty();
    if (now != receivable_.load(sync::memory_order_relaxed)) [[unlikely]]
      set_readable(now);
  }
  void set_readable(bool readable);
  // Without the lock.
  void release_blocks(After& after);
  void release_partitions();
  Error failure(Attempt attempt, bool sending) const;
  Error make_record(Code code) const;

  Pool& pool_;
  const std::shared_ptr<ChannelTable> table_;
  const CoreOptions options_;
  const Clock& clock_;
  const size_t items_max_;    // 0: a rendezvous; SIZE_MAX: unbounded
  const uint64_t bytes_max_;  // UINT64_MAX: any
  ChannelCore* const dead_letters_;  // a use of its send side is ours
  uint64_t id_ = 0;
  ChannelCore* next_ = nullptr;  // in the table, under its lock
  ChannelCore* previous_ = nullptr;
  sync::atomic<uint32_t> references_{1};

  std::vector<ChannelCore*> partitions_;
  std::shared_ptr<const FieldKey> partition_key_;

  mutable sync::Mutex mutex_;  // guards the rest, but for what is atomic
  mutable uint64_t locks_ = 0;
  ItemQueue queue_;
  WaiterQueue waiting_senders_;
  WaiterQueue waiting_receivers_;
  size_t senders_ = 0;
  size_t receivers_ = 0;
  bool send_closed_ = false;
  bool receive_closed_ = false;
  uint64_t sent_ = 0;
  uint32_t stamp_ms_ = 0;  // see stamp_queued
  uint64_t dropped_ = 0;
  EndResource* first_end_ = nullptr;
  int fd_ = -1;
  sync::atomic<bool> receivable_{false};
  // What is left once the send side is closed; made then, and never changed.
  sync::atomic<Drain*> drain_{nullptr};
  mutable sync::atomic<Block*> errors_[3] = {};  // see error
};

}  // namespace detail
}  // namespace isola
