// Ends: the handles through which a channel is used.
//
// An end belongs to the isolate that made it or was given it, and is released with that isolate,
// also if no destructor runs; the ledger lists who holds which. An end can be attached to a message
// and is then nobody's until it is received: Message::attach, Delivery::attached.
// Thread safety: one handle, one thread at a time.
#pragma once

#include <isola/channels/channel_core.h>
#include <isola/channels/resource.h>
#include <isola/serialization/attachment.h>
#include <isola/serialization/error.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace isola::detail {

// What an end's handle points to, in the runtime's memory.
class EndResource final : public Resource {
 public:
  // Belongs to the running isolate; `in_transit`: to nobody.
  EndResource(ChannelCore& core, Side side, bool in_transit = false);
  ChannelCore& core() const { return core_; }
  Side side() const { return side_; }
  void release_resource() override { core_.remove_end(*this); }
  // Notes that the isolate that holds this end uses it.
  void note_use() {
    if (!used_.load(sync::memory_order_relaxed)) used_.store(true, sync::memory_order_relaxed);
  }
  // Makes `list`'s isolate the owner; nullptr: none.
  void transfer(ResourceList* list, bool in_transit = false);

 private:
  friend class ChannelCore;
  ChannelCore& core_;
  const Side side_;
  sync::atomic<bool> used_{false};
  // Under the core's lock:
  bool in_transit_ = false;
  bool dormant_ = false;  // invariant 4 of the core
  uint64_t isolate_id_ = 0;
  EndResource* next_end_ = nullptr;
  EndResource* previous_end_ = nullptr;
};

// A handle to an end, or to nothing.
class End {
 public:
  End() = default;
  End(ChannelCore& core, Side side) : resource_(new EndResource(core, side)) {}
  // An end whose operations all fail with this code.
  explicit End(Code broken) : broken_(broken) {}
  End(End&& other) noexcept
      : resource_(std::exchange(other.resource_, nullptr)), broken_(other.broken_) {}
  End& operator=(End&& other) noexcept {
    std::swap(resource_, other.resource_);
    std::swap(broken_, other.broken_);
    return *this;
  }
  ~End() { release(); }

  // False when default-made, moved from, released, or not found.
  explicit operator bool() const { return resource_ != nullptr; }
  // Gives up this handle. Idempotent.
  void release();
  // Makes `list`'s isolate the owner; nullptr: none.
  void transfer(ResourceList* list) {
    if (resource_ != nullptr) resource_->transfer(list);
  }

  // The channel's number in its System; 0 for an empty handle.
  uint64_t id() const { return resource_ == nullptr ? 0 : core().id(); }
  // How many messages wait; 0 for an empty handle.
  size_t size() const { return resource_ == nullptr ? 0 : core().size(); }
  bool empty() const { return size() == 0; }
  // True if a send would find no room. A rendezvous channel has none to be full, and an unbounded
  // one is never full.
  bool full() const { return resource_ != nullptr && core().full(); }
  // REQUIRES: not an empty handle.
  const Capacity& capacity() const { return core().capacity(); }
  // True when nothing can be received any more, now or ever.
  bool is_closed() const { return resource_ == nullptr || core().closed(); }

  ChannelCore& core() const { return resource_->core(); }
  // Why an operation on a handle without channel fails.
  Error why_broken() const { return Error(broken_); }
  EndResource* resource() const { return resource_; }

 protected:
  EndResource* resource_ = nullptr;
  Code broken_ = Code::empty_end;
};

// An end that travels with a message. Ownership: the message's.
class EndAttachment final : public Attachment {
 public:
  // Takes the handle over. `kind`: attachment_kind of the end's type.
  EndAttachment(End&& end, const void* kind);
  const void* kind() const override { return kind_; }
  EndResource* end() const { return end_.resource(); }

 private:
  End end_;
  const void* const kind_;
};

// False if certainly no end is attached to the block.
inline bool carries_ends(const Block& block) {
  return (block.flags & (Block::kAttached | Block::kAlias)) != 0;
}

// Calls `visit` with each end that is attached to the block.
template <class Visit>
void for_each_attached_end(const Block& block, Visit&& visit) {
  const Block& owner = block.origin != nullptr ? *block.origin : block;
  if (owner.attachments == nullptr) return;
  for (const auto& attachment : *owner.attachments)
    if (auto* end = dynamic_cast<EndAttachment*>(attachment.get()))
      if (end->end() != nullptr) visit(*end->end());
}

// Notes that the running isolate has sent something to this channel that needs care at its end.
void note_sender(ChannelCore& core);

}  // namespace isola::detail
