// Assertions that print their operands.
//
// ISOLA_REQUIRE(a, op, b): the caller's fault; throws std::logic_error.
// ISOLA_CHECK(a, op, b):   our fault; always on; prints and aborts.
// ISOLA_ASSERT(a, op, b):  our fault; in debug builds only.
// The message is `file:line: expected a == b; a = 14; b = 72`.
#pragma once

#include <sstream>
#include <string>
#include <type_traits>

namespace isola::detail {

template <class T>
std::string show_operand(const T& value) {
  if constexpr (requires(std::ostringstream& out) { out << value; }) {
    std::ostringstream out;
    out << value;
    return out.str();
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<long long>(value));
  } else {
    return "?";
  }
}

[[noreturn]] void require_failed(const char* file, int line, const std::string& what);
[[noreturn]] void check_failed(const char* file, int line, const std::string& what);

template <class A, class B>
std::string describe(const char* a_text, const char* op, const char* b_text, const A& a,
                     const B& b) {
  return std::string("expected ") + a_text + " " + op + " " + b_text + "; " + a_text + " = " +
         show_operand(a) + "; " + b_text + " = " + show_operand(b);
}

}  // namespace isola::detail

#define ISOLA_DETAIL_VERIFY(fail, a, op, b)                                                  \
  do {                                                                                       \
    const auto& isola_a = (a);                                                               \
    const auto& isola_b = (b);                                                               \
    if (!(isola_a op isola_b)) [[unlikely]]                                                  \
      ::isola::detail::fail(__FILE__, __LINE__,                                              \
                            ::isola::detail::describe(#a, #op, #b, isola_a, isola_b));       \
  } while (false)

#define ISOLA_REQUIRE(a, op, b) ISOLA_DETAIL_VERIFY(require_failed, a, op, b)
#define ISOLA_CHECK(a, op, b) ISOLA_DETAIL_VERIFY(check_failed, a, op, b)
#ifdef NDEBUG
#define ISOLA_ASSERT(a, op, b) \
  do {                         \
  } while (false)
#else
#define ISOLA_ASSERT(a, op, b) ISOLA_DETAIL_VERIFY(check_failed, a, op, b)
#endif
