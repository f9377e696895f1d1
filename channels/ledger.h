// The ledger: what is known of the channels of a System. Who holds which end, who uses it, what
// waits, how many bytes, how old the oldest is, who waits for whom.
//
//   for (const isola::ChannelInfo& channel : system.channels()) std::cout << channel.to_string();
//
// An isolate *holds* an end from its making to its release; it *uses* an end from its first send or
// receive on. Isolates are named by their ids; 0 stands for all code outside of isolates.
// Each channel is looked at under its own lock, different channels at different moments.
// Thread safety: any thread. Lifetime: a Ledger keeps the table, not the System.
#pragma once

#include <isola/channels/capacity.h>
#include <isola/channels/channel_core.h>
#include <isola/channels/table.h>
#include <isola/serialization/error.h>
#include <isola/serialization/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace isola {

// Who waits in a channel.
struct WaitingIsolate {
  uint64_t isolate = 0;
  bool has_limit = false;  // the wait ends at some time by itself
};

struct SideInfo {
  std::vector<uint64_t> holders;  // isolates, each once, ascending
  std::vector<uint64_t> users;
  size_t in_transit = 0;  // ends that are attached to messages: nobody's at present
  std::vector<WaitingIsolate> waiting;
};

struct ChannelInfo {
  uint64_t id = 0;
  std::string name;
  std::string type;  // of its messages
  Capacity capacity = rendezvous;
  size_t size = 0;         // messages that wait
  uint64_t bytes = 0;      // memory that they hold
  uint32_t oldest_ms = 0;  // since the first of them, or one up to 7 sends before, was sent
  uint64_t sent = 0;       // ever
  uint64_t dropped = 0;    // for lack of room, by a close, with their sender or the last receiver
  uint64_t locks = 0;      // how often the channel's lock was taken
  bool send_closed = false;
  bool closed = false;  // and drained
  SideInfo send;
  SideInfo receive;
  size_t uses_without_handle = 0;  // by a partitioned channel, or as dead letters of another

  // One line: `#3 "words" Word bounded(64): 12 waiting, 3072 bytes, oldest 20 ms, 4 sent, …`
  std::string to_string() const;
};

class Ledger {
 public:
  explicit Ledger(std::shared_ptr<detail::ChannelTable> table) : table_(std::move(table)) {}

  // All channels that somebody holds an end of, in the order of their creation.
  std::vector<ChannelInfo> channels() const;
  // One of them. Error: channel_not_found, also once its last end is gone.
  Result<ChannelInfo> find(uint64_t id) const;
  // Who uses, or holds, an end of a channel. Errors: channel_closed, also for one that is gone;
  // channel_not_found for an id that no channel ever had.
  Result<std::vector<uint64_t>> users(uint64_t id, Side side) const;
  Result<std::vector<uint64_t>> holders(uint64_t id, Side side) const;
  // As Channel::close. Error besides: channel_not_found.
  Result<uint64_t> close(uint64_t id, Force force = Force::no) const;

 private:
  Result<SideInfo> side(uint64_t id, Side side) const;

  std::shared_ptr<detail::ChannelTable> table_;
};

}  // namespace isola
