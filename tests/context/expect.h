// What the tests of contexts say about errors and texts.
#pragma once

#include <isola/context/context_error.h>

#include <optional>
#include <sstream>
#include <string>

namespace isola::test {

// The fault of the ContextError that the function throws; nothing if it throws none.
template <class F>
std::optional<ContextFault> fault_of(F&& function) {
  try {
    function();
  } catch (const ContextError& error) {
    return error.fault();
  }
  return std::nullopt;
}

// What the ContextError says.
template <class F>
std::string what_of(F&& function) {
  try {
    function();
  } catch (const ContextError& error) {
    return error.what();
  }
  return {};
}

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace isola::test
