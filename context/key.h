// Keys of the call context, and scopes that bind them.
//
//   inline constexpr isola::Key<isola::text> locale{"app.locale", isola::Flow::wire};
//   isola::Scope german{locale, "de_DE"};   // until the end of the block
//   locale.get();                           // "de_DE", also in who handles a message sent here
//
// A lookup walks the scopes that are open in this piece of code, innermost first, and then the
// record that came with the message. Thread safety: a scope belongs to the stack it is on.
#pragma once

#include <isola/context/context_record.capnp.h>
#include <isola/context/execution.h>
#include <isola/serialization/check.h>
#include <isola/serialization/pool.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace isola {

// What may cross to another actor.
enum class Flow : uint8_t {
  wire,   // serialized; travels with every message and spawn
  actor,  // any C++ type; never leaves its actor
};

// The type of a text in a context. Read as std::string_view, valid while its scope is open or its
// message is handled.
struct text {};

// Bound of a text bound to a wire key, in bytes: it travels with every message.
inline constexpr size_t kContextTextBytesMax = 4096;

namespace detail {

struct KeyBase {
  const char* name;
  Flow flow;
};

// One entry of the context. Lives in its Scope.
struct Binding {
  const KeyBase* key;
  const void* value;
  void (*write)(const void* value, ContextRecord::Entry::Builder entry);  // wire keys only
  const Binding* outer = nullptr;
  size_t text_bytes = 0;  // of a text: what the record needs room for
  // The record of this binding and all outside it, made when the first message is sent under it.
  mutable Block* record = nullptr;
};

const Binding* find_binding(const KeyBase& key);
std::optional<ContextRecord::Entry::Reader> find_entry(const KeyBase& key);

// The record that a message sent now has to carry, or nullptr if it has to carry none. The caller
// gets one use of it. Made once for each change of the context.
Block* wire_record(Pool& pool);

template <class T>
struct ContextValue {
  using Stored = T;
  using View = const T&;
};
template <>
struct ContextValue<text> {
  using Stored = std::string;
  using View = std::string_view;
  static void write(const void* value, ContextRecord::Entry::Builder entry) {
    entry.getValue().setText(static_cast<const std::string*>(value)->c_str());
  }
  static std::string_view read(ContextRecord::Entry::Reader entry) {
    auto value = entry.getValue();
    if (!value.isText()) return {};
    return {value.getText().cStr(), value.getText().size()};
  }
};
template <std::integral T>
struct ContextValue<T> {
  using Stored = T;
  using View = T;
  static void write(const void* value, ContextRecord::Entry::Builder entry) {
    if constexpr (std::same_as<T, bool>)
      entry.getValue().setBoolean(*static_cast<const T*>(value));
    else
      entry.getValue().setInteger(static_cast<int64_t>(*static_cast<const T*>(value)));
  }
  static T read(ContextRecord::Entry::Reader entry) {
    auto value = entry.getValue();
    if (value.isBoolean()) return static_cast<T>(value.getBoolean());
    return value.isInteger() ? static_cast<T>(value.getInteger()) : T{};
  }
};
template <std::floating_point T>
struct ContextValue<T> {
  using Stored = T;
  using View = T;
  static void write(const void* value, ContextRecord::Entry::Builder entry) {
    entry.getValue().setReal(*static_cast<const T*>(value));
  }
  static T read(ContextRecord::Entry::Reader entry) {
    return entry.getValue().isReal() ? static_cast<T>(entry.getValue().getReal()) : T{};
  }
};

// A type that can be serialized; any other can only be bound to an actor key.
template <class T>
concept WireValue = requires { &ContextValue<T>::write; };

}  // namespace detail

template <class T>
class Key : public detail::KeyBase {
 public:
  using Stored = typename detail::ContextValue<T>::Stored;
  using View = typename detail::ContextValue<T>::View;

  // `name` identifies the key on the wire; by custom "program.key".
  constexpr Key(const char* name, Flow flow) : KeyBase{name, flow} {}

  // The value bound here, or nothing.
  std::optional<std::decay_t<View>> find() const {
    if (const detail::Binding* binding = detail::find_binding(*this))
      return View(*static_cast<const Stored*>(binding->value));
    if constexpr (detail::WireValue<T>) {
      if (flow == Flow::wire)
        if (auto entry = detail::find_entry(*this)) return detail::ContextValue<T>::read(*entry);
    }
    return std::nullopt;
  }
  // The value bound here, or `otherwise`.
  std::decay_t<View> get(std::decay_t<View> otherwise = {}) const {
    return find().value_or(otherwise);
  }
};

// Binds one key until the end of the C++ scope. Costs no allocation (but a long text's own).
// REQUIRES: destroyed on the stack that made it, in reverse order: a local variable.
template <class T>
class Scope {
 public:
  template <class V>
  Scope(const Key<T>& key, V&& value)
      : value_(std::forward<V>(value)), execution_(detail::Execution::current()) {
    if constexpr (detail::WireValue<T>) {
      binding_.write = &detail::ContextValue<T>::write;
      if constexpr (std::same_as<T, text>) {
        binding_.text_bytes = value_.size();
        if (key.flow == Flow::wire) ISOLA_REQUIRE(value_.size(), <=, kContextTextBytesMax);
      }
    } else {
      // A key that travels needs a value that can be serialized: use Flow::actor for this type.
      ISOLA_REQUIRE(key.flow, ==, Flow::actor);
    }
    binding_.key = &key;
    binding_.value = &value_;
    binding_.outer = execution_.bindings;
    execution_.bindings = &binding_;
  }
  ~Scope() {
    execution_.bindings = binding_.outer;
    if (binding_.record != nullptr) release(binding_.record);
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  typename Key<T>::Stored value_;
  detail::Execution& execution_;
  detail::Binding binding_{};
};

template <class T, class V>
Scope(const Key<T>&, V&&) -> Scope<T>;

// Shortens the deadline of the call until the end of the C++ scope: what is sent from here carries
// it, and every operation that waits ends by then with Code::timeout. Never lengthens it.
class Deadline {
 public:
  template <class Rep, class Period>
  explicit Deadline(std::chrono::duration<Rep, Period> within)
      : execution_(detail::Execution::current()), outer_ns_(execution_.deadline_ns) {
    const int64_t deadline_ns = deadline_in(*execution_.clock, within);
    if (deadline_ns < outer_ns_) execution_.deadline_ns = deadline_ns;
  }
  ~Deadline() { execution_.deadline_ns = outer_ns_; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  detail::Execution& execution_;
  const int64_t outer_ns_;
};

}  // namespace isola
