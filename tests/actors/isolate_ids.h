// Which isolates there are, for the tests that list them.
#pragma once

#include <isola/isola.h>

#include <vector>

namespace isola::test {

inline std::vector<IsolateId> ids_of(const std::vector<Isolate>& isolates) {
  std::vector<IsolateId> ids;
  for (const Isolate& isolate : isolates) ids.push_back(isolate.id());
  return ids;
}

// Of all isolates but the one that the test itself may be.
inline std::vector<IsolateId> other_ids(System& system) {
  std::vector<IsolateId> found = ids_of(system.isolates());
  if (detail::Execution::current().cell != nullptr) std::erase(found, system.current().id());
  return found;
}

}  // namespace isola::test
