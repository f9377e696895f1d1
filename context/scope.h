// Scopes: what binds keys, and what changes how the context flows, until the end of a C++ block.
//
//   isola::Scope one{locale, "de_DE"};
//   isola::Scope many{isola::bind(locale, "fr_FR"), isola::bind(digits, 3), isola::unset(user)};
//   isola::Isolated isolated;         // what is started from here is a logical context of its own
//   isola::SuppressFlow quiet;        // messages sent from here carry no context at all
//
// A scope costs no allocation (but a long text's own) and restores what was there before on every
// way out, or earlier by restore(). Scopes close in reverse order, on the stack that opened them.
//
// Thread safety: a scope belongs to its stack.
#pragma once

#include <isola/context/key.h>
#include <isola/serialization/check.h>

#include <iosfwd>
#include <optional>
#include <utility>

namespace isola {

// A key and what a Scope is to bind it to; made by bind() and unset().
template <class T>
struct KeyValue {
  const Key<T>& key;
  std::optional<typename Key<T>::Stored> value;  // nothing: the key is unset
};

template <class T, class V>
KeyValue<T> bind(const Key<T>& key, V&& value) {
  return {key, std::optional<typename Key<T>::Stored>(std::in_place, std::forward<V>(value))};
}
template <class T>
KeyValue<T> unset(const Key<T>& key) {
  return {key, std::nullopt};
}

namespace detail {

void require_text_fits(const KeyBase& key, size_t bytes);
void print_scope(std::ostream& out, const Binding* const* bindings, size_t count, bool is_open);

// One binding of a Scope.
template <class T>
class ScopeItem {
 public:
  using Stored = typename Key<T>::Stored;

  template <class V>
  ScopeItem(const Key<T>& key, V&& value) : value_(std::in_place, std::forward<V>(value)) {
    begin(key);
  }
  explicit ScopeItem(KeyValue<T>&& bound) : value_(std::move(bound.value)) { begin(bound.key); }
  ~ScopeItem() {
    if (is_open_) close(binding_);
  }
  ScopeItem(const ScopeItem&) = delete;
  ScopeItem& operator=(const ScopeItem&) = delete;
  const Binding& binding() const { return binding_; }
  bool is_open() const { return is_open_; }
  void restore() {
    is_open_ = false;
    close(binding_);
  }

 private:
  void begin(const Key<T>& key) {
    binding_.key = &key;
    if (value_) {
      if constexpr (std::same_as<T, text>)
        if (travels(key.flow)) require_text_fits(key, value_->size());
      binding_.value = &*value_;
    } else {
      binding_.kind = BindingKind::unset;
    }
    Execution& execution = Execution::current();
    open(execution, binding_);
    forget(execution, key);
    is_open_ = true;
  }

  Binding binding_{};
  bool is_open_ = false;
  std::optional<Stored> value_;
};

template <class... T>
struct ScopeItems {
  void restore() {}
  void list(const Binding**) const {}
};
template <class T, class... Rest>
struct ScopeItems<T, Rest...> {
  template <class... B>
  explicit ScopeItems(KeyValue<T>&& bound, B&&... others)
      : first(std::move(bound)), rest(std::forward<B>(others)...) {}
  template <class V>
  ScopeItems(const Key<T>& key, V&& value) : first(key, std::forward<V>(value)) {}
  void restore() {
    rest.restore();
    first.restore();
  }
  void list(const Binding** into) const {
    *into = &first.binding();
    rest.list(into + 1);
  }
  ScopeItem<T> first;
  ScopeItems<Rest...> rest;
};

}  // namespace detail

// Binds keys until the end of the C++ scope.
// REQUIRES: destroyed on the stack that made it, in reverse order: a local variable.
template <class... T>
class Scope final {
 public:
  // Throws std::logic_error if a text that travels has more than kContextTextBytesMax.
  template <class K, class V>
  requires(sizeof...(T) == 1) Scope(const Key<K>& key, V&& value)
      : items_(key, std::forward<V>(value)) {}
  explicit Scope(KeyValue<T>... bounds) : items_(std::move(bounds)...) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // What the scope hid is there again, from now on. Throws ContextError already_restored,
  // not_innermost, other_context or other_thread, and changes nothing then.
  void restore() {
    const detail::Binding* all[sizeof...(T)];
    items_.list(all);
    detail::require_closable(*all[sizeof...(T) - 1], items_.first.is_open(), opened_in_);
    items_.restore();
  }

  friend std::ostream& operator<<(std::ostream& out, const Scope& scope) {
    const detail::Binding* all[sizeof...(T)];
    scope.items_.list(all);
    detail::print_scope(out, all, sizeof...(T), scope.items_.first.is_open());
    return out;
  }

 private:
  detail::ScopeItems<T...> items_;
  const detail::Execution* const opened_in_ = &detail::Execution::current();
};

template <class T, class V>
Scope(const Key<T>&, V&&) -> Scope<T>;
template <class... T>
Scope(KeyValue<T>...) -> Scope<T...>;

// Begins a logical context: it has an id of its own, and what is bound to local keys outside is not
// bound in it, nor in what is started from it. Entries of wire keys are as they were.
class Isolated final {
 public:
  Isolated() {
    binding_.kind = detail::BindingKind::isolated;
    binding_.number = detail::new_id();
    detail::Execution& execution = detail::Execution::current();
    detail::open(execution, binding_);
    execution.forget_all();
  }
  ~Isolated() { detail::close(binding_); }
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;

 private:
  detail::Binding binding_{};
};

// Nothing of the context goes with what is sent or started from here. What is bound can be read.
class SuppressFlow final {
 public:
  SuppressFlow() {
    binding_.kind = detail::BindingKind::suppressed;
    binding_.suppressed = true;
    detail::open(detail::Execution::current(), binding_);
  }
  ~SuppressFlow() { detail::close(binding_); }
  SuppressFlow(const SuppressFlow&) = delete;
  SuppressFlow& operator=(const SuppressFlow&) = delete;

 private:
  detail::Binding binding_{};
};

// The id of the logical context that runs here. What is derived from a context by scopes, captures,
// messages and spawns shares it; an Isolated scope has a new one. Never used again.
inline uint64_t logical_id() {
  const detail::Execution& execution = detail::Execution::current();
  return detail::logical_id_of(execution.bindings, execution.inherited);
}

}  // namespace isola
