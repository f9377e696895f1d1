// One list under a lock: it is short, and looked at rarely.
#include "registry.h"

#include <isola/serialization/sync.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace isola {
namespace {

using detail::RegisteredMessage;

struct Registry {
  sync::Mutex mutex;
  std::vector<std::unique_ptr<const RegisteredMessage>> entries;  // in the order of full_name
};

// Never destroyed: threads may still read messages while the program ends.
Registry& registry() {
  static auto& instance = *new Registry;
  return instance;
}

const RegisteredMessage* find_entry(const Registry& registry, const MessageType& type) {
  for (const auto& entry : registry.entries) {
    if (entry->type == &type) return entry.get();
  }
  return nullptr;
}

// The only one of the types that `matches`.
template <class Matches>
Result<const MessageType*> find_only(Pool& pool, const std::string& wanted, Matches matches) {
  std::string found;
  const MessageType* type = nullptr;
  size_t count = 0;
  {
    sync::Lock lock(registry().mutex);
    for (const auto& entry : registry().entries) {
      if (!matches(*entry)) continue;
      type = entry->type;
      found += (count++ == 0 ? "" : ", ") + entry->full_name;
    }
  }
  if (count == 1) return {type, {}};
  const std::string what = count == 0 ? "no message type is registered with " + wanted
                                      : "several message types have " + wanted + ": " + found;
  return {nullptr,
          detail::make_error(pool, Code::unknown_type, name(Code::unknown_type), what, {})};
}

}  // namespace

namespace detail {

const RegisteredMessage& add_message(const MessageType& type, Block* (*compose)(Pool& pool),
                                     void (*adopt)(Block& block, uint32_t words)) {
  // The schema is looked at before the lock is taken.
  auto added = std::unique_ptr<const RegisteredMessage>(new RegisteredMessage{
      &type, compose, adopt, type.name(), type.full_name(), ShapeGraph(type.schema())});
  sync::Lock lock(registry().mutex);
  if (const RegisteredMessage* entry = find_entry(registry(), type)) return *entry;
  auto& entries = registry().entries;
  const auto place =
      std::upper_bound(entries.begin(), entries.end(), added,
                       [](const auto& a, const auto& b) { return a->full_name < b->full_name; });
  return **entries.insert(place, std::move(added));
}

const RegisteredMessage* registered_message(const MessageType& type) {
  sync::Lock lock(registry().mutex);
  return find_entry(registry(), type);
}

}  // namespace detail

Result<const MessageType*> find_message(Pool& pool, std::string_view name) {
  return find_only(pool, "the name '" + std::string(name) + "'",
                   [&](const RegisteredMessage& entry) {
                     return entry.name == name || entry.full_name == name;
                   });
}

Result<const MessageType*> find_message(Pool& pool, uint64_t id) {
  char hex[19];
  std::snprintf(hex, sizeof hex, "0x%016llx", static_cast<unsigned long long>(id));
  return find_only(pool, std::string("the id ") + hex,
                   [&](const RegisteredMessage& entry) { return entry.type->id == id; });
}

std::vector<const MessageType*> registered_messages() {
  std::vector<const MessageType*> types;
  sync::Lock lock(registry().mutex);
  for (const auto& entry : registry().entries) types.push_back(entry->type);
  return types;
}

}  // namespace isola
