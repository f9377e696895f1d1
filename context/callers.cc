// Reading the callers from the record of the message that is handled.
#include "callers.h"

namespace isola {

bool detail::names_callers(const Binding* innermost, const Block* inherited) {
  for (const Binding* b = innermost; b != nullptr; b = b->outer)
    if (b->kind == BindingKind::traced) return true;
  return inherited != nullptr && (inherited->flags & Block::kNamesCallers) != 0;
}

std::vector<Caller> callers() {
  std::vector<Caller> list;
  const Block* inherited = detail::Execution::current().inherited;
  if (inherited == nullptr) return list;
  for (auto caller : inherited->read<ContextRecord>().getCallers())
    list.push_back({caller.getOwner(), caller.getFrame()});
  return list;
}

}  // namespace isola
