// Actors: their types, arguments and ports, and what each port is wired to.
#include "check.h"

#include <capnp/message.h>
#include <fmt/format.h>
#include <isola/actors/dispatcher.h>
#include <isola/tools/topology/arguments.h>
#include <isola/tools/topology/text.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace isola::topology {
namespace {

constexpr size_t kUnknown = static_cast<size_t>(-1);

std::vector<std::string> port_names(const Behaviour& behaviour) {
  std::vector<std::string> names;
  for (const Port& port : behaviour.ports) names.push_back(port.name);
  return names;
}

class Checker {
 public:
  Checker(const Topology& topology, const Registry& registry, Faults& faults)
      : topology_(topology), registry_(registry), faults_(faults) {
    plan_.topology = &topology;
    for (const ChannelEntry& channel : topology.channels) {
      channel_index_[channel.name] = plan_.channels.size();
      channel_names_.push_back(channel.name);
      plan_.channels.push_back({&channel, {}, {}});
    }
  }

  Plan run() {
    for (const ActorEntry& actor : topology_.actors) check_actor(actor);
    const size_t actors = plan_.actor_count();
    if (actors > kActorsMax)
      faults_.add(topology_.actors.back().place,
                  fmt::format("the topology has {} actors; at most {}", actors, kActorsMax));
    check_channels(plan_, faults_);
    check_cycles(plan_, faults_);
    return std::move(plan_);
  }

 private:
  void check_actor(const ActorEntry& actor) {
    const Behaviour* behaviour = nullptr;
    if (!actor.type.value.empty()) {
      behaviour = registry_.find(actor.type.value);
      if (behaviour == nullptr) add_unknown_type(actor);
    }
    plan_.actors.push_back({&actor, behaviour, {}});
    check_dispatcher(actor);
    if (behaviour != nullptr) {
      check_arguments(actor, *behaviour);
      plan_.actors.back().channels.resize(behaviour->ports.size(), kUnknown);
    }
    std::vector<std::string> misspelt;
    for (const Wire& wire : actor.ports) check_wire(wire, misspelt);
    if (behaviour != nullptr) check_all_wired(actor, *behaviour, misspelt);
  }

  void check_dispatcher(const ActorEntry& actor) {
    if (!actor.dispatcher || actor.dispatcher->value.empty()) return;
    std::vector<std::string> names{std::string(detail::kDefaultDispatcher)};
    for (const DispatcherEntry& dispatcher : topology_.dispatchers)
      names.push_back(dispatcher.name);
    const std::string& name = actor.dispatcher->value;
    if (std::find(names.begin(), names.end(), name) == names.end())
      faults_.add(actor.dispatcher->place,
                  fmt::format("no dispatcher {}{}", in_quotes(name), did_you_mean(name, names)));
  }

  void add_unknown_type(const ActorEntry& actor) {
    const auto types = registry_.types();
    std::string hint = did_you_mean(actor.type.value, types);
    if (hint.empty()) hint = types.empty() ? "; none is known" : "; known are " + listed(types);
    faults_.add(actor.type.place, fmt::format("no type {}{}", in_quotes(actor.type.value), hint));
  }

  void check_arguments(const ActorEntry& actor, const Behaviour& behaviour) {
    if (!actor.arguments) return;
    if (behaviour.arguments == nullptr) {
      for (const Entry& entry : actor.arguments.entries)
        faults_.add(entry.key_place, fmt::format("type {} takes no arguments, but got {}",
                                                 in_quotes(behaviour.type), in_quotes(entry.key)));
      return;
    }
    capnp::MallocMessageBuilder message;
    write_arguments(actor.arguments, behaviour.type,
                    message.initRoot<capnp::DynamicStruct>(behaviour.arguments->schema()), faults_);
  }

  // `misspelt` gets the ports that are probably meant by names that no port has.
  void check_wire(const Wire& wire, std::vector<std::string>& misspelt) {
    PlannedActor& actor = plan_.actors.back();
    const Port* port = nullptr;
    if (actor.behaviour != nullptr) {
      const Behaviour& behaviour = *actor.behaviour;
      const auto found = std::find_if(behaviour.ports.begin(), behaviour.ports.end(),
                                      [&](const Port& p) { return p.name == wire.port.value; });
      if (found == behaviour.ports.end()) {
        add_unknown_port(wire, behaviour, misspelt);
      } else {
        port = &*found;
      }
    }
    if (wire.channel.value.empty()) return;  // a fault that was reported
    PortUse use{plan_.actors.size() - 1, port, &wire};
    const size_t channel = find_channel(wire, use.is_guess);
    if (channel == kUnknown) return;
    if (port != nullptr)
      actor.channels[static_cast<size_t>(port - actor.behaviour->ports.data())] = channel;
    // Of an unknown port nobody knows what it does; it may be either end.
    if (port == nullptr || port->side == detail::Side::send)
      plan_.channels[channel].senders.push_back(use);
    if (port == nullptr || port->side == detail::Side::receive)
      plan_.channels[channel].receivers.push_back(use);
  }

  void add_unknown_port(const Wire& wire, const Behaviour& behaviour,
                        std::vector<std::string>& misspelt) {
    const auto names = port_names(behaviour);
    misspelt.push_back(nearest(wire.port.value, names));
    std::string hint = did_you_mean(wire.port.value, names);
    if (hint.empty()) hint = names.empty() ? "; it has none" : "; it has " + listed(names);
    faults_.add(wire.port.place, fmt::format("type {} has no port {}{}", in_quotes(behaviour.type),
                                             in_quotes(wire.port.value), hint));
  }

  // If there is no such channel, that is a fault, and the channel is the one that was probably
  // meant, or kUnknown.
  size_t find_channel(const Wire& wire, bool& is_guess) {
    const std::string& name = wire.channel.value;
    if (const auto found = channel_index_.find(name); found != channel_index_.end())
      return found->second;
    faults_.add(wire.channel.place, fmt::format("no channel {}{}", in_quotes(name),
                                                did_you_mean(name, channel_names_)));
    const std::string near = nearest(name, channel_names_);
    is_guess = true;
    return near.empty() ? kUnknown : channel_index_[near];
  }

  void check_all_wired(const ActorEntry& actor, const Behaviour& behaviour,
                       const std::vector<std::string>& misspelt) {
    for (const Port& port : behaviour.ports) {
      const bool is_named =
          std::any_of(actor.ports.begin(), actor.ports.end(),
                      [&](const Wire& wire) { return wire.port.value == port.name; });
      if (is_named || std::find(misspelt.begin(), misspelt.end(), port.name) != misspelt.end())
        continue;
      faults_.add(
          actor.ports_place,
          fmt::format("port {} of actor {} is not wired: it {} {}", in_quotes(port.name),
                      in_quotes(actor.name), port.side == detail::Side::send ? "sends" : "receives",
                      port.message->name()));
    }
  }

  const Topology& topology_;
  const Registry& registry_;
  Faults& faults_;
  Plan plan_;
  std::map<std::string, size_t> channel_index_;
  std::vector<std::string> channel_names_;
};

}  // namespace

size_t Plan::actor_count() const {
  size_t count = 0;
  for (const PlannedActor& actor : actors) count += actor.entry->replicas.value;
  return count;
}

Plan check(const Topology& topology, const Registry& registry, Faults& faults) {
  return Checker(topology, registry, faults).run();
}

}  // namespace isola::topology
