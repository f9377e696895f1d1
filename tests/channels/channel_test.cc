// Channels between actors and threads: bounds, waiting, closing, draining, ends.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Texts;
using test::Total;

void send_numbers(Sender<Number> out, int64_t from, int64_t count) {
  for (int64_t i = from; i < from + count; ++i)
    if (out.send([&](Number::Builder n) { n.setValue(i); })) return;
}

void sum_numbers(Receiver<Number> in, Sender<Total> out) {
  int64_t sum = 0;
  for (auto& number : in) sum += number->getValue();
  out.send([&](Total::Builder total) { total.setValue(sum); });
}

TEST(Channel, KeepsTheOrderOfOneSenderAndEndsWhenItsLastSenderIsGone) {
  // Covers: QU-027
  on_every_scheduler([](System& system) {
    for (size_t capacity : {1u, 3u, 100u}) {
      auto [tx, rx] = system.channel<Number>(bounded(capacity));
      system.spawn(send_numbers, std::move(tx), 0, 200);
      int64_t next = 0;
      for (auto& number : rx) EXPECT_EQ(number->getValue(), next++);
      EXPECT_EQ(next, 200);
      EXPECT_EQ(rx.recv().err.code(), Code::channel_closed);
    }
  });
}

TEST(Channel, ManySendersAndManyReceiversLoseAndDoubleNothing) {
  // Covers: GO-006
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(5));
    auto [sums, results] = system.channel<Total>(bounded(1));
    for (int i = 0; i < 4; ++i) {
      system.spawn(send_numbers, tx.clone(), i * 250, 250);
      system.spawn(sum_numbers, rx.clone(), sums.clone());
    }
    tx.release();
    rx.release();
    sums.release();
    int64_t sum = 0;
    for (auto& total : results) sum += total->getValue();
    EXPECT_EQ(sum, 999 * 1000 / 2);
  });
}

TEST(Channel, PlainThreadsSendAndReceiveLikeActors) {
  on_real_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    auto [sums, results] = system.channel<Total>(bounded(1));
    system.spawn(sum_numbers, rx.clone(), std::move(sums));
    int64_t own = 0;
    test::Thread reader([&own, rx = std::move(rx)] {
      for (auto& number : rx) own += number->getValue();
    });
    std::vector<test::Thread> writers;
    for (int i = 0; i < 3; ++i)
      writers.emplace_back(
          [i, tx = tx.clone()]() mutable { send_numbers(std::move(tx), i * 1000, 1000); });
    system.spawn(send_numbers, std::move(tx), 3000, 1000);
    for (auto& writer : writers) writer.join();
    reader.join();
    EXPECT_EQ(own + results.recv().or_raise()->getValue(), 3999 * 4000 / 2);
  });
}

TEST(Channel, AFullOneMakesSendersWaitAndTellsThoseWhoDoNot) {
  // Covers: GO-002, QU-029
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    EXPECT_FALSE(tx.send([](Number::Builder n) { n.setValue(1); }));
    auto second = tx.compose();
    second->setValue(2);
    EXPECT_EQ(tx.try_send(std::move(second)), Code::channel_full);
    ASSERT_TRUE(second) << "the message is still with the caller";
    system.spawn(
        [](Sender<Number> out, Message<Number> message) { (void)out.send(std::move(message)); },
        tx.clone(), std::move(second));
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 1);
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 2);
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
  });
}

TEST(Channel, LimitsInTimeEndInATypedErrorAndGiveTheMessageBack) {
  // Covers: CH-062, QU-028, QU-034
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(1));
        const int64_t start_ns = system.clock().now_ns();
        EXPECT_EQ(rx.recv_for(20ms).err, Code::timeout);
        EXPECT_GE(system.clock().now_ns() - start_ns, 20'000'000);
        EXPECT_FALSE(tx.send([](Number::Builder) {}));
        auto message = tx.compose();
        EXPECT_EQ(tx.send_for(std::move(message), 10ms), Code::timeout);
        ASSERT_TRUE(message);
        EXPECT_EQ(rx.size(), 1u);
        EXPECT_EQ(rx.recv_for(-1ms).err, Code::invalid_argument);
        EXPECT_TRUE(rx.recv());
        EXPECT_FALSE(tx.send_for(std::move(message), 10ms));
      },
      20);
}

TEST(Channel, TheDeadlineOfTheCallEndsEveryWait) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(1));
        Deadline soon{10ms};
        EXPECT_EQ(rx.recv().err, Code::timeout);
        EXPECT_EQ(rx.recv_for(1h).err, Code::timeout);
      },
      20);
}

TEST(Channel, ClosingTheSendSideLetsReceiversDrain) {
  // Covers: GO-003, CH-082
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(tx.send([&](Number::Builder n) { n.setValue(i); }));
    EXPECT_FALSE(tx.close());
    EXPECT_EQ(tx.close(), Code::channel_closed);
    auto late = tx.compose();
    EXPECT_EQ(tx.send(std::move(late)), Code::channel_closed);
    EXPECT_TRUE(late);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rx.recv().or_raise()->getValue(), i);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_TRUE(rx.is_closed());
  });
}

TEST(Channel, ClosingAFullOneHasToBeForcedAndSaysWhatItDropped) {
  // Covers: CH-081, CH-084
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(tx.send([](Number::Builder) {}));
    EXPECT_EQ(rx.close(), Code::channel_not_empty);
    EXPECT_EQ(rx.size(), 3u);
    EXPECT_EQ(rx.close(Force::yes).or_raise(), 3u);
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_EQ(tx.send([](Number::Builder) {}), Code::channel_closed);
  });
}

TEST(Channel, AForcedCloseWakesEveryoneWhoWaits) {
  // Covers: CH-064, GO-004
  on_every_scheduler([](System& system) {
    auto [full_tx, full_rx] = system.channel<Number>(bounded(1));
    EXPECT_FALSE(full_tx.send([](Number::Builder) {}));
    auto [empty_tx, empty_rx] = system.channel<Number>(bounded(1));
    auto [done, results] = system.channel<Total>(bounded(8));
    for (int i = 0; i < 3; ++i) {
      system.spawn(
          [](Sender<Number> out, Sender<Total> done) {
            const Error error = out.send([](Number::Builder) {});
            done.send([&](Total::Builder t) { t.setValue(error == Code::channel_closed); });
          },
          full_tx.clone(), done.clone());
      system.spawn(
          [](Receiver<Number> in, Sender<Total> done) {
            const auto got = in.recv();
            done.send([&](Total::Builder t) { t.setValue(got.err == Code::channel_closed); });
          },
          empty_rx.clone(), done.clone());
    }
    for (int i = 0; i < 5; ++i) yield();
    EXPECT_TRUE(full_rx.close(Force::yes));
    EXPECT_TRUE(empty_rx.close(Force::yes));
    for (int i = 0; i < 6; ++i) EXPECT_EQ(results.recv().or_raise()->getValue(), 1);
  });
}

TEST(Channel, SendersAreToldWhenTheLastReceiverIsGone) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    EXPECT_FALSE(tx.send([](Number::Builder) {}));
    rx.release();
    EXPECT_EQ(tx.send([](Number::Builder) {}), Code::channel_closed);
    EXPECT_EQ(system.pool_stats().queued.blocks, 0u) << "what was queued is dropped";
  });
}

TEST(Channel, ItLivesAsLongAsOneEndIsHeld) {
  // Covers: QU-018, QU-019
  on_every_scheduler([](System& system) {
    const size_t before = system.channels().size();
    auto [tx, rx] = system.channel<Number>(bounded(2));
    auto again = tx.clone();
    EXPECT_EQ(again, tx);
    tx.release();
    tx.release();
    EXPECT_FALSE(again.send([](Number::Builder) {}));
    EXPECT_TRUE(rx.recv());
    again.release();
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_EQ(system.channels().size(), before + 1);
    rx.release();
    EXPECT_EQ(system.channels().size(), before);
  });
}

TEST(Channel, AnEmptyEndGivesATypedErrorAtOnce) {
  // Covers: GO-015, GO-018
  System system;
  Sender<Number> tx;
  Receiver<Number> rx;
  EXPECT_EQ(rx.recv().err, Code::empty_end);
  EXPECT_EQ(rx.try_recv().err, Code::empty_end);
  EXPECT_EQ(rx.close(), Code::empty_end);
  EXPECT_EQ(tx.send(system.compose<Number>()), Code::empty_end);
  EXPECT_EQ(tx.send([](Number::Builder) {}), Code::empty_end);
  EXPECT_EQ(tx.close(), Code::empty_end);
  auto [tx2, rx2] = system.channel<Number>(bounded(1));
  EXPECT_EQ(tx2.send(Message<Number>()), Code::empty_message);
  Sender<Number> moved = std::move(tx2);
  EXPECT_EQ(tx2.close(), Code::empty_end);
  EXPECT_FALSE(moved.close());
}

TEST(Channel, ABoundOutOfRangeIsRefused) {
  // Covers: GO-008
  EXPECT_THROW((void)bounded(0), std::logic_error);
  EXPECT_THROW((void)bounded(static_cast<size_t>(-1)), std::logic_error);
  EXPECT_NO_THROW((void)bounded(kChannelItemsMax));
}

TEST(Channel, AWordLiesAtOneAddressForSenderForwarderAndReceiver) {
  // Covers: CH-034, CH-037
  on_every_scheduler([](System& system) {
    auto [tx, middle] = system.channel<Texts>(bounded(1));
    auto [onward, rx] = system.channel<Texts>(bounded(1));
    system.spawn(
        [](Receiver<Texts> in, Sender<Texts> out) {
          for (auto& message : in) out.send(std::move(message));
        },
        std::move(middle), std::move(onward));
    for (unsigned lines : {1u, 500u}) {
      auto message = tx.compose();
      auto list = message->initLines(lines);
      for (unsigned i = 0; i < lines; ++i) list.set(i, "a line of some length");
      const void* first = list[0].begin();
      const void* last = list[lines - 1].begin();
      const void* words = message.block()->words;
      EXPECT_FALSE(tx.send(std::move(message)));
      auto got = rx.recv().or_raise();
      EXPECT_EQ(got.block()->words, words);
      EXPECT_EQ(got->getLines()[0].begin(), first);
      EXPECT_EQ(got->getLines()[lines - 1].begin(), last);
    }
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

TEST(Channel, APartitionedOneSendsEqualFieldsToTheSamePlace) {
  on_every_scheduler(
      [](System& system) {
        auto [tx0, rx0] = system.channel<test::Note>(bounded(64));
        auto [tx1, rx1] = system.channel<test::Note>(bounded(64));
        detail::CoreRef router(
            new detail::ChannelCore(system.pool(), system.runtime().channels(),
                                    {.capacity = bounded(1), .name = "router"}));
        for (auto* end : {&tx0, &tx1}) end->core().add_use(Side::send);
        router->partition({&tx0.core(), &tx1.core()},
                          detail::FieldKey::of(capnp::Schema::from<test::Note>(), "text"));
        Sender<test::Note> tx(*router, Side::send);
        tx0.release();
        tx1.release();
        for (int round = 0; round < 3; ++round)
          for (const char* word : {"one", "two", "three", "four", "five", "six"})
            EXPECT_FALSE(tx.send([&](test::Note::Builder note) { note.setText(word); }));
        tx.release();
        std::map<std::string, int> seen[2];
        for (auto& note : rx0) ++seen[0][note->getText().cStr()];
        for (auto& note : rx1) ++seen[1][note->getText().cStr()];
        EXPECT_EQ(seen[0].size() + seen[1].size(), 6u);
        EXPECT_FALSE(seen[0].empty());
        EXPECT_FALSE(seen[1].empty());
        for (auto& side : seen)
          for (auto& [word, count] : side) EXPECT_EQ(count, 3) << word;
      },
      10);
  EXPECT_EQ(detail::FieldKey::of(capnp::Schema::from<test::Note>(), "txet"), nullptr);
  EXPECT_EQ(detail::FieldKey::of(capnp::Schema::from<Texts>(), "lines"), nullptr);
  EXPECT_NE(detail::FieldKey::of(capnp::Schema::from<Number>(), "value"), nullptr);
}

}  // namespace
}  // namespace isola
