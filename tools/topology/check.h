// Check: does a topology fit together, and with the types of actors that there are?
//
// Thread safety: pure functions. Lifetime: a Plan refers to the Topology and the Registry.
#pragma once

#include <isola/tools/topology/faults.h>
#include <isola/tools/topology/registry.h>
#include <isola/tools/topology/topology.h>

#include <cstddef>
#include <vector>

namespace isola::topology {

// One end of a channel: a port of an actor.
struct PortUse {
  size_t actor = 0;            // index into Plan::actors
  const Port* port = nullptr;  // nullptr: the type, or its port, is unknown
  const Wire* wire = nullptr;
  bool is_guess = false;  // the file names no channel that exists; this one is near
};

struct PlannedActor {
  const ActorEntry* entry = nullptr;
  const Behaviour* behaviour = nullptr;
  std::vector<size_t> channels;  // for each port of the behaviour: index into Plan::channels
};

struct PlannedChannel {
  const ChannelEntry* entry = nullptr;
  std::vector<PortUse> senders;
  std::vector<PortUse> receivers;
};

// What is to be started. Whole only if no fault was found.
struct Plan {
  const Topology* topology = nullptr;
  std::vector<PlannedActor> actors;
  std::vector<PlannedChannel> channels;

  // With replicas.
  size_t actor_count() const;
};

// Finds every fault: unknown types, ports and channels, arguments that don't fit, ports that are
// not wired, channels without senders or receivers or of two message types, wrong partitions,
// cycles. What follows from a misspelt name is not reported beside it.
Plan check(const Topology& topology, const Registry& registry, Faults& faults);

// The parts of check() that look at the wired plan.
void check_channels(const Plan& plan, Faults& faults);
void check_cycles(const Plan& plan, Faults& faults);

}  // namespace isola::topology
