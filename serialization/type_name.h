// Names of types and functions as C++ spells them.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <string>
#include <typeinfo>

namespace isola::detail {

// Of a symbol of the linker; itself if it is none of C++.
inline std::string demangled(const char* symbol) {
  int status = 0;
  char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string result = status == 0 ? name : symbol;
  std::free(name);
  return result;
}
inline std::string demangled(const std::type_info& type) { return demangled(type.name()); }

}  // namespace isola::detail
