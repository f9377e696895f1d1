// The types of values in a context: how each is kept, printed, and written to a record.
#pragma once

#include <isola/context/binding.h>
#include <isola/serialization/type_name.h>

#include <concepts>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace isola::detail {

// Goes into a Remembered as it is.
template <class T>
concept SmallValue = std::is_scalar_v<T> && sizeof(T) <= sizeof(uint64_t);

template <class T>
struct ContextValue {
  using Stored = T;
  using View = const T&;
  static void remember(const T& stored, Remembered& into) {
    into.word = reinterpret_cast<uintptr_t>(&stored);
  }
  static const T& recall(const Remembered& there) {
    return *reinterpret_cast<const T*>(static_cast<uintptr_t>(there.word));
  }
};

template <SmallValue T>
struct ContextValue<T> {
  using Stored = T;
  using View = T;
  static void remember(const T& stored, Remembered& into) {
    into.word = 0;
    std::memcpy(&into.word, &stored, sizeof(T));
  }
  static T recall(const Remembered& there) {
    T value;
    std::memcpy(&value, &there.word, sizeof(T));
    return value;
  }
};

template <>
struct ContextValue<text> {
  using Stored = std::string;
  using View = std::string_view;
  static void remember(std::string_view stored, Remembered& into) {
    into.word = reinterpret_cast<uintptr_t>(stored.data());
    into.size = static_cast<uint32_t>(stored.size());
  }
  static std::string_view recall(const Remembered& there) {
    return {reinterpret_cast<const char*>(static_cast<uintptr_t>(there.word)), there.size};
  }
};

// A type that can be serialized; any other can only be bound to a key that doesn't travel.
template <class T>
concept WireValue = std::same_as<T, text> || std::integral<T> || std::is_enum_v<T> ||
    (std::floating_point<T> && sizeof(T) <= sizeof(double));

template <class T>
struct OnWire {
  static void write(const void* stored, ContextRecord::Entry::Builder entry) {
    auto value = entry.getValue();
    if constexpr (std::same_as<T, text>) {
      value.setText(static_cast<const std::string*>(stored)->c_str());
    } else {
      const T now = *static_cast<const T*>(stored);
      if constexpr (std::same_as<T, bool>)
        value.setBoolean(now);
      else if constexpr (std::floating_point<T>)
        value.setReal(now);
      else
        value.setInteger(static_cast<int64_t>(now));
    }
  }
  // A value of another type than the key's reads as none.
  static T number(ContextRecord::Entry::Reader entry) {
    const auto value = entry.getValue();
    if (value.isBoolean()) return static_cast<T>(value.getBoolean());
    if (value.isReal()) {
      if constexpr (std::floating_point<T>) return static_cast<T>(value.getReal());
      return T{};
    }
    return value.isInteger() ? static_cast<T>(value.getInteger()) : T{};
  }
  static void read(ContextRecord::Entry::Reader entry, Remembered& into) {
    if constexpr (std::same_as<T, text>) {
      const auto value = entry.getValue();
      const auto read = value.isText() ? value.getText() : capnp::Text::Reader();
      ContextValue<text>::remember({read.cStr(), read.size()}, into);
    } else {
      ContextValue<T>::remember(number(entry), into);
    }
  }
  static size_t bytes(const void* stored) {
    if constexpr (std::same_as<T, text>)
      return static_cast<const std::string*>(stored)->size();
    else
      return 0;
  }
};

template <class T>
struct KeptValue : Kept {
  explicit KeptValue(const T& stored) : value(stored) {
    binding.value = &value;
    destroy = [](Kept* kept) { delete static_cast<KeptValue*>(kept); };
  }
  const T value;
};

template <class Stored>
std::string print_value(const Stored& stored) {
  if constexpr (requires(std::ostringstream & out) { out << stored; }) {
    std::ostringstream out;
    out << std::boolalpha << stored;
    return out.str();
  } else if constexpr (std::is_enum_v<Stored>) {
    return std::to_string(static_cast<long long>(stored));
  } else {
    return "<" + demangled(typeid(Stored)) + ">";
  }
}

template <class T>
constexpr ValueType value_type() {
  using Stored = typename ContextValue<T>::Stored;
  static_assert(std::copy_constructible<Stored>,
                "isola: a captured context has copies of its values: bind a pointer to what can't "
                "be copied");
  ValueType type{
      [](const void* stored, Remembered& into) {
        ContextValue<T>::remember(*static_cast<const Stored*>(stored), into);
      },
      [](const void* stored) -> Kept* {
        return new KeptValue<Stored>(*static_cast<const Stored*>(stored));
      },
      [](const void* stored) { return print_value(*static_cast<const Stored*>(stored)); },
      nullptr,
      nullptr,
      nullptr};
  if constexpr (WireValue<T>) {
    type.write = &OnWire<T>::write;
    type.read = &OnWire<T>::read;
    type.bytes = &OnWire<T>::bytes;
  }
  return type;
}

template <class T>
inline constexpr ValueType kValueType = value_type<T>();

}  // namespace isola::detail
