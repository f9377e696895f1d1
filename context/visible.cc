// Listing what a context binds.
#include "visible.h"

#include <isola/context/find.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

namespace isola::detail {

namespace {

// Names and keys that were seen. Few are looked through, many are hashed.
template <class T>
class Seen {
 public:
  // True if it was not there yet.
  bool add(const T& item) {
    constexpr size_t kFew = 32;
    if (few_.size() < kFew) {
      if (std::find(few_.begin(), few_.end(), item) != few_.end()) return false;
      few_.push_back(item);
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(item).second;
  }

 private:
  std::vector<T> few_;
  std::unordered_set<T> many_;
};

}  // namespace

FlowKind Visible::flow() const {
  if (binding != nullptr) return binding->key->flow;
  return entry->getLocal() ? FlowKind::local : FlowKind::wire;
}

KeyPriority Visible::priority() const {
  if (binding != nullptr) return binding->key->priority;
  return static_cast<KeyPriority>(std::min<uint8_t>(entry->getPriority(), 2));
}

const void* Visible::identity() const {
  if (binding != nullptr) return binding->kept;
  return entry->getName().cStr();
}

std::vector<Visible> visible(const Binding* innermost, const Block* inherited) {
  std::vector<Visible> entries;
  if (innermost == nullptr && inherited == nullptr) return entries;
  Seen<const KeyBase*> keys;
  Seen<std::string_view> names;  // of keys that travel
  bool isolated = false;
  for (const Binding* b = innermost; b != nullptr; b = b->outer) {
    isolated = isolated || b->kind == BindingKind::isolated;
    if (b->key == nullptr) continue;
    if (isolated && b->key->flow == FlowKind::local) continue;
    if (!keys.add(b->key)) continue;
    if (travels(b->key->flow)) names.add(b->key->name);
    if (b->kind == BindingKind::value) entries.push_back({b->key->name, b, {}});
  }
  if (inherited == nullptr) return entries;
  for (auto entry : inherited->read<ContextRecord>().getEntries()) {
    const std::string_view name(entry.getName().cStr(), entry.getName().size());
    if (isolated && entry.getLocal()) continue;
    if (names.add(name)) entries.push_back({name, nullptr, entry});
  }
  return entries;
}

std::optional<Visible> find_visible(const Binding* innermost, const Block* inherited,
                                    const KeyBase& key) {
  for (const Binding* b = innermost; b != nullptr; b = b->outer) {
    if (b->kind == BindingKind::isolated && key.flow == FlowKind::local) return {};
    if (b->key != &key) continue;
    if (b->kind != BindingKind::value) return {};
    return Visible{key.name, b, {}};
  }
  if (!travels(key.flow) || inherited == nullptr) return {};
  for (auto entry : inherited->read<ContextRecord>().getEntries())
    if (std::strcmp(entry.getName().cStr(), key.name) == 0)
      return Visible{key.name, nullptr, entry};
  return {};
}

std::string text_of(const Visible& visible, bool show_own) {
  switch (visible.flow()) {
    case FlowKind::secret:
      return "<secret>";
    case FlowKind::actor:
      return show_own ? visible.binding->key->type->print(visible.binding->value)
                      : "<stays in its actor>";
    case FlowKind::wire:
    case FlowKind::local:
      break;
  }
  if (visible.binding != nullptr) return visible.binding->key->type->print(visible.binding->value);
  const auto value = visible.entry->getValue();
  if (value.isText()) return value.getText().cStr();
  if (value.isInteger()) return std::to_string(value.getInteger());
  if (value.isReal()) return std::to_string(value.getReal());
  return value.getBoolean() ? "true" : "false";
}

}  // namespace isola::detail
