// What the C++ runtime keeps of a thread's exceptions: whoever switches stacks switches it, too.
// Else code that is left inside a catch would go on with somebody else's exception.
//
// Thread safety: of the thread that it belongs to.
#pragma once

#include <cxxabi.h>

namespace isola::detail {

// As the Itanium C++ ABI lays out __cxa_eh_globals.
struct ExceptionState {
  void* caught = nullptr;
  unsigned uncaught = 0;

  // Not to be kept where the stack may go on on another thread.
  static ExceptionState& of_thread() {
    return *reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  }
};

}  // namespace isola::detail
