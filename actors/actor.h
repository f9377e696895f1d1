// Handler actors: a class whose state is its own, with one overload for each message it takes.
//
//   class Counter : public isola::Actor<Counter, Add, isola::Ask<GetTotal, Total>> {
//    public:
//     void on(Add::Reader add) { total_ += add.getAmount(); }
//     isola::Message<Total> on(GetTotal::Reader) {
//       auto total = compose<Total>();
//       total->setValue(total_);
//       return total;
//     }
//    private:
//     int64_t total_ = 0;
//   };
//
// A handler takes the reader of a message, or `Delivery<M>` to keep or forward it. The handler of
// an ask returns a `Message<R>` or `Result<R>`, takes a `Reply<R>` to answer later, or takes the
// `Delivery<M>` and forwards it, asker and all. It may block. What it throws is captured: the
// asker and the System's owner get the record, and the actor ends.
#pragma once

#include <isola/actors/address.h>
#include <isola/actors/behaviour_memory.h>
#include <isola/actors/cell.h>
#include <isola/serialization/type_name.h>

#include <string>
#include <typeinfo>
#include <utility>

namespace isola {

namespace detail {

// The message in hand, for a handler that may keep or forward it.
template <class M>
Delivery<M> take_delivery(Block*& block) {
  return Delivery<M>(std::exchange(block, nullptr));
}

// As long as the handler has it: it may end the reply at any time.
template <class M, class Derived>
void handle_delivery(Derived& self, Block*& block) {
  const KeptCall kept(block->envelope.reply);
  // Until the message is through; whoever gives it back is the worker.
  if (Block* context = block->envelope.context) {
    context->pool->take_use(*context);
    Execution::current().kept_context = context;
  }
  self.on(take_delivery<M>(block));
}

// Calls the handler of `Derived` for a message of type M that needs no answer.
template <class Derived, class M>
void handle_send(Derived& self, Block*& block) {
  if constexpr (requires { self.on(std::declval<typename M::Reader>()); }) {
    self.on(block->read<M>());
  } else {
    static_assert(requires { self.on(std::declval<Delivery<M>>()); },
                  "isola: no handler for a message in the actor's list: add "
                  "`void on(M::Reader)` or `void on(isola::Delivery<M>)`");
    handle_delivery<M>(self, block);
  }
}

template <class R>
void answer_with(ReplyTarget* target, Message<R>&& message) {
  if (!message)
    target->fail(Error(Code::no_reply));
  else
    target->answer(message.take());
}

// The same for an ask; the asker may have sent the message without wanting the answer.
template <class Derived, class M, class R>
void handle_ask(Derived& self, Block*& block) {
  if constexpr (requires {
                  self.on(std::declval<typename M::Reader>(), std::declval<Reply<R>>());
                }) {
    const KeptCall kept(block->envelope.reply);
    self.on(block->read<M>(), Reply<R>(std::exchange(block->envelope.reply, nullptr)));
  } else if constexpr (requires { self.on(std::declval<typename M::Reader>()); }) {
    using Returned = decltype(self.on(block->read<M>()));
    if constexpr (std::same_as<Returned, Message<R>>) {
      Message<R> answer = self.on(block->read<M>());
      Execution::current().call = nullptr;  // the answer may be the end of it
      if (ReplyTarget* target = std::exchange(block->envelope.reply, nullptr))
        answer_with(target, std::move(answer));
    } else {
      static_assert(std::same_as<Returned, Result<R>>,
                    "isola: the handler of an ask returns Message<R> or Result<R>, with the R of "
                    "the actor's list");
      Result<R> answer = self.on(block->read<M>());
      Execution::current().call = nullptr;
      if (ReplyTarget* target = std::exchange(block->envelope.reply, nullptr)) {
        if (answer.err)
          target->fail(answer.err);
        else
          target->answer(answer.value.take());
      }
    }
  } else {
    static_assert(requires { self.on(std::declval<Delivery<M>>()); },
                  "isola: no handler for an ask in the actor's list: add "
                  "`isola::Message<R> on(M::Reader)`");
    handle_delivery<M>(self, block);
  }
}

}  // namespace detail

template <class Derived, class... Takes>
class Actor {
 public:
  using AddressType = Address<Takes...>;

  // What the runtime calls for each message.
  static void receive(void* behaviour, Block*& block) {
    auto& self = *static_cast<Derived*>(behaviour);
    const bool handled =
        (try_handle<Takes>(self, block) || ...) || detail::Continuation::handle(*block);
    ISOLA_CHECK(handled, ==, true);  // addresses let nothing else through
  }

 protected:
  // This actor's own address. Only in its handlers and its constructor.
  AddressType self() const {
    return AddressType(detail::CellRef(*detail::Execution::current().cell));
  }
  // A message to be filled, sent or returned. Fails: throws PoolExhausted.
  template <MessageStruct M>
  static Message<M> compose(uint64_t words_hint = 0) {
    return isola::compose<M>(detail::Execution::current().cell->runtime->pool(), words_hint);
  }
  // Ends this actor after the message that it handles now.
  static void stop() {
    detail::Execution::current().cell->signals.fetch_or(detail::kStop,
                                                        sync::memory_order_relaxed);
  }

 private:
  template <class Take>
  static bool try_handle(Derived& self, Block*& block) {
    using M = typename detail::TakeTraits<Take>::Message;
    using R = typename detail::TakeTraits<Take>::Answer;
    if (block->type != &message_type<M>) return false;
    if constexpr (std::is_void_v<R>)
      detail::handle_send<Derived, M>(self, block);
    else
      detail::handle_ask<Derived, M, R>(self, block);
    return true;
  }
};

namespace detail {

template <class B>
inline constexpr BehaviourType handler_type{
    [] { return demangled(typeid(B)); },
    &B::receive,
    nullptr,
    &destroy_behaviour<B>,
    nullptr,
    true,
};

// A function and what it was spawned with.
template <class F, class... Args>
struct FunctionBehaviour {
  F function;
  std::tuple<Args...> arguments;
};

template <class B>
inline constexpr BehaviourType function_type{
    [] { return std::string("function"); },
    nullptr,
    [](void* behaviour) {
      auto& self = *static_cast<B*>(behaviour);
      // The arguments move into the call, so the ends close when the function returns.
      std::apply([&](auto&... arguments) { self.function(std::move(arguments)...); },
                 self.arguments);
    },
    [](void* behaviour) { delete static_cast<B*>(behaviour); },
};

}  // namespace detail
}  // namespace isola
