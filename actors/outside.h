// A scope in which memory comes from the program itself, for what must outlive the isolate.
//
//   {
//     isola::Outside outside;
//     cache().emplace(key, isola::string(text));   // both on the program's own memory
//   }
//
// It belongs to the code that opened it: other actors that run while this one waits are not in it,
// and it is still open afterwards. Scopes nest. What exists already stays where it is, and so does
// all that a container of the isolate's heap allocates later: a container keeps its heap.
// Thread safety: a scope is closed by the code that opened it.
#pragma once

#include <isola/context/execution.h>

namespace isola {

class [[nodiscard]] Outside {
 public:
  Outside() : execution_(detail::Execution::current()) {
    ++execution_.outside;
    execution_.heap = nullptr;  // known again once it is used
  }
  ~Outside() { --execution_.outside; }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

 private:
  detail::Execution& execution_;
};

}  // namespace isola
