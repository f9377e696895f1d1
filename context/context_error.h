// What goes wrong with keys, scopes and contexts: the caller's faults, each with a code of its own.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace isola {

enum class ContextFault : uint8_t {
  not_set,           // the key is bound to nothing here, and has no default
  not_owner,         // the value stays in the actor or thread that bound it, which is another one
  already_restored,  // the scope was restored before
  not_innermost,     // a scope that was opened later is still open
  other_context,     // the scope belongs to another context than the one that runs here
  other_thread,      // the scope was opened on another thread, or in another actor
  already_entered,   // the same call, or a generator, has entered this context already
  open_scope,        // a generator that did not ask for it yields with a scope open
  cannot_suspend,    // this frame can't be suspended, or what it does must not
};

// The name as an identifier: "not_set".
const char* name(ContextFault fault);

class ContextError : public std::logic_error {
 public:
  ContextError(ContextFault fault, const std::string& what)
      : std::logic_error(what), fault_(fault) {}
  ContextFault fault() const { return fault_; }

 private:
  ContextFault fault_;
};

}  // namespace isola
