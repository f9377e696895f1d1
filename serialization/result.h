// Result<T>: the pair (value, err). Nothing throws across a boundary until the receiver says so.
//
//   auto [total, err] = counter.ask<GetTotal>().get(100ms);
//   auto total = counter.ask<GetTotal>().get(100ms).or_raise();
#pragma once

#include <isola/serialization/error.h>
#include <isola/serialization/message.h>

#include <type_traits>
#include <utility>

namespace isola {

namespace detail {

template <class T>
struct ResultValue {
  using type = T;
};
template <MessageStruct T>
struct ResultValue<T> {
  using type = Delivery<T>;
};

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
  Value or_raise() && {
    if (err) err.raise();
    return std::move(value);
  }
  Value value_or(Value other) && { return err ? std::move(other) : std::move(value); }
};

template <>
struct [[nodiscard]] Result<void> {
  Error err;

  explicit operator bool() const { return !err; }
  bool ok() const { return !err; }
  void or_raise() && {
    if (err) err.raise();
  }
};

}  // namespace isola
