// AcceptedKeys: which keys of its callers an actor, or isolate, sees.
//
//   isola::SpawnOptions{}                                          // all of them
//   isola::SpawnOptions{.accepts = {locale, tenant}}               // these
//   isola::SpawnOptions{.accepts = isola::AcceptedKeys::none()}
//   isola::AcceptedKeys::named({"app.locale"})                     // what a file says
//
// Keys are known by their names, as on the wire: a list does not need the keys to live on.
// Thread safety: as of any value; copies share names that never change.
#pragma once

#include <isola/context/key.h>

#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace isola {

namespace detail {

// Not constexpr: the compiler names it where such a key is given.
inline void a_key_that_stays_in_its_actor_cant_be_accepted_elsewhere() {}

}  // namespace detail

// One of a list: a constexpr key, of any type, that travels. Any other does not compile.
class AcceptedKey {
 public:
  template <class T>
  consteval AcceptedKey(const Key<T>& key) : name_(key.name) {  // NOLINT: a key says enough
    if (!detail::travels(key.flow))
      detail::a_key_that_stays_in_its_actor_cant_be_accepted_elsewhere();
  }
  constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

class [[nodiscard]] AcceptedKeys {
 public:
  // All keys.
  AcceptedKeys() = default;
  // These and no others.
  AcceptedKeys(std::initializer_list<AcceptedKey> keys);
  static AcceptedKeys none();
  // Keys that have these names. A name that no key has is no error.
  static AcceptedKeys named(const std::vector<std::string>& names);

  bool are_all() const { return names_ == nullptr; }
  bool has(std::string_view name) const;
  // In the order of the alphabet, each once. Empty of all and of none.
  const std::vector<std::string>& names() const;

  // The same keys, in whatever order they were given.
  friend bool operator==(const AcceptedKeys& a, const AcceptedKeys& b) {
    return a.are_all() == b.are_all() && a.names() == b.names();
  }
  // "all keys", "no keys" or "app.locale, app.tenant"
  friend std::ostream& operator<<(std::ostream& out, const AcceptedKeys& keys);

 private:
  explicit AcceptedKeys(std::vector<std::string> names);

  std::shared_ptr<const std::vector<std::string>> names_;  // of all: nullptr
};

}  // namespace isola
