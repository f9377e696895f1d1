// Looking up keys and wording what is wrong with them.
#include "fields.h"

#include <fmt/format.h>
#include <isola/tools/topology/text.h>

#include <algorithm>

namespace isola::topology {

const Entry* Fields::find_any(const char* key) {
  known_.emplace_back(key);
  for (const Entry& entry : table_.entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

const Entry* Fields::find(const char* key, Value::Kind kind) {
  const Entry* entry = find_any(key);
  if (entry == nullptr || entry->value.kind == kind) return entry;
  faults_.add(entry->value.place, fmt::format("{} must be {}, not {}", in_quotes(key),
                                              describe(kind), describe(entry->value.kind)));
  return nullptr;
}

const Entry* Fields::text(const char* key, Located<std::string>& out) {
  const Entry* entry = find(key, Value::Kind::text);
  if (entry == nullptr) return nullptr;
  out = {entry->value.text, entry->value.place};
  if (!out.value.empty()) return entry;
  faults_.add(out.place, fmt::format("{} is empty", in_quotes(key)));
  return nullptr;
}

const Entry* Fields::integer(const char* key, Located<uint64_t>& out, uint64_t least,
                             uint64_t most) {
  const Entry* entry = find(key, Value::Kind::integer);
  if (entry == nullptr) return nullptr;
  const int64_t value = entry->value.integer;
  if (value < 0 || static_cast<uint64_t>(value) < least || static_cast<uint64_t>(value) > most) {
    faults_.add(entry->value.place,
                fmt::format("{} must be {} to {}, not {}", in_quotes(key), least, most, value));
    return nullptr;
  }
  out = {static_cast<uint64_t>(value), entry->value.place};
  return entry;
}

const Entry* Fields::boolean(const char* key, Located<bool>& out) {
  const Entry* entry = find(key, Value::Kind::boolean);
  if (entry != nullptr) out = {entry->value.boolean, entry->value.place};
  return entry;
}

bool Fields::has_misspelt(const char* key) const {
  return std::any_of(table_.entries.begin(), table_.entries.end(), [&](const Entry& entry) {
    return entry.key != key && nearest(entry.key, known_) == key;
  });
}

void Fields::finish() {
  for (const Entry& entry : table_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string proposal = did_you_mean(entry.key, known_);
    faults_.add(entry.key_place,
                fmt::format("{} has no key {}{}", owner_, in_quotes(entry.key),
                            proposal.empty() ? "; it has " + listed(known_) : proposal));
  }
}

}  // namespace isola::topology
