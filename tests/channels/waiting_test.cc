// Sends and receives that wait: until somebody comes, the time is up, or the channel is closed.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include <chrono>

#include "tests/channels/members.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::got;
using test::item;
using test::kEmpty;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_seed;
using test::Total;
using test::wait_until_waiting;

Message<Number> composed(const Sender<Number>& tx, int64_t value) {
  auto message = tx.compose();
  message->setValue(value);
  return message;
}

// Runs the body with a few seeds, where the clock shows no time but what was waited for.
void on_virtual_time(const test::Body& body) {
  for (uint64_t seed = 1; seed <= 10; ++seed) on_seed(seed, body);
}

std::chrono::nanoseconds now(System& system) {
  return std::chrono::nanoseconds(system.clock().now_ns());
}

TEST(Waiting, ToSendEndsWhenAPollingReceiverTakesTheMessage) {
  // Covers: CH-060
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    auto [done, results] = system.channel<Total>(bounded(1));
    const auto poll = [](Receiver<Number> in, Sender<Total> out) {
      for (;;) {
        const auto got = in.try_recv();
        if (!got.err) {
          EXPECT_FALSE(out.send([&](Total::Builder t) { t.setValue(got.value->getValue()); }));
          return;
        }
        EXPECT_EQ(got.err, Code::channel_empty);
        yield();
      }
    };
    system.spawn(poll, std::move(rx), std::move(done));
    EXPECT_FALSE(tx.send(number(8)));
    EXPECT_EQ(results.recv().or_raise()->getValue(), 8);
  });
}

template <class Tx, class M>
concept TriesForAWhile = requires(const Tx& tx, M m) {
  tx.try_send(std::move(m), 1ms);
};
template <class Rx>
concept TriesToReceiveForAWhile = requires(const Rx& rx) {
  rx.try_recv(1ms);
};

TEST(Waiting, WithoutWaitingThereIsNoTimeAndNoTimeIsNegative) {
  // Covers: CH-061
  static_assert(!TriesForAWhile<Sender<Number>, Message<Number>>);
  static_assert(!TriesToReceiveForAWhile<Receiver<Number>>);
  on_every_scheduler(
      [](System& system) {
        for (const Capacity& capacity : {rendezvous, bounded(1), unbounded}) {
          auto [tx, rx] = system.channel<Number>(capacity);
          auto message = composed(tx, 3);
          EXPECT_EQ(tx.send_for(std::move(message), -1ns), Code::invalid_argument);
          EXPECT_EQ(tx.send_for(std::move(message), -1h), Code::invalid_argument);
          ASSERT_TRUE(message);
          EXPECT_EQ(message->getValue(), 3);
          EXPECT_EQ(rx.recv_for(-1ns).err, Code::invalid_argument);
          EXPECT_EQ(rx.recv_for(-1h).err, Code::invalid_argument);
          EXPECT_EQ(got(rx.try_recv()), kEmpty);
        }
      },
      10);
}

TEST(Waiting, ToSendInVainWithdrawsTheMessage) {
  // Covers: CH-062
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        auto message = composed(tx, 3);
        EXPECT_EQ(tx.send_for(std::move(message), 10ms), Code::timeout);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->getValue(), 3);
        EXPECT_EQ(got(rx.try_recv()), kEmpty);
        EXPECT_EQ(rx.size(), 0u);

        auto [full_tx, full_rx] = system.channel<Number>(bounded(1));
        EXPECT_FALSE(full_tx.send(number(1)));
        EXPECT_EQ(full_tx.send_for(std::move(message), 10ms), Code::timeout);
        ASSERT_TRUE(message);
        message->setValue(4);
        EXPECT_EQ(got(full_rx.recv()), item(1));
        EXPECT_EQ(got(full_rx.try_recv()), kEmpty);
      },
      20);
}

TEST(Waiting, ToSendEndsWellBeforeItsLimitWhenAReceiverComes) {
  // Covers: CH-063
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    const auto receive = [](Receiver<Number> in) { EXPECT_EQ(got(in.recv()), item(5)); };
    const auto start = now(system);
    const ActorRef receiver = system.spawn(receive, rx.clone());
    auto message = composed(tx, 5);
    EXPECT_FALSE(tx.send_for(std::move(message), 10h));
    EXPECT_LT(now(system) - start, 1h);
    EXPECT_FALSE(message);
    EXPECT_FALSE(receiver.join());
  });
  on_virtual_time([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    system.spawn(
        [](Receiver<Number> in) {
          EXPECT_FALSE(sleep_for(2s));
          EXPECT_EQ(got(in.recv()), item(5));
        },
        std::move(rx));
    EXPECT_FALSE(tx.send_for(composed(tx, 5), 10h));
    EXPECT_EQ(now(system), 2s);
  });
}

// Sends with this limit, or without one (0), and says that the channel was closed meanwhile.
void send_until_closed(Sender<Number> out, int64_t limit_s, Sender<Total> told) {
  auto message = composed(out, 6);
  const Error error = limit_s == 0
                          ? out.send(std::move(message))
                          : out.send_for(std::move(message), std::chrono::seconds(limit_s));
  EXPECT_EQ(error, Code::channel_closed);
  EXPECT_TRUE(message) << "it is still with the sender";
  EXPECT_FALSE(told.send([](Total::Builder) {}));
}

// Closes a channel on which somebody waits to send, with this limit or without.
void close_under_a_sender(System& system, const Capacity& capacity, int64_t limit_s) {
  auto [tx, rx] = system.channel<Number>(capacity);
  auto [told, results] = system.channel<Total>(bounded(1));
  if (capacity == bounded(1)) {
    EXPECT_FALSE(tx.send(number(1)));
  }
  system.spawn(&send_until_closed, tx.clone(), int64_t{limit_s}, std::move(told));
  EXPECT_TRUE(wait_until_waiting(system, tx.id(), Side::send, 1));
  const auto start = now(system);
  Isolate closer = system.create();  // another thread, outside of seeded ones
  const auto close = [](Receiver<Number> in) { EXPECT_FALSE(in.close(Force::yes).err); };
  EXPECT_FALSE(closer.run(close, std::move(rx)).err);
  EXPECT_TRUE(results.recv());
  EXPECT_LT(now(system) - start, 30s);
}

TEST(Waiting, ToSendEndsWhenTheChannelIsClosed) {
  // Covers: CH-064
  on_every_scheduler([](System& system) {
    for (const Capacity& capacity : {rendezvous, bounded(1)})
      close_under_a_sender(system, capacity, 0);
  });
}

TEST(Waiting, ToSendForAWhileEndsAtOnceWhenTheChannelIsClosed) {
  // Covers: CH-065
  on_every_scheduler([](System& system) {
    for (const Capacity& capacity : {rendezvous, bounded(1)})
      close_under_a_sender(system, capacity, 30);
  });
  on_virtual_time([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    const auto close_soon = [](Receiver<Number> in) {
      EXPECT_FALSE(sleep_for(1s));
      EXPECT_FALSE(in.close(Force::yes).err);
    };
    system.spawn(close_soon, std::move(rx));
    EXPECT_EQ(tx.send_for(composed(tx, 1), 30s), Code::channel_closed);
    EXPECT_EQ(now(system), 1s);
  });
}

TEST(Waiting, ForRoomEndsAtItsLimitAndNeverBefore) {
  // Covers: QU-028
  const auto body = [](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    EXPECT_FALSE(tx.send(number(1)));
    EXPECT_FALSE(tx.send(number(2)));
    auto message = composed(tx, 3);
    const auto start = now(system);
    EXPECT_EQ(tx.send_for(std::move(message), 100ms), Code::timeout);
    EXPECT_GE(now(system) - start, 100ms);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->getValue(), 3);
    EXPECT_EQ(rx.size(), 2u);
    EXPECT_EQ(got(rx.recv()), item(1));
    EXPECT_FALSE(tx.send_for(std::move(message), 100ms));
    EXPECT_EQ(got(rx.recv()), item(2));
    EXPECT_EQ(got(rx.recv()), item(3));
  };
  on_every_scheduler(body, 10);
  on_virtual_time([&](System& system) {
    body(system);
    EXPECT_EQ(now(system), 100ms);
  });
}

TEST(Waiting, ForAMessageEndsAtItsLimitAndNeverBefore) {
  // Covers: QU-034
  const auto body = [](System& system) {
    for (const Capacity& capacity : {rendezvous, bounded(2)}) {
      auto [tx, rx] = system.channel<Number>(capacity);
      const auto start = now(system);
      EXPECT_EQ(rx.recv_for(100ms).err, Code::timeout);
      EXPECT_GE(now(system) - start, 100ms);
    }
  };
  on_every_scheduler(body, 10);
  on_virtual_time([&](System& system) {
    body(system);
    EXPECT_EQ(now(system), 200ms);
  });
}

}  // namespace
}  // namespace isola
