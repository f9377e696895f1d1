// Registry: the types of actors that a topology file may name.
//
//   void counter(isola::Delivery<CounterArgs> args, isola::Receiver<Word> words,
//                isola::Sender<Counts> counts);
//
//   isola::topology::Registry registry;
//   registry.add("wordcount.Counter", &counter, {"words", "counts"});
//
// A behaviour is a function. Its first parameter may be the Delivery of a Cap'n Proto struct: its
// arguments, whose fields the file gives by name. All others are its ports, named here in their
// order: a Receiver is an in-port, a Sender an out-port, and their type is what passes through.
// The message types of all of them are registered (serialization/registry.h), to be found by name.
// Thread safety: none while adding; afterwards any thread.
#pragma once

#include <isola/actors/system.h>
#include <isola/channels/channel.h>
#include <isola/serialization/check.h>
#include <isola/serialization/registry.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola::topology {

struct Port {
  std::string name;
  detail::Side side;  // send: an out-port
  const MessageType* message;
};

// A type of actor.
struct Behaviour {
  std::string type;
  const MessageType* arguments = nullptr;  // nullptr: it takes none
  std::vector<Port> ports;                 // in the order of the parameters

  // A new message of type `arguments`. REQUIRES: it takes some.
  Block* (*compose)(Pool& pool) = nullptr;
  // Starts an actor. Takes `arguments`; `cores` are the channels of the ports.
  ActorRef (*spawn)(System& system, SpawnOptions options, void (*function)(), Block* arguments,
                    detail::ChannelCore* const* cores) = nullptr;
  void (*function)() = nullptr;
};

// A channel end, as the parameter of a behaviour.
template <class T>
struct PortTrait : std::false_type {};
template <class T>
struct PortTrait<Sender<T>> : std::true_type {
  static constexpr detail::Side side = detail::Side::send;
};
template <class T>
struct PortTrait<Receiver<T>> : std::true_type {
  static constexpr detail::Side side = detail::Side::receive;
};

class Registry {
 public:
  // REQUIRES: a type that was not added yet; a name for each port, no name twice. Fails: throws
  // std::logic_error.
  template <MessageStruct A, class... Ends>
  Registry& add(std::string type, void (*function)(Delivery<A>, Ends...),
                std::initializer_list<std::string_view> port_names) {
    Behaviour behaviour = describe<Ends...>(std::move(type), port_names);
    behaviour.arguments = &register_message<A>();
    behaviour.compose = [](Pool& pool) { return isola::compose<A>(pool).take(); };
    behaviour.function = reinterpret_cast<void (*)()>(function);
    behaviour.spawn = [](System& system, SpawnOptions options, void (*erased)(), Block* arguments,
                         detail::ChannelCore* const* cores) {
      Delivery<A> delivery{Message<A>(arguments)};
      return with_ends<Ends...>(cores, [&](Ends... ends) {
        return system.spawn(std::move(options),
                            reinterpret_cast<void (*)(Delivery<A>, Ends...)>(erased),
                            std::move(delivery), std::move(ends)...);
      });
    };
    return insert(std::move(behaviour));
  }
  template <class... Ends>
  requires(PortTrait<Ends>::value&&...) Registry& add(
      std::string type, void (*function)(Ends...),
      std::initializer_list<std::string_view> port_names) {
    Behaviour behaviour = describe<Ends...>(std::move(type), port_names);
    behaviour.function = reinterpret_cast<void (*)()>(function);
    behaviour.spawn = [](System& system, SpawnOptions options, void (*erased)(), Block*,
                         detail::ChannelCore* const* cores) {
      return with_ends<Ends...>(cores, [&](Ends... ends) {
        return system.spawn(std::move(options), reinterpret_cast<void (*)(Ends...)>(erased),
                            std::move(ends)...);
      });
    };
    return insert(std::move(behaviour));
  }

  // nullptr: there is none.
  const Behaviour* find(std::string_view type) const;
  // In the order in which they were added.
  const std::vector<Behaviour>& behaviours() const { return behaviours_; }
  std::vector<std::string> types() const;

 private:
  template <class... Ends>
  static Behaviour describe(std::string type, std::initializer_list<std::string_view> names) {
    static_assert((PortTrait<Ends>::value && ...),
                  "isola: the parameters of a behaviour are the Delivery of its arguments, if it "
                  "takes some, and then channel ends, by value");
    ISOLA_REQUIRE(names.size(), ==, sizeof...(Ends));
    [[maybe_unused]] const std::string_view* name = names.begin();
    Behaviour behaviour;
    behaviour.type = std::move(type);
    // In order: the items of a braced list are.
    behaviour.ports = {Port{std::string(*name++), PortTrait<Ends>::side,
                            &register_message<typename Ends::Type>()}...};
    return behaviour;
  }
  template <class... Ends, class Call>
  static ActorRef with_ends([[maybe_unused]] detail::ChannelCore* const* cores, Call&& call) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return call(Ends(*cores[I], PortTrait<Ends>::side)...);
    }
    (std::index_sequence_for<Ends...>{});
  }
  Registry& insert(Behaviour behaviour);

  std::vector<Behaviour> behaviours_;
};

}  // namespace isola::topology
