// Sendable: what may be handed to a new actor or isolate. Decided by the compiler.
//
// Channel ends, addresses, messages, blobs, texts and plain values may cross; what points into the
// heap of the giver may not, and neither may a function with captures.
#pragma once

#include <isola/channels/channel.h>
#include <isola/channels/topic.h>
#include <isola/serialization/blob.h>
#include <isola/serialization/message.h>
#include <isola/serialization/shared_buffer.h>

#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

// Specialize for a type of your own that owns all that it refers to and shares none of it.
template <class T>
struct SendableTrait : std::false_type {};

template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
struct SendableTrait<T> : std::true_type {};
template <>
struct SendableTrait<std::string> : std::true_type {};
template <class Rep, class Period>
struct SendableTrait<std::chrono::duration<Rep, Period>> : std::true_type {};
template <class T>
struct SendableTrait<std::vector<T>> : SendableTrait<T> {};
template <class A, class B>
struct SendableTrait<std::pair<A, B>>
    : std::bool_constant<SendableTrait<A>::value && SendableTrait<B>::value> {};
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

template <class T>
constexpr void require_sendable() {
  static_assert(!std::is_pointer_v<T>,
                "isola: a raw pointer can't cross to another actor, whose heap is its own: send a "
                "message, or a channel end");
  static_assert(std::is_pointer_v<T> || Sendable<T>,
                "isola: this argument can't cross to another actor: pass channel ends, addresses, "
                "messages, std::string or plain values, or put the data into a message");
}

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

// Makes the channel ends among the arguments belong to the isolate that gets them.
template <class T>
void transfer_ends(T& value, ResourceList* list) {
  if constexpr (std::derived_from<T, End>) {
    value.transfer(list);
  } else if constexpr (requires { value.first, value.second; }) {
    transfer_ends(value.first, list);
    transfer_ends(value.second, list);
  } else if constexpr (kIsVector<T>) {
    for (auto&& each : value)
      if constexpr (std::is_lvalue_reference_v<decltype(each)>) transfer_ends(each, list);
  }
}

// A function without captures, as a plain pointer: its code is all there is of it.
template <class F>
constexpr auto plain_function(F function) {
  if constexpr (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) {
    return function;
  } else {
    static_assert(std::is_empty_v<F>,
                  "isola: a lambda with captures can't cross to another actor: pass what it needs "
                  "as arguments of spawn or run");
    return +function;
  }
}

template <class F>
struct FunctionTraits;
template <class R, class... Args>
struct FunctionTraits<R (*)(Args...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<Args>...>;
};
template <class R, class... Args>
struct FunctionTraits<R (*)(Args...) noexcept> : FunctionTraits<R (*)(Args...)> {};

}  // namespace detail
}  // namespace isola
