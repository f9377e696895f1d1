// Functions that are known by name: for what comes in as text, and to name a function where its
// address means nothing.
//
//   isola::register_function("score", &score);                  // int score(int)
//   const isola::RegisteredFunction<int(int)> by_name("score");
//   auto [points, err] = isolate.run(by_name, 7);               // unknown_function, if it is none
//
// A RegisteredFunction is its name, so it may cross to other isolates, as argument and as result,
// and can be called there. Nothing is registered by static constructors; a program registers what
// it wants to be found.
// Lifetime: what is registered stays until the program ends; like its code, it belongs to the
// program and to no System. Thread safety: any thread.
#pragma once

#include <isola/serialization/pool.h>
#include <isola/serialization/result.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace isola {

// Thrown where a RegisteredFunction is called that is none: its text names it and those there are.
class NoSuchFunction : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

namespace detail {

using AnyFunction = void (*)();
void add_function(std::string_view name, const std::type_info& type, AnyFunction function);
// nullptr, and in `fault` why: nothing has this name, or something of another type.
AnyFunction find_function(std::string_view name, const std::type_info& type, std::string& fault);

}  // namespace detail

// Makes the function known. Throws std::logic_error if another one has the name.
template <class R, class... Args>
void register_function(std::string_view name, R (*function)(Args...)) {
  detail::add_function(name, typeid(R(*)(Args...)),
                       reinterpret_cast<detail::AnyFunction>(function));
}

template <class Signature>
class RegisteredFunction;

template <class R, class... Args>
class RegisteredFunction<R(Args...)> {
 public:
  using Pointer = R (*)(Args...);

  RegisteredFunction() = default;
  explicit RegisteredFunction(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  // Errors: unknown_function; the record says what there is. `pool`: for the record.
  Result<Pointer> find(Pool& pool) const {
    std::string fault;
    const Pointer found = look_up(fault);
    if (found != nullptr) return {found, Error()};
    constexpr Code kCode = Code::unknown_function;
    return {nullptr, detail::make_error(pool, kCode, isola::name(kCode), fault, {})};
  }
  // Throws NoSuchFunction, and what the function throws.
  R operator()(Args... args) const {
    std::string fault;
    const Pointer found = look_up(fault);
    if (found == nullptr) throw NoSuchFunction(fault);
    return found(std::forward<Args>(args)...);
  }
  bool operator==(const RegisteredFunction&) const = default;

 private:
  Pointer look_up(std::string& fault) const {
    return reinterpret_cast<Pointer>(detail::find_function(name_, typeid(Pointer), fault));
  }
  std::string name_;
};

}  // namespace isola
