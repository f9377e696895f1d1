// Sending and receiving: the operations of a channel under its lock.
#include "channel_core.h"

#include <isola/channels/end.h>
#include <isola/channels/field_key.h>
#include <isola/channels/table.h>
#include <isola/serialization/check.h>

#include <utility>

namespace isola::detail {

namespace {

const Clock& clock_of(const std::shared_ptr<ChannelTable>& table) {
  if (table != nullptr) return table->clock();
  return SteadyClock::instance();
}

size_t items_max(const Capacity& capacity) {
  if (capacity.kind() == Capacity::Kind::unbounded) return SIZE_MAX;
  return capacity.items().value_or(0);
}

}  // namespace

uint32_t coarse_ms(const Clock& clock) {
  return static_cast<uint32_t>(clock.coarse_now_ns() / 1'000'000);
}

ChannelCore::ChannelCore(Pool& pool, std::shared_ptr<ChannelTable> table, CoreOptions options,
                         const EndResource* dead_letters)
    : pool_(pool),
      table_(std::move(table)),
      options_(std::move(options)),
      clock_(clock_of(table_)),
      items_max_(items_max(options_.capacity)),
      bytes_max_(options_.capacity.bytes().value_or(UINT64_MAX)),
      dead_letters_(dead_letters != nullptr ? &dead_letters->core() : nullptr),
      queue_(options_.overflow == Overflow::keep_latest ? options_.key : nullptr) {
  pool_.hold();
  if (dead_letters_ != nullptr) {
    dead_letters_->retain();
    dead_letters_->add_use(Side::send);
  }
  if (table_ != nullptr) table_->add(*this);
}

bool ChannelCore::try_retain() {
  uint32_t count = references_.load(sync::memory_order_relaxed);
  while (count != 0)
    if (references_.compare_exchange_weak(count, count + 1, sync::memory_order_relaxed))
      return true;
  return false;
}

void ChannelCore::drop() {
  if (references_.fetch_sub(1, sync::memory_order_acq_rel) == 1) delete this;
}

void ChannelCore::partition(std::vector<ChannelCore*> partitions,
                            std::shared_ptr<const FieldKey> key) {
  ISOLA_REQUIRE(partitions.empty(), ==, false);
  partitions_ = std::move(partitions);
  partition_key_ = std::move(key);
  for (ChannelCore* partition : partitions_) partition->retain();
}

ChannelCore& ChannelCore::route(const Block& block) {
  if (partitions_.empty()) return *this;
  return *partitions_[partition_key_->hash(block) % partitions_.size()];
}

// --- under the lock -----------------------------------------------------------------------------

bool ChannelCore::bytes_for(const Block& block) const {
  // One that is larger than all that may wait passes alone.
  return queue_.size() == 0 || (queue_.bytes() <= bytes_max_ &&
                                block.held_bytes() <= bytes_max_ - queue_.bytes());
}

void ChannelCore::stamp_queued(Block& block, uint8_t policy) {
  // A look at the clock costs as much as the rest of a send, so in a queue that is never empty
  // only every eighth takes one.
  if (queue_.size() == 0 || (sent_ & 7) == 0) stamp_ms_ = coarse_ms(clock_);
  block.queued_ms = stamp_ms_;
  block.item_policy = policy;
  block.set_state(BlockState::queued);
}

inline void ChannelCore::push(Block* block, uint8_t policy, After& after) {
  stamp_queued(*block, policy);
  if (carries_ends(*block)) [[unlikely]]
    count_own_ends(*block, -1, after);
  if (!receive_closed_) [[likely]]
    queue_.push(block);
  else
    after.gone.push(block);  // it carried the last receive end
}

void ChannelCore::discard(Block* block, After& after) {
  if (carries_ends(*block)) [[unlikely]]
    count_own_ends(*block, +1, after);
  after.dead.push(block);
  ++dropped_;
}

void ChannelCore::overflow(Block* block, uint8_t policy, After& after) {
  if (options_.overflow != Overflow::drop_newest) {
    while (queue_.size() > 0 && !room_for(*block)) discard(queue_.pop(), after);
    if (room_for(*block)) return push(block, policy, after);
  }
  after.dead.push(block);
  ++dropped_;
}

void ChannelCore::replaced(Block* block, Block* older, uint8_t policy, After& after) {
  stamp_queued(*block, policy);
  discard(older, after);
  if (carries_ends(*block)) [[unlikely]]
    count_own_ends(*block, -1, after);
  // A larger one in the place of a smaller one.
  while (queue_.size() > 1 && queue_.bytes() > bytes_max_) discard(queue_.pop(), after);
}

void ChannelCore::admit_waiting(After& after) {
  while (WaitNode* sender = waiting_senders_.first_waiting()) {
    if (!room_for(*sender->block)) return;
    if (!waiting_senders_.claim(*sender, Outcome::completed)) continue;
    push(sender->block, sender->item_policy, after);
    ++sent_;
    after.wake.add(sender);
  }
}

ChannelCore::Attempt ChannelCore::try_send(Block* block, uint8_t policy, After& after) {
  if (send_closed_) return Attempt::closed;
  if (WaitNode* receiver = waiting_receivers_.claim_first(Outcome::completed)) {
    receiver->block = block;
    block->set_state(BlockState::delivered);
    after.wake.add(receiver);
  } else if (Block* older = queue_.replace(block)) {
    replaced(block, older, policy, after);
  } else if (room_for(*block) && waiting_senders_.first_waiting() == nullptr) {
    push(block, policy, after);
  } else if (options_.overflow == Overflow::wait || options_.overflow == Overflow::fail) {
    return Attempt::would_wait;
  } else {
    overflow(block, policy, after);
  }
  ++sent_;
  update_readable();
  return Attempt::done;
}

ChannelCore::Attempt ChannelCore::try_receive(Block*& block, After& after) {
  if (queue_.size() > 0) {
    block = queue_.pop();
    if (carries_ends(*block)) count_own_ends(*block, +1, after);
    admit_senders(after);
  } else if (WaitNode* sender = waiting_senders_.claim_first(Outcome::completed)) {
    block = sender->block;  // a rendezvous
    ++sent_;
    after.wake.add(sender);
  } else {
    return send_closed_ ? Attempt::closed : Attempt::would_wait;
  }
  update_readable();
  if ((block->flags & Block::kOwnerError) != 0) [[unlikely]] {
    after.gone.push(std::exchange(block, nullptr));
    return Attempt::owner_gone;
  }
  block->set_state(BlockState::delivered);
  return Attempt::done;
}

// --- without the lock ---------------------------------------------------------------------------

Error ChannelCore::send(Block* block, bool wait, int64_t deadline_ns, const OwnerGone* policy) {
  if (!partitions_.empty()) return route(*block).send(block, wait, deadline_ns, policy);
  const auto item_policy = static_cast<uint8_t>(policy != nullptr ? *policy : options_.owner_gone);
  if (item_policy != 0) [[unlikely]]
    note_sender(*this);
  After after(*this);
  Guard lock(*this);
  const Attempt attempt = try_send(block, item_policy, after);
  if (attempt == Attempt::done) return Error();
  if (attempt == Attempt::closed || !wait || options_.overflow == Overflow::fail) {
    lock.unlock();
    return failure(attempt, true);
  }
  Waiter self(deadline_ns);
  self.block = block;
  self.item_policy = item_policy;
  waiting_senders_.push(self);
  update_readable();
  lock.unlock();
  const Outcome outcome = self.wait(WaitsFor::send, id_, name());
  if (outcome == Outcome::completed) return Error();
  Guard again(*this);
  waiting_senders_.remove(self);
  admit_senders(after);  // what waited behind it may fit where it did not
  update_readable();
  again.unlock();
  if (outcome == Outcome::closed) return error(Code::channel_closed);
  return unsuccessful(outcome);
}

Error ChannelCore::receive(Block*& block, bool wait, int64_t deadline_ns) {
  if (drain_.load(sync::memory_order_acquire) != nullptr) return receive_drained(block);
  After after(*this);
  Guard lock(*this);
  const Attempt attempt = try_receive(block, after);
  if (attempt == Attempt::done) return Error();
  if (attempt != Attempt::would_wait || !wait) {
    lock.unlock();
    // Closed since we looked: what was left moved into the drain.
    if (attempt == Attempt::closed && drain_.load(sync::memory_order_acquire) != nullptr)
      return receive_drained(block);
    return failure(attempt, false);
  }
  Waiter self(deadline_ns);
  waiting_receivers_.push(self);
  lock.unlock();
  const Outcome outcome = self.wait(WaitsFor::receive, id_, name());
  if (outcome == Outcome::completed) {
    block = self.block;
    return Error();
  }
  Guard again(*this);
  waiting_receivers_.remove(self);
  again.unlock();
  if (outcome == Outcome::closed) return error(Code::channel_closed);
  return unsuccessful(outcome);
}

Error ChannelCore::receive_drained(Block*& block) {
  const Attempt attempt = take_drained(block);
  return attempt == Attempt::done ? Error() : failure(attempt, false);
}

ChannelCore::Attempt ChannelCore::take_drained(Block*& block) {
  block = drain_.load(sync::memory_order_acquire)->take();
  if (block == nullptr) return Attempt::closed;
  if (carries_ends(*block)) [[unlikely]] {
    After after(*this);
    Guard lock(*this);
    count_own_ends(*block, +1, after);
  }
  if ((block->flags & Block::kOwnerError) != 0) [[unlikely]] {
    release(std::exchange(block, nullptr));
    return Attempt::owner_gone;
  }
  block->set_state(BlockState::delivered);
  return Attempt::done;
}

Error ChannelCore::failure(Attempt attempt, bool sending) const {
  switch (attempt) {
    case Attempt::closed:
      return error(Code::channel_closed);
    case Attempt::owner_gone:
      return error(Code::item_owner_destroyed);
    case Attempt::would_wait:
      return error(sending ? Code::channel_full : Code::channel_empty);
    case Attempt::done:
      break;
  }
  return Error();
}

void ChannelCore::release_blocks(After& after) {
  while (!after.gone.empty()) release(after.gone.pop());
  while (!after.dead.empty()) {
    Block* block = after.dead.pop();
    // Never waits: dead letters that find no room are dropped for good.
    if (dead_letters_ == nullptr || dead_letters_->send(block, false, kNoDeadline, nullptr))
      release(block);
  }
}

}  // namespace isola::detail
