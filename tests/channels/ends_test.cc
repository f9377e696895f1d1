// Ends: their ids, what equals what, and how they travel in messages and as arguments.
#include <isola/channels/end.h>

#include <capnp/compat/json.h>
#include <isola/isola.h>
#include <isola/serialization/foreign.h>

#include <concepts>
#include <cstdio>
#include <string>
#include <type_traits>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::item;
using test::Number;
using test::number;
using test::Numbers;
using test::on_every_scheduler;
using test::own_id;
using test::Total;

// Sends a message that carries `end`, and receives it again.
template <class E>
Delivery<Number> through(const Channel<Number>& channel, E end) {
  auto message = channel.sender.compose();
  message->setValue(message.attach(std::move(end)));
  EXPECT_FALSE(channel.sender.send(std::move(message)));
  return channel.receiver.recv().or_raise();
}

template <class E>
Result<E> taken(const Delivery<Number>& message) {
  return message.attached<E>(static_cast<uint32_t>(message->getValue()));
}

TEST(Ends, TheListHasExactlyTheChannelsThatThereAre) {
  // Covers: CH-002
  on_every_scheduler(
      [](System& system) {
        EXPECT_TRUE(system.channels().empty());
        std::vector<Channel<Number>> made;
        for (int i = 0; i < 3; ++i) made.push_back(system.channel<Number>(bounded(2)));
        const std::vector<ChannelInfo> listed = system.channels();
        ASSERT_EQ(listed.size(), 3u);
        for (size_t i = 0; i < 3; ++i) {
          EXPECT_EQ(listed[i].id, made[i].sender.id());
          EXPECT_EQ(listed[i].id, made[i].receiver.id());
        }
      },
      10);
}

TEST(Ends, TravelThroughTheirOwnChannelAndWork) {
  // Covers: CH-003
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(2));
    const auto& [tx, rx] = channel;
    const auto sender = taken<Sender<Number>>(through(channel, tx.clone())).or_raise();
    EXPECT_EQ(sender, tx);
    EXPECT_FALSE(sender.send(number(4)));
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 4);
    const auto receiver = taken<Receiver<Number>>(through(channel, rx.clone())).or_raise();
    EXPECT_EQ(receiver, rx);
    EXPECT_FALSE(tx.send(number(5)));
    EXPECT_EQ(receiver.recv().or_raise()->getValue(), 5);
  });
}

// Compares the ends that come in with clones of the same channel, and sends the message back.
bool compare(Receiver<Numbers> in, Sender<Numbers> out, Sender<Number> tx, Receiver<Number> rx) {
  auto message = in.recv().or_raise();
  auto handles = message->getValues();
  const auto sender =
      message.attached<Sender<Number>>(static_cast<uint32_t>(handles[0])).or_raise();
  const auto receiver =
      message.attached<Receiver<Number>>(static_cast<uint32_t>(handles[1])).or_raise();
  const bool equal = sender == tx && tx == sender && receiver == rx && rx == receiver;
  return !out.send(std::move(message)) && equal;
}

TEST(Ends, GoToAnotherIsolateAndComeBackAsTheSame) {
  // Covers: CH-004
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    auto [there, in] = system.channel<Numbers>(bounded(1));
    auto [out, back] = system.channel<Numbers>(bounded(1));
    auto message = there.compose();
    auto handles = message->initValues(2);
    handles.set(0, message.attach(tx.clone()));
    handles.set(1, message.attach(rx.clone()));
    EXPECT_FALSE(there.send(std::move(message)));
    Isolate isolate = system.create();
    EXPECT_TRUE(
        isolate.run(&compare, std::move(in), std::move(out), tx.clone(), rx.clone()).or_raise());
    EXPECT_FALSE(isolate.close());
    const auto got = back.recv().or_raise();
    const auto sender = got.attached<Sender<Number>>(1).or_raise();
    const auto receiver = got.attached<Receiver<Number>>(2).or_raise();
    EXPECT_EQ(sender, tx);
    EXPECT_EQ(receiver, rx);
    EXPECT_FALSE(sender.send(number(6)));
    EXPECT_EQ(receiver.recv().or_raise()->getValue(), 6);
  });
}

TEST(Ends, BothSeeThatAChannelIsClosed) {
  // Covers: CH-005
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        EXPECT_FALSE(tx.is_closed());
        EXPECT_FALSE(rx.is_closed());
        EXPECT_FALSE(rx.close());
        EXPECT_TRUE(tx.is_closed());
        EXPECT_TRUE(rx.is_closed());
      },
      10);
}

template <class E>
concept HasAnIdToSet = requires(E end) {
  end.id() = uint64_t{5};
}
|| requires(E end) { end.id = uint64_t{5}; }
|| requires(E end) { end.id(uint64_t{5}); }
|| requires(E end) { end.set_id(uint64_t{5}); };

TEST(Ends, HaveAnIdThatCantBeSet) {
  // Covers: CH-009
  static_assert(!HasAnIdToSet<Sender<Number>> && !HasAnIdToSet<Receiver<Number>>);
  static_assert(std::same_as<decltype(std::declval<Sender<Number>&>().id()), uint64_t>);
  static_assert(std::same_as<decltype(std::declval<Receiver<Number>&>().id()), uint64_t>);
  static_assert(!std::is_constructible_v<Sender<Number>, uint64_t>);
  static_assert(!std::is_constructible_v<Receiver<Number>, uint64_t>);
}

// Actors get their arguments by value. NOLINTNEXTLINE(performance-unnecessary-value-param)
void forward(Receiver<Number> in, Sender<Number> out) {
  for (auto& message : in) out.send(std::move(message));
}

TEST(Ends, AreTheSameAfterForwardingAndNothingAfterBeingWrittenOut) {
  // Covers: CH-011
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        auto [first, first_in] = system.channel<Number>(bounded(1));
        auto [second, second_in] = system.channel<Number>(rendezvous);
        auto [third, last] = system.channel<Number>(bounded(1));
        system.spawn(forward, std::move(first_in), std::move(second));
        system.spawn(forward, std::move(second_in), std::move(third));
        auto message = first.compose();
        message->setValue(message.attach(tx.clone()));
        EXPECT_FALSE(first.send(std::move(message)));
        const auto got = last.recv().or_raise();
        EXPECT_EQ(taken<Sender<Number>>(got).or_raise(), tx);

        const auto expect_no_end = [](const Delivery<Number>& read) {
          EXPECT_EQ(read->getValue(), 1) << "the number that was a handle";
          const auto [end, err] = taken<Sender<Number>>(read);
          EXPECT_EQ(err, Code::channel_not_found);
          EXPECT_FALSE(end);
          EXPECT_EQ(end.send(number(1)), Code::channel_not_found);
        };
        const auto bytes = write_message(got).or_raise();
        expect_no_end(read_message<Number>(system.pool(), bytes).or_raise());

        std::FILE* file = std::tmpfile();
        write_message(got, ::fileno(file)).or_raise();
        std::rewind(file);
        MessageStream stream(system.pool(), ::fileno(file));
        expect_no_end(stream.next<Number>()->value);
        std::fclose(file);

        const capnp::JsonCodec json;
        auto parsed = system.compose<Number>();
        json.decode(json.encode(got.root()), *parsed);
        expect_no_end(Delivery<Number>(std::move(parsed)));
      },
      10);
}

template <class A, class B>
concept Comparable = requires(const A& a, const B& b) {
  a == b;
}
|| requires(const A& a, const B& b) { b == a; }
|| requires(const A& a, const B& b) { a != b; };

TEST(Ends, EqualThoseOfTheSameChannelAndCompareWithNothingElse) {
  // Covers: CH-018
  using Tx = Sender<Number>;
  using Rx = Receiver<Number>;
  static_assert(Comparable<Tx, Tx> && Comparable<Rx, Rx>);
  static_assert(!Comparable<Tx, Rx>);
  static_assert(!Comparable<Tx, int> && !Comparable<Rx, int>);
  static_assert(!Comparable<Tx, uint64_t> && !Comparable<Rx, uint64_t>);
  static_assert(!Comparable<Tx, const char*> && !Comparable<Rx, const char*>);
  static_assert(!Comparable<Tx, std::string> && !Comparable<Rx, std::string>);
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(2));
    const auto other = system.channel<Number>(bounded(2));
    Isolate isolate = system.create();
    const auto expect_equal = [&](const auto& end, const auto& another, const auto& strange) {
      EXPECT_TRUE(end == end);
      EXPECT_TRUE(end == another);
      EXPECT_TRUE(another == end);
      EXPECT_FALSE(end != another);
      EXPECT_FALSE(end == strange);
      EXPECT_FALSE(strange == end);
      EXPECT_TRUE(end != strange);
    };
    expect_equal(channel.sender, channel.sender.clone(), other.sender);
    expect_equal(channel.receiver, channel.receiver.clone(), other.receiver);
    const auto tx = isolate.run([](Tx end) { return end; }, channel.sender.clone()).or_raise();
    const auto rx = isolate.run([](Rx end) { return end; }, channel.receiver.clone()).or_raise();
    expect_equal(channel.sender, tx, other.sender);
    expect_equal(channel.receiver, rx, other.receiver);
  });
}

TEST(Ends, ArriveAsWhatTheyAreAndAsNothingElse) {
  // Covers: CH-019
  on_every_scheduler([](System& system) {
    const auto carrier = system.channel<Number>(bounded(1));
    auto [tx, rx] = system.channel<Total>(bounded(1));
    const auto with_sender = through(carrier, tx.clone());
    const auto with_receiver = through(carrier, rx.clone());
    EXPECT_EQ(taken<Sender<Total>>(with_sender).or_raise(), tx);
    EXPECT_EQ(taken<Receiver<Total>>(with_receiver).or_raise(), rx);
    EXPECT_EQ(taken<Receiver<Total>>(with_sender).err, Code::wrong_attachment);
    EXPECT_EQ(taken<Sender<Total>>(with_receiver).err, Code::wrong_attachment);
    const auto other_sender = taken<Sender<Number>>(with_sender);
    EXPECT_EQ(other_sender.err, Code::wrong_attachment);
    EXPECT_TRUE(other_sender.value.send(number(1))) << "nothing works with it";
    const auto other_receiver = taken<Receiver<Number>>(with_receiver);
    EXPECT_EQ(other_receiver.err, Code::wrong_attachment);
    EXPECT_TRUE(other_receiver.value.recv().err);
  });
}

// Makes a channel in the isolate and keeps its receiver there.
Sender<Number> make_one(uintptr_t system) {
  auto [tx, rx] = reinterpret_cast<System*>(system)->channel<Number>(bounded(2));
  new (heap().allocate(sizeof rx, alignof(Receiver<Number>))) Receiver<Number>(std::move(rx));
  return std::move(tx);
}

TEST(Ends, OfChannelsFromDifferentIsolatesHaveDifferentIdsThatMeanTheSameEverywhere) {
  // Covers: CH-022
  on_every_scheduler([](System& system) {
    Isolate a = system.create();
    Isolate b = system.create();
    const auto place = reinterpret_cast<uintptr_t>(&system);
    const auto from_a = a.run(&make_one, uintptr_t{place}).or_raise();
    const auto from_b = b.run(&make_one, uintptr_t{place}).or_raise();
    EXPECT_NE(from_a.id(), from_b.id());
    const auto id_there = [](Sender<Number> end) { return end.id(); };
    for (Isolate* isolate : {&a, &b})
      for (const auto* end : {&from_a, &from_b})
        EXPECT_EQ(isolate->run(id_there, end->clone()).or_raise(), end->id());
    const Ledger ledger = system.ledger();
    const auto holders = [&](const Sender<Number>& end) {
      return ledger.holders(end.id(), Side::receive).or_raise();
    };
    EXPECT_EQ(holders(from_a), test::Ids{a.id().word()});
    EXPECT_EQ(holders(from_b), test::Ids{b.id().word()});
  });
}

// What crosses in a pair or a list belongs to whom it was given to, as each of its ends would.
TEST(Ends, InPairsAndListsBelongToWhomTheyWereGiven) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    using Both = std::pair<Sender<Number>, Receiver<Number>>;
    const auto channel = tx.id();
    const auto holders = [&](Side side) { return system.ledger().holders(channel, side).value; };
    Isolate isolate = system.create();
    const auto stay = [](Both ends) {
      new (heap().allocate(sizeof ends, alignof(Both))) Both(std::move(ends));
    };
    EXPECT_FALSE(isolate.run(stay, Both(tx.clone(), std::move(rx))).err);
    EXPECT_EQ(holders(Side::receive), test::Ids{isolate.id().word()});
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(tx.send(number(1)), Code::channel_closed) << "its receiver went with the isolate";

    Isolate maker = system.create();
    const auto make = [](uintptr_t system) {
      auto [tx, rx] = reinterpret_cast<System*>(system)->channel<Number>(bounded(2));
      return Both(std::move(tx), std::move(rx));
    };
    auto both = maker.run(make, reinterpret_cast<uintptr_t>(&system)).or_raise();
    EXPECT_EQ(system.ledger().holders(both.first.id(), Side::send).or_raise(), test::Ids{own_id()});
    EXPECT_FALSE(maker.close());
    if (both.first.is_closed()) {  // were its ends released with the isolate, these are nothing
      new Both(std::move(both));
      FAIL() << "what an isolate returned went with it";
    }
    EXPECT_FALSE(both.first.send(number(2)));
    EXPECT_EQ(both.second.recv().or_raise()->getValue(), 2);
  });
}

}  // namespace
}  // namespace isola
