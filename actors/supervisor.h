// Supervisor: starts actors, and starts them anew when they fail.
//
//   isola::Supervisor workers(system, {.name = "workers", .restarts_max = 5, .within = 10s});
//   auto counter = workers.spawn<Counter>();          // as System::spawn
//
// A child that ends by an error gets a new incarnation in the same slot, made from the arguments
// and channel ends that it was spawned with, on a fresh heap. Its address stays valid, and what
// waits in its inbox is handled by the new incarnation; the message in hand is lost, and whoever
// asked it gets the record of the failure. A child that ends without an error (it returned, was
// stopped or killed) is not started anew.
//
// Each failure is reported as any (SystemOptions::on_failure). With more than restarts_max of them
// within `within` the supervisor gives up: the child ends by its failure, the others are killed,
// and a record with Code::too_many_restarts is reported, and is what join() gives.
//
// Thread safety: any thread. Its end stops its children, the youngest first, and waits for them.
#pragma once

#include <isola/actors/incarnation.h>
#include <isola/actors/spawn.h>
#include <isola/actors/system.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace isola {

struct SupervisorOptions {
  // Shown in error records: "workers/counter".
  std::string name = "supervisor";
  // How many failures of its children it answers by a restart.
  uint32_t restarts_max = 3;
  std::chrono::nanoseconds within = std::chrono::seconds(5);
};

namespace detail {

class Supervision;

}  // namespace detail

class Supervisor {
 public:
  // Of the System of the running actor.
  explicit Supervisor(SupervisorOptions options = {});
  // The System outlives it.
  explicit Supervisor(System& system, SupervisorOptions options = {});
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts a handler actor; see System::spawn. A constructor that throws right away is a failure
  // that is not answered by a restart. What it is given must be copyable, or channel ends.
  template <class B, class... Args>
  typename B::AddressType spawn(SpawnOptions options, Args&&... args) {
    (detail::require_sendable<std::decay_t<Args>>(), ...);
    return typename B::AddressType(
        start(options, detail::handler_type<B>,
              std::make_unique<detail::HandlerIncarnations<B, std::decay_t<Args>...>>(
                  decides(), std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...))));
  }
  template <class B, class... Args>
    requires(!detail::kBeginsWithOptions<Args...>)
  typename B::AddressType spawn(Args&&... args) {
    return spawn<B>(SpawnOptions{}, std::forward<Args>(args)...);
  }
  // Starts a function actor; one that throws is called anew.
  template <class F, class... Args>
    requires(!detail::kIsOptions<F>)
  ActorRef spawn(F function, Args&&... args) {
    return spawn(SpawnOptions{}, function, std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  ActorRef spawn(SpawnOptions options, F function, Args&&... args) {
    (detail::require_sendable<std::decay_t<Args>>(), ...);
    auto plain = detail::plain_function(function);
    detail::require_no_result<decltype(plain), Args...>();
    using Arguments = typename detail::FunctionTraits<decltype(plain)>::Arguments;
    return spawn_plain(options, plain, Arguments(std::forward<Args>(args)...));
  }

  // How often it has started a child anew.
  uint64_t restarts() const;
  // The living children, the oldest first.
  std::vector<ActorRef> children() const;
  // Ends all children, the youngest first: each after the message that it handles now. Idempotent.
  // What is spawned afterwards has ended already. Blocks until they have ended.
  void stop();
  // Waits until all children have ended: too_many_restarts if it gave up, else no error. Blocks.
  Error join();

 private:
  template <class Plain, class... Params>
  ActorRef spawn_plain(const SpawnOptions& options, Plain plain, std::tuple<Params...> given) {
    using Behaviour = detail::FunctionBehaviour<Plain, Params...>;
    return ActorRef(start(options, detail::function_type<Behaviour>,
                          std::make_unique<detail::FunctionIncarnations<Plain, Params...>>(
                              decides(), plain, std::move(given))));
  }
  std::shared_ptr<detail::Restarts> decides() const;
  detail::CellRef start(const SpawnOptions& options, const detail::BehaviourType& type,
                        std::unique_ptr<detail::Incarnations> incarnations);

  const detail::RuntimeRef runtime_;
  const std::shared_ptr<detail::Supervision> supervision_;
};

}  // namespace isola
