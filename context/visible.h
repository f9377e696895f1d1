// What of a context can be seen at one place, as a list.
#pragma once

#include <isola/context/binding.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isola::detail {

// One key and what it is bound to: by a binding, or by an entry of the caller's record.
struct Visible {
  std::string_view name;
  const Binding* binding = nullptr;
  std::optional<ContextRecord::Entry::Reader> entry;

  FlowKind flow() const;
  KeyPriority priority() const;
  // What the entry is known by when contexts are compared.
  const void* identity() const;
};

// Innermost first, each key once. Valid while bindings and record are.
std::vector<Visible> visible(const Binding* innermost, const Block* inherited);

// The value as people read it; of a secret, and of what stays with its owner unless `show_own`, a
// word that says so.
std::string text_of(const Visible& entry, bool show_own);

}  // namespace isola::detail
