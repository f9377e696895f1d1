// Closing scopes, and what goes wrong there.
#include "scope.h"

#include <isola/context/visible.h>

#include <ostream>

namespace isola::detail {

namespace {

bool is_open_in(const Execution& execution, const Binding& binding) {
  for (const Binding* b = execution.bindings; b != nullptr; b = b->outer)
    if (b == &binding) return true;
  return false;
}

}  // namespace

std::string describe(const Binding& binding) {
  switch (binding.kind) {
    case BindingKind::value:
    case BindingKind::unset:
      return std::string("the Scope of ") + binding.key->name;
    case BindingKind::isolated:
      return "an Isolated scope";
    case BindingKind::suppressed:
      return "a SuppressFlow scope";
    case BindingKind::traced:
      return "a TraceCallers scope";
    case BindingKind::entered:
      return "the captured context #" + std::to_string(binding.number);
  }
  return "";
}

void drop_copies(const Binding& binding) {
  if (Block* record = std::exchange(binding.record, nullptr)) record->pool->give_last_use(*record);
  if (Kept* kept = std::exchange(binding.kept, nullptr))
    release(kept, 1 + std::exchange(binding.kept_uses, 0));
}

void release(Kept* kept, uint32_t uses) {
  // A chain may be long: no recursion. Release and acquire: whoever destroys it sees what the other
  // users did before.
  while (kept != nullptr && kept->uses.fetch_sub(uses, sync::memory_order_acq_rel) == uses) {
    Kept* outer = kept->outer;
    kept->destroy(kept);
    kept = outer;
    uses = 1;
  }
}

void close_misplaced(Execution& execution, const Binding& binding) {
  for (const Binding* b = execution.bindings; b != nullptr; b = b->outer) {
    if (b->outer != &binding) continue;
    const_cast<Binding*>(b)->outer = binding.outer;
    execution.forget_all();
    for (b = execution.bindings; b != binding.outer; b = b->outer) drop_copies(*b);
    return;
  }
  const std::string what = describe(binding) + " ends where it is not open";
  check_failed(__FILE__, __LINE__,
               what + ": a scope is a local variable of the code that opens it");
}

void require_closable(const Binding& innermost, bool is_open, const Execution* opened_in) {
  const Execution& execution = Execution::current();
  if (!is_open)
    throw ContextError(ContextFault::already_restored,
                       describe(innermost) + " was restored already");
  if (execution.bindings == &innermost) return;
  if (is_open_in(execution, innermost))
    throw ContextError(ContextFault::not_innermost,
                       describe(innermost) + " can't be restored before what was opened in it: " +
                           describe(*execution.bindings) + " is still open");
  if (opened_in != &execution)
    throw ContextError(ContextFault::other_thread,
                       describe(innermost) + " belongs to another thread or actor");
  throw ContextError(ContextFault::other_context,
                     describe(innermost) + " belongs to another context than the one that runs");
}

void require_text_fits(const KeyBase& key, size_t bytes) {
  if (bytes > kContextTextBytesMax)
    require_failed(__FILE__, __LINE__,
                   std::string("key ") + key.name +
                       " travels with every message: its text may "
                       "have up to " +
                       std::to_string(kContextTextBytesMax) + " bytes, not " +
                       std::to_string(bytes));
}

void print_scope(std::ostream& out, const Binding* const* bindings, size_t count, bool is_open) {
  out << "Scope of ";
  for (size_t i = 0; i < count; ++i) out << (i > 0 ? ", " : "") << bindings[i]->key->name;
  if (!is_open) out << " (restored)";
}

}  // namespace isola::detail
