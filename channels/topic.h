// Topics: one frozen message to many subscribers, without a copy.
//
//   isola::Topic<Price> prices = system.topic<Price>("prices");
//   isola::Receiver<Price> mine = prices.subscribe(isola::bounded(64),
//                                                  {.overflow = isola::Overflow::drop_oldest});
//   prices.publish([](Price::Builder price) { price.setCents(4200); });
//
// Each subscriber has a channel of its own, with a capacity and a policy of its own, and reads the
// same words. Who subscribes gets what is published from then on; messages of one publisher arrive
// in order. A subscriber that waits (Overflow::wait) makes the publishers wait.
//
// Ownership: a Topic is a handle, clone() makes another; with the last one the channels of all
// subscribers are closed for sends: they drain what is there. A subscription ends with its
// Receiver.
// Thread safety: a topic, any thread; one handle, one thread at a time.
#pragma once

#include <isola/channels/channel.h>
#include <isola/serialization/program_memory.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace isola {

namespace detail {

// The subscribers of a topic.
class TopicCore {
 public:
  TopicCore(Pool& pool, std::shared_ptr<ChannelTable> table, std::string name);
  ~TopicCore();
  TopicCore(const TopicCore&) = delete;
  TopicCore& operator=(const TopicCore&) = delete;

  // Takes a use of the core's send side.
  void subscribe(ChannelCore& core);
  // Sends an alias of the block to each subscriber, in the order in which they came. Releases the
  // caller's use of the block. The first error that is no channel_closed; the others still get it.
  // `reached`: how many have taken it.
  Error publish(Block* block, bool wait, int64_t deadline_ns, size_t& reached);
  size_t subscribers() const;

  Pool& pool() const { return pool_; }
  const std::shared_ptr<ChannelTable>& table() const { return table_; }
  const std::string& name() const { return name_; }

 private:
  using Cores = std::vector<ChannelCore*>;
  void drop_closed();

  Pool& pool_;
  const std::shared_ptr<ChannelTable> table_;
  const std::string name_;
  mutable sync::Mutex mutex_;
  Cores cores_;
};

}  // namespace detail

template <MessageStruct T>
class Topic {
 public:
  Topic() = default;
  Topic(Pool& pool, std::shared_ptr<detail::ChannelTable> table, std::string name)
      : core_([&] {
          const detail::ProgramMemory program;
          return std::make_shared<detail::TopicCore>(pool, std::move(table), std::move(name));
        }()) {}
  Topic(Topic&&) = default;
  Topic& operator=(Topic&&) = default;

  explicit operator bool() const { return core_ != nullptr; }
  Topic clone() const {
    Topic other;
    other.core_ = core_;
    return other;
  }
  // Gives up this handle. Idempotent.
  void release() { core_.reset(); }

  // A new subscriber's end. Its channel is named after the topic, unless the options name it.
  // REQUIRES: not an empty handle. Throws as make_channel.
  Receiver<T> subscribe(Capacity capacity, ChannelOptions<T> options = {}) const {
    ISOLA_REQUIRE(core_ != nullptr, ==, true);
    if (options.name.empty()) options.name = core_->name();
    Channel<T> channel =
        make_channel<T>(core_->pool(), capacity, std::move(options), core_->table());
    core_->subscribe(channel.sender.core());
    return std::move(channel.receiver);
  }
  // How many subscribers there are; one that is gone counts until the next publish.
  size_t subscribers() const { return core_ == nullptr ? 0 : core_->subscribers(); }

  // REQUIRES: not an empty handle. Fails: throws PoolExhausted.
  Message<T> compose(uint64_t words_hint = 0) const {
    ISOLA_REQUIRE(core_ != nullptr, ==, true);
    return isola::compose<T>(core_->pool(), words_hint);
  }
  // Each gives the message to all subscribers and says how many took it. A full one with
  // Overflow::fail (or Overflow::wait, for try_publish) misses it: the error is channel_full, and
  // the others have it. Other errors: timeout, too_many_carriers, empty_end, empty_message.
  // Blocks: publish, while a subscriber with Overflow::wait is full.
  Result<size_t> publish(Message<T>&& message) const { return publish_block(message, true); }
  Result<size_t> publish(Delivery<T>&& message) const { return publish_block(message, true); }
  Result<size_t> try_publish(Message<T>&& message) const { return publish_block(message, false); }
  template <std::invocable<typename T::Builder> Fill>
  Result<size_t> publish(Fill&& fill) const {
    if (core_ == nullptr) return {0, Error(Code::empty_end)};
    Message<T> message = compose();
    fill(*message);
    return publish(std::move(message));
  }

 private:
  Result<size_t> publish_block(detail::BlockOwner& message, bool wait) const {
    Result<size_t> result;
    if (core_ == nullptr)
      result.err = Error(Code::empty_end);
    else if (!message)
      result.err = Error(Code::empty_message);
    if (result.err) return result;
    detail::count_step();
    (void)detail::Stamp(*message.block(), core_->pool());
    result.err = core_->publish(message.take(), wait, kNoDeadline, result.value);
    return result;
  }

  std::shared_ptr<detail::TopicCore> core_;
};

}  // namespace isola
