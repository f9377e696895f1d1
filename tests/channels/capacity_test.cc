// How much a channel holds: its kinds, what it says of itself, and its order when full and empty.
#include <isola/channels/capacity.h>

#include <isola/isola.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::got;
using test::item;
using test::kEmpty;
using test::Number;
using test::number;
using test::on_every_scheduler;

template <class N>
concept IsABound = requires(N n) {
  bounded(n);
};
template <class C>
concept IsACapacity = requires(System& system, C capacity) {
  system.channel<Number>(capacity);
};
template <class A, class B>
concept Comparable = requires(const A& a, const B& b) {
  a == b;
};

TEST(Capacities, AreKindsForWhichNoNumberStands) {
  // Covers: QU-001
  static_assert(IsACapacity<Capacity>);
  static_assert(!IsACapacity<int> && !IsACapacity<size_t> && !IsACapacity<std::nullptr_t>);
  static_assert(!Comparable<Capacity, int> && !Comparable<Capacity, size_t>);
  static_assert(!std::convertible_to<Capacity, int> && !std::convertible_to<Capacity, int64_t>);
  static_assert(!std::is_default_constructible_v<Capacity>);
  on_every_scheduler(
      [](System& system) {
        const auto channel = system.channel<Number>(unbounded);
        for (const Capacity& capacity :
             {channel.sender.capacity(), channel.receiver.capacity(),
              system.ledger().find(channel.sender.id()).or_raise().capacity}) {
          EXPECT_EQ(capacity, unbounded);
          EXPECT_EQ(capacity.kind(), Capacity::Kind::unbounded);
          EXPECT_FALSE(capacity.items());
          EXPECT_EQ(capacity.to_string(), "unbounded");
        }
        EXPECT_NE(channel.sender.capacity(), rendezvous);
        EXPECT_NE(channel.sender.capacity(), bounded(kChannelItemsMax));
      },
      10);
}

TEST(Capacities, AreMadeFromIntegersOnly) {
  // Covers: QU-004
  static_assert(IsABound<int> && IsABound<size_t> && IsABound<int64_t>);
  static_assert(!IsABound<bool> && !IsABound<double> && !IsABound<float>);
  static_assert(!IsABound<const char*> && !IsABound<std::string> && !IsABound<std::nullptr_t>);
  static_assert(!IsACapacity<const char*> && !IsACapacity<std::string> && !IsACapacity<bool> &&
                !IsACapacity<double>);
}

template <class E>
concept HasACapacityToSet = requires(E end) {
  end.capacity() = bounded(2);
}
|| requires(E end) { end.capacity = bounded(2); }
|| requires(E end) { end.capacity(bounded(2)); }
|| requires(E end) { end.set_capacity(bounded(2)); };

TEST(Capacities, CantBeChanged) {
  // Covers: QU-011
  static_assert(!HasACapacityToSet<Sender<Number>> && !HasACapacityToSet<Receiver<Number>>);
  static_assert(!HasACapacityToSet<const Sender<Number>>);
  on_every_scheduler(
      [](System& system) {
        const auto [tx, rx] = system.channel<Number>(bounded(2));
        // What looks like a change makes another capacity.
        EXPECT_NE(tx.capacity().bytes(1000), tx.capacity());
        EXPECT_EQ(tx.capacity(), bounded(2));
        EXPECT_EQ(rx.capacity(), bounded(2));
        EXPECT_FALSE(tx.send(number(1)));
        EXPECT_FALSE(tx.send(number(2)));
        EXPECT_EQ(tx.try_send(tx.compose()), Code::channel_full);
      },
      10);
}

TEST(Channels, AreAliveWhileAnyCloneOfAnEndIs) {
  // Covers: QU-018
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        auto second = rx.clone();
        auto third = rx.clone();
        second.release();
        EXPECT_FALSE(tx.send(number(1)));
        EXPECT_EQ(got(rx.recv()), item(1));
        EXPECT_FALSE(tx.send(number(2)));
        EXPECT_EQ(third.close(Force::yes).or_raise(), 1u);
        EXPECT_EQ(got(rx.recv()), test::kClosed);
        EXPECT_EQ(system.channels().size(), 1u);
        rx.release();
        tx.release();
        EXPECT_EQ(system.channels().size(), 1u);
        third.release();
        EXPECT_TRUE(system.channels().empty());
      },
      10);
}

// Releases three handles of an end in each order, and tells before and after each release how many
// are left.
template <class E>
void release_in_each_order(const std::function<Channel<Number>()>& make, E Channel<Number>::*end,
                           const std::function<void(const Channel<Number>&, int left)>& look) {
  constexpr int kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : kOrders) {
    Channel<Number> channel = make();
    E handles[3] = {std::move(channel.*end), {}, {}};
    handles[1] = handles[0].clone();
    handles[2] = handles[1].clone();
    look(channel, 3);
    for (int left = 2; left >= 0; --left) {
      handles[order[2 - left]].release();
      look(channel, left);
    }
  }
}

TEST(Channels, CloseWithTheLastHandleInWhateverOrderTheyGo) {
  // Covers: QU-019
  on_every_scheduler(
      [](System& system) {
        const auto make = [&] { return system.channel<Number>(bounded(2)); };
        release_in_each_order<Sender<Number>>(
            make, &Channel<Number>::sender, [](const Channel<Number>& channel, int left) {
              EXPECT_EQ(channel.receiver.is_closed(), left == 0);
              EXPECT_EQ(channel.receiver.try_recv().err,
                        left == 0 ? Code::channel_closed : Code::channel_empty);
            });
        release_in_each_order<Receiver<Number>>(
            make, &Channel<Number>::receiver, [](const Channel<Number>& channel, int left) {
              EXPECT_EQ(channel.sender.is_closed(), left == 0);
              if (left == 0) {
                EXPECT_EQ(channel.sender.send(number(1)), Code::channel_closed);
              }
            });
        EXPECT_TRUE(system.channels().empty());
      },
      10);
}

TEST(Channels, SayWhetherTheyAreEmpty) {
  // Covers: QU-022
  on_every_scheduler(
      [](System& system) {
        for (const Capacity& capacity : {bounded(2), unbounded}) {
          const auto [tx, rx] = system.channel<Number>(capacity);
          EXPECT_TRUE(tx.empty());
          EXPECT_TRUE(rx.empty());
          EXPECT_FALSE(tx.send([](Number::Builder) {}));
          EXPECT_FALSE(tx.empty());
          EXPECT_FALSE(rx.empty());
          EXPECT_TRUE(rx.recv());
          EXPECT_TRUE(tx.empty());
          EXPECT_TRUE(rx.empty());
        }
      },
      10);
}

TEST(Channels, WithoutABoundAreNeverFull) {
  // Covers: QU-024
  on_every_scheduler(
      [](System& system) {
        const auto [tx, rx] = system.channel<Number>(unbounded);
        EXPECT_TRUE(rx.empty());
        for (int64_t i = 0; i < 13; ++i) {
          EXPECT_FALSE(tx.full());
          EXPECT_FALSE(rx.full());
          EXPECT_FALSE(tx.try_send(tx.compose()));
          EXPECT_FALSE(rx.empty());
        }
        EXPECT_FALSE(tx.full());
        EXPECT_EQ(rx.size(), 13u);
        for (int64_t i = 0; i < 13; ++i) {
          EXPECT_FALSE(rx.empty());
          EXPECT_TRUE(rx.recv());
        }
        EXPECT_TRUE(rx.empty());
        EXPECT_FALSE(tx.full());
      },
      10);
}

TEST(Channels, ThatWereDrainedAreAsEmptyAsNewOnes) {
  // Covers: QU-025
  on_every_scheduler(
      [](System& system) {
        const auto [tx, rx] = system.channel<Number>(bounded(3));
        EXPECT_EQ(got(rx.try_recv()), kEmpty);
        for (int round = 0; round < 3; ++round) {
          for (int64_t i = 0; i < 3; ++i) EXPECT_FALSE(tx.send(number(i)));
          EXPECT_TRUE(tx.full());
          for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(got(rx.recv()), item(i));
          EXPECT_EQ(got(rx.try_recv()), kEmpty);
          EXPECT_FALSE(tx.full());
        }
      },
      10);
}

TEST(Channels, KeepTheOrderOfOneSender) {
  // Covers: QU-027
  on_every_scheduler([](System& system) {
    for (const Capacity& capacity : {bounded(3), bounded(20), unbounded}) {
      auto [tx, rx] = system.channel<Number>(capacity);
      const auto send_all = [](Sender<Number> out) {
        for (int64_t i = 0; i < 20; ++i) EXPECT_FALSE(out.send(number(i)));
      };
      system.spawn(send_all, std::move(tx));
      for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(got(rx.recv()), item(i));
      EXPECT_EQ(got(rx.recv()), test::kClosed);
    }
  });
}

TEST(Channels, ThatAreFullTellWhoDoesNotWaitAndLeaveItTheMessage) {
  // Covers: QU-029
  on_every_scheduler(
      [](System& system) {
        const auto [tx, rx] = system.channel<Number>(bounded(2));
        EXPECT_FALSE(tx.send(number(1)));
        EXPECT_FALSE(tx.send(number(2)));
        auto message = tx.compose();
        message->setValue(3);
        const Block* block = message.block();
        for (int i = 0; i < 3; ++i) {
          EXPECT_EQ(tx.try_send(std::move(message)), Code::channel_full);
          ASSERT_TRUE(message);
          EXPECT_EQ(message.block(), block);
          EXPECT_EQ(message->getValue(), 3);
        }
        EXPECT_EQ(rx.size(), 2u);
        EXPECT_EQ(got(rx.recv()), item(1));
        EXPECT_FALSE(tx.try_send(std::move(message)));
        EXPECT_FALSE(message);
        EXPECT_EQ(got(rx.recv()), item(2));
        const auto last = rx.recv().or_raise();
        EXPECT_EQ(last->getValue(), 3);
        EXPECT_EQ(last.block(), block);
      },
      10);
}

}  // namespace
}  // namespace isola
