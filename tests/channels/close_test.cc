// Closing channels and releasing ends: by whom, when, in which order, and what is seen then.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include <chrono>
#include <functional>

#include "tests/channels/members.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::got;
using test::item;
using test::kClosed;
using test::kEmpty;
using test::Member;
using test::Number;
using test::number;
using test::on_every_scheduler;

const test::Got kNotEmpty{0, Code::channel_not_empty};

void expect_closed(const Channel<Number>& channel) {
  const auto& [tx, rx] = channel;
  EXPECT_EQ(tx.send(number(9)), Code::channel_closed);
  EXPECT_EQ(tx.try_send(tx.compose()), Code::channel_closed);
  EXPECT_EQ(got(rx.recv()), kClosed);
  EXPECT_EQ(got(rx.try_recv()), kClosed);
  EXPECT_TRUE(tx.is_closed());
  EXPECT_TRUE(rx.is_closed());
}

TEST(Close, ForcedIsSeenByEveryoneWhoUsedTheChannel) {
  // Covers: CH-077
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(4));
    Member sender(system, channel.sender.clone());
    Member receiver(system, {}, channel.receiver.clone());
    EXPECT_EQ(sender.send(1), Code::ok);
    EXPECT_EQ(sender.send(2), Code::ok);
    EXPECT_EQ(receiver.recv(), item(1));
    EXPECT_EQ(channel.close(Force::yes).or_raise(), 1u);
    EXPECT_EQ(sender.send(3), Code::channel_closed);
    EXPECT_EQ(receiver.recv(), kClosed);
    EXPECT_EQ(sender.isolate()
                  .run([](Sender<Number> end) { return end.send(number(4)).type(); },
                       channel.sender.clone())
                  .or_raise(),
              "channel_closed");
    EXPECT_EQ(receiver.isolate()
                  .run([](Receiver<Number> end) { return end.recv().err.type(); },
                       channel.receiver.clone())
                  .or_raise(),
              "channel_closed");
  });
}

TEST(Close, TwiceIsATypedError) {
  // Covers: CH-078
  on_every_scheduler(
      [](System& system) {
        const auto channel = system.channel<Number>(bounded(4));
        EXPECT_FALSE(channel.close());
        EXPECT_EQ(channel.close(), Code::channel_closed);
        EXPECT_EQ(channel.close(Force::no).err, Code::channel_closed);
        EXPECT_EQ(channel.close(Force::yes).err, Code::channel_closed);
        EXPECT_EQ(channel.sender.close(), Code::channel_closed);
        EXPECT_EQ(channel.receiver.close(), Code::channel_closed);
      },
      10);
}

TEST(Close, OfAnEmptyOneEndsBothOperationsWhicheverWay) {
  // Covers: CH-079
  const std::function<Error(const Channel<Number>&)> ways[] = {
      [](const Channel<Number>& channel) { return channel.sender.close(); },
      [](const Channel<Number>& channel) { return channel.receiver.close(); },
      [](const Channel<Number>& channel) { return channel.close(); },
      [](const Channel<Number>& channel) { return channel.close(Force::no).err; },
  };
  for (const auto& close : ways) {
    on_every_scheduler(
        [&](System& system) {
          const auto channel = system.channel<Number>(bounded(4));
          EXPECT_FALSE(channel.sender.send(number(1)));
          EXPECT_EQ(got(channel.receiver.recv()), item(1));
          EXPECT_FALSE(close(channel));
          expect_closed(channel);
        },
        10);
  }
}

TEST(Close, OfTheReceiverIsRefusedUntilTheChannelIsDrained) {
  // Covers: CH-081
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(4));
    const auto& [tx, rx] = channel;
    EXPECT_FALSE(tx.send(number(1)));
    EXPECT_FALSE(tx.send(number(2)));
    EXPECT_EQ(rx.close(), Code::channel_not_empty);
    EXPECT_EQ(channel.close(), Code::channel_not_empty);
    EXPECT_FALSE(rx.is_closed());
    EXPECT_FALSE(tx.send(number(3))) << "the refused close changed nothing";
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(got(rx.recv()), item(i));
    EXPECT_EQ(got(rx.try_recv()), kEmpty);
    EXPECT_FALSE(rx.close());
    expect_closed(channel);
  });
}

TEST(Close, OfTheSenderLeavesWhatIsQueued) {
  // Covers: CH-082
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(4));
    const auto& [tx, rx] = channel;
    EXPECT_FALSE(tx.send(number(1)));
    EXPECT_FALSE(tx.send(number(2)));
    EXPECT_FALSE(tx.close());
    EXPECT_EQ(tx.send(number(3)), Code::channel_closed);
    EXPECT_EQ(tx.try_send(tx.compose()), Code::channel_closed);
    EXPECT_FALSE(rx.is_closed());
    EXPECT_EQ(rx.close(), Code::channel_not_empty);
    EXPECT_EQ(got(rx.recv()), item(1));
    EXPECT_EQ(got(rx.try_recv()), item(2));
    expect_closed(channel);
  });
}

TEST(Close, ForcedDropsWhatIsQueuedAndSaysHowMuch) {
  // Covers: CH-084, CH-086
  on_every_scheduler([](System& system) {
    for (const bool by_receiver : {true, false}) {
      const auto channel = system.channel<Number>(bounded(4));
      for (int i = 0; i < 3; ++i) EXPECT_FALSE(channel.sender.send(number(i)));
      const uint64_t live = system.pool_stats().live;
      auto [count, err] =
          by_receiver ? channel.receiver.close(Force::yes) : channel.close(Force::yes);
      EXPECT_FALSE(err);
      EXPECT_EQ(count, 3u);
      EXPECT_EQ(system.pool_stats().live, live - 3);
      expect_closed(channel);
    }
  });
}

TEST(Close, OfOneThatWasNeverUsedEndsIt) {
  // Covers: CH-087
  on_every_scheduler(
      [](System& system) {
        for (const Capacity& capacity : {rendezvous, bounded(1), unbounded}) {
          const auto channel = system.channel<Number>(capacity);
          EXPECT_FALSE(channel.close());
          expect_closed(channel);
        }
      },
      10);
}

TEST(Close, MayBeForcedByAnIsolateThatNeverUsedItsEnd) {
  // Covers: CH-088
  on_every_scheduler([](System& system) {
    const auto channel = system.channel<Number>(bounded(4));
    Member member(system, {}, channel.receiver.clone());
    EXPECT_FALSE(channel.sender.send(number(1)));
    EXPECT_FALSE(channel.sender.send(number(2)));
    EXPECT_EQ(got(channel.receiver.recv()), item(1));
    EXPECT_EQ(member.close_receiver(Force::yes), item(1));
    EXPECT_EQ(got(channel.receiver.recv()), kClosed);
    EXPECT_EQ(channel.close(), Code::channel_closed);
    EXPECT_EQ(channel.close(Force::yes).err, Code::channel_closed);
  });
}

TEST(Close, AfterSeveralUsesByOneIsolateEndsTheChannelForIt) {
  // Covers: CH-089
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    Member member(system, tx.clone(), rx.clone());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(member.send(i), Code::ok);
    EXPECT_EQ(member.recv(), item(0));
    EXPECT_EQ(member.close_receiver(Force::no), kNotEmpty);
    EXPECT_EQ(member.close_receiver(Force::yes), item(2));
    EXPECT_EQ(member.send(4), Code::channel_closed);
    EXPECT_EQ(member.recv(), kClosed);
  });
}

TEST(Release, ByTheReceiverAndThenByTheSenderSucceeds) {
  // Covers: CH-093
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    const uint64_t channel = tx.id();
    Member sender(system, std::move(tx));
    Member receiver(system, {}, std::move(rx));
    EXPECT_EQ(sender.send(1), Code::ok);
    EXPECT_EQ(receiver.recv(), item(1));
    receiver.release_receiver();
    EXPECT_EQ(sender.send(2), Code::channel_closed);
    EXPECT_EQ(system.ledger().find(channel).or_raise().receive.holders, test::Ids{});
    sender.release_sender();
    EXPECT_EQ(system.ledger().find(channel).err, Code::channel_not_found);
  });
}

TEST(Release, AgainDoesNothingAndTheHandleIsDeadForEverythingElse) {
  // Covers: CH-095
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    const uint64_t channel = tx.id();
    tx.release();
    rx.release();
    EXPECT_EQ(system.ledger().users(channel, Side::send).err, Code::channel_closed);
    for (int i = 0; i < 3; ++i) {
      tx.release();
      rx.release();
    }
    EXPECT_FALSE(tx);
    EXPECT_FALSE(rx);
    auto message = system.compose<Number>();
    EXPECT_EQ(tx.send(std::move(message)), Code::empty_end);
    EXPECT_EQ(tx.send(std::move(message), OwnerGone::mark), Code::empty_end);
    EXPECT_EQ(tx.try_send(std::move(message)), Code::empty_end);
    EXPECT_EQ(tx.send_for(std::move(message), 1h), Code::empty_end);
    EXPECT_EQ(tx.send_until(std::move(message), isola::clock::now() + 1h), Code::empty_end);
    EXPECT_TRUE(message);
    EXPECT_EQ(tx.send(number(1)), Code::empty_end);
    EXPECT_EQ(tx.close(), Code::empty_end);
    EXPECT_THROW((void)tx.compose(), std::logic_error);
    EXPECT_EQ(rx.recv().err, Code::empty_end);
    EXPECT_EQ(rx.try_recv().err, Code::empty_end);
    EXPECT_EQ(rx.recv_for(1h).err, Code::empty_end);
    EXPECT_EQ(rx.recv_until(isola::clock::now() + 1h).err, Code::empty_end);
    EXPECT_EQ(rx.readable_fd().err, Code::empty_end);
    EXPECT_EQ(rx.close(), Code::empty_end);
    EXPECT_EQ(rx.close(Force::yes).err, Code::empty_end);
    EXPECT_THROW((void)rx.begin(), RemoteError);
    EXPECT_EQ(tx.clone().send(number(1)), Code::empty_end);
    EXPECT_EQ(rx.clone().recv().err, Code::empty_end);
  });
}

TEST(Release, ByTheOnlyHolderDropsWhatIsQueued) {
  // Covers: CH-096
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [inner_tx, inner_rx] = system.channel<Number>(bounded(4));
    auto message = tx.compose();
    message->setValue(message.attach(std::move(inner_tx)));
    EXPECT_FALSE(tx.send(std::move(message)));
    EXPECT_FALSE(tx.send(number(2)));
    EXPECT_EQ(got(inner_rx.try_recv()), kEmpty) << "its sender waits in a message";
    EXPECT_EQ(system.pool_stats().queued.blocks, 2u);
    tx.release();
    rx.release();
    EXPECT_EQ(got(inner_rx.try_recv()), kClosed);
    EXPECT_EQ(system.pool_stats().queued.blocks, 0u);
    EXPECT_EQ(rx.recv().err, Code::empty_end);
    EXPECT_EQ(rx.try_recv().err, Code::empty_end);
  });
}

TEST(Release, OfOneThatWasNeverUsedClosesIt) {
  // Covers: CH-097
  on_every_scheduler(
      [](System& system) {
        for (const bool sender_first : {true, false}) {
          auto [tx, rx] = system.channel<Number>(bounded(4));
          const uint64_t channel = tx.id();
          EXPECT_FALSE(system.ledger().users(channel, Side::send).err);
          if (sender_first) tx.release();
          rx.release();
          tx.release();
          EXPECT_EQ(system.ledger().users(channel, Side::send).err, Code::channel_closed);
          EXPECT_EQ(system.ledger().users(channel, Side::receive).err, Code::channel_closed);
        }
      },
      10);
}

TEST(Release, ByAnIsolateThatNeverUsedItsEndsChangesNothingElse) {
  // Covers: CH-098
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    const uint64_t channel = tx.id();
    EXPECT_FALSE(tx.send(number(1)));
    Member member(system, tx.clone(), rx.clone());
    member.release_sender();
    member.release_receiver();
    const ChannelInfo info = system.ledger().find(channel).or_raise();
    EXPECT_EQ(info.send.holders, test::Ids{test::own_id()});
    EXPECT_EQ(info.receive.holders, test::Ids{test::own_id()});
    EXPECT_EQ(info.size, 1u);
    EXPECT_EQ(got(rx.recv()), item(1));
    EXPECT_FALSE(tx.send(number(2)));
    EXPECT_EQ(got(rx.recv()), item(2));
    tx.release();
    EXPECT_EQ(got(rx.recv()), kClosed);
    rx.release();
    EXPECT_EQ(system.ledger().users(channel, Side::send).err, Code::channel_closed);
  });
}

TEST(Release, OfAllSendersLeavesWhatIsQueued) {
  // Covers: CH-100
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    Member member(system, tx.clone());
    EXPECT_EQ(member.send(1), Code::ok);
    tx.release();
    member.release_sender();
    EXPECT_FALSE(rx.is_closed());
    EXPECT_EQ(got(rx.recv()), item(1));
    EXPECT_EQ(got(rx.recv()), kClosed);
    EXPECT_EQ(got(rx.try_recv()), kClosed);
  });
}

}  // namespace
}  // namespace isola
