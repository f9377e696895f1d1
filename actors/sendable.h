// Sendable: what may be handed to a new actor or isolate, and back. Decided by the compiler.
//
// Channel ends, addresses, isolates, messages, blobs, texts, numbers and functions without captures
// may cross, and structs, tuples, arrays, lists, optionals and variants of these, nested as they
// like. What points into the heap of the giver may not, and neither may a function with captures.
//
// A struct is looked into (members.h). One that hides its members is let through by its owner:
//   template <> struct isola::SendableTrait<Money> : std::true_type {};
#pragma once

#include <isola/actors/members.h>
#include <isola/channels/channel.h>
#include <isola/channels/topic.h>
#include <isola/serialization/blob.h>
#include <isola/serialization/message.h>
#include <isola/serialization/shared_buffer.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace isola {

template <class T>
struct SendableTrait;

namespace detail {

template <class T>
inline constexpr bool kIsFunctionPointer =
    std::is_pointer_v<T>&& std::is_function_v<std::remove_pointer_t<T>>;
// It carries nothing: a lambda without captures, a tag, a comparison.
template <class T>
inline constexpr bool kIsStateless = std::is_empty_v<T>&& std::is_trivially_copyable_v<T>;

template <class... M>
constexpr bool all_sendable(Types<M...>) {
  return (SendableTrait<std::remove_cv_t<M>>::value && ...);
}

// Of a struct that can be seen through.
template <class T>
using MemberTypes =
    decltype(with_members(std::declval<T&>(), [](auto types, auto&...) { return types; }));

template <class T>
constexpr bool sendable_by_itself() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || kIsFunctionPointer<T>)
    return true;
  else if constexpr (kIsStateless<T>)
    return true;
  else if constexpr (Transparent<T>)
    return all_sendable(MemberTypes<T>());
  else
    return false;
}

}  // namespace detail

// Specialize for a type of your own that owns all that it refers to and shares none of it.
template <class T>
struct SendableTrait : std::bool_constant<detail::sendable_by_itself<T>()> {};

template <class... T>
inline constexpr bool kAllSendable = (SendableTrait<std::remove_cv_t<T>>::value && ...);

template <class C>
struct SendableTrait<std::basic_string<C>> : std::true_type {};
template <class Rep, class Period>
struct SendableTrait<std::chrono::duration<Rep, Period>> : std::true_type {};
template <class Clock, class Duration>
struct SendableTrait<std::chrono::time_point<Clock, Duration>> : std::true_type {};
template <class T>
struct SendableTrait<std::vector<T>> : std::bool_constant<kAllSendable<T>> {};
template <class K, class V>
struct SendableTrait<std::map<K, V>> : std::bool_constant<kAllSendable<K, V>> {};
template <class K, class V>
struct SendableTrait<std::unordered_map<K, V>> : std::bool_constant<kAllSendable<K, V>> {};
template <class T, size_t n>
struct SendableTrait<std::array<T, n>> : std::bool_constant<kAllSendable<T>> {};
template <class T>
struct SendableTrait<std::optional<T>> : std::bool_constant<kAllSendable<T>> {};
template <class A, class B>
struct SendableTrait<std::pair<A, B>> : std::bool_constant<kAllSendable<A, B>> {};
template <class... T>
struct SendableTrait<std::tuple<T...>> : std::bool_constant<kAllSendable<T...>> {};
template <class... T>
struct SendableTrait<std::variant<T...>> : std::bool_constant<kAllSendable<T...>> {};
template <>
struct SendableTrait<Error> : std::true_type {};
template <>
struct SendableTrait<Blob> : std::true_type {};
template <>
struct SendableTrait<SharedBuffer> : std::true_type {};
template <MessageStruct T>
struct SendableTrait<Message<T>> : std::true_type {};
template <MessageStruct T>
struct SendableTrait<Delivery<T>> : std::true_type {};
template <MessageStruct T>
struct SendableTrait<Sender<T>> : std::true_type {};
template <MessageStruct T>
struct SendableTrait<Receiver<T>> : std::true_type {};
template <MessageStruct T>
struct SendableTrait<Topic<T>> : std::true_type {};

template <class T>
concept Sendable = SendableTrait<std::decay_t<T>>::value;

namespace detail {

// Where a value stands that is to cross, for what the compiler prints.
template <size_t number>
struct Argument;  // the first one is Argument<1>
struct ReturnValue;
struct NamedInNamespace;
template <class Struct, size_t number>
struct Member;

template <class T>
constexpr void require_sendable();

template <class Struct, class... M>
constexpr void require_members(Types<M...>);

// Fails to compile, with what to do instead. `Where` says which argument, or member of it.
template <class Where, class T>
constexpr void require_crosses() {
  static_assert(!std::is_reference_v<T>,
                "isola: a reference can't cross to another actor, whose heap is its own: hold the "
                "value itself (which argument: see Where, in the lines around this one)");
  static_assert(!std::is_pointer_v<T> || kIsFunctionPointer<T>,
                "isola: a raw pointer can't cross to another actor, whose heap is its own: send a "
                "message, or a channel end (which argument: see Where, in the lines around this "
                "one)");
  if constexpr (!std::is_pointer_v<T> && !std::is_reference_v<T>) {
    if constexpr (!Sendable<T> && Transparent<T>)
      require_members<T>(MemberTypes<T>());
    else
      static_assert(Sendable<T>,
                    "isola: this argument can't cross to another actor: pass channel ends, "
                    "addresses, messages, std::string or plain values, or put the data into a "
                    "message (which argument: see Where, in the lines around this one)");
  }
}

template <class Struct, class... M>
constexpr void require_members(Types<M...>) {
  [&]<size_t... I>(std::index_sequence<I...>) {
    (require_crosses<Member<Struct, I + 1>, std::remove_cv_t<M>>(), ...);
  }
  (std::index_sequence_for<M...>());
}

template <class T>
constexpr void require_sendable() {
  require_crosses<Argument<1>, T>();
}
template <class... Args>
constexpr void require_arguments() {
  [&]<size_t... I>(std::index_sequence<I...>) {
    (require_crosses<Argument<I + 1>, std::decay_t<Args>>(), ...);
  }
  (std::index_sequence_for<Args...>());
}

template <class T>
inline constexpr bool kIsRange = false;
template <class T>
inline constexpr bool kIsRange<std::vector<T>> = true;
template <class T, size_t n>
inline constexpr bool kIsRange<std::array<T, n>> = true;
template <class K, class V>
inline constexpr bool kIsRange<std::map<K, V>> = true;
template <class K, class V>
inline constexpr bool kIsRange<std::unordered_map<K, V>> = true;
template <class T>
inline constexpr bool kIsTuple = false;
template <class A, class B>
inline constexpr bool kIsTuple<std::pair<A, B>> = true;
template <class... T>
inline constexpr bool kIsTuple<std::tuple<T...>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;

// Makes the channel ends in the value belong to the isolate that gets them; nullptr: to none.
template <class T>
void transfer_ends(T& value, ResourceList* list) {
  if constexpr (std::is_scalar_v<T> || std::is_const_v<T> || kIsStateless<T>) {
    // none in it
  } else if constexpr (std::derived_from<T, End>) {
    value.transfer(list);
  } else if constexpr (kIsRange<T>) {
    for (auto&& each : value)
      if constexpr (std::is_lvalue_reference_v<decltype(each)>) transfer_ends(each, list);
  } else if constexpr (kIsTuple<T>) {
    std::apply([list](auto&... each) { (transfer_ends(each, list), ...); }, value);
  } else if constexpr (kIsOptional<T>) {
    if (value) transfer_ends(*value, list);
  } else if constexpr (kIsVariant<T>) {
    if (!value.valueless_by_exception())
      std::visit([list](auto& held) { transfer_ends(held, list); }, value);
  } else if constexpr (Transparent<T>) {
    with_members(value, [list](auto, auto&... each) { (transfer_ends(each, list), ...); });
  }
}

// A function without captures: its code is all there is of it. As a plain pointer if it can be one;
// an object without state otherwise.
template <class F>
constexpr auto plain_function(F function) {
  if constexpr (kIsFunctionPointer<F>) {
    return function;
  } else {
    static_assert(std::is_class_v<F>,
                  "isola: what is run is a function: a free function, a static member, a lambda "
                  "without captures, or a registered one (isola::Function)");
    static_assert(!std::is_class_v<F> || Sendable<F>,
                  "isola: a lambda with captures can't cross to another actor: pass what it needs "
                  "as arguments of spawn or run");
    if constexpr (requires { +function; })
      return +function;
    else
      return function;
  }
}

template <class F>
struct FunctionTraits;
template <class R, class... Args>
struct FunctionTraits<R (*)(Args...)> {
  using Result = R;
  using Parameters = Types<Args...>;
  using Arguments = std::tuple<std::decay_t<Args>...>;
};
template <class R, class... Args>
struct FunctionTraits<R (*)(Args...) noexcept> : FunctionTraits<R (*)(Args...)> {};
// An object without state that has one operator().
template <class F>
requires requires { &F::operator(); }
struct FunctionTraits<F> : FunctionTraits<decltype(&F::operator())> {};
template <class F, class R, class... Args>
struct FunctionTraits<R (F::*)(Args...)> : FunctionTraits<R (*)(Args...)> {};
template <class F, class R, class... Args>
struct FunctionTraits<R (F::*)(Args...) const> : FunctionTraits<R (*)(Args...)> {};
template <class F, class R, class... Args>
struct FunctionTraits<R (F::*)(Args...) noexcept> : FunctionTraits<R (*)(Args...)> {};
template <class F, class R, class... Args>
struct FunctionTraits<R (F::*)(Args...) const noexcept> : FunctionTraits<R (*)(Args...)> {};

// True if a number of type A may not fit into one of type P.
template <class A, class P>
constexpr bool narrows() {
  if constexpr (!std::is_arithmetic_v<A> || !std::is_arithmetic_v<P> || std::same_as<A, P>)
    return false;
  else if constexpr (std::same_as<P, bool> || std::is_floating_point_v<A>)
    return !(std::is_floating_point_v<P> && sizeof(A) <= sizeof(P));
  else if constexpr (std::is_floating_point_v<P>)
    return std::numeric_limits<A>::digits > std::numeric_limits<P>::digits;
  else
    return !(std::numeric_limits<A>::digits <= std::numeric_limits<P>::digits &&
             (std::is_unsigned_v<A> || std::is_signed_v<P>));
}

template <size_t number, class A, class P>
constexpr void require_fits() {
  static_assert(!narrows<A, std::decay_t<P>>(),
                "isola: this number may not fit into the function's parameter, and would wrap: "
                "pass it in the parameter's type, as in int8_t{5}, which does not compile for a "
                "constant beyond its ends (which argument: see number, in the lines around this "
                "one)");
}
// REQUIRES: as many of the one as of the other.
template <class... A, class... P>
constexpr void require_all_fit(Types<A...>, Types<P...>) {
  [&]<size_t... I>(std::index_sequence<I...>) { (require_fits<I + 1, A, P>(), ...); }
  (std::index_sequence_for<A...>());
}

// That `F` can be run with these arguments somewhere else, and its result come back.
template <class F, class... Args>
constexpr void require_runs() {
  require_arguments<Args...>();
  static_assert(std::is_invocable_v<F, std::decay_t<Args>...>,
                "isola: the function can't be called with these arguments. It gets them by value, "
                "so a parameter can't be a reference to something that the function may change");
  // What can be called and has known parameters has one for each argument.
  if constexpr (std::is_invocable_v<F, std::decay_t<Args>...> &&
                requires { typename FunctionTraits<F>::Parameters; })
    require_all_fit(Types<std::decay_t<Args>...>(), typename FunctionTraits<F>::Parameters());
  using Returned = std::decay_t<std::invoke_result_t<F, std::decay_t<Args>...>>;
  if constexpr (!std::is_void_v<Returned>) require_crosses<ReturnValue, Returned>();
}

// That nothing is lost where nobody waits for a result.
template <class F, class... Args>
constexpr void require_no_result() {
  static_assert(std::is_void_v<std::invoke_result_t<F, std::decay_t<Args>...>>,
                "isola: nobody would get what this function returns: let it return nothing and "
                "send its result to a channel, or call Isolate::run, which gives it back");
}

}  // namespace detail
}  // namespace isola
