// Channels: typed pipes that the runtime owns, with Sender<T> and Receiver<T> ends.
//
//   auto [tx, rx] = system.channel<Task>(isola::bounded(64));
//   auto task = tx.compose();
//   task->setId(7);
//   tx.send(std::move(task));              // waits while the channel is full
//   for (auto& got : rx) use(got->getId());  // ends when the channel is closed and drained
//
// Ends are handles: clone() makes another, the last release of a side closes it. An end belongs to
// the isolate that made it or was given it, and is released with that isolate, also if no
// destructor runs. Thread safety: a channel, any thread; one handle, one thread at a time.
// All operations honour the deadline of the call (isola::Deadline). A blocking one blocks the
// fiber in an actor, the thread elsewhere. Errors are returned; the one exception is Cancelled,
// thrown at an operation of an actor that is being ended. Every 256th operation of an actor lets
// others go first, even if it need not wait.
#pragma once

#include <isola/channels/channel_core.h>
#include <isola/channels/resource.h>
#include <isola/context/key.h>
#include <isola/serialization/message.h>
#include <isola/serialization/result.h>

#include <chrono>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace isola {

namespace detail {

enum class Side : uint8_t { send, receive };

// What an end's handle points to, in the runtime's memory.
class EndResource final : public Resource {
 public:
  EndResource(ChannelCore& core, Side side) : core_(core), side_(side) {
    side == Side::send ? core.add_sender() : core.add_receiver();
    if (ResourceList* list = Execution::current().resources) list->add(*this);
  }
  ChannelCore& core() const { return core_; }
  void release_resource() override {
    side_ == Side::send ? core_.release_sender() : core_.release_receiver();
  }

 private:
  ChannelCore& core_;
  const Side side_;
};

// A handle to an end, or to nothing.
class End {
 public:
  End() = default;
  End(ChannelCore& core, Side side) : resource_(new EndResource(core, side)) {}
  End(End&& other) noexcept : resource_(std::exchange(other.resource_, nullptr)) {}
  End& operator=(End&& other) noexcept {
    std::swap(resource_, other.resource_);
    return *this;
  }
  ~End() { release(); }

  // False when default-made, moved from or released.
  explicit operator bool() const { return resource_ != nullptr; }
  // Gives up this handle. Idempotent.
  void release() {
    if (resource_ == nullptr) return;
    EndResource* resource = std::exchange(resource_, nullptr);
    ResourceList::remove(*resource);
    resource->release_resource();
    delete resource;
  }
  // Makes `list`'s isolate the owner; nullptr: none.
  void transfer(ResourceList* list) {
    if (resource_ == nullptr) return;
    ResourceList::remove(*resource_);
    if (list != nullptr) list->add(*resource_);
  }

  // How many messages wait; 0 for an empty handle.
  size_t size() const { return resource_ == nullptr ? 0 : core().size(); }
  // True when nothing can be received any more, now or ever.
  bool is_closed() const { return resource_ == nullptr || core().closed(); }
  ChannelCore& core() const { return resource_->core(); }

 protected:
  EndResource* resource_ = nullptr;
};

// Stamps what travels beside the body.
inline void stamp(Block& block, Pool& pool) {
  const Execution& execution = Execution::current();
  block.envelope.sender = execution.isolate_id;
  if (block.envelope.context == nullptr &&
      (execution.bindings != nullptr || execution.inherited != nullptr))
    block.envelope.context = wire_record(pool);
  if (execution.deadline_ns < block.envelope.deadline_ns)
    block.envelope.deadline_ns = execution.deadline_ns;
}

}  // namespace detail

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
  // timeout, channel_full (try_send only), too_many_carriers, empty_end, empty_message.
  Error send(Message<T>&& message) const { return send_block(message, true, kNoDeadline); }
  Error send(Delivery<T>&& message) const { return send_block(message, true, kNoDeadline); }
  Error try_send(Message<T>&& message) const { return send_block(message, false, kNoDeadline); }
  Error try_send(Delivery<T>&& message) const { return send_block(message, false, kNoDeadline); }
  template <class Rep, class Period>
  Error send_for(Message<T>&& message, std::chrono::duration<Rep, Period> limit) const {
    if (limit.count() < 0) return Error(Code::invalid_argument);
    return send_block(message, true, deadline_in(*detail::Execution::current().clock, limit));
  }
  // Composes, lets `fill` write the body, and sends.
  template <std::invocable<typename T::Builder> Fill>
  Error send(Fill&& fill) const {
    if (!*this) return Error(Code::empty_end);
    Message<T> message = compose();
    fill(*message);
    return send(std::move(message));
  }

  // Shuts the send side for all senders: receivers drain what is there, then get channel_closed.
  Error close() const { return *this ? core().close_send() : Error(Code::empty_end); }
  Sender clone() const { return *this ? Sender(core(), detail::Side::send) : Sender(); }
  bool operator==(const Sender& other) const {
    return *this && other ? &core() == &other.core() : bool(*this) == bool(other);
  }

 private:
  Error send_block(detail::BlockOwner& message, bool wait, int64_t deadline_ns) const {
    if (!*this) return Error(Code::empty_end);
    if (!message) return Error(Code::empty_message);
    detail::count_step();
    detail::stamp(*message.block(), core().pool());
    Error error = core().send(message.block(), wait, deadline_ns);
    if (!error) message.take();
    return error;
  }
};

template <MessageStruct T>
class Receiver : public detail::End {
 public:
  using Type = T;
  using End::End;

  // Errors: channel_closed (closed and drained), timeout, channel_empty (try_recv only),
  // too_many_carriers, empty_end.
  Result<T> recv() const { return receive(true, kNoDeadline); }
  Result<T> try_recv() const { return receive(false, kNoDeadline); }
  template <class Rep, class Period>
  Result<T> recv_for(std::chrono::duration<Rep, Period> limit) const {
    if (limit.count() < 0) return {{}, Error(Code::invalid_argument)};
    return receive(true, deadline_in(*detail::Execution::current().clock, limit));
  }

  // Closes both sides. Refused with channel_not_empty while items are queued.
  Error close() const {
    uint64_t dropped = 0;
    return *this ? core().close_receive(false, dropped) : Error(Code::empty_end);
  }
  // Closes both sides and drops what is queued. The value is how many items that were.
  Result<uint64_t> close_forced() const {
    Result<uint64_t> result;
    result.err = *this ? core().close_receive(true, result.value) : Error(Code::empty_end);
    return result;
  }
  Receiver clone() const { return *this ? Receiver(core(), detail::Side::receive) : Receiver(); }
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
    if (!*this) return {{}, Error(Code::empty_end)};
    detail::count_step();
    Block* block = nullptr;
    Error error = core().receive(block, wait, deadline_ns);
    if (detail::Books* books = detail::Execution::current().books; books != nullptr && !error)
      books->count_message();
    return {Delivery<T>(block), std::move(error)};
  }
};

// Both ends of a new channel.
template <MessageStruct T>
struct Channel {
  Sender<T> sender;
  Receiver<T> receiver;
};

// A channel outside of any System (System::channel is the usual way). `pool` is held by it.
template <MessageStruct T>
Channel<T> make_channel(Pool& pool, Capacity capacity,
                        std::shared_ptr<detail::ChannelTable> table = nullptr,
                        std::string name = {}) {
  auto* core = new detail::ChannelCore(pool, std::move(table), capacity, std::move(name));
  return {Sender<T>(*core, detail::Side::send), Receiver<T>(*core, detail::Side::receive)};
}

}  // namespace isola
