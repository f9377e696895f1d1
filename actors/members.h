// The members of plain structs, as far as the language lets them be seen: to ask whether a struct
// may cross to another actor, and to find the channel ends in it.
//
// Seen are the members of an aggregate without base class, C array (std::array is fine) and
// bit-field, and with at most 16 members; the compiler itself counts them again. After an idea of
// Antony Polukhin's (Boost.PFR): as many initializers as an aggregate takes, so many members it
// has.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace isola::detail {

inline constexpr size_t kMembersMax = 16;

// Stands for a value of any type, where none is computed.
struct AnyValue {
  template <class U>
  operator U() const noexcept;
};
// The same, but only for bases of T.
template <class T>
struct AnyBase {
  template <class U>
  requires(std::is_base_of_v<U, T> && !std::same_as<U, T>) operator U() const noexcept;
};

template <class T, size_t... I>
constexpr bool takes_values(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyValue{})...}; };
}
// With the one in the middle in braces of its own. A C array takes several values, but only one
// pair of braces.
template <class T, size_t... Before, size_t... After>
constexpr bool takes_braces(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires {
    T{(static_cast<void>(Before), AnyValue{})..., {}, (static_cast<void>(After), AnyValue{})...};
  }
  || requires {
    T{(static_cast<void>(Before), AnyValue{})...,
      {AnyValue{}},
      (static_cast<void>(After), AnyValue{})...};
  };
}
template <class T, size_t... I>
constexpr bool has_c_array(std::index_sequence<I...>) {
  return !(takes_braces<T>(std::make_index_sequence<I>(),
                           std::make_index_sequence<sizeof...(I) - 1 - I>()) &&
           ...);
}

// How many members T has; one more than kMembersMax: too many, or they can't be seen.
template <class T>
constexpr size_t count_members() {
  constexpr size_t kNone = kMembersMax + 1;
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T>) {
    return kNone;
  } else if constexpr (std::is_empty_v<T>) {
    return 0;
  } else if constexpr (requires { T{AnyBase<T>{}}; }) {
    return kNone;
  } else {
    constexpr size_t kMost = []<size_t... I>(std::index_sequence<I...>) {
      size_t most = 0;
      ((takes_values<T>(std::make_index_sequence<I>()) ? most = I : most), ...);
      return most;
    }
    (std::make_index_sequence<kMembersMax + 2>());
    if constexpr (kMost == 0 || kMost > kMembersMax)
      return kNone;
    else if constexpr (has_c_array<T>(std::make_index_sequence<kMost>()))
      return kNone;
    else
      return kMost;
  }
}

template <class T>
inline constexpr size_t kMembers = count_members<T>();
template <class T>
concept Transparent = kMembers<T>
<= kMembersMax;

template <class... T>
struct Types {};

// Calls `use` with the declared types of all members (Types<int, const Text&>) and with the
// members, as lvalues.
template <class T, class Use>
constexpr decltype(auto) with_members(T& value, Use&& use) {
  constexpr size_t n = kMembers<std::remove_const_t<T>>;
  static_assert(n <= kMembersMax);
#define ISOLA_TYPES_1(m) decltype(m)
#define ISOLA_TYPES_2(m, ...) decltype(m), ISOLA_TYPES_1(__VA_ARGS__)
#define ISOLA_TYPES_3(m, ...) decltype(m), ISOLA_TYPES_2(__VA_ARGS__)
#define ISOLA_TYPES_4(m, ...) decltype(m), ISOLA_TYPES_3(__VA_ARGS__)
#define ISOLA_TYPES_5(m, ...) decltype(m), ISOLA_TYPES_4(__VA_ARGS__)
#define ISOLA_TYPES_6(m, ...) decltype(m), ISOLA_TYPES_5(__VA_ARGS__)
#define ISOLA_TYPES_7(m, ...) decltype(m), ISOLA_TYPES_6(__VA_ARGS__)
#define ISOLA_TYPES_8(m, ...) decltype(m), ISOLA_TYPES_7(__VA_ARGS__)
#define ISOLA_TYPES_9(m, ...) decltype(m), ISOLA_TYPES_8(__VA_ARGS__)
#define ISOLA_TYPES_10(m, ...) decltype(m), ISOLA_TYPES_9(__VA_ARGS__)
#define ISOLA_TYPES_11(m, ...) decltype(m), ISOLA_TYPES_10(__VA_ARGS__)
#define ISOLA_TYPES_12(m, ...) decltype(m), ISOLA_TYPES_11(__VA_ARGS__)
#define ISOLA_TYPES_13(m, ...) decltype(m), ISOLA_TYPES_12(__VA_ARGS__)
#define ISOLA_TYPES_14(m, ...) decltype(m), ISOLA_TYPES_13(__VA_ARGS__)
#define ISOLA_TYPES_15(m, ...) decltype(m), ISOLA_TYPES_14(__VA_ARGS__)
#define ISOLA_TYPES_16(m, ...) decltype(m), ISOLA_TYPES_15(__VA_ARGS__)
#define ISOLA_MEMBERS(count, ...)                                       \
  if constexpr (n == count) {                                           \
    auto& [__VA_ARGS__] = value;                                        \
    return use(Types<ISOLA_TYPES_##count(__VA_ARGS__)>(), __VA_ARGS__); \
  }
  if constexpr (n == 0) return use(Types<>());
  ISOLA_MEMBERS(1, a)
  ISOLA_MEMBERS(2, a, b)
  ISOLA_MEMBERS(3, a, b, c)
  ISOLA_MEMBERS(4, a, b, c, d)
  ISOLA_MEMBERS(5, a, b, c, d, e)
  ISOLA_MEMBERS(6, a, b, c, d, e, f)
  ISOLA_MEMBERS(7, a, b, c, d, e, f, g)
  ISOLA_MEMBERS(8, a, b, c, d, e, f, g, h)
  ISOLA_MEMBERS(9, a, b, c, d, e, f, g, h, i)
  ISOLA_MEMBERS(10, a, b, c, d, e, f, g, h, i, j)
  ISOLA_MEMBERS(11, a, b, c, d, e, f, g, h, i, j, k)
  ISOLA_MEMBERS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  ISOLA_MEMBERS(13, a, b, c, d, e, f, g, h, i, j, k, l, o)
  ISOLA_MEMBERS(14, a, b, c, d, e, f, g, h, i, j, k, l, o, p)
  ISOLA_MEMBERS(15, a, b, c, d, e, f, g, h, i, j, k, l, o, p, q)
  ISOLA_MEMBERS(16, a, b, c, d, e, f, g, h, i, j, k, l, o, p, q, r)
#undef ISOLA_MEMBERS
#undef ISOLA_TYPES_1
#undef ISOLA_TYPES_2
#undef ISOLA_TYPES_3
#undef ISOLA_TYPES_4
#undef ISOLA_TYPES_5
#undef ISOLA_TYPES_6
#undef ISOLA_TYPES_7
#undef ISOLA_TYPES_8
#undef ISOLA_TYPES_9
#undef ISOLA_TYPES_10
#undef ISOLA_TYPES_11
#undef ISOLA_TYPES_12
#undef ISOLA_TYPES_13
#undef ISOLA_TYPES_14
#undef ISOLA_TYPES_15
#undef ISOLA_TYPES_16
}

}  // namespace isola::detail
