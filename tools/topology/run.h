// Run: starts the actors and channels of a plan in a System.
//
//   std::vector<ActorRef> actors = start(system, plan);
//   for (const ActorRef& actor : actors) actor.join();
//
// Every channel closes when the last actor that sends to it has ended, so the whole ends by itself
// when its sources do.
#pragma once

#include <isola/actors/system.h>
#include <isola/tools/topology/check.h>

#include <vector>

namespace isola::topology {

// The options that the topology asks for.
SystemOptions system_options(const Topology& topology);

// Starts everything; it runs when this returns. An actor with replicas is as many actors, named
// NAME/0, NAME/1 …: they share each channel that they receive from, or have a partition each.
// REQUIRES: check() found no fault. Fails: throws PoolExhausted, after which the caller ends the
// System.
std::vector<ActorRef> start(System& system, const Plan& plan);

}  // namespace isola::topology
