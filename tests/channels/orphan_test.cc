// What becomes of items whose sender's isolate is gone: all policies, of a channel and of one send.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::Got;
using test::item;
using test::kClosed;
using test::kEmpty;
using test::Member;
using test::Number;
using test::number;
using test::on_every_scheduler;

const Got kOwnerDestroyed{0, Code::item_owner_destroyed};

// Runs the body with a bounded and with an unbounded channel of this policy.
void on_both_kinds(OwnerGone policy, const std::function<void(System&, Channel<Number>&)>& body) {
  on_every_scheduler(
      [&](System& system) {
        for (const Capacity& capacity : {bounded(16), unbounded}) {
          SCOPED_TRACE(capacity.to_string());
          auto channel = system.channel<Number>(capacity, {.name = "jobs", .owner_gone = policy});
          body(system, channel);
        }
      },
      20);
}

void expect_marker_of(uint64_t sender, const Receiver<Number>& rx) {
  const auto marker = rx.try_recv().or_raise();
  EXPECT_TRUE(marker.is_marker());
  EXPECT_EQ(marker->getValue(), 0) << "it has no body";
  EXPECT_EQ(marker.sender(), sender);
}

TEST(Orphans, AMarkerTakesThePlaceOfAnItemByThePolicyOfTheChannel) {
  // Covers: CH-066
  on_both_kinds(OwnerGone::mark, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member sender(system, tx.clone());
    const uint64_t id = sender.id();
    EXPECT_EQ(sender.send(1), Code::ok);
    EXPECT_EQ(sender.send(2), Code::ok);
    const auto first = rx.recv().or_raise();
    EXPECT_FALSE(first.is_marker());
    EXPECT_EQ(first->getValue(), 1);
    EXPECT_EQ(rx.size(), 1u);
    EXPECT_EQ(sender.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 1u);
    expect_marker_of(id, rx);
    EXPECT_EQ(got(rx.try_recv()), kEmpty);
    EXPECT_EQ(first->getValue(), 1) << "what was received before is the receiver's";
  });
}

TEST(Orphans, TheirPolicyMayBeGivenForASingleSend) {
  // Covers: CH-067
  for (const OwnerGone policy : {OwnerGone::keep, OwnerGone::drop, OwnerGone::error}) {
    on_both_kinds(policy, [](System& system, Channel<Number>& channel) {
      const auto& [tx, rx] = channel;
      Member sender(system, tx.clone());
      const uint64_t id = sender.id();
      EXPECT_EQ(sender.send(5, OwnerGone::mark), Code::ok);
      EXPECT_EQ(sender.destroy(), Code::ok);
      EXPECT_EQ(rx.size(), 1u);
      expect_marker_of(id, rx);
      EXPECT_EQ(got(rx.try_recv()), kEmpty);
    });
  }
}

TEST(Orphans, WithoutAPolicyTheyAreReceivedAsEver) {
  on_both_kinds(OwnerGone::keep, [](System& system, Channel<Number>& channel) {
    Member sender(system, channel.sender.clone());
    EXPECT_EQ(sender.send(5), Code::ok);
    EXPECT_EQ(sender.destroy(), Code::ok);
    const auto item = channel.receiver.recv().or_raise();
    EXPECT_FALSE(item.is_marker());
    EXPECT_EQ(item->getValue(), 5);
  });
}

TEST(Orphans, TheReceiptOfOneFailsOnce) {
  // Covers: CH-068
  on_both_kinds(OwnerGone::error, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member sender(system, tx.clone());
    EXPECT_EQ(sender.send(1), Code::ok);
    EXPECT_EQ(sender.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 1u);
    EXPECT_EQ(got(rx.recv()), kOwnerDestroyed);
    EXPECT_EQ(rx.size(), 0u);
    EXPECT_EQ(got(rx.try_recv()), kEmpty);
  });
}

TEST(Orphans, VanishFromBetweenTheItemsOfTheLiving) {
  // Covers: CH-070
  on_both_kinds(OwnerGone::drop, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member living(system, tx.clone());
    Member dying(system, tx.clone());
    EXPECT_EQ(living.send(1), Code::ok);
    EXPECT_EQ(rx.size(), 1u);
    EXPECT_EQ(dying.send(2), Code::ok);
    EXPECT_EQ(dying.send(3), Code::ok);
    EXPECT_EQ(rx.size(), 3u);
    EXPECT_FALSE(tx.send(number(4)));
    EXPECT_EQ(rx.size(), 4u);
    EXPECT_EQ(dying.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 2u);
    EXPECT_EQ(got(rx.recv()), item(1));
    EXPECT_EQ(got(rx.recv()), item(4));
    EXPECT_EQ(rx.size(), 0u);
    EXPECT_EQ(got(rx.try_recv()), kEmpty);
  });
}

TEST(Orphans, OfOneSenderLeaveTheItemsOfOthersAlone) {
  // Covers: CH-072
  on_both_kinds(OwnerGone::keep, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member a(system, tx.clone(), rx.clone());
    Member b(system, tx.clone(), rx.clone());
    const uint64_t a_id = a.id();
    const uint64_t b_id = b.id();
    EXPECT_EQ(a.send(100, OwnerGone::drop), Code::ok);
    EXPECT_EQ(b.forward(OwnerGone::mark), Code::ok);  // 100, which is b's now
    EXPECT_EQ(a.send(1, OwnerGone::drop), Code::ok);
    EXPECT_EQ(b.send(2, OwnerGone::drop), Code::ok);
    EXPECT_FALSE(tx.send(number(3)));
    EXPECT_EQ(a.send(4, OwnerGone::error), Code::ok);
    EXPECT_EQ(b.send(5), Code::ok);
    EXPECT_EQ(a.send(6, OwnerGone::mark), Code::ok);
    EXPECT_EQ(b.send(7, OwnerGone::error), Code::ok);
    EXPECT_EQ(a.send(8), Code::ok);
    EXPECT_EQ(b.send(9, OwnerGone::mark), Code::ok);
    // 100b:mark 1a:drop 2b:drop 3 4a:error 5b 6a:mark 7b:error 8a 9b:mark
    EXPECT_EQ(rx.size(), 10u);
    EXPECT_EQ(a.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 9u);
    EXPECT_EQ(got(rx.recv()), item(100)) << "dropping was the policy of its first sender";
    EXPECT_EQ(rx.size(), 8u);
    EXPECT_EQ(got(rx.recv()), item(2));
    EXPECT_EQ(got(rx.recv()), item(3));
    EXPECT_EQ(rx.size(), 6u);
    EXPECT_EQ(got(rx.recv()), kOwnerDestroyed) << "4";
    EXPECT_EQ(rx.size(), 5u);
    EXPECT_EQ(b.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 5u) << "none of what b had left may vanish";
    EXPECT_EQ(got(rx.recv()), item(5));
    EXPECT_EQ(rx.size(), 4u);
    expect_marker_of(a_id, rx);  // 6
    EXPECT_EQ(rx.size(), 3u);
    EXPECT_EQ(got(rx.recv()), kOwnerDestroyed) << "7";
    EXPECT_EQ(rx.size(), 2u);
    EXPECT_EQ(got(rx.recv()), item(8));
    EXPECT_EQ(rx.size(), 1u);
    expect_marker_of(b_id, rx);  // 9
    EXPECT_EQ(rx.size(), 0u);
    EXPECT_EQ(got(rx.try_recv()), kEmpty);
  });
}

TEST(Orphans, TheLastEndsOfAnIsolateCloseTheirChannelWithIt) {
  // Covers: CH-073
  for (const OwnerGone policy :
       {OwnerGone::keep, OwnerGone::drop, OwnerGone::mark, OwnerGone::error}) {
    on_both_kinds(policy, [](System& system, Channel<Number>& channel) {
      const uint64_t id = channel.sender.id();
      const uint64_t queued_before = system.pool_stats().queued.blocks;
      Member last(system, std::move(channel.sender), std::move(channel.receiver));
      EXPECT_EQ(last.send(1), Code::ok);
      EXPECT_EQ(last.send(2), Code::ok);
      EXPECT_EQ(system.pool_stats().queued.blocks, queued_before + 2);
      EXPECT_EQ(last.destroy(), Code::ok);
      EXPECT_EQ(system.pool_stats().queued.blocks, queued_before);
      EXPECT_EQ(system.ledger().users(id, Side::send).err, Code::channel_closed);
      EXPECT_EQ(system.ledger().find(id).err, Code::channel_not_found);

      auto [tx, rx] = system.channel<Number>(bounded(4));
      Member other(system, tx.clone(), rx.clone());
      EXPECT_EQ(other.send(3), Code::ok);
      EXPECT_EQ(other.destroy(), Code::ok);
      EXPECT_FALSE(rx.is_closed());
      EXPECT_EQ(got(rx.recv()), item(3));
      EXPECT_FALSE(tx.send(number(4)));
      EXPECT_EQ(got(rx.recv()), item(4));
    });
  }
}

TEST(Orphans, AreMarkedBeforeTheItemsOfTheLiving) {
  // Covers: CH-075
  on_both_kinds(OwnerGone::mark, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member dying(system, tx.clone());
    Member living(system, tx.clone());
    const uint64_t id = dying.id();
    EXPECT_EQ(dying.send(1), Code::ok);
    EXPECT_EQ(living.send(2), Code::ok);
    EXPECT_EQ(dying.destroy(), Code::ok);
    expect_marker_of(id, rx);
    EXPECT_EQ(got(rx.recv()), item(2));
    const Error empty = rx.try_recv().err;
    EXPECT_EQ(empty, Code::channel_empty);
    EXPECT_NE(empty.message().find("\"jobs\""), std::string::npos) << empty;
  });
}

TEST(Orphans, AreTreatedAlikeInAChannelThatIsClosedForSends) {
  on_both_kinds(OwnerGone::drop, [](System& system, Channel<Number>& channel) {
    const auto& [tx, rx] = channel;
    Member dying(system, tx.clone());
    const uint64_t id = dying.id();
    EXPECT_EQ(dying.send(1), Code::ok);
    EXPECT_EQ(dying.send(2, OwnerGone::mark), Code::ok);
    EXPECT_FALSE(tx.send(number(3)));
    EXPECT_EQ(dying.send(4, OwnerGone::error), Code::ok);
    EXPECT_FALSE(tx.close());
    EXPECT_EQ(rx.size(), 4u);
    EXPECT_EQ(dying.destroy(), Code::ok);
    EXPECT_EQ(rx.size(), 3u);
    expect_marker_of(id, rx);
    EXPECT_EQ(got(rx.recv()), item(3));
    EXPECT_EQ(got(rx.recv()), kOwnerDestroyed);
    EXPECT_EQ(got(rx.recv()), kClosed);
  });
}

TEST(Orphans, ThatVanishMakeRoomForWhoWaits) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1), {.owner_gone = OwnerGone::drop});
    Member dying(system, tx.clone());
    EXPECT_EQ(dying.send(1), Code::ok);
    const auto send_to_keep = [](Sender<Number> out) {
      auto message = out.compose();
      message->setValue(2);
      EXPECT_FALSE(out.send(std::move(message), OwnerGone::keep));
    };
    const ActorRef waiting = system.spawn(send_to_keep, tx.clone());
    EXPECT_TRUE(test::wait_until_waiting(system, tx.id(), Side::send, 1));
    EXPECT_EQ(dying.destroy(), Code::ok);
    EXPECT_FALSE(waiting.join());
    EXPECT_EQ(got(rx.try_recv()), item(2));
  });
}

}  // namespace
}  // namespace isola
