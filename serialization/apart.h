// A hint for the compiler, where its common subexpressions cost more than they save.
#pragma once

namespace isola::detail {

// The same object by an address of its own, which the compiler relates to nothing else: so it stays
// in one register, and parts of it are not kept in memory because they are used elsewhere, too.
template <class T>
[[gnu::always_inline]] inline T& apart(T& object) {
  T* address = &object;
  asm("" : "+r"(address));
  return *address;
}

}  // namespace isola::detail
