// Names of types and functions as C++ spells them.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>

namespace isola::detail {

// Of a symbol of the linker; itself if it is none of C++.
inline std::string demangled(const char* symbol) {
  int status = 0;
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> name(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status));
  return status == 0 ? name.get() : symbol;
}
inline std::string demangled(const std::type_info& type) { return demangled(type.name()); }

}  // namespace isola::detail
