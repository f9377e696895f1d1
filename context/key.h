// Keys of the call context.
//
//   inline constexpr isola::Key<isola::text> locale{"app.locale", isola::Flow::wire};
//   inline constexpr isola::Key<int> digits{"app.digits", isola::Flow::local, 28};   // a default
//
//   isola::Scope german{locale, "de_DE"};   // until the end of the block
//   locale.get();                           // "de_DE", also in who handles a message sent here
//
// A look-up goes through the scopes that are open in this piece of code, innermost first, and then
// the record that came with the message. What it finds is remembered: the next look-up of the same
// key costs a few instructions, whether the key is bound or not.
//
// Lifetime: a key outlives every scope and captured context that binds it: make it constexpr.
// Thread safety: any thread.
#pragma once

#include <isola/context/binding.h>
#include <isola/context/context_error.h>
#include <isola/context/value_type.h>

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace isola {

// How far what is bound to a key goes.
struct Flow {
  template <detail::FlowKind kind_>
  struct Of {
    static constexpr detail::FlowKind kind = kind_;
  };
  // Serialized; travels with every message and spawn.
  static constexpr Of<detail::FlowKind::wire> wire{};
  // Serialized; travels within its logical context, and stops at an Isolated scope.
  static constexpr Of<detail::FlowKind::local> local{};
  // Any C++ type; never leaves the actor, or the plain thread, that bound it. Read elsewhere, in a
  // captured context, it is an error that names the owner.
  static constexpr Of<detail::FlowKind::actor> actor{};
  // As `actor`; and what prints contexts, records of errors and the inspector show no value.
  static constexpr Of<detail::FlowKind::secret> secret{};
};

namespace detail {

// What prints a key, but for its default.
void print_key(std::ostream& out, const KeyBase& key);
// Prints `text()` unless this thread is printing a default already.
void print_default(std::ostream& out, const std::function<std::string()>& text);
[[noreturn]] void throw_not_set(const KeyBase& key);
[[noreturn]] void throw_not_owner(const KeyBase& key, const Remembered& there);

}  // namespace detail

template <class T>
class Key final : public detail::KeyBase {
  using Value = detail::ContextValue<T>;
  template <detail::FlowKind kind>
  static constexpr bool can_flow = detail::WireValue<T> || !detail::travels(kind);

 public:
  using Stored = typename Value::Stored;
  using View = typename Value::View;
  using Read = std::decay_t<View>;
  // How a default is given: a small value as it is, any other by a pointer to it.
  using Default = std::conditional_t<std::is_scalar_v<T> || std::same_as<T, text>, Read, const T*>;

  // `name` identifies the key on the wire; by custom "program.key". A key that travels needs a type
  // that can be serialized.
  template <detail::FlowKind kind>
  requires can_flow<kind>
  constexpr Key(const char* name, Flow::Of<kind>, KeyPriority priority = KeyPriority::normal)
      : KeyBase{name, &detail::kValueType<T>, detail::hash_of(name), kind, priority} {}
  template <detail::FlowKind kind>
  requires can_flow<kind>
  constexpr Key(const char* name, Flow::Of<kind>, Default otherwise,
                KeyPriority priority = KeyPriority::normal)
      : KeyBase{name, &detail::kValueType<T>, detail::hash_of(name), kind, priority},
        default_(otherwise) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  // What is bound here; nothing if nothing is, whatever the default.
  // Throws ContextError not_owner: it is bound, by an actor or thread that it doesn't leave.
  std::optional<Read> find() const {
    const detail::Remembered& there = detail::look_up(*this);
    return there.mark == bound() ? std::optional<Read>(Value::recall(there)) : std::nullopt;
  }
  // What is bound here, or the default. Throws ContextError not_set if there is neither, and
  // not_owner as find().
  Read get() const {
    if (const auto& there = detail::place_of(*this); there.mark == bound()) [[likely]]
      return Value::recall(there);
    if (auto found = find()) return *std::move(found);
    if (!default_) detail::throw_not_set(*this);
    if constexpr (std::same_as<Default, Read>)
      return *default_;
    else
      return **default_;
  }
  // What is bound here, or `otherwise`.
  Read get(Read otherwise) const {
    auto found = find();
    return found ? *std::move(found) : std::move(otherwise);
  }

  const std::optional<Default>& default_value() const { return default_; }

  // Two keys are the same if they are one object; on the wire the name counts.
  friend bool operator==(const Key& a, const Key& b) { return &a == &b; }
  friend std::ostream& operator<<(std::ostream& out, const Key& key) {
    detail::print_key(out, key);
    if (key.default_) {
      detail::print_default(out, [&] {
        if constexpr (std::same_as<Default, Read>)
          return detail::print_value(*key.default_);
        else
          return detail::print_value(**key.default_);
      });
    }
    return out;
  }

 private:
  std::optional<Default> default_;
};

}  // namespace isola

template <class T>
struct std::hash<isola::Key<T>> {
  size_t operator()(const isola::Key<T>& key) const noexcept {
    return std::hash<const void*>()(&key);
  }
};
