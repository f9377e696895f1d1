// Reading scopes and inherited entries as texts.
#include "error_context.h"

#include <isola/context/visible.h>

namespace isola::detail {

void read_error_context(std::vector<ErrorContext>& into) noexcept {
  const Execution& execution = Execution::current();
  if (execution.bindings == nullptr && execution.inherited == nullptr) return;
  try {
    for (const Visible& entry : visible(execution.bindings, execution.inherited))
      into.push_back({std::string(entry.name), text_of(entry, false)});
  } catch (...) {
    // No memory left, or a value can't be printed: what there is so far.
  }
}

}  // namespace isola::detail
