// Channels: who sends, who receives, of which type, and how they are partitioned.
#include <fmt/format.h>
#include <isola/tools/topology/check.h>
#include <isola/tools/topology/text.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace isola::topology {
namespace {

class ChannelChecker {
 public:
  ChannelChecker(const Plan& plan, const PlannedChannel& channel, Faults& faults)
      : plan_(plan), channel_(channel), entry_(*channel.entry), faults_(faults) {
    for (const auto* uses : {&channel.senders, &channel.receivers})
      for (const PortUse& use : *uses)
        if (use.port != nullptr && !use.is_guess) ports_.push_back(use);
    right_ = right_port();
  }

  void run() {
    check_ends();
    check_message();
    check_types();
    if (entry_.partition_by) check_partition();
  }

 private:
  std::string name(const PortUse& use) const {
    return fmt::format("port {} of actor {}", in_quotes(use.port->name),
                       in_quotes(plan_.actors[use.actor].entry->name));
  }
  static const char* verb(const PortUse& use) {
    return use.port->side == detail::Side::send ? "sends" : "receives";
  }
  // With its file if that is needed to tell it from `other`.
  static std::string name(const MessageType& type, const MessageType& other) {
    if (type.name() != other.name()) return type.name();
    return type.schema().getProto().getDisplayName().cStr();
  }

  void check_ends() {
    const std::string what = "channel " + in_quotes(entry_.name);
    if (channel_.senders.empty() && channel_.receivers.empty())
      faults_.add(entry_.place, what + " is not used: no actor sends to it or receives from it");
    else if (channel_.senders.empty())
      faults_.add(entry_.place, what + " has no sender: no actor sends to it");
    else if (channel_.receivers.empty())
      faults_.add(entry_.place, what + " has no receiver: no actor receives from it");
  }

  // The port whose type counts: one that agrees with `message`, or else with most other ports.
  const PortUse* right_port() const {
    std::map<uint64_t, size_t> uses;
    for (const PortUse& use : ports_) {
      if (entry_.message && use.port->message->name() == entry_.message->value) return &use;
      ++uses[use.port->message->id];
    }
    const auto fewer = [&](const PortUse& a, const PortUse& b) {
      return uses[a.port->message->id] < uses[b.port->message->id];
    };
    return ports_.empty() ? nullptr : &*std::max_element(ports_.begin(), ports_.end(), fewer);
  }

  void check_message() {
    if (!entry_.message || right_ == nullptr) return;
    const PortUse& first = *right_;
    const std::string& message = entry_.message->value;
    if (first.port->message->name() == message) return;
    faults_.add(
        entry_.message->place,
        fmt::format("channel {} is said to carry {}, but {} {} {}", in_quotes(entry_.name),
                    in_quotes(message), name(first), verb(first), first.port->message->name()));
  }

  void check_types() {
    for (const PortUse& use : ports_) {
      const MessageType& type = *use.port->message;
      const MessageType& expected = *right_->port->message;
      if (type.id == expected.id) continue;
      faults_.add(use.wire->channel.place,
                  fmt::format("{} {} {}, but {} {} {} on channel {}", name(use), verb(use),
                              name(type, expected), name(*right_), verb(*right_),
                              name(expected, type), in_quotes(entry_.name)));
    }
  }

  void check_partition() {
    const Located<std::string>& field = *entry_.partition_by;
    const auto receivers = std::count_if(ports_.begin(), ports_.end(), [](const PortUse& use) {
      return use.port->side == detail::Side::receive;
    });
    if (receivers > 1)
      faults_.add(field.place, fmt::format("channel {} is partitioned, so one port must receive "
                                           "from it, not {}",
                                           in_quotes(entry_.name), receivers));
    if (right_ == nullptr) return;
    const MessageType& type = *right_->port->message;
    const capnp::StructSchema schema = type.schema();
    std::vector<std::string> partitionable;
    bool exists = false;
    for (auto candidate : schema.getFields()) {
      const std::string candidate_name = candidate.getProto().getName().cStr();
      exists = exists || candidate_name == field.value;
      if (detail::FieldKey::of(schema, candidate_name.c_str()) != nullptr)
        partitionable.push_back(candidate_name);
    }
    if (std::find(partitionable.begin(), partitionable.end(), field.value) != partitionable.end())
      return;
    if (exists) {
      faults_.add(field.place,
                  fmt::format("field {} of {} can't choose a partition: that takes a text, data, "
                              "an integer, a boolean or an enumerant",
                              in_quotes(field.value), type.name()));
      return;
    }
    const std::string hint = did_you_mean(field.value, partitionable);
    faults_.add(field.place,
                fmt::format("message {} has no field {}{}", type.name(), in_quotes(field.value),
                            !hint.empty()           ? hint
                            : partitionable.empty() ? ""
                                                    : "; it has " + listed(partitionable)));
  }

  const Plan& plan_;
  const PlannedChannel& channel_;
  const ChannelEntry& entry_;
  Faults& faults_;
  std::vector<PortUse> ports_;      // those of known type
  const PortUse* right_ = nullptr;  // one of them
};

}  // namespace

void check_channels(const Plan& plan, Faults& faults) {
  for (const PlannedChannel& channel : plan.channels) ChannelChecker(plan, channel, faults).run();
}

}  // namespace isola::topology
