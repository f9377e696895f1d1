// Result<T>: the pair (value, err). Nothing throws across a boundary until the receiver says so.
//
//   auto [total, err] = counter.ask<GetTotal>().get(100ms);
//   auto total = counter.ask<GetTotal>().get(100ms).or_raise();
//   auto text = isolate.run(&score).map([](double s) { return std::to_string(s); }).value_or("?");
#pragma once

#include <isola/serialization/error.h>
#include <isola/serialization/message.h>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace isola {

template <class T>
struct Result;

namespace detail {

template <class T>
struct ResultValue {
  using type = T;
};
template <MessageStruct T>
struct ResultValue<T> {
  using type = Delivery<T>;
};

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

// What map makes: a Result of what the function returns.
template <class F, class... Args>
Result<std::decay_t<std::invoke_result_t<F, Args...>>> mapped(F&& function, Args&&... args) {
  if constexpr (std::is_void_v<std::invoke_result_t<F, Args...>>) {
    std::invoke(std::forward<F>(function), std::forward<Args>(args)...);
    return {};
  } else {
    return {std::invoke(std::forward<F>(function), std::forward<Args>(args)...), Error()};
  }
}

}  // namespace detail

// A message type stands for the Delivery of it: Result<Total>.value is a Delivery<Total>.
template <class T>
struct [[nodiscard]] Result {
  using Value = typename detail::ResultValue<T>::type;

  Value value{};
  Error err;

  // True if there is a value.
  explicit operator bool() const { return !err; }
  bool ok() const { return !err; }

  // The value; throws RemoteError if there is none.
  Value or_raise(CallSite site = CallSite::here()) && {
    if (err) err.raise(site);
    return std::move(value);
  }
  Value value_or(Value other) && { return err ? std::move(other) : std::move(value); }
  // A Result of what `function` makes of the value; an error stays as it is.
  template <class F>
  auto map(F&& function) && {
    using Mapped = decltype(detail::mapped(std::forward<F>(function), std::move(value)));
    if (err) {
      Mapped none;
      none.err = std::move(err);
      return none;
    }
    return detail::mapped(std::forward<F>(function), std::move(value));
  }
  // The Result that `function` makes of the value; an error stays as it is.
  template <class F>
  auto and_then(F&& function) && {
    using Next = std::invoke_result_t<F, Value&&>;
    static_assert(detail::kIsResult<Next>, "isola: and_then takes a function that gives a Result");
    if (err) {
      Next none;
      none.err = std::move(err);
      return none;
    }
    return std::invoke(std::forward<F>(function), std::move(value));
  }
  // The Result that `function` makes of the error; a value stays as it is.
  template <class F>
  Result or_else(F&& function) && {
    static_assert(std::same_as<std::invoke_result_t<F, const Error&>, Result>,
                  "isola: or_else takes a function that returns the same Result");
    if (!err) return std::move(*this);
    return std::invoke(std::forward<F>(function), std::as_const(err));
  }
};

template <>
struct [[nodiscard]] Result<void> {
  Error err;

  explicit operator bool() const { return !err; }
  bool ok() const { return !err; }
  void or_raise(CallSite site = CallSite::here()) && {
    if (err) err.raise(site);
  }
  template <class F>
  auto map(F&& function) && {
    using Mapped = decltype(detail::mapped(std::forward<F>(function)));
    if (err) {
      Mapped none;
      none.err = std::move(err);
      return none;
    }
    return detail::mapped(std::forward<F>(function));
  }
  template <class F>
  auto and_then(F&& function) && {
    using Next = std::invoke_result_t<F>;
    static_assert(detail::kIsResult<Next>, "isola: and_then takes a function that gives a Result");
    if (err) {
      Next none;
      none.err = std::move(err);
      return none;
    }
    return std::invoke(std::forward<F>(function));
  }
};

}  // namespace isola
