// Keeping the types of actors.
#include "registry.h"

namespace isola::topology {

Registry& Registry::insert(Behaviour behaviour) {
  const bool is_known = find(behaviour.type) != nullptr;
  ISOLA_REQUIRE(is_known, ==, false);
  for (size_t i = 0; i < behaviour.ports.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      ISOLA_REQUIRE(behaviour.ports[i].name, !=, behaviour.ports[j].name);
  behaviours_.push_back(std::move(behaviour));
  return *this;
}

const Behaviour* Registry::find(std::string_view type) const {
  for (const Behaviour& behaviour : behaviours_)
    if (behaviour.type == type) return &behaviour;
  return nullptr;
}

std::vector<std::string> Registry::types() const {
  std::vector<std::string> names;
  for (const Behaviour& behaviour : behaviours_) names.push_back(behaviour.type);
  return names;
}

}  // namespace isola::topology
