// How a failed assertion is reported.
#include "check.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace isola::detail {

void require_failed(const char* file, int line, const std::string& what) {
  throw std::logic_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

void check_failed(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: isola: internal error: %s\n", file, line, what.c_str());
  std::abort();
}

}  // namespace isola::detail
