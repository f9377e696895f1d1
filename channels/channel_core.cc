// The operations of a channel under its lock.
#include "channel_core.h"

#include <isola/serialization/check.h>

#include <utility>

namespace isola {

Capacity bounded(size_t items) {
  ISOLA_REQUIRE(items, >=, size_t{1});
  ISOLA_REQUIRE(items, <=, kChannelItemsMax);
  return Capacity(items);
}

namespace detail {

// --- the table ----------------------------------------------------------------------------------

void ChannelTable::add(ChannelCore& core) {
  sync::Lock lock(mutex_);
  core.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &core;
  first_ = &core;
  ++size_;
  core.id_ = ++last_id_;
}

void ChannelTable::remove(ChannelCore& core) {
  sync::Lock lock(mutex_);
  (core.previous_ != nullptr ? core.previous_->next_ : first_) = core.next_;
  if (core.next_ != nullptr) core.next_->previous_ = core.previous_;
  --size_;
}

void ChannelTable::close_all() {
  // A core that is being destroyed waits in remove() for this lock, so each one here is alive.
  sync::Lock lock(mutex_);
  for (ChannelCore* core = first_; core != nullptr; core = core->next_) {
    uint64_t dropped = 0;
    (void)core->close_receive(true, dropped);
  }
}

size_t ChannelTable::size() const {
  sync::Lock lock(mutex_);
  return size_;
}

// --- the core -----------------------------------------------------------------------------------

// Blocks to release and waiters to wake once the lock is dropped: a wake-up or the failing of a
// reply may take other locks.
struct ChannelCore::Gone {
  Block* blocks = nullptr;
  std::vector<Waiter*> waiters;

  void claim_all(WaiterQueue& queue, Outcome how) {
    while (Waiter* waiter = queue.claim_first(how)) waiters.push_back(waiter);
  }
  ~Gone() {
    for (Waiter* waiter : waiters) waiter->wake();
    while (blocks != nullptr) {
      Block* next = blocks->next;
      release(blocks);
      blocks = next;
    }
  }
};

ChannelCore::ChannelCore(Pool& pool, std::shared_ptr<ChannelTable> table, Capacity capacity,
                         std::string name)
    : pool_(pool), table_(std::move(table)), capacity_(capacity.items()), name_(std::move(name)) {
  pool_.hold();
  if (table_ != nullptr) table_->add(*this);
}

ChannelCore::~ChannelCore() {
  if (table_ != nullptr) table_->remove(*this);
  ISOLA_CHECK(size_, ==, 0u);
  for (ChannelCore* partition : partitions_) partition->release_sender();
  pool_.drop();
}

void ChannelCore::partition(std::vector<ChannelCore*> partitions,
                            uint64_t (*hash)(const void*, const Block&),
                            std::shared_ptr<const void> hash_state) {
  ISOLA_REQUIRE(partitions.empty(), ==, false);
  partitions_ = std::move(partitions);
  hash_ = hash;
  hash_state_ = std::move(hash_state);
}

Block* ChannelCore::pop_locked() {
  Block* block = head_;
  head_ = block->next;
  if (head_ == nullptr) tail_ = nullptr;
  --size_;
  block->next = nullptr;
  return block;
}

void ChannelCore::push_locked(Block* block) {
  block->next = nullptr;
  block->set_state(BlockState::queued);
  (tail_ != nullptr ? tail_->next : head_) = block;
  tail_ = block;
  ++size_;
}

Error ChannelCore::send(Block* block, bool wait, int64_t deadline_ns) {
  if (!partitions_.empty()) {
    const uint64_t index = hash_(hash_state_.get(), *block) % partitions_.size();
    return partitions_[index]->send(block, wait, deadline_ns);
  }
  sync::UniqueLock lock(mutex_);
  if (send_closed_) return Error(Code::channel_closed);
  if (Waiter* receiver = waiting_receivers_.claim_first(Outcome::completed)) {
    receiver->block = block;
    lock.unlock();
    receiver->wake();
    return Error();
  }
  if (size_ < capacity_) {
    push_locked(block);
    return Error();
  }
  if (!wait) return Error(Code::channel_full);
  Waiter self;
  self.block = block;
  waiting_senders_.push(self);
  lock.unlock();
  const Outcome outcome = self.wait(deadline_ns, WaitsFor::send, id_, name_);
  if (outcome == Outcome::completed) return Error();
  lock.lock();
  waiting_senders_.remove(self);
  lock.unlock();
  return unsuccessful(outcome);
}

Error ChannelCore::receive(Block*& block, bool wait, int64_t deadline_ns) {
  sync::UniqueLock lock(mutex_);
  if (size_ > 0) {
    block = pop_locked();
    Waiter* sender = waiting_senders_.claim_first(Outcome::completed);
    if (sender != nullptr) push_locked(sender->block);
    lock.unlock();
    if (sender != nullptr) sender->wake();
    block->set_state(BlockState::delivered);
    return Error();
  }
  if (send_closed_ || receive_closed_) return Error(Code::channel_closed);
  if (!wait) return Error(Code::channel_empty);
  Waiter self;
  waiting_receivers_.push(self);
  lock.unlock();
  const Outcome outcome = self.wait(deadline_ns, WaitsFor::receive, id_, name_);
  if (outcome == Outcome::completed) {
    block = self.block;
    block->set_state(BlockState::delivered);
    return Error();
  }
  lock.lock();
  waiting_receivers_.remove(self);
  lock.unlock();
  return unsuccessful(outcome);
}

void ChannelCore::close_send_locked(Gone& gone) {
  send_closed_ = true;
  gone.claim_all(waiting_senders_, Outcome::closed);
  // Invariant 1: if a receiver waits there is nothing to drain first.
  gone.claim_all(waiting_receivers_, Outcome::closed);
}

void ChannelCore::drop_items_locked(Gone& gone) {
  gone.blocks = head_;
  head_ = tail_ = nullptr;
  size_ = 0;
}

Error ChannelCore::close_send() {
  for (ChannelCore* partition : partitions_) (void)partition->close_send();
  Gone gone;
  sync::Lock lock(mutex_);
  if (send_closed_) return Error(Code::channel_closed);
  close_send_locked(gone);
  return Error();
}

Error ChannelCore::close_receive(bool force, uint64_t& dropped) {
  Gone gone;
  sync::Lock lock(mutex_);
  if (receive_closed_) return Error(Code::channel_closed);
  if (size_ > 0 && !force) return Error(Code::channel_not_empty);
  receive_closed_ = true;
  close_send_locked(gone);
  dropped += size_;
  drop_items_locked(gone);
  return Error();
}

void ChannelCore::add_sender() {
  sync::Lock lock(mutex_);
  ++senders_;
}

void ChannelCore::add_receiver() {
  sync::Lock lock(mutex_);
  ++receivers_;
}

void ChannelCore::release_sender() {
  bool last = false;
  {
    Gone gone;
    sync::Lock lock(mutex_);
    if (--senders_ == 0) close_send_locked(gone);
    last = abandoned();
  }
  if (last) delete this;
}

void ChannelCore::release_receiver() {
  bool last = false;
  {
    Gone gone;
    sync::Lock lock(mutex_);
    if (--receivers_ == 0) {
      // Nobody can receive any more: what is queued is dropped, senders are told.
      receive_closed_ = true;
      close_send_locked(gone);
      drop_items_locked(gone);
    }
    last = abandoned();
  }
  if (last) delete this;
}

size_t ChannelCore::size() const {
  sync::Lock lock(mutex_);
  return size_;
}

bool ChannelCore::closed() const {
  sync::Lock lock(mutex_);
  return send_closed_ && size_ == 0;
}

}  // namespace detail
}  // namespace isola
