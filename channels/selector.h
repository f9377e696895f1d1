// The untyped half of select: one of several operations on channels takes effect, or none.
//
// All channels are locked together, in the order of their addresses, to look for a branch that is
// ready and to stand in all queues; so nothing can happen between the look and the standing, and
// whoever comes later finds this waiter in every queue and claims it once. (The scheme is that of
// the select of Go's runtime.)
#pragma once

#include <isola/channels/channel_core.h>
#include <isola/serialization/error.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace isola::detail {

// One operation that may take effect.
struct SelectBranch {
  bool is_off() const { return core == nullptr; }

  ChannelCore* core = nullptr;  // nullptr: switched off
  bool is_send = false;
  Block* block = nullptr;  // to be sent, or what was received
};

inline constexpr size_t kNoBranch = SIZE_MAX;

// Chooses among the branches that are ready, each as likely. If none is: kNoBranch with
// `otherwise`, else waits, at most until `deadline_ns` and the call's own deadline (kNoBranch with
// an error). The chosen branch has received its block, or its block was taken by the channel; no
// other branch leaves a trace. An error beside an index: that branch was chosen, and failed so
// (channel_closed, item_owner_destroyed, and channel_full for a send to a channel with
// Overflow::fail). Blocks, without `otherwise`: the fiber, or the thread outside of actors.
size_t select_branch(std::span<SelectBranch> branches, bool otherwise, int64_t deadline_ns,
                     Error& error);

}  // namespace isola::detail
