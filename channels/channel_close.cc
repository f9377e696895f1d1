// The end of a channel: closing, the uses of its sides, and what becomes of what is left.
#include <isola/channels/channel_core.h>
#include <isola/channels/end.h>
#include <isola/channels/table.h>
#include <isola/serialization/check.h>
#include <isola/serialization/program_memory.h>

#include <unistd.h>

#include <new>
#include <utility>

namespace isola::detail {

ChannelCore::~ChannelCore() {
  if (table_ != nullptr) table_->remove(*this);
  if (Drain* drain = drain_.load(sync::memory_order_acquire)) {
    while (Block* block = drain->take()) release(block);
    delete drain;
  }
  release_partitions();
  if (dead_letters_ != nullptr) {
    dead_letters_->drop_use(Side::send);
    dead_letters_->drop();
  }
  for (auto& error : errors_)
    if (Block* record = error.load(sync::memory_order_acquire)) release_slow(record);
  if (fd_ >= 0) ::close(fd_);
  pool_.drop();
}

void ChannelCore::release_partitions() {
  for (ChannelCore* partition : std::exchange(partitions_, {})) {
    partition->drop_use(Side::send);
    partition->drop();
  }
}

void ChannelCore::stop_sending(After& after) {
  if (send_closed_) return;
  send_closed_ = true;
  after.wake.claim_all(waiting_senders_, Outcome::closed);
  // Invariant 1: if a receiver waits there is nothing to drain first.
  after.wake.claim_all(waiting_receivers_, Outcome::closed);
  // From now on receivers take no lock. Without memory for that they go on as before.
  try {
    const ProgramMemory program;
    auto drain = std::make_unique<Drain>(queue_.size());
    queue_.filter([&](Block* block) {
      drain->add(block, block->envelope.sender, block->item_policy);
      return nullptr;
    });
    drain_.store(drain.release(), sync::memory_order_release);
  } catch (const std::bad_alloc&) {
  }
  update_readable();
}

void ChannelCore::stop_receiving(After& after) {
  receive_closed_ = true;
  stop_sending(after);
  const auto drop = [&](Block* block) {
    ++dropped_;
    after.gone.push(block);
    return nullptr;
  };
  queue_.filter(drop);
  if (Drain* drain = drain_.load(sync::memory_order_relaxed))
    while (Block* block = drain->take()) drop(block);
}

Error ChannelCore::close_send() {
  for (ChannelCore* partition : partitions_) (void)partition->close_send();
  After after(*this);
  Guard lock(*this);
  if (send_closed_) {
    lock.unlock();
    return error(Code::channel_closed);
  }
  stop_sending(after);
  return Error();
}

Error ChannelCore::close(Force force, uint64_t& dropped) {
  After after(*this);
  Guard lock(*this);
  const Drain* drain = drain_.load(sync::memory_order_relaxed);
  const size_t left = queue_.size() + (drain != nullptr ? drain->left() : 0);
  if (receive_closed_ || (left > 0 && force == Force::no)) {
    const Code code = receive_closed_ ? Code::channel_closed : Code::channel_not_empty;
    lock.unlock();
    return error(code);
  }
  const uint64_t dropped_before = dropped_;
  stop_receiving(after);
  dropped += dropped_ - dropped_before;
  return Error();
}

void ChannelCore::isolate_gone(uint64_t isolate_id) {
  After after(*this);
  // What takes the place of an item, by its policy; nullptr: nothing does.
  const auto replaced = [&](uint8_t policy, uint64_t sender) -> Block* {
    if (static_cast<OwnerGone>(policy) == OwnerGone::drop) return nullptr;
    Block* marker = pool_.take(0, true);
    marker->clear_arena();
    marker->type = options_.type;
    marker->envelope.sender = sender;
    make_marker(*marker);
    if (static_cast<OwnerGone>(policy) == OwnerGone::error) marker->flags |= Block::kOwnerError;
    marker->set_state(BlockState::queued);
    return marker;
  };
  Guard lock(*this);
  queue_.filter([&](Block* block) {
    const uint8_t policy = block->item_policy;
    if (block->envelope.sender != isolate_id || policy == 0 ||
        (block->flags & (Block::kMarker | Block::kOwnerError)) != 0)
      return block;
    Block* with = replaced(policy, isolate_id);
    if (with != nullptr) with->queued_ms = block->queued_ms;
    if (with == nullptr) ++dropped_;
    if (carries_ends(*block)) count_own_ends(*block, +1, after);
    after.gone.push(block);
    return with;
  });
  if (Drain* drain = drain_.load(sync::memory_order_relaxed))
    dropped_ += drain->for_items_of(isolate_id, replaced, after.gone);
  admit_senders(after);
  update_readable();
}

// --- uses and ends ------------------------------------------------------------------------------

void ChannelCore::change_uses(Side side, int change, After& after) {
  size_t& uses = side == Side::send ? senders_ : receivers_;
  uses += static_cast<size_t>(change);
  if (uses > 0) return;
  if (side == Side::send) {
    stop_sending(after);
    after.no_senders = true;
  } else {
    stop_receiving(after);  // nobody can receive any more
  }
}

void ChannelCore::add_use(Side side) {
  After after(*this);
  Guard lock(*this);
  change_uses(side, +1, after);
}

void ChannelCore::drop_use(Side side) {
  After after(*this);
  Guard lock(*this);
  change_uses(side, -1, after);
}

void ChannelCore::add_end(EndResource& end) {
  retain();
  After after(*this);
  Guard lock(*this);
  end.next_end_ = first_end_;
  if (first_end_ != nullptr) first_end_->previous_end_ = &end;
  first_end_ = &end;
  change_uses(end.side(), +1, after);
}

void ChannelCore::remove_end(EndResource& end) {
  {
    After after(*this);
    Guard lock(*this);
    (end.previous_end_ != nullptr ? end.previous_end_->next_end_ : first_end_) = end.next_end_;
    if (end.next_end_ != nullptr) end.next_end_->previous_end_ = end.previous_end_;
    if (!end.dormant_) change_uses(end.side(), -1, after);
  }
  drop();
}

void ChannelCore::set_owner(EndResource& end, uint64_t isolate_id, bool in_transit) {
  Guard lock(*this);
  end.isolate_id_ = isolate_id;
  end.in_transit_ = in_transit;
  end.used_ = false;
}

void ChannelCore::count_own_ends(Block& block, int change, After& after) {
  for_each_attached_end(block, [&](EndResource& end) {
    if (&end.core() != this || end.side() != Side::receive || end.dormant_ == (change < 0)) return;
    end.dormant_ = change < 0;
    change_uses(Side::receive, change, after);
  });
}

// --- what is seen from outside ------------------------------------------------------------------

size_t ChannelCore::size() const {
  if (const Drain* drain = drain_.load(sync::memory_order_acquire)) return drain->left();
  Guard lock(*this);
  // It may have been closed since we looked.
  const Drain* drain = drain_.load(sync::memory_order_acquire);
  return drain != nullptr ? drain->left() : queue_.size();
}

bool ChannelCore::closed() const {
  return closed_for_sends() && size() == 0;
}

bool ChannelCore::closed_for_sends() const {
  if (drain_.load(sync::memory_order_acquire) != nullptr) return true;
  Guard lock(*this);
  return send_closed_;
}

}  // namespace isola::detail
