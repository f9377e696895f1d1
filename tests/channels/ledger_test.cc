// The ledger: who uses and who holds which end, and what it says of channels that are gone.
#include <isola/channels/ledger.h>

#include <isola/isola.h>

#include <algorithm>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::Ids;
using test::item;
using test::Member;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::own_id;
using test::Total;

// Who uses and who holds the ends of a channel.
struct Look {
  Look(System& system, uint64_t channel) {
    const ChannelInfo info = system.ledger().find(channel).or_raise();
    senders = info.send.users;
    receivers = info.receive.users;
    send_holders = info.send.holders;
    receive_holders = info.receive.holders;
    EXPECT_EQ(system.ledger().users(channel, Side::send).value, senders);
    EXPECT_EQ(system.ledger().users(channel, Side::receive).value, receivers);
    EXPECT_EQ(system.ledger().holders(channel, Side::send).value, send_holders);
    EXPECT_EQ(system.ledger().holders(channel, Side::receive).value, receive_holders);
  }
  Ids senders;
  Ids receivers;
  Ids send_holders;
  Ids receive_holders;
};

// These isolates and whoever runs, in the ledger's order.
Ids with_own(Ids ids) {
  ids.push_back(own_id());
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(Ledger, AnswersForAChannelBeforeItsFirstUse) {
  // Covers: CH-020, CH-023
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        EXPECT_NE(tx.id(), 0u);
        const ChannelInfo info = system.ledger().find(tx.id()).or_raise();
        EXPECT_EQ(info.id, tx.id());
        EXPECT_EQ(info.size, 0u);
        EXPECT_FALSE(info.closed);
        const Look look(system, tx.id());
        EXPECT_EQ(look.senders, Ids{});
        EXPECT_EQ(look.receivers, Ids{});
        EXPECT_EQ(look.send_holders, Ids{own_id()});
        EXPECT_EQ(look.receive_holders, Ids{own_id()});
      },
      10);
}

TEST(Ledger, WhoSendsUsesTheSendEndAndWhoReceivesTheOther) {
  // Covers: CH-024
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    Member sender(system, tx.clone(), rx.clone());
    Member receiver(system, tx.clone(), rx.clone());
    EXPECT_EQ(sender.send(1), Code::ok);
    const Look sent(system, tx.id());
    EXPECT_EQ(sent.senders, Ids{sender.id()});
    EXPECT_EQ(sent.receivers, Ids{});
    EXPECT_EQ(receiver.recv(), item(1));
    const Look received(system, tx.id());
    EXPECT_EQ(received.senders, Ids{sender.id()});
    EXPECT_EQ(received.receivers, Ids{receiver.id()});
    EXPECT_EQ(received.send_holders, with_own({sender.id(), receiver.id()}));
    EXPECT_EQ(received.receive_holders, with_own({sender.id(), receiver.id()}));
  });
}

TEST(Ledger, AFailedOperationMakesNoUser) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
    Member filler(system, tx.clone());
    EXPECT_EQ(filler.send(1), Code::ok);
    EXPECT_EQ(tx.try_send(tx.compose()), Code::channel_full);
    const Look look(system, tx.id());
    EXPECT_EQ(look.senders, Ids{filler.id()});
    EXPECT_EQ(look.receivers, Ids{});
  });
}

TEST(Ledger, AnIsolateThatIsGoneIsNoLongerListed) {
  // Covers: CH-026
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    Member sender(system, tx.clone());
    Member other_sender(system, tx.clone());
    Member receiver(system, {}, rx.clone());
    EXPECT_EQ(sender.send(1), Code::ok);
    EXPECT_EQ(other_sender.send(2), Code::ok);
    EXPECT_EQ(receiver.recv(), item(1));
    EXPECT_EQ(sender.destroy(), Code::ok);
    const Look without_sender(system, tx.id());
    EXPECT_EQ(without_sender.senders, Ids{other_sender.id()});
    EXPECT_EQ(without_sender.send_holders, with_own({other_sender.id()}));
    EXPECT_EQ(without_sender.receivers, Ids{receiver.id()});
    EXPECT_EQ(without_sender.receive_holders, with_own({receiver.id()}));
    EXPECT_EQ(receiver.destroy(), Code::ok);
    const Look without_both(system, tx.id());
    EXPECT_EQ(without_both.senders, Ids{other_sender.id()});
    EXPECT_EQ(without_both.send_holders, with_own({other_sender.id()}));
    EXPECT_EQ(without_both.receivers, Ids{});
    EXPECT_EQ(without_both.receive_holders, Ids{own_id()});
  });
}

TEST(Ledger, HasNoUsersOfAClosedChannelAndNothingOfAForgedId) {
  // Covers: CH-028, CH-030
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    const Ledger ledger = system.ledger();
    Member member(system, tx.clone(), rx.clone());
    EXPECT_EQ(member.send(1), Code::ok);
    EXPECT_EQ(member.send(2), Code::ok);
    EXPECT_EQ(member.recv(), item(1));
    for (const Side side : {Side::send, Side::receive}) {
      EXPECT_EQ(ledger.users(tx.id(), side).or_raise(), Ids{member.id()});
      for (const uint64_t forged : {uint64_t{0}, tx.id() + 1, UINT64_MAX}) {
        EXPECT_EQ(ledger.users(forged, side).err, Code::channel_not_found);
        EXPECT_EQ(ledger.holders(forged, side).err, Code::channel_not_found);
        EXPECT_EQ(ledger.find(forged).err, Code::channel_not_found);
        EXPECT_EQ(ledger.close(forged, Force::yes).err, Code::channel_not_found);
      }
    }
    EXPECT_EQ(rx.close(Force::yes).or_raise(), 1u);
    for (const Side side : {Side::send, Side::receive}) {
      EXPECT_EQ(ledger.users(tx.id(), side).err, Code::channel_closed);
      EXPECT_EQ(ledger.users(tx.id(), side).value, Ids{});
    }
  });
}

// Sends, and stays until the gate is closed.
void send_and_stay(Sender<Number> out, Receiver<Total> gate) {
  EXPECT_FALSE(out.send(number(7)));
  (void)gate.recv();
}

template <class E>
concept Receives = requires(E end) {
  end.recv();
}
|| requires(E end) { end.try_recv(); };
template <class E>
concept Sends = requires(E end, Message<Number> m) {
  end.send(std::move(m));
}
|| requires(E end, Message<Number> m) { end.try_send(std::move(m)); };

TEST(Ledger, ASenderThatAnActorIsStartedWithIsItsOwn) {
  // Covers: CH-032
  static_assert(Sends<Sender<Number>> && Receives<Receiver<Number>>);
  static_assert(!Receives<Sender<Number>> && !Sends<Receiver<Number>>);
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto [gate_tx, gate_rx] = system.channel<Total>(bounded(1));
    const uint64_t channel = tx.id();
    const ActorRef actor = system.spawn(&send_and_stay, std::move(tx), std::move(gate_rx));
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 7);
    EXPECT_TRUE(test::wait_until_waiting(system, gate_tx.id(), Side::receive, 1));
    const Look look(system, channel);
    EXPECT_EQ(look.senders, Ids{actor.id()});
    EXPECT_EQ(look.send_holders, Ids{actor.id()});
    EXPECT_EQ(look.receivers, Ids{own_id()});
    EXPECT_EQ(look.receive_holders, Ids{own_id()});
    gate_tx.release();
    EXPECT_FALSE(actor.join());
    EXPECT_EQ(rx.recv().err, Code::channel_closed) << "nobody else had a sender";
  });
}

TEST(Ledger, FindsNothingByTheIdOfAChannelThatIsGone) {
  // Covers: QU-015
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    const uint64_t channel = tx.id();
    EXPECT_FALSE(tx.send(number(1)));
    tx.release();
    ASSERT_EQ(system.channels().size(), 1u);
    EXPECT_EQ(system.channels()[0].id, channel);
    rx.release();
    EXPECT_TRUE(system.channels().empty());
    const Ledger ledger = system.ledger();
    EXPECT_EQ(ledger.find(channel).err, Code::channel_not_found);
    EXPECT_EQ(ledger.close(channel).err, Code::channel_not_found);
    EXPECT_EQ(ledger.close(channel, Force::yes).err, Code::channel_not_found);
    auto [other_tx, other_rx] = system.channel<Number>(bounded(2));
    EXPECT_NE(other_tx.id(), channel) << "an id is never used again";
    EXPECT_EQ(ledger.find(channel).err, Code::channel_not_found);
  });
}

}  // namespace
}  // namespace isola
