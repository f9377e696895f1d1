// The one table of names.
#include "registered_function.h"

#include <isola/actors/actor.h>
#include <isola/serialization/sync.h>

#include <map>

namespace isola::detail {

namespace {

// In messages: more would help nobody.
constexpr size_t kNamesShownMax = 20;

struct Registered {
  const std::type_info* type;
  AnyFunction function;
};

// Made on first use and never destroyed, since other static objects may still look something up.
struct Table {
  sync::Mutex mutex;  // guards the rest
  std::map<std::string, Registered, std::less<>> functions;
};
Table& table() {
  static Table& the_table = *new Table;
  return the_table;
}

std::string listed(const Table& known) {
  if (known.functions.empty()) return "none is registered";
  std::string names = "there is";
  size_t shown = 0;
  for (const auto& [name, entry] : known.functions) {
    if (shown++ == kNamesShownMax) return names + " …";
    names += (shown == 1 ? " \"" : ", \"") + name + "\"";
  }
  return names;
}

}  // namespace

void add_function(std::string_view name, const std::type_info& type, AnyFunction function) {
  Table& known = table();
  sync::Lock lock(known.mutex);
  const auto [at, is_new] =
      known.functions.try_emplace(std::string(name), Registered{&type, function});
  if (!is_new && at->second.function != function)
    throw std::logic_error("isola: another function is registered as \"" + std::string(name) +
                           "\"");
}

AnyFunction find_function(std::string_view name, const std::type_info& type, std::string& fault) {
  Table& known = table();
  sync::Lock lock(known.mutex);
  const auto found = known.functions.find(name);
  if (found == known.functions.end())
    fault = "no function \"" + std::string(name) + "\"; " + listed(known);
  else if (*found->second.type != type)
    fault = "the function \"" + std::string(name) + "\" is of type " +
            demangled(*found->second.type) + ", not " + demangled(type);
  else
    return found->second.function;
  return nullptr;
}

}  // namespace isola::detail
