// Topology: the actors and channels that a file asks for, before anybody knows whether they fit.
//
//   Faults faults;
//   Topology topology = load("farm.toml", faults);
//   Plan plan = check(topology, registry, faults);
//   if (!faults.empty()) std::cerr << faults.text();
//
// Thread safety: as of any value. Lifetime: places refer to the Faults.
#pragma once

#include <isola/actors/cell.h>
#include <isola/channels/channel_core.h>
#include <isola/tools/topology/faults.h>
#include <isola/tools/topology/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isola::topology {

// Bounds of what a file may ask for. A name of a replica still fits into the runtime's 47 bytes.
inline constexpr uint64_t kNameBytesMax = 40;
inline constexpr uint64_t kWorkersMax = 1024;
inline constexpr uint64_t kDispatchersMax = 64;
inline constexpr uint64_t kReplicasMax = 1024;
inline constexpr int64_t kCpuMax = 1023;  // as many as a set of the operating system has
// All replicas together: each keeps a stack for its life.
inline constexpr uint64_t kActorsMax = 8192;
inline constexpr uint64_t kInboxMax = uint64_t{1} << 24;
inline constexpr uint64_t kHeapQuotaMax = uint64_t{1} << 48;  // bytes: all that can be addressed
inline constexpr uint64_t kCapacityMax = kChannelItemsMax;
inline constexpr uint64_t kCapacityDefault = 1024;
inline constexpr size_t kAcceptedMax = 256;  // more entries hardly fit into a message's context

// A value and where it is written; where it could be, if it isn't.
template <class T>
struct Located {
  T value{};
  Place place;
};

// `words = "lines"`: a port and the name of its channel. An empty one: a fault that was reported.
struct Wire {
  Located<std::string> port;
  Located<std::string> channel;
};

struct ActorEntry {
  std::string name;
  Place place;
  Located<std::string> type;  // empty: a fault that was reported
  Located<uint64_t> replicas{1, {}};
  std::optional<Located<std::string>> dispatcher;
  Located<bool> pinned;
  Priority priority = Priority::normal;
  uint64_t heap_quota = UINT64_MAX;  // bytes
  uint32_t inbox_max = 0;            // 0: not said
  AcceptedKeys accepts;
  Value arguments;  // a table, or no value
  Place ports_place;
  std::vector<Wire> ports;
};

struct ChannelEntry {
  std::string name;
  Place place;
  std::optional<Located<std::string>> message;
  Located<uint64_t> capacity{kCapacityDefault, {}};
  std::optional<Located<std::string>> partition_by;
  Located<bool> feedback;
};

// `[dispatchers.io]`
struct DispatcherEntry {
  std::string name;
  Place place;
  uint64_t workers = 0;  // 0: not said
  std::vector<uint32_t> cpus;
};

struct Topology {
  std::string name;
  uint64_t workers = 0;                      // 0: not said
  std::vector<DispatcherEntry> dispatchers;  // in the order of the file
  std::vector<ActorEntry> actors;            // in the order of the file
  std::vector<ChannelEntry> channels;        // likewise
};

// Reads what is there; what is not as it should be is a fault and left out.
Topology load(const std::string& path, Faults& faults);
Topology read_topology(const Value& root, Faults& faults);

// `ACTOR.ARGUMENT=VALUE` or `ACTOR.ARGUMENT.FIELD=VALUE`: gives or replaces an argument. VALUE is
// TOML, or else a text.
void apply_setting(Topology& topology, std::string_view setting, Faults& faults);

}  // namespace isola::topology
