// Channels: typed pipes that the runtime owns, with Sender<T> and Receiver<T> ends.
//
//   auto [tx, rx] = system.channel<Task>(isola::bounded(64));     // or rendezvous, unbounded
//   auto task = tx.compose();
//   task->setId(7);
//   tx.send(std::move(task));              // waits while the channel is full
//   for (auto& got : rx) use(got->getId());  // ends when the channel is closed and drained
//
// Ends are handles: clone() makes another, the last release of a side closes it (see end.h).
// Thread safety: a channel, any thread; one handle, one thread at a time.
// All operations honour the deadline of the call (isola::Deadline). A blocking one blocks the
// fiber in an actor, the thread elsewhere. Errors are returned; the one exception is Cancelled,
// thrown at an operation of an actor that is being ended. Every 256th operation of an actor lets
// others go first, even if it need not wait.
#pragma once

#include <isola/channels/call.h>
#include <isola/channels/channel_core.h>
#include <isola/channels/end.h>
#include <isola/channels/field_key.h>
#include <isola/channels/ledger.h>
#include <isola/channels/stamp.h>
#include <isola/channels/table.h>
#include <isola/serialization/attachment.h>
#include <isola/serialization/message.h>
#include <isola/serialization/result.h>

#include <chrono>
#include <concepts>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace isola {

template <MessageStruct T>
class Sender : public detail::End {
 public:
  using Type = T;
  using End::End;

  // A message to be filled and sent here. Fails: throws PoolExhausted; std::logic_error on an
  // empty handle.
  Message<T> compose(uint64_t words_hint = 0) const {
    ISOLA_REQUIRE(bool(*this), ==, true);
    return isola::compose<T>(core().pool(), words_hint);
  }

  // Each takes the message if it succeeds and leaves it with the caller if not: channel_closed,
  // timeout, channel_full (try_send, or Overflow::fail), too_many_carriers, empty_end,
  // channel_not_found, empty_message. `policy`: what becomes of this message if it still waits when
  // this isolate is gone, instead of what the channel was made with.
  Error send(Message<T>&& m) const { return send_block(m, true, kNoDeadline); }
  Error send(Message<T>&& m, OwnerGone policy) const {
    return send_block(m, true, kNoDeadline, &policy);
  }
  Error send(Delivery<T>&& m) const { return send_block(m, true, kNoDeadline); }
  Error send(Delivery<T>&& m, OwnerGone policy) const {
    return send_block(m, true, kNoDeadline, &policy);
  }
  Error try_send(Message<T>&& m) const { return send_block(m, false, kNoDeadline); }
  Error try_send(Message<T>&& m, OwnerGone policy) const {
    return send_block(m, false, kNoDeadline, &policy);
  }
  Error try_send(Delivery<T>&& m) const { return send_block(m, false, kNoDeadline); }
  Error try_send(Delivery<T>&& m, OwnerGone policy) const {
    return send_block(m, false, kNoDeadline, &policy);
  }
  // Besides: invalid_argument for a negative time.
  template <class Owner, class Rep, class Period>
    requires(std::same_as<Owner, Message<T>> || std::same_as<Owner, Delivery<T>>)
  Error send_for(Owner&& m, std::chrono::duration<Rep, Period> limit) const {
    if (limit.count() < 0) return Error(Code::invalid_argument);
    return send_block(m, true, deadline_in(*detail::Execution::current().clock, limit));
  }
  // Until a time of isola::clock, or of a clock of the standard library.
  template <class Owner, class C, class Duration>
    requires(std::same_as<Owner, Message<T>> || std::same_as<Owner, Delivery<T>>)
  Error send_until(Owner&& m, std::chrono::time_point<C, Duration> time) const {
    return send_block(m, true, deadline_at(*detail::Execution::current().clock, time));
  }
  // Composes, lets `fill` write the body, and sends.
  template <std::invocable<typename T::Builder> Fill>
  Error send(Fill&& fill) const {
    if (!*this) return why_broken();
    Message<T> message = compose();
    fill(*message);
    return send(std::move(message));
  }

  // Shuts the send side for all senders: receivers drain what is there, then get channel_closed.
  Error close() const { return *this ? core().close_send() : why_broken(); }
  Sender clone() const { return *this ? Sender(core(), detail::Side::send) : Sender(broken_); }
  bool operator==(const Sender& other) const {
    return *this && other ? &core() == &other.core() : bool(*this) == bool(other);
  }

 private:
  Error send_block(detail::BlockOwner& message, bool wait, int64_t deadline_ns,
                   const OwnerGone* policy = nullptr) const {
    if (!*this) return why_broken();
    if (!message) return Error(Code::empty_message);
    detail::count_step();
    const detail::ReplyTarget* call = message.block()->envelope.reply;
    const detail::Stamp stamp(*message.block(), core().pool());
    Error error = core().send(message.block(), wait, deadline_ns, policy);
    if (error) {
      stamp.undo(*message.block());
      return error;
    }
    message.take();
    detail::passed_on(call);
    resource_->note_use();
    return error;
  }
};

template <MessageStruct T>
class Receiver : public detail::End {
 public:
  using Type = T;
  using End::End;

  // Errors: channel_closed (closed and drained), timeout, channel_empty (try_recv only),
  // item_owner_destroyed (OwnerGone::error), too_many_carriers, empty_end, channel_not_found.
  Result<T> recv() const { return receive(true, kNoDeadline); }
  Result<T> try_recv() const { return receive(false, kNoDeadline); }
  // Besides: invalid_argument for a negative time.
  template <class Rep, class Period>
  Result<T> recv_for(std::chrono::duration<Rep, Period> limit) const {
    if (limit.count() < 0) return {{}, Error(Code::invalid_argument)};
    return receive(true, deadline_in(*detail::Execution::current().clock, limit));
  }
  // Until a time of isola::clock, or of a clock of the standard library.
  template <class C, class Duration>
  Result<T> recv_until(std::chrono::time_point<C, Duration> time) const {
    return receive(true, deadline_at(*detail::Execution::current().clock, time));
  }

  // A file descriptor that is readable (for poll, epoll and so on) when recv would not wait: a
  // message is there, or the channel is closed. For programs with an event loop of their own: wait
  // for it, then try_recv until that gives channel_empty; never read from it. It belongs to the
  // channel, and is valid as long as this end. Errors: io (out of descriptors), empty_end,
  // channel_not_found.
  Result<int> readable_fd() const {
    if (!*this) return {-1, why_broken()};
    const int fd = core().readable_fd();
    return {fd, fd < 0 ? Error(Code::io) : Error()};
  }

  // Closes both sides. Refused with channel_not_empty while items are queued.
  Error close() const { return close(Force::no).err; }
  // As close(), or drops what is queued. The value is how many items that were.
  Result<uint64_t> close(Force force) const {
    Result<uint64_t> result;
    result.err = *this ? core().close(force, result.value) : why_broken();
    return result;
  }
  Receiver clone() const {
    return *this ? Receiver(core(), detail::Side::receive) : Receiver(broken_);
  }
  bool operator==(const Receiver& other) const {
    return *this && other ? &core() == &other.core() : bool(*this) == bool(other);
  }

  // Receives until the channel is closed and drained. Any other error is raised as RemoteError.
  class Iterator {
   public:
    using value_type = Delivery<T>;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const Receiver& receiver) : receiver_(&receiver) { ++*this; }
    Delivery<T>& operator*() { return current_; }
    Iterator& operator++() {
      current_ = Delivery<T>();  // gives the last one back before waiting for the next
      auto [value, err] = receiver_->recv();
      if (err && err.code() != Code::channel_closed) err.raise();
      current_ = std::move(value);
      done_ = bool(err);
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return done_; }

   private:
    const Receiver* receiver_;
    Delivery<T> current_;
    bool done_ = false;
  };
  Iterator begin() const { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  Result<T> receive(bool wait, int64_t deadline_ns) const {
    if (!*this) return {{}, why_broken()};
    detail::count_step();
    Block* block = nullptr;
    Error error = core().receive(block, wait, deadline_ns);
    if (!error) {
      resource_->note_use();
      if (detail::Books* books = detail::Execution::current().books) books->count_message();
    }
    return {Delivery<T>(block), std::move(error)};
  }
};

// Both ends of a new channel.
template <MessageStruct T>
struct Channel {
  Sender<T> sender;
  Receiver<T> receiver;

  // Closes both sides; see Receiver::close.
  Error close() const { return receiver.close(); }
  Result<uint64_t> close(Force force) const { return receiver.close(force); }
};

// What a channel is made with besides its capacity.
template <MessageStruct T>
struct ChannelOptions {
  std::string name{};
  Overflow overflow = Overflow::wait;
  OwnerGone owner_gone = OwnerGone::keep;
  // Of Overflow::keep_latest: the field by which a newer message takes the place of an older one.
  std::string key{};
  // Where messages go that are dropped for lack of room, if it has room itself.
  Sender<T> dead_letters{};
};

// A channel outside of any System (System::channel is the usual way). `pool` is held by it.
// Throws std::invalid_argument for a key that the message type does not have, or that is no text,
// data, integer, boolean or enumerant; or for one of key and keep_latest without the other.
template <MessageStruct T>
Channel<T> make_channel(Pool& pool, Capacity capacity, ChannelOptions<T> options = {},
                        std::shared_ptr<detail::ChannelTable> table = nullptr) {
  detail::CoreOptions core_options{.capacity = capacity,
                                   .name = std::move(options.name),
                                   .type = &message_type<T>,
                                   .overflow = options.overflow,
                                   .owner_gone = options.owner_gone};
  core_options.key = detail::latest_key(message_type<T>, options.overflow, options.key);
  detail::CoreRef core(new detail::ChannelCore(pool, std::move(table), std::move(core_options),
                                               options.dead_letters.resource()));
  return {Sender<T>(*core, detail::Side::send), Receiver<T>(*core, detail::Side::receive)};
}

// Channel ends travel in messages: Message::attach, Delivery::attached<Sender<T>>.
template <class E>
  requires(std::derived_from<E, detail::End>)
struct AttachmentTraits<E> {
  static std::unique_ptr<detail::Attachment> make(E&& end) {
    return std::make_unique<detail::EndAttachment>(std::move(end), &detail::attachment_kind<E>);
  }
  static Result<E> get(detail::Attachment& attachment) {
    const auto& attached = static_cast<detail::EndAttachment&>(attachment);
    if (attached.end() == nullptr) return missing(Code::channel_not_found);
    return {E(attached.end()->core(), attached.end()->side()), Error()};
  }
  // The end that such a Result carries fails every operation with channel_not_found.
  static Result<E> missing(Code code) {
    const Code told = code == Code::no_attachment ? Code::channel_not_found : code;
    return {E(Code::channel_not_found), Error(told)};
  }
};

}  // namespace isola
