// Lists of names.
#include "accepted_keys.h"

#include <isola/serialization/program_memory.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace isola {

// In the program's memory: a copy of it may outlive the actor that makes it.
AcceptedKeys::AcceptedKeys(std::vector<std::string> names) {
  const detail::ProgramMemory program;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  names_ = std::make_shared<const std::vector<std::string>>(std::move(names));
}

AcceptedKeys::AcceptedKeys(std::initializer_list<AcceptedKey> keys)
    : AcceptedKeys([&] {
        const detail::ProgramMemory program;
        std::vector<std::string> names;
        for (const AcceptedKey& key : keys) names.emplace_back(key.name());
        return names;
      }()) {}

AcceptedKeys AcceptedKeys::none() { return AcceptedKeys(std::vector<std::string>()); }

AcceptedKeys AcceptedKeys::named(const std::vector<std::string>& names) {
  const detail::ProgramMemory program;
  return AcceptedKeys(std::vector<std::string>(names));
}

bool AcceptedKeys::has(std::string_view name) const {
  return are_all() || std::binary_search(names_->begin(), names_->end(), name, std::less<>());
}

const std::vector<std::string>& AcceptedKeys::names() const {
  static const std::vector<std::string> nothing;
  return are_all() ? nothing : *names_;
}

std::ostream& operator<<(std::ostream& out, const AcceptedKeys& keys) {
  if (keys.are_all()) return out << "all keys";
  if (keys.names().empty()) return out << "no keys";
  const char* between = "";
  for (const std::string& name : keys.names()) out << std::exchange(between, ", ") << name;
  return out;
}

}  // namespace isola
