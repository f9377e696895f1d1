// Fuzz target: a channel does what a simple model of it does.
//
// The first three bytes choose capacity, overflow and what becomes of items of isolates that are
// gone; each further byte is an operation. All run on one thread and none waits, so the model is a
// deque of the numbers that were sent. At the end every block has to be back in the pool.
#include <isola/channels/channel.h>
#include <isola/channels/select.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using test::Point;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_channel: not so: %s\n", what);
  std::abort();
}

// What is sent: `y` numbers the messages, `tag` is the key.
struct Item {
  double number;
  uint16_t key;
  uint64_t isolate;
  OwnerGone policy;
  bool gone = false;  // its isolate, and the policy is mark or error
};

class Model {
 public:
  Model(size_t items_max, bool is_rendezvous, Overflow overflow)
      : items_max_(is_rendezvous ? 0 : items_max), overflow_(overflow) {}

  Code send(const Item& item) {
    if (send_closed) return Code::channel_closed;
    if (overflow_ == Overflow::keep_latest) {
      for (Item& old : items) {
        if (old.key != item.key || old.gone) continue;
        old = item;
        ++dropped;
        return Code::ok;
      }
    }
    if (items.size() < items_max_) {
      items.push_back(item);
      return Code::ok;
    }
    if (overflow_ == Overflow::wait || overflow_ == Overflow::fail) return Code::channel_full;
    ++dropped;
    if (overflow_ != Overflow::drop_newest && !items.empty()) {
      items.pop_front();
      items.push_back(item);
    }
    return Code::ok;
  }
  void isolate_gone(uint64_t isolate) {
    std::deque<Item> left;
    for (Item item : items) {
      const bool its = item.isolate == isolate && item.policy != OwnerGone::keep && !item.gone;
      if (its && item.policy == OwnerGone::drop) {
        ++dropped;
        continue;
      }
      item.gone = item.gone || its;
      left.push_back(item);
    }
    items = std::move(left);
  }
  Code empty_code() const { return send_closed ? Code::channel_closed : Code::channel_empty; }

  std::deque<Item> items;
  bool send_closed = false;
  bool receive_closed = false;
  uint64_t dropped = 0;

 private:
  const size_t items_max_;
  const Overflow overflow_;
};

class Run {
 public:
  Run(uint8_t capacity, uint8_t overflow, uint8_t owner_gone)
      : overflow_(static_cast<Overflow>(overflow % 5)),
        owner_gone_(static_cast<OwnerGone>(owner_gone % 4)),
        model_(capacity % 8 == 7 ? SIZE_MAX : capacity % 8, capacity % 8 == 0, overflow_),
        pool_(Pool::create(uint64_t{1} << 28)),
        table_(std::make_shared<detail::ChannelTable>(SteadyClock::instance())) {
    const Capacity made = capacity % 8 == 0   ? rendezvous
                          : capacity % 8 == 7 ? unbounded
                                              : bounded(capacity % 8);
    ChannelOptions<Point> options{.name = "fuzzed",
                                  .overflow = overflow_,
                                  .owner_gone = owner_gone_,
                                  .key = overflow_ == Overflow::keep_latest ? "tag" : ""};
    auto [tx, rx] = make_channel<Point>(*pool_, made, std::move(options), table_);
    senders_.push_back(std::move(tx));
    receivers_.push_back(std::move(rx));
    core_ = detail::CoreRef(&senders_[0].core());
    core_->retain();
  }
  ~Run() {
    kept_.clear();
    senders_.clear();
    receivers_.clear();
    core_ = detail::CoreRef();
    require(pool_->stats().live == 0, "every block is back in the pool");
    pool_->close();
  }

  void step(uint8_t byte) {
    switch (byte % 12) {
      case 0:
      case 1:
      case 2:
        return send(byte / 12);
      case 3:
      case 4:
        return receive();
      case 5:
        return select_either(byte / 12);
      case 6:
        return isolate_gone(1 + byte / 12 % 3);
      case 7:
        return clone_or_release(byte / 12);
      case 8:
        if (byte / 12 % 4 == 0) close_send();
        return;
      case 9:
        if (byte / 12 % 2 == 0) close(byte / 24 % 4 == 0 ? Force::yes : Force::no);
        return;
      case 10:
        return send_again();
      default:
        return compare();
    }
  }

 private:
  void as_isolate(uint64_t id, auto&& what) {
    detail::Execution& execution = detail::Execution::current();
    execution.isolate_id = id;
    what();
    execution.isolate_id = 0;
  }

  Message<Point> message(uint16_t key) {
    auto point = isola::compose<Point>(*pool_);
    point->setY(++number_);
    point->setTag(key);
    return point;
  }

  void send(uint8_t choice) {
    if (senders_.empty()) return;
    auto point = message(choice % 3);
    const uint64_t isolate = 1 + choice % 3;
    const bool own_policy = choice % 2 == 1;
    const OwnerGone policy = own_policy ? static_cast<OwnerGone>(choice % 4) : owner_gone_;
    const Code wanted = model_.send({number_, point->getTag(), isolate, policy});
    as_isolate(isolate, [&] {
      const Error error = own_policy ? senders_[0].try_send(std::move(point), policy)
                                     : senders_[0].try_send(std::move(point));
      require(error.code() == wanted, "a send ends as in the model");
    });
    require(bool(point) == (wanted != Code::ok), "a message is taken exactly if it was sent");
  }

  void expect(const Result<Point>& got) {
    if (model_.items.empty()) {
      require(got.err == model_.empty_code(), "nothing is received from an empty channel");
      return;
    }
    const Item item = model_.items.front();
    model_.items.pop_front();
    if (item.gone && item.policy == OwnerGone::error) {
      require(got.err == Code::item_owner_destroyed, "an item of the policy `error` is one");
      return;
    }
    require(!got.err, "what the model has is received");
    require(got.value.is_marker() == item.gone, "a marker is received for what is gone");
    require(got.value.sender() == item.isolate, "an item says who sent it");
    if (!item.gone) require(got.value->getY() == item.number, "items come in order");
  }

  void receive() {
    if (receivers_.empty()) return;
    auto got = receivers_[0].try_recv();
    expect(got);
    if (!got.err && kept_.size() < 4) kept_.push_back(std::move(got.value));
  }

  // Sends on what was received before: it belongs to the code outside of isolates now.
  void send_again() {
    if (kept_.empty() || senders_.empty()) return;
    Delivery<Point> again = std::move(kept_.back());
    kept_.pop_back();
    if (again.is_marker()) return;
    const Code wanted = model_.send({again->getY(), again->getTag(), 0, owner_gone_});
    require(senders_[0].try_send(std::move(again)).code() == wanted, "so does a forward");
  }

  void select_either(uint8_t choice) {
    if (senders_.empty() || receivers_.empty()) return;
    auto point = message(choice % 3);
    Result<Point> got;
    const bool full = Model(model_).send({number_, point->getTag(), 0, owner_gone_}) ==
                      Code::channel_full;
    const select chosen{receiving(receivers_[0], [&](Result<Point> result) {
                          got = std::move(result);
                        }).when(choice % 4 != 0),
                        sending(senders_[0], std::move(point)).when(choice % 8 != 1), otherwise()};
    if (chosen.index == 0) {
      require(choice % 4 != 0, "a branch that is off is not chosen");
      require(!model_.items.empty() || model_.send_closed, "a receive is chosen if there is one");
      expect(got);
    } else if (chosen.index == 1) {
      require(choice % 8 != 1, "a branch that is off is not chosen");
      const Code wanted = model_.send({number_, static_cast<uint16_t>(choice % 3), 0, owner_gone_});
      require(chosen.err.code() == wanted, "a chosen send ends as in the model");
    } else {
      const bool can_receive = !model_.items.empty() || model_.send_closed;
      require(choice % 4 == 0 || !can_receive, "the default is not taken if one can receive");
      const bool can_send = !full || overflow_ == Overflow::fail;
      require(choice % 8 == 1 || !can_send, "the default is not taken if one can send");
    }
    require(bool(point) == (chosen.index != 1 || bool(chosen.err)), "a losing message is kept");
  }

  void isolate_gone(uint64_t isolate) {
    core_->isolate_gone(isolate);
    model_.isolate_gone(isolate);
  }

  void clone_or_release(uint8_t choice) {
    if (choice % 4 == 0 && !senders_.empty() && senders_.size() < 4)
      senders_.push_back(senders_[0].clone());
    if (choice % 4 == 1 && !receivers_.empty() && receivers_.size() < 4)
      receivers_.push_back(receivers_[0].clone());
    if (choice % 4 == 2 && !senders_.empty()) {
      senders_.pop_back();
      if (senders_.empty()) model_.send_closed = true;
    }
    if (choice % 4 == 3 && !receivers_.empty()) {
      receivers_.pop_back();
      if (!receivers_.empty()) return;
      model_.send_closed = model_.receive_closed = true;
      model_.items.clear();
    }
  }

  void close_send() {
    if (senders_.empty()) return;
    require(senders_[0].close().code() == (model_.send_closed ? Code::channel_closed : Code::ok),
            "the send side closes once");
    model_.send_closed = true;
  }

  void close(Force force) {
    if (receivers_.empty()) return;
    const auto [dropped, error] = receivers_[0].close(force);
    if (model_.receive_closed) {
      require(error == Code::channel_closed, "a channel closes once");
    } else if (!model_.items.empty() && force == Force::no) {
      require(error == Code::channel_not_empty, "a close that drops items has to be forced");
    } else {
      require(!error && dropped == model_.items.size(), "a close says what it dropped");
      model_.send_closed = model_.receive_closed = true;
      model_.dropped += model_.items.size();
      model_.items.clear();
    }
  }

  void compare() {
    require(core_->size() == model_.items.size(), "sizes agree");
    require(core_->closed() == (model_.send_closed && model_.items.empty()), "closes agree");
    ChannelInfo info;
    core_->describe(info);
    require(info.size == model_.items.size(), "the ledger has the size");
    if (!receivers_.empty()) require(info.dropped == model_.dropped, "and the drops");
  }

  const Overflow overflow_;
  const OwnerGone owner_gone_;
  Model model_;
  Pool* const pool_;
  const std::shared_ptr<detail::ChannelTable> table_;
  detail::CoreRef core_;
  std::vector<Sender<Point>> senders_;
  std::vector<Receiver<Point>> receivers_;
  std::vector<Delivery<Point>> kept_;
  double number_ = 0;
};

}  // namespace
}  // namespace isola

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  isola::Run run(data[0], data[1], data[2]);
  for (const uint8_t byte : std::span(data, size).subspan(3)) run.step(byte);
  return 0;
}
