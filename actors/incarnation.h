// What an actor is started anew from after a failure: its behaviour's type, and what it was spawned
// with. Its slot keeps it, so that each incarnation gets the same arguments and channel ends.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/sendable.h>

#include <concepts>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola::detail {

// Who decides about the actors of a slot. Thread safety: any thread.
class Restarts {
 public:
  virtual ~Restarts() = default;
  // True if the actor is to be started anew after this failure.
  virtual bool restart_after(const ActorCell& cell, const Error& failure) = 0;
  virtual const std::string& name() const = 0;
};

// Thread safety: as a behaviour. Ownership: its slot's.
class Incarnations {
 public:
  explicit Incarnations(std::shared_ptr<Restarts> decides) : decides_(std::move(decides)) {}
  virtual ~Incarnations() = default;
  Incarnations(const Incarnations&) = delete;
  Incarnations& operator=(const Incarnations&) = delete;

  // The behaviour of the next one, for this slot. Called as the actor: what it makes is the
  // actor's. Throws what the behaviour's constructor throws.
  virtual void* make(ActorCell& cell) = 0;
  Restarts& decides() const { return *decides_; }

 private:
  const std::shared_ptr<Restarts> decides_;
};

// One more of it, for the running isolate: of an end, another handle.
template <class T>
T duplicate(const T& value) {
  if constexpr (std::derived_from<T, End>) {
    return value.clone();
  } else {
    static_assert(std::copy_constructible<T>,
                  "isola: each incarnation of a supervised actor gets its arguments anew: pass "
                  "what can be copied, or a channel end");
    return value;
  }
}
template <class T>
std::vector<T> duplicate(const std::vector<T>& values) {
  std::vector<T> all;
  all.reserve(values.size());
  for (const T& value : values) all.push_back(duplicate(value));
  return all;
}

template <class... Args>
class IncarnationsWith : public Incarnations {
 public:
  IncarnationsWith(std::shared_ptr<Restarts> decides, std::tuple<Args...> given)
      : Incarnations(std::move(decides)), given_(std::move(given)) {
    // Kept by the slot, so nobody's: an isolate's end would release them.
    std::apply([](auto&... values) { (transfer_ends(values, nullptr), ...); }, given_);
  }

 protected:
  auto with_arguments(auto&& call) const {
    return std::apply([&](const auto&... values) { return call(duplicate(values)...); }, given_);
  }

 private:
  std::tuple<Args...> given_;
};

template <class B, class... Args>
class HandlerIncarnations final : public IncarnationsWith<Args...> {
 public:
  using IncarnationsWith<Args...>::IncarnationsWith;
  void* make(ActorCell& cell) override {
    return this->with_arguments(
        [&](auto&&... values) { return make_behaviour<B>(cell, std::move(values)...); });
  }
};

template <class Plain, class... Params>
class FunctionIncarnations final : public IncarnationsWith<Params...> {
 public:
  FunctionIncarnations(std::shared_ptr<Restarts> decides, Plain function,
                       std::tuple<Params...> given)
      : IncarnationsWith<Params...>(std::move(decides), std::move(given)), function_(function) {}
  void* make(ActorCell&) override {
    return this->with_arguments([&](auto&&... values) {
      return new FunctionBehaviour<Plain, Params...>{function_,
                                                     std::tuple<Params...>(std::move(values)...)};
    });
  }

 private:
  const Plain function_;
};

}  // namespace isola::detail
