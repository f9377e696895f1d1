// For runs that are expected to fail: they are abandoned, so what their threads had leaks, and the
// leak sanitizer is told so. Empty in other builds.
#pragma once

#include <isola/serialization/sanitizers.h>

namespace isola::testing {

// What this thread allocates while it lives may leak.
class LeaksAllowed {
 public:
#ifdef ISOLA_ASAN
  LeaksAllowed() { __lsan_disable(); }
  ~LeaksAllowed() { __lsan_enable(); }
#else
  LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;
};

}  // namespace isola::testing
