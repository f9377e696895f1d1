// What a pool of isolates is made with; see isolate_pool.h.
//
//   isola::IsolatePool pool(system, {.workers = 4,
//                                    .name = "score",
//                                    .initialiser = {&load_model, std::string("model.bin")},
//                                    .values = {{"threshold", 0.5}, {"mode", "fast"}}});
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/namespace.h>
#include <isola/actors/sendable.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

namespace detail {

// A function that shares nothing with whoever gives it to a pool, as a plain pointer.
template <class F>
constexpr auto unbound_function(F function) {
  constexpr bool kPlain = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;
  static_assert(kPlain || std::is_empty_v<F>,
                "isola: what a pool runs can't be bound to an object (std::bind, a member "
                "function, a lambda with captures), which another isolate would share: give it a "
                "free function, a static member or a lambda without captures, and what it needs as "
                "arguments");
  if constexpr (kPlain || std::is_empty_v<F>) return plain_function(function);
}

// Each worker gets a copy.
template <class T>
constexpr void require_for_each_worker() {
  require_sendable<T>();
  static_assert(std::is_copy_constructible_v<T>,
                "isola: every worker of a pool gets a copy of this value, and it can't be copied: "
                "give the task what it needs as an argument of submit");
}

// Something that each worker does before its first task, as itself.
class PoolStep {
 public:
  virtual ~PoolStep() = default;
  // Thread safety: any number of workers at a time.
  virtual void run() const = 0;
};

template <class F, class... Args>
class PoolCall final : public PoolStep {
 public:
  explicit PoolCall(F function, Args... args)
      : function_(function), arguments_(std::move(args)...) {}
  void run() const override {
    std::apply([&](const Args&... each) { function_(Args(each)...); }, arguments_);
  }

 private:
  const F function_;
  const std::tuple<Args...> arguments_;
};

template <class T>
class PoolBinding final : public PoolStep {
 public:
  PoolBinding(std::string name, T value) : name_(std::move(name)), value_(std::move(value)) {}
  void run() const override { globals().set(name_, T(value_)); }

 private:
  const std::string name_;
  const T value_;
};

}  // namespace detail

// A function without captures and its arguments, which are copied for every worker.
class PoolInitialiser {
 public:
  // Does nothing.
  PoolInitialiser() = default;
  template <class F, class... Args>
    requires(!std::same_as<std::decay_t<F>, PoolInitialiser>)
  PoolInitialiser(F function, Args... args) {  // NOLINT: {&load_model, "model.bin"} says enough
    (detail::require_for_each_worker<Args>(), ...);
    auto plain = detail::unbound_function(function);
    step_ = std::make_shared<detail::PoolCall<decltype(plain), Args...>>(plain, std::move(args)...);
  }
  void run() const {
    if (step_ != nullptr) step_->run();
  }

 private:
  std::shared_ptr<const detail::PoolStep> step_;
};

// A name and a value that is bound to it in the namespace of every worker. Texts become
// std::string.
class PoolValue {
 public:
  template <class T>
  PoolValue(std::string name, T&& value) : name_(std::move(name)) {
    using Type = typename detail::BoundAs<std::decay_t<T>>::type;
    detail::require_for_each_worker<Type>();
    step_ = std::make_shared<detail::PoolBinding<Type>>(name_, Type(std::forward<T>(value)));
  }
  const std::string& name() const { return name_; }
  void bind() const { step_->run(); }

 private:
  std::string name_;
  std::shared_ptr<const detail::PoolStep> step_;
};

struct IsolatePoolOptions {
  // How many tasks may run at a time, each in a worker of its own, 1 to 4,096. Workers are made as
  // they are needed. Not given: as many as the System has worker threads.
  std::optional<int> workers{};
  // The workers are called "score-0", "score-1" and so on. UTF-8; at most 47 bytes are kept of
  // both together.
  std::string name = "pool";
  // Runs in each worker before its first task.
  PoolInitialiser initialiser{};
  // What each worker's namespace has from the begin.
  std::vector<PoolValue> values{};
  // Tasks that may wait for a worker; beyond it a submit gives Code::pool_full.
  size_t pending_max = size_t{1} << 20;
  // As in IsolateOptions, for each worker.
  uint64_t heap_quota = UINT64_MAX;
  std::string dispatcher{};
  bool pinned = false;
  Priority priority = Priority::normal;
  AcceptedKeys accepts{};
};

}  // namespace isola
