// A captured context: what was bound at one place, to be run under at another.
//
//   isola::Context here = isola::capture();
//   std::thread([here] { here.run([] { log("sees the same locale"); }); }).join();
//
// It is a map of keys to values that never changes; copies share it. Capturing copies the values of
// the scopes that are open once; until one of them closes, another capture costs a count.
//
// Thread safety: as of any value; copies may be used, and run, on several threads at once.
#pragma once

#include <isola/context/frame.h>
#include <isola/context/scope.h>
#include <isola/context/visible.h>

#include <compare>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

namespace detail {

// Says that the context which is entered was claimed by the generator that enters it.
struct Claimed {};

// A context that was given to a generator is entered by nobody else until it is taken back. Counted
// by id. Throws ContextError already_entered if it is taken already.
void claim_context(uint64_t id);
void give_up_context(uint64_t id);
// Throws ContextError already_entered if the call that runs has entered it.
void require_not_entered(uint64_t id);

}  // namespace detail

class Context;
class Enter;
namespace detail {
class RootContext;
}

// One key of a Context and what it is bound to. Valid while the Context is.
class ContextEntry {
 public:
  explicit ContextEntry(const detail::Visible& entry) : entry_(entry) {}
  std::string_view name() const { return entry_.name; }
  // The value as people read it; of a secret a word that says so.
  std::string text() const { return detail::text_of(entry_, true); }
  // The value, if this is the entry of that key. Throws as Key::find().
  template <class T>
  std::optional<typename Key<T>::Read> as(const Key<T>& key) const;

 private:
  detail::Visible entry_;
};

class Context final {
 public:
  // Empty.
  Context() noexcept = default;
  Context(const Context& other) noexcept;
  Context(Context&& other) noexcept { swap(other); }
  Context& operator=(Context other) noexcept {
    swap(other);
    return *this;
  }
  ~Context();
  void swap(Context& other) noexcept;

  // Calls the function with this context in place of the caller's, whose deadline stays if it is
  // shorter. What the function throws, leaves as it is. Throws ContextError already_entered.
  template <class F, class... Args>
  requires std::invocable<F, Args...> std::invoke_result_t<F, Args...> run(F&& function,
                                                                           Args&&... args)
  const;

  bool contains(const detail::KeyBase& key) const { return find_entry(key).has_value(); }
  // As Key::find() and Key::get(), in this context.
  template <class T>
  std::optional<typename Key<T>::Read> find(const Key<T>& key) const;
  template <class T>
  typename Key<T>::Read get(const Key<T>& key) const;
  template <class T>
  typename Key<T>::Read get(const Key<T>& key, typename Key<T>::Read otherwise) const;
  size_t size() const { return entries().size(); }
  bool empty() const { return size() == 0; }
  // Each key that is bound, once; those of the innermost scopes first.
  std::vector<ContextEntry> entries() const;

  class iterator {
   public:
    using value_type = ContextEntry;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(std::shared_ptr<const std::vector<ContextEntry>> list)
        : list_(std::move(list)) {}
    const ContextEntry& operator*() const { return (*list_)[at_]; }
    const ContextEntry* operator->() const { return &(*list_)[at_]; }
    iterator& operator++() {
      if (++at_ == list_->size()) *this = {};
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const {
      return at_ == other.at_ && (list_ == nullptr) == (other.list_ == nullptr);
    }

   private:
    std::shared_ptr<const std::vector<ContextEntry>> list_;
    size_t at_ = 0;
  };
  iterator begin() const;
  iterator end() const { return {}; }

  // Of the logical context that it was captured in.
  uint64_t logical_id() const { return detail::logical_id_of(bindings(), inherited_); }
  // Of this capture and its copies; of no other, ever.
  uint64_t id() const { return id_; }

  // True if both have the same keys, bound by the same bindings, in the same logical context.
  // Values are not compared.
  friend bool operator==(const Context& a, const Context& b);
  size_t hash() const;
  friend std::ostream& operator<<(std::ostream& out, const Context& context);

 private:
  friend Context capture();
  friend class Enter;
  friend class detail::RootContext;
  const detail::Binding* bindings() const { return top_ != nullptr ? &top_->binding : nullptr; }
  std::optional<detail::Visible> find_entry(const detail::KeyBase& key) const;

  detail::Kept* top_ = nullptr;  // one use
  Block* inherited_ = nullptr;   // one use
  int64_t deadline_ns_ = kNoDeadline;
  uint64_t id_ = 0;
};

// The context that runs here. Allocates if a scope was opened since the last capture, and fails
// with what copying a value throws; nothing has changed then.
Context capture();

// Enters a captured context until the end of the C++ scope, or until leave().
// REQUIRES: destroyed on the stack that made it, in reverse order: a local variable.
class Enter final {
 public:
  // Throws ContextError already_entered if the call that runs has entered the context, or a
  // generator has been given it.
  explicit Enter(Context context);
  Enter(Context context, detail::Claimed);
  ~Enter();
  // Throws ContextError as Scope::restore().
  void leave();
  Enter(const Enter&) = delete;
  Enter& operator=(const Enter&) = delete;

 private:
  void open();
  void close();

  const Context context_;
  detail::Execution* const opened_in_;
  detail::EnteredBinding binding_;
  bool is_open_ = true;
};

namespace detail {

// A captured context as the root of a stack that begins: of a fiber.
class RootContext {
 public:
  RootContext(Context context, Execution& of);
  ~RootContext() { drop_copies(binding_); }
  RootContext(const RootContext&) = delete;
  RootContext& operator=(const RootContext&) = delete;

 private:
  const Context context_;
  EnteredBinding binding_;
};

}  // namespace detail

// --- inline --------------------------------------------------------------------------------------

template <class F, class... Args>
requires std::invocable<F, Args...> std::invoke_result_t<F, Args...> Context::run(F&& function,
                                                                                  Args&&... args)
const {
  const Enter entered(*this);
  const detail::CallFrame frame;
  return std::invoke(std::forward<F>(function), std::forward<Args>(args)...);
}

template <class T>
std::optional<typename Key<T>::Read> ContextEntry::as(const Key<T>& key) const {
  const bool is_key = entry_.binding != nullptr
                          ? entry_.binding->key == &key
                          : detail::travels(key.flow) && entry_.name == key.name;
  if (!is_key) return std::nullopt;
  detail::Remembered there;
  if (entry_.binding != nullptr)
    detail::remember(*entry_.binding, there);
  else
    key.type->read(*entry_.entry, there);
  if (there.found == detail::Remembered::Found::elsewhere) detail::throw_not_owner(key, there);
  return detail::ContextValue<T>::recall(there);
}

template <class T>
std::optional<typename Key<T>::Read> Context::find(const Key<T>& key) const {
  const auto entry = find_entry(key);
  return entry ? ContextEntry(*entry).as(key) : std::nullopt;
}

template <class T>
typename Key<T>::Read Context::get(const Key<T>& key) const {
  if (auto found = find(key)) return *std::move(found);
  if (!key.default_value()) detail::throw_not_set(key);
  if constexpr (std::same_as<typename Key<T>::Default, typename Key<T>::Read>)
    return *key.default_value();
  else
    return **key.default_value();
}

template <class T>
typename Key<T>::Read Context::get(const Key<T>& key, typename Key<T>::Read otherwise) const {
  auto found = find(key);
  return found ? *std::move(found) : std::move(otherwise);
}

}  // namespace isola

template <>
struct std::hash<isola::Context> {
  size_t operator()(const isola::Context& context) const { return context.hash(); }
};
