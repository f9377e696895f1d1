// What a closed channel gives: to senders, to receivers in each form, and in races with the close.
#include <isola/isola.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::for_each_capacity;
using test::Meeting;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::room_of;
using test::Total;
using test::value_of;
using test::with_value;

// The forms in which one value is received, or the error in place of it.
using Form = std::function<Result<Number>(const Receiver<Number>&)>;

std::vector<Form> forms() {
  return {
      [](const Receiver<Number>& rx) { return rx.recv(); },
      [](const Receiver<Number>& rx) { return rx.try_recv(); },
      [](const Receiver<Number>& rx) { return rx.recv_for(1h); },
      [](const Receiver<Number>& rx) { return rx.recv_until(clock::now() + 1h); },
      [](const Receiver<Number>& rx) -> Result<Number> {
        for (auto& number : rx) return {std::move(number), {}};
        return {{}, Error(Code::channel_closed)};
      },
  };
}

TEST(ChannelClose, AClosedRendezvousTellsEachFormOfReceivingAtOnce) {
  // Covers: GO-021
  on_every_scheduler(
      [](System& system) {
        for (const Force force : {Force::no, Force::yes}) {
          auto [tx, rx] = system.channel<Number>(rendezvous);
          auto [idle, never] = system.channel<Total>(rendezvous);
          if (force == Force::yes)
            EXPECT_FALSE(rx.close(force).err);
          else
            EXPECT_FALSE(tx.close());
          const int64_t start_ns = system.clock().now_ns();
          for (int round = 0; round < 3; ++round) {
            for (const Form& form : forms()) EXPECT_EQ(form(rx).err, Code::channel_closed);
            const select one{receiving(rx)};
            EXPECT_EQ(one.index, 0u);
            EXPECT_EQ(one.err, Code::channel_closed);
            const select many{receiving(never), receiving(rx), after(1h)};
            EXPECT_EQ(many.index, 1u) << "it is chosen";
            EXPECT_EQ(many.err, Code::channel_closed);
          }
          EXPECT_LT(system.clock().now_ns() - start_ns, 600'000'000'000) << "none waits";
        }
      },
      20);
}

TEST(ChannelClose, NoSendReachesAClosedChannelAndTheCallerKeepsItsMessage) {
  // Covers: GO-022
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    const int64_t room = room_of(capacity) / 2;
    for (int64_t i = 0; i < room; ++i) EXPECT_FALSE(tx.send(number(i)));
    EXPECT_FALSE(tx.close());
    Message<Number> message = with_value(system, 1234);
    const auto* words = message.block()->words;
    EXPECT_EQ(tx.send(std::move(message)), Code::channel_closed);
    EXPECT_EQ(tx.send(std::move(message), OwnerGone::drop), Code::channel_closed);
    EXPECT_EQ(tx.try_send(std::move(message)), Code::channel_closed);
    EXPECT_EQ(tx.send_for(std::move(message), 1h), Code::channel_closed);
    EXPECT_EQ(tx.send_until(std::move(message), clock::now() + 1h), Code::channel_closed);
    ASSERT_TRUE(message);
    EXPECT_EQ(message.block()->words, words);
    EXPECT_EQ(message->getValue(), 1234);
    EXPECT_EQ(tx.send(number(1234)), Code::channel_closed);
    Delivery<Number> delivery(std::move(message));
    EXPECT_EQ(tx.send(std::move(delivery)), Code::channel_closed);
    EXPECT_TRUE(delivery);
    EXPECT_EQ(static_cast<int64_t>(rx.size()), room);
    for (int64_t i = 0; i < room; ++i) EXPECT_EQ(value_of(rx.recv()), i);
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
  });
}

TEST(ChannelClose, AValueQueuedBeforeIsDeliveredInEachFormAndThenTheClose) {
  // Covers: GO-023
  for_each_capacity([](System& system, const Capacity& capacity) {
    if (capacity == rendezvous) return;
    for (const Form& form : forms()) {
      auto [tx, rx] = system.channel<Number>(capacity);
      EXPECT_FALSE(tx.send(number(7)));
      EXPECT_FALSE(tx.close());
      EXPECT_EQ(value_of(form(rx)), 7);
      EXPECT_EQ(form(rx).err, Code::channel_closed);
      for (const Form& other : forms()) EXPECT_EQ(other(rx).err, Code::channel_closed);
    }
  });
}

TEST(ChannelClose, ItsRaceWithAReceiverLosesNoValue) {
  // Covers: GO-025
  static constexpr int kRounds = 10'000;
  on_real_scheduler([](System& system) {
    Channel<Number> c;
    Meeting meeting;
    test::Thread closer([&] {
      for (int i = 0; i < kRounds; ++i) {
        meeting.meet();
        (void)c.sender.close();
        meeting.meet();
      }
    });
    int wrong = 0;
    for (int i = 0; i < kRounds; ++i) {
      c = system.channel<Number>(bounded(1));
      EXPECT_FALSE(c.sender.send(number(i)));
      meeting.meet();
      if (value_of(c.receiver.try_recv()) != i) ++wrong;
      meeting.meet();
      EXPECT_EQ(c.receiver.try_recv().err, Code::channel_closed);
    }
    closer.join();
    EXPECT_EQ(wrong, 0);
  });
}

TEST(ChannelClose, ItsRaceWithRangesSelectsAndTheSizeLosesNoValue) {
  static constexpr int kRounds = 5'000;
  static constexpr size_t kItems = 3;
  on_real_scheduler([](System& system) {
    Channel<Number> c;
    Meeting meeting;
    test::Thread closer([&] {
      for (int i = 0; i < kRounds; ++i) {
        meeting.meet();
        (void)c.sender.close();
        meeting.meet();
      }
    });
    size_t lost = 0;
    for (int i = 0; i < kRounds; ++i) {
      c = system.channel<Number>(bounded(kItems));
      auto [never_tx, never] = system.channel<Total>(rendezvous);
      for (size_t n = 0; n < kItems; ++n) EXPECT_FALSE(c.sender.send(number(1)));
      meeting.meet();
      size_t got = 0;
      if (i % 3 == 0) {
        for (auto& number : c.receiver) got += static_cast<size_t>(number->getValue());
      } else if (i % 3 == 1) {
        while (!select{receiving(never), receiving(c.receiver)}.err) ++got;
      } else {
        EXPECT_EQ(c.receiver.size(), kItems);
        EXPECT_FALSE(c.receiver.is_closed());
        while (c.receiver.recv()) ++got;
      }
      if (got != kItems) ++lost;
      meeting.meet();
    }
    closer.join();
    EXPECT_EQ(lost, 0u);
  });
}

TEST(ChannelClose, ManyDrainersShareWhatIsLeftWithoutALock) {
  // Covers: GO-063
  static constexpr int64_t kItems = 20'000;
  static constexpr int kPolls = 5'000;
  on_real_scheduler([](System& system) {
    Channel<Number> c = system.channel<Number>(unbounded);
    for (int64_t i = 1; i <= kItems; ++i) EXPECT_FALSE(c.sender.send(number(i)));
    EXPECT_FALSE(c.sender.close());
    std::vector<Receiver<Number>> ends;
    for (int i = 0; i < 8; ++i) ends.push_back(c.receiver.clone());
    const uint64_t before = system.ledger().find(c.receiver.id()).or_raise().locks;
    std::atomic<int64_t> count{0};
    std::atomic<int64_t> sum{0};
    std::atomic<int64_t> told{0};
    std::vector<test::Thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i, &rx = ends[static_cast<size_t>(i)]] {
        for (;;) {
          const auto got = i % 2 == 0 ? rx.recv() : rx.try_recv();
          if (got.err == Code::channel_closed) break;
          EXPECT_FALSE(got.err) << got.err;
          ++count;
          sum += value_of(got);
        }
        for (int n = 0; n < kPolls; ++n)
          if (rx.try_recv().err == Code::channel_closed) ++told;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(count, kItems);
    EXPECT_EQ(sum, kItems * (kItems + 1) / 2);
    EXPECT_EQ(told, 8 * kPolls);
    const uint64_t lookups = 1;  // the ledger's own
    EXPECT_EQ(system.ledger().find(c.receiver.id()).or_raise().locks, before + lookups);
  });
}

TEST(ChannelClose, WhoIsToldTheCloseSeesTheChannelClosed) {
  on_real_scheduler([](System& system) {
    std::atomic<int> open{0};
    for (int round = 0; round < 200; ++round) {
      Channel<Number> c = system.channel<Number>(unbounded);
      for (int64_t i = 0; i < 100; ++i) EXPECT_FALSE(c.sender.send(number(i)));
      EXPECT_FALSE(c.sender.close());
      std::vector<test::Thread> threads;
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&open, rx = c.receiver.clone()] {
          while (!rx.recv().err) {
          }
          if (!rx.is_closed() || !rx.empty()) ++open;
        });
      }
      for (auto& thread : threads) thread.join();
    }
    EXPECT_EQ(open, 0);
  });
}

}  // namespace
}  // namespace isola
