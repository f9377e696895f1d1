// From the tree of values to actors and channels.
#include "topology.h"

#include <fmt/format.h>
#include <isola/actors/dispatcher.h>
#include <isola/tools/topology/fields.h>
#include <isola/tools/topology/nesting.h>
#include <isola/tools/topology/text.h>

#include <algorithm>
#include <utility>

namespace isola::topology {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_key_character);
}

void check_name(const char* what, const std::string& name, const Place& place, Faults& faults) {
  if (!is_name(name))
    faults.add(place, fmt::format("the name of {} {} may have only letters, digits, \"_\" and "
                                  "\"-\"",
                                  what, in_quotes(name)));
  else if (name.size() > kNameBytesMax)
    faults.add(place, fmt::format("the name of {} {} has {} characters; at most {}", what,
                                  in_quotes(name), name.size(), kNameBytesMax));
}

void read_ports(const Value& table, ActorEntry& actor, Faults& faults) {
  for (const Entry& entry : table.entries) {
    Wire wire{{entry.key, entry.key_place}, {entry.value.text, entry.value.place}};
    if (wire.channel.value.empty())
      faults.add(entry.value.place,
                 fmt::format(
                     "port {} must name a channel, not be {}", in_quotes(entry.key),
                     entry.value.kind == Value::Kind::text ? "empty" : describe(entry.value.kind)));
    actor.ports.push_back(std::move(wire));
  }
}

// "low", "normal" or "high"
void read_priority(Fields& fields, ActorEntry& actor, Faults& faults) {
  Located<std::string> text;
  if (fields.text("priority", text) == nullptr || text.value.empty()) return;
  const std::vector<std::string> names{"low", "normal", "high"};
  const auto found = std::find(names.begin(), names.end(), text.value);
  if (found != names.end())
    actor.priority = static_cast<Priority>(found - names.begin());
  else
    faults.add(text.place, fmt::format("\"priority\" must be \"low\", \"normal\" or \"high\", "
                                       "not {}{}",
                                       in_quotes(text.value), did_you_mean(text.value, names)));
}

// Names of keys; an empty list: none.
void read_accepts(Fields& fields, ActorEntry& actor, Faults& faults) {
  const Entry* entry = fields.find("accepts", Value::Kind::list);
  if (entry == nullptr) return;
  std::vector<std::string> names;
  for (const Value& item : entry->value.items) {
    if (item.kind != Value::Kind::text)
      faults.add(item.place,
                 fmt::format("\"accepts\" must have names of keys, not {}", describe(item.kind)));
    else if (item.text.empty())
      faults.add(item.place, "the name of a key in \"accepts\" is empty");
    else if (std::find(names.begin(), names.end(), item.text) != names.end())
      faults.add(item.place,
                 fmt::format("the key {} is in \"accepts\" twice", in_quotes(item.text)));
    else
      names.push_back(item.text);
  }
  if (names.size() > kAcceptedMax)
    faults.add(entry->value.place,
               fmt::format("\"accepts\" has {} keys; at most {}", names.size(), kAcceptedMax));
  else
    actor.accepts = AcceptedKeys::named(names);
}

ActorEntry read_actor(const Entry& entry, Faults& faults) {
  ActorEntry actor;
  actor.name = entry.key;
  actor.place = actor.ports_place = entry.key_place;
  check_name("actor", entry.key, entry.key_place, faults);
  if (entry.value.kind != Value::Kind::table) {
    faults.add(entry.value.place, fmt::format("actor {} must be a table, not {}",
                                              in_quotes(entry.key), describe(entry.value.kind)));
    return actor;
  }
  const size_t faults_before = faults.size();
  Fields fields(entry.value, "actor " + in_quotes(entry.key), faults);
  fields.text("type", actor.type);
  const bool type_is_wrong = faults.size() > faults_before;
  fields.integer("replicas", actor.replicas, 1, kReplicasMax);
  Located<std::string> dispatcher;
  if (fields.text("dispatcher", dispatcher) != nullptr) actor.dispatcher = dispatcher;
  fields.boolean("pinned", actor.pinned);
  read_priority(fields, actor, faults);
  Located<uint64_t> bound;
  if (fields.integer("heap_quota", bound, 1, kHeapQuotaMax) != nullptr)
    actor.heap_quota = bound.value;
  if (fields.integer("inbox_max", bound, 1, kInboxMax) != nullptr)
    actor.inbox_max = static_cast<uint32_t>(bound.value);
  read_accepts(fields, actor, faults);
  if (const Entry* arguments = fields.find("args", Value::Kind::table))
    actor.arguments = arguments->value;
  if (const Entry* ports = fields.find("ports", Value::Kind::table)) {
    actor.ports_place = ports->key_place;
    read_ports(ports->value, actor, faults);
  }
  if (actor.type.value.empty() && !type_is_wrong && !fields.has_misspelt("type"))
    faults.add(actor.place, fmt::format("actor {} has no type", in_quotes(entry.key)));
  fields.finish();
  return actor;
}

ChannelEntry read_channel(const Entry& entry, Faults& faults) {
  ChannelEntry channel;
  channel.name = entry.key;
  channel.place = entry.key_place;
  check_name("channel", entry.key, entry.key_place, faults);
  if (entry.value.kind != Value::Kind::table) {
    faults.add(entry.value.place, fmt::format("channel {} must be a table, not {}",
                                              in_quotes(entry.key), describe(entry.value.kind)));
    return channel;
  }
  Fields fields(entry.value, "channel " + in_quotes(entry.key), faults);
  Located<std::string> text;
  if (fields.text("message", text) != nullptr) channel.message = text;
  fields.integer("capacity", channel.capacity, 1, kCapacityMax);
  if (fields.text("partition_by", text) != nullptr) channel.partition_by = text;
  fields.boolean("feedback", channel.feedback);
  fields.finish();
  return channel;
}

DispatcherEntry read_dispatcher(const Entry& entry, Faults& faults) {
  DispatcherEntry dispatcher{entry.key, entry.key_place, 0, {}};
  check_name("dispatcher", entry.key, entry.key_place, faults);
  if (entry.key == detail::kDefaultDispatcher)
    faults.add(entry.key_place,
               "the workers of the dispatcher \"default\" are those of the table "
               "\"topology\"");
  if (entry.value.kind != Value::Kind::table) {
    faults.add(entry.value.place, fmt::format("dispatcher {} must be a table, not {}",
                                              in_quotes(entry.key), describe(entry.value.kind)));
    return dispatcher;
  }
  Fields fields(entry.value, "dispatcher " + in_quotes(entry.key), faults);
  Located<uint64_t> workers;
  if (fields.integer("workers", workers, 1, kWorkersMax) != nullptr)
    dispatcher.workers = workers.value;
  if (const Entry* cpus = fields.find("cpus", Value::Kind::list)) {
    for (const Value& cpu : cpus->value.items) {
      if (cpu.kind == Value::Kind::integer && cpu.integer >= 0 && cpu.integer <= kCpuMax)
        dispatcher.cpus.push_back(static_cast<uint32_t>(cpu.integer));
      else
        faults.add(cpu.place, fmt::format("a processor must be 0 to {}", kCpuMax));
    }
  }
  fields.finish();
  return dispatcher;
}

void read_dispatchers(Fields& fields, Topology& topology, Faults& faults) {
  const Entry* table = fields.find("dispatchers", Value::Kind::table);
  if (table == nullptr) return;
  for (const Entry& entry : table->value.entries)
    topology.dispatchers.push_back(read_dispatcher(entry, faults));
  if (topology.dispatchers.size() > kDispatchersMax)
    faults.add(topology.dispatchers.back().place,
               fmt::format("the topology has {} dispatchers; at most {}",
                           topology.dispatchers.size(), kDispatchersMax));
}

std::vector<std::string> names_of(const std::vector<ActorEntry>& actors) {
  std::vector<std::string> names;
  for (const ActorEntry& actor : actors) names.push_back(actor.name);
  return names;
}

}  // namespace

Topology read_topology(const Value& root, Faults& faults) {
  Topology topology;
  if (!root) return topology;
  Fields fields(root, "a topology", faults);
  if (const Entry* settings = fields.find("topology", Value::Kind::table)) {
    Fields own(settings->value, "the table \"topology\"", faults);
    Located<std::string> name;
    Located<uint64_t> workers;
    if (own.text("name", name) != nullptr) {
      check_name("topology", name.value, name.place, faults);
      topology.name = name.value;
    }
    if (own.integer("workers", workers, 1, kWorkersMax) != nullptr)
      topology.workers = workers.value;
    own.finish();
  }
  const size_t faults_before = faults.size();
  if (const Entry* actors = fields.find("actors", Value::Kind::table))
    for (const Entry& entry : actors->value.entries)
      topology.actors.push_back(read_actor(entry, faults));
  const bool actors_are_wrong = faults.size() > faults_before;
  if (const Entry* channels = fields.find("channels", Value::Kind::table))
    for (const Entry& entry : channels->value.entries)
      topology.channels.push_back(read_channel(entry, faults));
  read_dispatchers(fields, topology, faults);
  if (topology.actors.empty() && !actors_are_wrong && !fields.has_misspelt("actors"))
    faults.add({root.place.source, 1, 1, 1}, "the topology has no actors");
  fields.finish();
  return topology;
}

Topology load(const std::string& path, Faults& faults) {
  const Source* source = read_source(path, faults);
  if (source == nullptr) return {};
  return read_topology(parse_toml(*source, faults), faults);
}

void apply_setting(Topology& topology, std::string_view setting, Faults& faults) {
  const Source& source = faults.add_source("--set", std::string(setting));
  const auto place = [&](size_t begin, size_t end) {
    return Place{&source, 1, static_cast<uint32_t>(columns_of(setting.substr(0, begin)) + 1),
                 static_cast<uint32_t>(columns_of(setting.substr(begin, end - begin)))};
  };
  const size_t equals = setting.find('=');
  const size_t dot = setting.find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot > equals) {
    faults.add(place(0, setting.size()), "must read ACTOR.ARGUMENT=VALUE");
    return;
  }
  const std::string_view name = setting.substr(0, dot);
  const auto actor = std::find_if(topology.actors.begin(), topology.actors.end(),
                                  [&](const ActorEntry& entry) { return entry.name == name; });
  if (actor == topology.actors.end()) {
    const auto names = names_of(topology.actors);
    faults.add(place(0, dot),
               fmt::format("no actor {}{}", in_quotes(name), did_you_mean(name, names)));
    return;
  }
  if (std::count(setting.begin(), setting.begin() + static_cast<ptrdiff_t>(equals), '.') >=
      kKeyPartsMax) {
    faults.add(place(0, equals), fmt::format("a name of more than {} parts", kKeyPartsMax));
    return;
  }
  Value* value = &actor->arguments;
  for (size_t begin = dot + 1, end = 0; begin <= equals; begin = end + 1) {
    end = std::min(setting.find('.', begin), equals);
    if (value->kind != Value::Kind::table) {
      *value = {};
      value->kind = Value::Kind::table;
      value->place = place(0, begin - 1);
    }
    const std::string key(setting.substr(begin, end - begin));
    auto entry = std::find_if(value->entries.begin(), value->entries.end(),
                              [&](const Entry& other) { return other.key == key; });
    if (entry == value->entries.end())
      entry = value->entries.insert(entry, {key, place(begin, end), {}});
    value = &entry->value;
  }
  *value = parse_setting(setting.substr(equals + 1), place(equals + 1, setting.size()));
}

}  // namespace isola::topology
