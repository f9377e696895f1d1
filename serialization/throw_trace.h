// Where exceptions were thrown, and under which context.
//
// Once an exception is caught, the stack of its throw is gone. So each throw in code that asked for
// it (the threads of a System do) goes through a hook before the stack is unwound, which notes the
// program counters, for as long as the exception lives. The hook is a definition of __cxa_throw
// (Itanium C++ ABI, level II, 2.4.3) that calls that of the C++ library. It is a weak one: in a
// program that is linked statically the library's own wins, and records have no frames.
//
// Thread safety: any thread; an exception_ptr may go to another one.
#pragma once

#include <isola/serialization/error.h>

#include <exception>
#include <vector>

namespace isola::detail {

struct ThrownAt {
  Trace trace;
  std::vector<ErrorContext> context;
};

// From here to its end, throws of this thread are noted, or, with `false`, are not.
class TraceThrows {
 public:
  explicit TraceThrows(bool on = true) : outer_(on_) { on_ = on; }
  ~TraceThrows() { on_ = outer_; }
  TraceThrows(const TraceThrows&) = delete;
  TraceThrows& operator=(const TraceThrows&) = delete;

  static bool on() { return on_; }

 private:
  static constinit inline thread_local bool on_ = false;
  const bool outer_;
};

// Who knows the call context says how to read it. Called at a throw, so it must not throw itself.
using ReadContext = void (*)(std::vector<ErrorContext>& into) noexcept;
void set_context_reader(ReadContext reader);

// What was noted of this exception; nothing if it was thrown elsewhere.
ThrownAt thrown_at(const std::exception_ptr& exception);

}  // namespace isola::detail
