// The namespace of an isolate: values by name that live from run to run.
//
//   isolate.prepare("threshold", 0.5);                          // from outside
//   const double limit = isola::globals().get<double>("threshold");   // by what runs in it
//   isola::globals().set("count", 1);
//
// A value has the type that it was bound with: get<int64_t> of an int is refused. What is bound
// lives on the isolate's heap, as far as its type asks it for memory, and is destroyed by reset()
// and at the isolate's end.
// Thread safety: none; it belongs to what runs in the isolate. The values: whoever has them.
#pragma once

#include <isola/serialization/error.h>

#include <map>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace isola {

// No value of this name: "no value "x" in the namespace of score".
class NoSuchName : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

// A value of this name, but of another type.
class WrongType : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

namespace detail {

class ActorCell;
class ResourceList;

// A bound value, whatever its type.
class Bound {
 public:
  explicit Bound(const std::type_info& type) : type_(type) {}
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  const std::type_info& type() const { return type_; }
  // Destroys it and gives its memory back.
  virtual void destroy(std::pmr::memory_resource& memory) noexcept = 0;

 protected:
  ~Bound() = default;

 private:
  const std::type_info& type_;
};

template <class T>
class BoundValue final : public Bound {
 public:
  template <class U>
  explicit BoundValue(U&& from) : Bound(typeid(T)), value(std::forward<U>(from)) {}
  void destroy(std::pmr::memory_resource& memory) noexcept override {
    this->~BoundValue();
    memory.deallocate(this, sizeof(*this), alignof(BoundValue));
  }
  T value;
};

struct Unbind {
  std::pmr::memory_resource* memory;
  void operator()(Bound* bound) const { bound->destroy(*memory); }
};
using BoundPointer = std::unique_ptr<Bound, Unbind>;

template <class T, class U>
BoundPointer make_bound(std::pmr::memory_resource& memory, U&& from) {
  void* place = memory.allocate(sizeof(BoundValue<T>), alignof(BoundValue<T>));
  try {
    return BoundPointer(new (place) BoundValue<T>(std::forward<U>(from)), Unbind{&memory});
  } catch (...) {
    memory.deallocate(place, sizeof(BoundValue<T>), alignof(BoundValue<T>));
    throw;
  }
}

// A value on its way into a namespace. Texts become std::string.
class Unbound {
 public:
  virtual ~Unbound() = default;
  // Moves the value. `list`: whose the channel ends in it become.
  virtual BoundPointer bind(std::pmr::memory_resource& memory, ResourceList* list) = 0;
};

// What a value is bound as.
template <class T>
struct BoundAs {
  using type = std::conditional_t<std::is_convertible_v<T, const char*>, std::string, T>;
};

// Why this can be no name in a namespace, or no error: it is 1 to 1,024 bytes of UTF-8.
Error check_name(Pool& pool, std::string_view name);

}  // namespace detail

// A name and its value, for Isolate::prepare. Made by isola::named.
struct NamedValue {
  std::string name;
  std::unique_ptr<detail::Unbound> value;
};

class Namespace {
 public:
  // Both outlive it. `owner`: whose it is; nullptr: the main isolate.
  Namespace(std::pmr::memory_resource& memory, const detail::ActorCell* owner)
      : memory_(memory), owner_(owner), values_(&memory) {}

  bool contains(std::string_view name) const { return values_.find(name) != values_.end(); }
  // The value, to be read and written; nullptr if nothing is bound. Valid until the name is bound
  // anew. Throws WrongType.
  template <class T>
  T* find(std::string_view name) {
    const auto at = values_.find(name);
    if (at == values_.end()) return nullptr;
    if (at->second->type() != typeid(T)) wrong_type(name, at->second->type(), typeid(T));
    return &static_cast<detail::BoundValue<T>&>(*at->second).value;
  }
  // The same, but throws NoSuchName.
  template <class T>
  T& get(std::string_view name) {
    T* value = find<T>(name);
    if (value == nullptr) no_such_name(name);
    return *value;
  }
  // Binds the name, also anew and to another type. Throws std::invalid_argument for what is no
  // name.
  template <class T>
  auto& set(std::string_view name, T&& value) {
    using Type = typename detail::BoundAs<std::decay_t<T>>::type;
    require_name(name);
    detail::BoundPointer bound = detail::make_bound<Type>(memory_, std::forward<T>(value));
    Type& result = static_cast<detail::BoundValue<Type>&>(*bound).value;
    put(name, std::move(bound));
    return result;
  }
  // Binds all, or, if that throws, none of them.
  void set_all(std::vector<NamedValue> values, detail::ResourceList* list);
  // True if it was bound.
  bool erase(std::string_view name);
  // Sorted.
  std::vector<std::string> names() const;
  size_t size() const { return values_.size(); }
  void clear() { values_.clear(); }

 private:
  using Values = std::pmr::map<std::pmr::string, detail::BoundPointer, std::less<>>;

  static void require_name(std::string_view name);
  void put(std::string_view name, detail::BoundPointer value);
  [[noreturn]] void no_such_name(std::string_view name) const;
  [[noreturn]] void wrong_type(std::string_view name, const std::type_info& is,
                               const std::type_info& asked) const;
  std::string title() const;

  std::pmr::memory_resource& memory_;
  const detail::ActorCell* const owner_;
  Values values_;
};

// The namespace of the isolate that runs here. REQUIRES: called in an isolate.
Namespace& globals();

}  // namespace isola
