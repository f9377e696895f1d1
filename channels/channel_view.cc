// What of a channel is seen from outside: its state, its errors, its file descriptor.
#include <isola/channels/channel_core.h>
#include <isola/channels/end.h>
#include <isola/channels/ledger.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace isola::detail {

bool ChannelCore::full() const {
  Guard lock(*this);
  const Capacity& capacity = options_.capacity;
  if (send_closed_) return false;
  if (capacity.kind() == Capacity::Kind::bounded && queue_.size() >= *capacity.items()) return true;
  return capacity.bytes() && queue_.bytes() >= *capacity.bytes();
}

std::string ChannelCore::label() const {
  return options_.name.empty() ? "channel #" + std::to_string(id_)
                               : "channel \"" + options_.name + "\"";
}

Error ChannelCore::error(Code code) const {
  // Those that a program polls for are made once for each channel.
  static constexpr Code kPolled[] = {Code::channel_closed, Code::channel_empty, Code::channel_full};
  static_assert(std::size(kPolled) == std::extent_v<decltype(errors_)>);
  const auto* polled = std::find(std::begin(kPolled), std::end(kPolled), code);
  if (polled == std::end(kPolled)) return make_record(code);
  sync::atomic<Block*>& kept = errors_[polled - std::begin(kPolled)];
  Block* record = kept.load(sync::memory_order_acquire);
  if (record == nullptr) {
    Error made = make_record(code);
    Block* own = made.record_block();
    own->retain();
    if (!kept.compare_exchange_strong(record, own, sync::memory_order_acq_rel)) release_slow(own);
    return made;
  }
  record->retain();
  return Error(code, record);
}

Error ChannelCore::make_record(Code code) const {
  // "the channel is empty" becomes `channel "results" is empty`.
  constexpr std::string_view kUnnamed = "the channel";
  std::string text(explain(code));
  if (text.rfind(kUnnamed, 0) == 0)
    text.replace(0, kUnnamed.size(), label());
  else
    text += " (" + label() + ")";
  return make_error(pool_, code, isola::name(code), text, {});
}

int ChannelCore::readable_fd() {
  Guard lock(*this);
  if (fd_ < 0) {
    fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd_ >= 0 && receivable_.load(sync::memory_order_relaxed)) (void)::eventfd_write(fd_, 1);
  }
  return fd_;
}

void ChannelCore::set_readable(bool readable) {
  receivable_.store(readable, sync::memory_order_relaxed);
  if (fd_ < 0) return;
  eventfd_t value = 0;
  (void)(readable ? ::eventfd_write(fd_, 1) : ::eventfd_read(fd_, &value));
}

void ChannelCore::describe(ChannelInfo& info) const {
  info.id = id_;
  info.name = options_.name;
  info.type = options_.type != nullptr ? options_.type->name() : std::string();
  info.capacity = options_.capacity;
  Guard lock(*this);
  const Drain* drain = drain_.load(sync::memory_order_acquire);
  info.size = drain != nullptr ? drain->left() : queue_.size();
  info.bytes = queue_.bytes();
  if (const Block* oldest = queue_.first()) info.oldest_ms = coarse_ms(clock_) - oldest->queued_ms;
  info.send_closed = send_closed_;
  info.closed = send_closed_ && info.size == 0;
  info.sent = sent_;
  info.dropped = dropped_;
  info.locks = locks_;
  for (const EndResource* end = first_end_; end != nullptr; end = end->next_end_) {
    SideInfo& side = end->side() == Side::send ? info.send : info.receive;
    if (end->in_transit_) {
      ++side.in_transit;
      continue;
    }
    side.holders.push_back(end->isolate_id_);
    if (end->used_.load(sync::memory_order_relaxed)) side.users.push_back(end->isolate_id_);
  }
  for (auto* side : {&info.send, &info.receive}) {
    for (auto* ids : {&side->holders, &side->users}) {
      std::sort(ids->begin(), ids->end());
      ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    }
  }
  const auto note = [](SideInfo& side) {
    return [&side](const Waiter& waiter) {
      side.waiting.push_back({waiter.isolate_id(), waiter.has_limit()});
    };
  };
  waiting_senders_.for_each(note(info.send));
  waiting_receivers_.for_each(note(info.receive));
  info.uses_without_handle = senders_ + receivers_;
  for (const EndResource* end = first_end_; end != nullptr; end = end->next_end_)
    if (!end->dormant_) --info.uses_without_handle;
}

}  // namespace isola::detail
