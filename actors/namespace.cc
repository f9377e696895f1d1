// Binding, and what is said of names that can't be found.
#include "namespace.h"

#include <isola/actors/actor.h>
#include <isola/actors/cell.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/utf8.h>

namespace isola {

namespace {

constexpr size_t kNameMax = 1024;  // bytes

// What is wrong with it; empty: nothing.
std::string fault_of(std::string_view name) {
  if (name.empty()) return "a name in a namespace can't be empty";
  if (name.size() > kNameMax)
    return "a name in a namespace has at most " + std::to_string(kNameMax) + " bytes, not " +
           std::to_string(name.size());
  const size_t at = detail::first_invalid_byte(name);
  if (at == std::string_view::npos) return "";
  return std::string("a name in a namespace is UTF-8 without NUL, and byte ") + std::to_string(at) +
         " is not";
}

}  // namespace

Error detail::check_name(Pool& pool, std::string_view name) {
  const std::string fault = fault_of(name);
  if (fault.empty()) return Error();
  return make_error(pool, Code::invalid_argument, isola::name(Code::invalid_argument), fault, {});
}

void Namespace::require_name(std::string_view name) {
  const std::string fault = fault_of(name);
  if (!fault.empty()) throw std::invalid_argument(fault);
}

void Namespace::put(std::string_view name, detail::BoundPointer value) {
  const auto at = values_.find(name);
  if (at != values_.end())
    at->second = std::move(value);
  else
    values_.emplace(name, std::move(value));
}

void Namespace::set_all(std::vector<NamedValue> values, detail::ResourceList* list) {
  // Everything that may throw happens beside the namespace.
  Values made(values_.get_allocator());
  for (NamedValue& named : values) {
    require_name(named.name);
    made.insert_or_assign(std::pmr::string(named.name, &memory_),
                          named.value->bind(memory_, list));
  }
  for (const auto& [name, value] : made) erase(name);
  values_.merge(made);
}

bool Namespace::erase(std::string_view name) {
  const auto at = values_.find(name);
  if (at == values_.end()) return false;
  values_.erase(at);
  return true;
}

std::vector<std::string> Namespace::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.emplace_back(name);
  return names;
}

std::string Namespace::title() const {
  return "the namespace of " + (owner_ == nullptr ? "main" : owner_->label());
}

void Namespace::no_such_name(std::string_view name) const {
  throw NoSuchName("no value \"" + std::string(name) + "\" in " + title());
}

void Namespace::wrong_type(std::string_view name, const std::type_info& is,
                           const std::type_info& asked) const {
  throw WrongType("\"" + std::string(name) + "\" in " + title() + " is of type " +
                  detail::demangled(is) + ", not " + detail::demangled(asked));
}

Namespace& globals() {
  detail::ActorCell* cell = detail::Execution::current().cell;
  if (cell == nullptr) throw std::logic_error("isola::globals() outside of an isolate");
  return cell->own_names();
}

}  // namespace isola
