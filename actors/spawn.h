// Starting actors, from a System or from inside another actor.
//
//   auto counter = system.spawn<Counter>();
//   auto helper = isola::spawn<Helper>(self());    // in an actor: in the same System
//   isola::spawn(worker, std::move(tasks));        // a function actor
//
// What an actor is given must be Sendable. Channel ends among it become the new actor's own.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/address.h>
#include <isola/actors/isolate.h>
#include <isola/actors/on_off.h>
#include <isola/actors/runtime.h>
#include <isola/actors/sendable.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace isola {

struct SpawnOptions {
  // Shown by the inspector and in error records; at most 47 bytes are kept.
  std::string name{};
  // What the inspector shows as the type of a function actor; "function" without. Kept as long as
  // the System: meant for a few distinct texts.
  std::string type{};
  // Bytes that may live on the actor's heap; beyond it allocations throw HeapQuotaExceeded.
  uint64_t heap_quota = UINT64_MAX;
  // Messages that may wait before senders wait; 0: the System's.
  uint32_t inbox_max = 0;
  // The same in bytes of bodies (whole blocks of the pool: 64 at least) and attachments; 0: the
  // System's, UINT64_MAX: none. A larger message fails with message_too_large at its sender.
  uint64_t inbox_bytes_max = 0;
  // Whose workers it runs on: one of SystemOptions::dispatchers; empty: the default one. If there
  // is none of this name the spawn fails: the actor has ended by an Error with
  // Code::no_dispatcher, which is reported, and join() gives it.
  std::string dispatcher{};
  // It always runs on the same worker, so on the same thread: for libraries that keep state for
  // each thread. Its dispatcher's workers get such actors in turn. A busy worker delays it, where
  // others would be given to a free one.
  OnOff pinned = false;
  // Whose turn comes first on a worker. Nobody starves: a normal one gets a turn at the latest
  // after 15 of high ones, a low one after 64 of others; see docs/how_it_works.md.
  Priority priority = Priority::normal;
  // On whose behalf it is started, as isolates() tells: for supervisors and what reads topologies.
  Origin origin = Origin::user;
  // Which keys of those who spawn it and send to it are seen in it, as {locale, tenant} or
  // AcceptedKeys::none(). All others are not bound in what it handles, nor in what it sends: as if
  // its callers had not bound them. Deadlines, logical id and callers() cross in any case, and what
  // it receives from a channel and passes on goes as it came.
  AcceptedKeys accepts{};
};

namespace detail {

inline SlotOptions slot_options(const SpawnOptions& options) {
  return {.name = options.name,
          .type = options.type,
          .heap_quota = options.heap_quota,
          .inbox_max = options.inbox_max,
          .inbox_bytes_max = options.inbox_bytes_max,
          .dispatcher = options.dispatcher,
          .pinned = options.pinned,
          .priority = options.priority,
          .origin = options.origin,
          .accepts = options.accepts};
}

template <class T>
T&& adopt(ActorCell& cell, T&& value) {
  transfer_ends(value, &cell.resources);
  return std::forward<T>(value);
}

template <class B, class... Args>
typename B::AddressType spawn_handler(Runtime& runtime, const SpawnOptions& options,
                                      Args&&... args) {
  require_arguments<Args...>();
  const SlotOptions slot = slot_options(options);
  ActorCell* cell = runtime.new_slot(slot, handler_type<B>, nullptr);
  if (cell == nullptr) return {};
  typename B::AddressType address{CellRef(*cell)};
  if (runtime.refused(*cell, slot)) return address;
  // It is made by the thread that spawns it, but as the new actor: on its heap, in its context.
  BeingMade being(*cell);
  try {
    cell->behaviour = make_behaviour<B>(*cell, adopt(*cell, std::forward<Args>(args))...);
    runtime.actor_made(*cell);
  } catch (...) {
    being.failed();
  }
  return address;
}

template <class Plain, class... Params, class... Args>
ActorRef spawn_plain(Runtime& runtime, const SpawnOptions& options, Plain function,
                     std::type_identity<std::tuple<Params...>>, Args&&... args) {
  using B = FunctionBehaviour<Plain, Params...>;
  auto behaviour =
      std::make_unique<B>(B{function, std::tuple<Params...>(std::forward<Args>(args)...)});
  const SlotOptions slot = slot_options(options);
  ActorCell* cell = runtime.new_slot(slot, function_type<B>, nullptr);
  if (cell == nullptr) return {};
  ActorRef actor{CellRef(*cell)};
  if (runtime.refused(*cell, slot)) return actor;
  std::apply([&](auto&... values) { (transfer_ends(values, &cell->resources), ...); },
             behaviour->arguments);
  cell->behaviour = behaviour.release();
  runtime.place(*cell);
  return actor;
}

template <class F, class... Args>
ActorRef spawn_function(Runtime& runtime, const SpawnOptions& options, F function, Args&&... args) {
  require_arguments<Args...>();
  auto plain = plain_function(function);
  require_no_result<decltype(plain), Args...>();
  if constexpr (requires { typename FunctionTraits<decltype(plain)>::Arguments; }) {
    using Arguments = typename FunctionTraits<decltype(plain)>::Arguments;
    return spawn_plain(runtime, options, plain, std::type_identity<Arguments>{},
                       std::forward<Args>(args)...);
  } else {  // an object whose operator() is a template, or has overloads
    using Arguments = std::tuple<std::decay_t<Args>...>;
    return spawn_plain(runtime, options, plain, std::type_identity<Arguments>{},
                       std::forward<Args>(args)...);
  }
}

template <class T>
inline constexpr bool kIsOptions = std::same_as<std::decay_t<T>, SpawnOptions>;
template <class... Args>
inline constexpr bool kBeginsWithOptions = false;
template <class First, class... Rest>
inline constexpr bool kBeginsWithOptions<First, Rest...> = kIsOptions<First>;

}  // namespace detail

// Starts a handler actor in the System of the running actor. B(args...) is constructed now, as the
// new actor; if that throws, the actor has failed, and its address names nobody.
template <class B, class... Args>
typename B::AddressType spawn(SpawnOptions options, Args&&... args) {
  return detail::spawn_handler<B>(detail::current_runtime(), options, std::forward<Args>(args)...);
}
template <class B, class... Args>
requires(!detail::kBeginsWithOptions<Args...>) typename B::AddressType spawn(Args&&... args) {
  return spawn<B>(SpawnOptions{}, std::forward<Args>(args)...);
}

// Starts a function actor in the System of the running actor.
template <class F, class... Args>
requires(std::invocable<F, Args...>) ActorRef spawn(F function, Args&&... args) {
  return detail::spawn_function(detail::current_runtime(), SpawnOptions{}, function,
                                std::forward<Args>(args)...);
}
template <class F, class... Args>
requires(std::invocable<F, Args...>) ActorRef
    spawn(SpawnOptions options, F function, Args&&... args) {
  return detail::spawn_function(detail::current_runtime(), options, function,
                                std::forward<Args>(args)...);
}

}  // namespace isola
