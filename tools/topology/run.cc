// Making channel cores, handing out their ends, and spawning.
#include "run.h"

#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <fmt/format.h>
#include <isola/tools/topology/arguments.h>

#include <string>
#include <utility>

namespace isola::topology {
namespace {

using detail::ChannelCore;
using detail::End;
using detail::Side;

// A channel while the actors are being started: its ends here keep it open until all have theirs.
struct OpenChannel {
  ChannelCore* send_to = nullptr;
  std::vector<ChannelCore*> receive_from;  // one, or one for each replica of the receiver
  std::vector<End> held;
};

class Starter {
 public:
  Starter(System& system, const Plan& plan) : system_(system), plan_(plan) {}

  std::vector<ActorRef> run() {
    for (const PlannedChannel& channel : plan_.channels) open(channel);
    std::vector<ActorRef> actors;
    for (const PlannedActor& actor : plan_.actors)
      for (uint64_t replica = 0; replica < actor.entry->replicas.value; ++replica)
        actors.push_back(spawn(actor, replica));
    return actors;
  }

 private:
  ChannelCore& new_core(const ChannelEntry& entry, const MessageType* type, std::string name,
                        OpenChannel& open) {
    detail::CoreRef core(new ChannelCore(
        system_.pool(), system_.runtime().channels(),
        {.capacity = bounded(entry.capacity.value), .name = std::move(name), .type = type}));
    open.held.emplace_back(*core, Side::send);
    return *core;
  }

  void open(const PlannedChannel& channel) {
    const ChannelEntry& entry = *channel.entry;
    OpenChannel& open = channels_.emplace_back();
    const PortUse& receiver = channel.receivers.front();
    const MessageType* type = receiver.port->message;
    if (!entry.partition_by) {
      open.send_to = &new_core(entry, type, entry.name, open);
      open.held.emplace_back(*open.send_to, Side::receive);
      open.receive_from = {open.send_to};
      return;
    }
    const uint64_t partitions = plan_.actors[receiver.actor].entry->replicas.value;
    for (uint64_t i = 0; i < partitions; ++i) {
      ChannelCore& core = new_core(entry, type, fmt::format("{}/{}", entry.name, i), open);
      open.held.emplace_back(core, Side::receive);
      open.receive_from.push_back(&core);
      core.add_use(Side::send);  // the router's own
    }
    open.send_to = &new_core(entry, type, entry.name, open);
    open.send_to->partition(
        open.receive_from, detail::FieldKey::of(type->schema(), entry.partition_by->value.c_str()));
  }

  ActorRef spawn(const PlannedActor& actor, uint64_t replica) {
    const Behaviour& behaviour = *actor.behaviour;
    std::vector<ChannelCore*> cores;
    for (size_t i = 0; i < behaviour.ports.size(); ++i) {
      const OpenChannel& open = channels_[actor.channels[i]];
      const bool sends = behaviour.ports[i].side == Side::send;
      cores.push_back(sends                          ? open.send_to
                      : open.receive_from.size() > 1 ? open.receive_from[replica]
                                                     : open.receive_from.front());
    }
    const std::string& name = actor.entry->name;
    SpawnOptions options;
    options.origin = Origin::topology;
    options.type = behaviour.type;
    if (actor.entry->dispatcher) options.dispatcher = actor.entry->dispatcher->value;
    options.pinned = actor.entry->pinned.value;
    options.priority = actor.entry->priority;
    options.heap_quota = actor.entry->heap_quota;
    options.inbox_max = actor.entry->inbox_max;
    options.accepts = actor.entry->accepts;
    options.name = actor.entry->replicas.value > 1 ? fmt::format("{}/{}", name, replica) : name;
    return behaviour.spawn(system_, std::move(options), behaviour.function, arguments_of(actor),
                           cores.data());
  }

  Block* arguments_of(const PlannedActor& actor) {
    const Behaviour& behaviour = *actor.behaviour;
    if (behaviour.arguments == nullptr) return nullptr;
    detail::BlockOwner message(behaviour.compose(system_.pool()));
    Faults none;  // check() has written these before
    if (actor.entry->arguments)
      write_arguments(
          actor.entry->arguments, behaviour.type,
          message.block()->arena().getRoot<capnp::DynamicStruct>(behaviour.arguments->schema()),
          none);
    return message.take();
  }

  System& system_;
  const Plan& plan_;
  std::vector<OpenChannel> channels_;
};

}  // namespace

SystemOptions system_options(const Topology& topology) {
  SystemOptions options;
  if (!topology.name.empty()) options.name = topology.name;
  options.workers = static_cast<uint32_t>(topology.workers);
  for (const DispatcherEntry& entry : topology.dispatchers)
    options.dispatchers.push_back({entry.name, static_cast<uint32_t>(entry.workers), entry.cpus});
  return options;
}

std::vector<ActorRef> start(System& system, const Plan& plan) {
  return Starter(system, plan).run();
}

}  // namespace isola::topology
