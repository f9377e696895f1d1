// Channels of every bound: waiting for room, order, sizes, partners that wait, empty ends.
#include <isola/isola.h>

#include <map>
#include <string>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::for_each_capacity;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::room_of;
using test::Sample;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::with_value;

TEST(ChannelBasics, AFullOneMakesASenderWaitUntilOneIsReceived) {
  // Covers: GO-002
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    const int64_t room = room_of(capacity);
    for (int64_t i = 0; i < room; ++i) EXPECT_FALSE(tx.try_send(with_value(system, i)));
    EXPECT_EQ(tx.try_send(with_value(system, -1)), Code::channel_full);
    auto [done, results] = system.channel<Total>(bounded(1));
    system.spawn(
        [](Sender<Number> out, int64_t last, Sender<Total> done) {
          EXPECT_FALSE(out.send(number(last)));
          EXPECT_FALSE(done.send(number(last)));
        },
        tx.clone(), room, std::move(done));
    ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
    EXPECT_EQ(results.try_recv().err, Code::channel_empty) << "the sender waits";
    EXPECT_EQ(tx.try_send(with_value(system, -1)), Code::channel_full);
    EXPECT_EQ(value_of(rx.recv()), 0);
    EXPECT_EQ(value_of(results.recv()), room) << "it was let through";
    for (int64_t i = 1; i <= room; ++i) EXPECT_EQ(value_of(rx.recv()), i);
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
  });
}

TEST(ChannelBasics, AfterTheSenderClosesWhatIsQueuedComesOutInOrder) {
  // Covers: GO-003
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    const int64_t room = room_of(capacity);
    for (int64_t i = 0; i < room; ++i) EXPECT_FALSE(tx.send(number(i)));
    EXPECT_FALSE(tx.close());
    EXPECT_EQ(rx.is_closed(), room == 0);
    for (int64_t i = 0; i < room; ++i) EXPECT_EQ(value_of(rx.recv()), i);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_TRUE(rx.is_closed());
  });
}

TEST(ChannelBasics, AClosingSenderWakesTheReceiversThatWait) {
  // Covers: GO-004
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    auto [done, results] = system.channel<Total>(bounded(3));
    for (int i = 0; i < 3; ++i) {
      system.spawn(
          [](Receiver<Number> in, Sender<Total> done) {
            EXPECT_FALSE(done.send(number(in.recv().err == Code::channel_closed)));
          },
          rx.clone(), done.clone());
    }
    ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive, 3));
    EXPECT_FALSE(tx.close());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(value_of(results.recv()), 1);
  });
}

TEST(ChannelBasics, FourSendersAndFourReceiversPassEachValueFourTimes) {
  // Covers: GO-006
  constexpr int64_t kValues = 1000;
  for_each_capacity(
      [](System& system, const Capacity& capacity) {
        auto [tx, rx] = system.channel<Number>(capacity);
        auto [counts, results] = system.channel<test::Numbers>(bounded(1));
        for (int i = 0; i < 4; ++i) {
          system.spawn(
              [](Sender<Number> out) {
                for (int64_t v = 0; v < kValues; ++v) EXPECT_FALSE(out.send(number(v)));
              },
              tx.clone());
          system.spawn(
              [](Receiver<Number> in, Sender<test::Numbers> out) {
                std::vector<int64_t> seen(kValues);
                for (int64_t n = 0; n < kValues; ++n) {
                  const int64_t v = value_of(in.recv());
                  if (v >= 0 && v < kValues) ++seen[static_cast<size_t>(v)];
                }
                EXPECT_FALSE(out.send([&](test::Numbers::Builder numbers) {
                  auto values = numbers.initValues(kValues);
                  for (unsigned v = 0; v < kValues; ++v) values.set(v, seen[v]);
                }));
              },
              rx.clone(), counts.clone());
        }
        tx.release();
        counts.release();
        std::vector<int64_t> sum(kValues);
        for (auto& seen : results)
          for (unsigned v = 0; v < kValues; ++v) sum[v] += seen->getValues()[v];
        EXPECT_EQ(sum, std::vector<int64_t>(kValues, 4));
        EXPECT_EQ(rx.recv().err, Code::channel_closed);
      },
      3);
}

TEST(ChannelBasics, SizeAndCapacityTellWhatWaitsAndWhatFits) {
  // Covers: GO-007
  on_every_scheduler(
      [](System& system) {
        for (const size_t n : {1u, 2u, 10u, 198u, 199u}) {
          auto [tx, rx] = system.channel<Number>(bounded(n));
          EXPECT_EQ(tx.size(), 0u);
          EXPECT_EQ(rx.size(), 0u);
          EXPECT_EQ(tx.capacity().items(), n);
          EXPECT_EQ(rx.capacity(), bounded(n));
          for (size_t i = 0; i < n; ++i) {
            EXPECT_FALSE(tx.full());
            EXPECT_FALSE(tx.send(number(1)));
          }
          EXPECT_EQ(tx.size(), n);
          EXPECT_EQ(rx.size(), n);
          EXPECT_EQ(rx.capacity().items(), n);
          EXPECT_TRUE(tx.full());
          while (rx.try_recv()) {
          }
        }
      },
      5);
}

TEST(ChannelBasics, CapacitiesAreCountedAndBoundsOutOfRangeAreRefused) {
  // Covers: GO-008
  const auto refused = [](auto items) {
    try {
      (void)bounded(items);
    } catch (const std::out_of_range& error) {
      return std::string(error.what()).find("size out of range") != std::string::npos;
    }
    return false;
  };
  EXPECT_TRUE(refused(0));
  EXPECT_TRUE(refused(size_t{0}));
  EXPECT_TRUE(refused(-1));
  EXPECT_TRUE(refused(INT64_MIN));
  EXPECT_TRUE(refused(kChannelItemsMax + 1));
  EXPECT_TRUE(refused(SIZE_MAX));
  EXPECT_TRUE(refused(INT64_MAX));
  EXPECT_TRUE(refused(uint64_t{1} << 32));
  EXPECT_FALSE(refused(kChannelItemsMax));
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(10));
        EXPECT_EQ(tx.size(), 0u);
        EXPECT_EQ(tx.capacity(), bounded(10));
        for (int i = 0; i < 3; ++i) EXPECT_FALSE(tx.send(number(i)));
        EXPECT_EQ(rx.size(), 3u);
        EXPECT_EQ(rx.capacity(), bounded(10));
        auto [tx0, rx0] = system.channel<Number>(rendezvous);
        EXPECT_EQ(rx0.size(), 0u);
        EXPECT_EQ(tx0.capacity(), rendezvous);
        EXPECT_EQ(rx0.capacity().items(), std::nullopt);
        EXPECT_EQ(rx0.capacity().to_string(), "rendezvous");
        while (rx.try_recv()) {
        }
      },
      5);
}

TEST(ChannelBasics, ADaisyChainOfReceiversGetsTheValuesInTheirOrder) {
  // Covers: GO-012
  constexpr int64_t kMembers = 100;
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    auto [start, before] = system.channel<Total>(rendezvous);
    for (int64_t i = 0; i < kMembers; ++i) {
      Channel<Total> next = system.channel<Total>(rendezvous);
      system.spawn(
          [](Receiver<Total> turn, Receiver<Number> in, int64_t expected, Sender<Total> next) {
            EXPECT_TRUE(turn.recv());
            EXPECT_EQ(value_of(in.recv()), expected);
            EXPECT_FALSE(next.send(number(1)));
          },
          std::move(before), rx.clone(), i, std::move(next.sender));
      before = std::move(next.receiver);
    }
    system.spawn([](Sender<Total> start) { EXPECT_FALSE(start.send(number(1))); },
                 std::move(start));
    for (int64_t i = 0; i < kMembers; ++i) EXPECT_FALSE(tx.send(number(i)));
    EXPECT_TRUE(before.recv());
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
  });
}

void fill_values(Sample::Builder values, int n) {
  values.setSmall(INT32_MIN + n);
  values.setLarge(INT64_MAX - n);
  values.setFlag(n % 2 == 0);
  values.setText("text " + std::to_string(n));
}

void expect_values(const Result<Sample>& got, int n) {
  ASSERT_FALSE(got.err) << got.err;
  EXPECT_EQ(got.value->getSmall(), INT32_MIN + n);
  EXPECT_EQ(got.value->getLarge(), INT64_MAX - n);
  EXPECT_EQ(got.value->getFlag(), n % 2 == 0);
  EXPECT_EQ(got.value->getText(), "text " + std::to_string(n));
}

TEST(ChannelBasics, AnAttemptSucceedsAsSoonAsThePartnerWaits) {
  // Covers: GO-014
  for_each_capacity(
      std::array{rendezvous, bounded(1)}, 20, [](System& system, const Capacity& capacity) {
        auto [tx, rx] = system.channel<Sample>(capacity);
        auto [done, results] = system.channel<Total>(bounded(1));
        for (int n = 0; n < 4; ++n) {
          const int64_t start_ns = system.clock().now_ns();
          EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
          auto message = tx.compose();
          fill_values(*message, n);
          if (capacity == rendezvous) {
            EXPECT_EQ(tx.try_send(std::move(message)), Code::channel_full);
          }
          EXPECT_TRUE(message);
          EXPECT_LT(system.clock().now_ns() - start_ns, 1'000'000'000) << "neither waits";
          system.spawn(
              [](Receiver<Sample> in, int n, Sender<Total> done) {
                expect_values(in.recv(), n);
                EXPECT_FALSE(done.send(number(1)));
              },
              rx.clone(), n, done.clone());
          ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
          EXPECT_FALSE(tx.try_send(std::move(message)));
          EXPECT_TRUE(results.recv_for(100s));
          for (int64_t i = 0; i < room_of(capacity); ++i)
            EXPECT_FALSE(tx.send([&](Sample::Builder values) { fill_values(values, n); }));
          system.spawn(
              [](Sender<Sample> out, int n) {
                EXPECT_FALSE(out.send([&](Sample::Builder values) { fill_values(values, n); }));
              },
              tx.clone(), n);
          ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
          for (int64_t i = 0; i <= room_of(capacity); ++i) expect_values(rx.try_recv(), n);
        }
      });
}

// What each operation of an end gives at once.
void expect_all_fail(System& system, const Sender<Number>& tx, const Receiver<Number>& rx) {
  Message<Number> message = with_value(system, 1);
  EXPECT_EQ(tx.send(std::move(message)), Code::empty_end);
  EXPECT_EQ(tx.send(std::move(message), OwnerGone::drop), Code::empty_end);
  EXPECT_EQ(tx.try_send(std::move(message)), Code::empty_end);
  EXPECT_EQ(tx.send_for(std::move(message), 1h), Code::empty_end);
  EXPECT_EQ(tx.send_until(std::move(message), clock::now() + 1h), Code::empty_end);
  EXPECT_TRUE(message) << "it stays with the caller";
  EXPECT_EQ(tx.send(number(1)), Code::empty_end);
  EXPECT_EQ(rx.recv().err, Code::empty_end);
  EXPECT_EQ(rx.try_recv().err, Code::empty_end);
  EXPECT_EQ(rx.recv_for(1h).err, Code::empty_end);
  EXPECT_EQ(rx.recv_until(clock::now() + 1h).err, Code::empty_end);
  EXPECT_EQ(rx.readable_fd().err, Code::empty_end);
  EXPECT_THROW((void)rx.begin(), RemoteError);
  Delivery<Number> delivery(with_value(system, 2));
  EXPECT_EQ(tx.send(std::move(delivery)), Code::empty_end);
  EXPECT_EQ(tx.try_send(std::move(delivery)), Code::empty_end);
  EXPECT_EQ(tx.send_for(std::move(delivery), 1h), Code::empty_end);
  EXPECT_TRUE(delivery);
}

TEST(ChannelBasics, AnEmptyEndFailsEveryOperationAtOnce) {
  // Covers: GO-015
  on_every_scheduler(
      [](System& system) {
        expect_all_fail(system, Sender<Number>(), Receiver<Number>());
        Channel<Number> c = system.channel<Number>(bounded(1));
        const Channel<Number> taken{std::move(c.sender), std::move(c.receiver)};
        expect_all_fail(system, c.sender, c.receiver);
        EXPECT_FALSE(taken.sender.send(number(1)));
        EXPECT_EQ(value_of(taken.receiver.recv()), 1) << "nothing went there";
      },
      5);
}

TEST(ChannelBasics, ClosingThroughAnEmptyEndIsATypedError) {
  // Covers: GO-018
  on_every_scheduler(
      [](System& system) {
        const auto expect_refused = [](const Channel<Number>& c) {
          EXPECT_EQ(c.sender.close(), Code::empty_end);
          EXPECT_EQ(c.receiver.close(), Code::empty_end);
          EXPECT_EQ(c.receiver.close(Force::yes).err, Code::empty_end);
          EXPECT_EQ(c.close(), Code::empty_end);
          EXPECT_EQ(c.close(Force::yes).err, Code::empty_end);
        };
        expect_refused({});
        Channel<Number> c = system.channel<Number>(bounded(1));
        const Channel<Number> taken{std::move(c.sender), std::move(c.receiver)};
        expect_refused(c);
        EXPECT_FALSE(taken.receiver.is_closed());
        EXPECT_FALSE(taken.close());
      },
      5);
}

}  // namespace
}  // namespace isola
