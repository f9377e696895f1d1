// Addresses: where messages for an actor go, typed by what it takes.
//
//   isola::Address<Add, isola::Ask<GetTotal, Total>> counter = system.spawn<Counter>();
//   isola::Address<Add> adder = counter;      // any subset
//   adder.send<Add>([](Add::Builder add) { add.setAmount(3); });
//   auto [total, err] = counter.ask<GetTotal>().get();
//
// An address names a slot. It may outlive its actor and its System: it then names nobody, and what
// is sent there fails with no_such_actor. Thread safety: an address, as of any value; sending
// through copies of it, any thread.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/reply.h>
#include <isola/actors/runtime.h>
#include <isola/actors/sendable.h>
#include <isola/channels/channel.h>
#include <isola/serialization/attachment.h>

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace isola {

// In the list of what an actor takes: asks of type M, answered by an R.
template <MessageStruct M, MessageStruct R>
struct Ask {
  using Request = M;
  using Answer = R;
};

namespace detail {

template <class Take>
struct TakeTraits {
  using Message = Take;
  using Answer = void;
};
template <class M, class R>
struct TakeTraits<Ask<M, R>> {
  using Message = M;
  using Answer = R;
};

template <class Take, class... Takes>
inline constexpr bool kOneOf = (std::same_as<Take, Takes> || ...);

// The answer of an ask of type M among Takes; void if there is none.
template <class M, class... Takes>
struct AnswerOf {
  using type = void;
};
template <class M, class First, class... Rest>
struct AnswerOf<M, First, Rest...> {
  using type = std::conditional_t<std::same_as<typename TakeTraits<First>::Message, M>,
                                  typename TakeTraits<First>::Answer,
                                  typename AnswerOf<M, Rest...>::type>;
};

// The id of a cell if that is still the incarnation named, for printing.
inline uint64_t id_of(const CellRef& cell) {
  return cell ? cell->id.load(sync::memory_order_relaxed) : 0;
}

}  // namespace detail

// An actor, whatever it takes: to stop it, or to wait for its end.
class ActorRef {
 public:
  ActorRef() = default;
  explicit ActorRef(detail::CellRef cell) : cell_(std::move(cell)) {}

  explicit operator bool() const { return bool(cell_); }
  uint64_t id() const { return detail::id_of(cell_); }
  std::string name() const { return cell_ ? cell_->name() : std::string(); }
  bool is_alive() const {
    return cell_ && cell_->life.load(sync::memory_order_acquire) == detail::Life::alive;
  }

  // Ends the actor after the message that it handles; a function actor at its next suspension.
  // Returns at once.
  void stop() const {
    if (cell_) cell_->signal(detail::kStop);
  }
  // Ends the actor at its next suspension, also in the middle of a handler. Returns at once.
  void kill() const {
    if (cell_) cell_->signal(detail::kKill);
  }
  // Waits until the actor has ended: the error by which it ended, or none. Blocks.
  Error join() const {
    return cell_ ? cell_->wait_for_end(kNoDeadline) : Error(Code::no_such_actor);
  }
  template <class Rep, class Period>
  Error join(std::chrono::duration<Rep, Period> limit) const {
    if (!cell_) return Error(Code::no_such_actor);
    return cell_->wait_for_end(deadline_in(*detail::Execution::current().clock, limit));
  }

  bool operator==(const ActorRef& other) const { return cell_.get() == other.cell_.get(); }
  const detail::CellRef& cell() const { return cell_; }

 protected:
  detail::CellRef cell_;
};

template <class... Takes>
class Address : public ActorRef {
 public:
  using ActorRef::ActorRef;
  Address() = default;
  // From an address that takes at least as much.
  template <class... More>
    requires(!std::same_as<Address<More...>, Address> && (detail::kOneOf<Takes, More...> && ...))
  Address(const Address<More...>& other) : ActorRef(other.cell()) {}

  // True for a message type that can be sent here (an ask whose answer nobody wants included).
  template <class M>
  static constexpr bool takes = (std::same_as<typename detail::TakeTraits<Takes>::Message, M> ||
                                 ...);
  template <class M>
  using AnswerTo = typename detail::AnswerOf<M, Takes...>::type;

  // Each takes the message if it succeeds and leaves it with the caller if not: no_such_actor (with
  // the record of the actor's failure, if it ended by one),
  // inbox_full (an actor to itself, or try_send), message_too_large (beyond inbox_bytes_max),
  // timeout, too_many_carriers, empty_message.
  // Blocks: while the inbox is full.
  template <MessageStruct M>
    requires takes<M>
  Error send(Message<M>&& message) const {
    return send_block(message, true);
  }
  // Forwards: the body is not copied, and if it was an ask, its asker is answered from there.
  template <MessageStruct M>
    requires takes<M>
  Error send(Delivery<M>&& message) const {
    const detail::ReplyTarget* call = message ? message.block()->envelope.reply : nullptr;
    Error error = send_block(message, true);
    if (!error) detail::passed_on(call);
    return error;
  }
  template <MessageStruct M>
    requires takes<M>
  Error try_send(Message<M>&& message) const {
    return send_block(message, false);
  }
  // Composes, lets `fill` write the body, and sends.
  template <MessageStruct M, std::invocable<typename M::Builder> Fill>
    requires takes<M>
  Error send(Fill&& fill) const {
    if (!reachable()) return ended();
    Message<M> message = isola::compose<M>(cell_->runtime->pool());
    fill(*message);
    return send(std::move(message));
  }
  template <MessageStruct M>
    requires takes<M>
  Error send() const {
    return send<M>([](typename M::Builder) {});
  }

  // Asks. The message is on its way when this returns; the answer is taken with get().
  template <MessageStruct M, class R = AnswerTo<M>>
    requires(!std::is_void_v<R>)
  Asking<R> ask(Message<M>&& message) const {
    if (!message) return Asking<R>(Error(Code::empty_message));
    if (!cell_) return Asking<R>(Error(Code::no_such_actor));
    auto* state = new detail::AskState(*cell_);
    message.block()->envelope.reply = state;
    Asking<R> asking(state);
    if (Error error = send_block(message, true)) {
      // The message stays with the caller, without the reply that it carried.
      std::exchange(message.block()->envelope.reply, nullptr)->fail(error);
    }
    return asking;
  }
  template <MessageStruct M, std::invocable<typename M::Builder> Fill, class R = AnswerTo<M>>
    requires(!std::is_void_v<R>)
  Asking<R> ask(Fill&& fill) const {
    if (!reachable()) return Asking<R>(ended());
    Message<M> message = isola::compose<M>(cell_->runtime->pool());
    fill(*message);
    return ask<M>(std::move(message));
  }
  template <MessageStruct M, class R = AnswerTo<M>>
    requires(!std::is_void_v<R>)
  Asking<R> ask() const {
    return ask<M>([](typename M::Builder) {});
  }

 private:
  Error ended() const { return cell_ ? cell_->ended() : Error(Code::no_such_actor); }
  bool reachable() const { return cell_ && !cell_->inbox.closed(); }
  Error send_block(detail::BlockOwner& message, bool wait) const {
    if (!cell_) [[unlikely]]
      return Error(Code::no_such_actor);
    if (!message) [[unlikely]]
      return Error(Code::empty_message);
    if (cell_->send_here(*message.block())) [[likely]] {
      message.take();
      return Error();
    }
    Error error = cell_->send(message.block(), wait, kNoDeadline);
    if (!error) message.take();
    return error;
  }
};

template <class... Takes>
struct SendableTrait<Address<Takes...>> : std::true_type {};
template <>
struct SendableTrait<ActorRef> : std::true_type {};

// Addresses travel in messages: Message::attach, Delivery::attached<Address<…>>, by the very type.
template <>
struct AttachmentTraits<ActorRef> : detail::CopiedAttachment<ActorRef> {};
template <class... Takes>
struct AttachmentTraits<Address<Takes...>> : detail::CopiedAttachment<Address<Takes...>> {};

}  // namespace isola
