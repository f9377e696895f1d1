// What a channel does when there is no room: each overflow policy, dead letters, bounds in bytes.
#include <isola/isola.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Sample;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::with_value;

std::vector<int64_t> drain(const Receiver<Number>& rx) {
  std::vector<int64_t> all;
  while (auto got = rx.try_recv()) all.push_back(got.value->getValue());
  return all;
}

using Numbers = std::vector<int64_t>;

TEST(Policy, WaitMakesSendersWaitAndKeepsAll) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2), {.overflow = Overflow::wait});
        for (int64_t i = 0; i < 3; ++i)
          system.spawn([](Sender<Number> out) { EXPECT_FALSE(out.send(number(1))); }, tx.clone());
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send, 1));
        EXPECT_EQ(tx.try_send(with_value(system, 1)), Code::channel_full);
        EXPECT_EQ(rx.size(), 2u);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(value_of(rx.recv()), 1);
        const auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_EQ(info.sent, 3u);
        EXPECT_EQ(info.dropped, 0u);
      },
      20);
}

TEST(Policy, FailTellsSendersThatThereIsNoRoom) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2), {.overflow = Overflow::fail});
        for (int i = 0; i < 2; ++i) EXPECT_FALSE(tx.send(number(i)));
        Message<Number> message = with_value(system, 2);
        EXPECT_EQ(tx.send(std::move(message)), Code::channel_full);
        EXPECT_EQ(tx.try_send(std::move(message)), Code::channel_full);
        EXPECT_EQ(tx.send_for(std::move(message), 1h), Code::channel_full);
        const select chosen{sending(tx, std::move(message)), after(1h)};
        EXPECT_EQ(chosen.index, 0u) << "the branch is ready, and fails";
        EXPECT_EQ(chosen.err, Code::channel_full);
        ASSERT_TRUE(message);
        auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_EQ(info.sent, 2u);
        EXPECT_EQ(info.dropped, 0u) << "the caller has it";
        EXPECT_EQ(value_of(rx.recv()), 0);
        EXPECT_FALSE(tx.send(std::move(message)));
        EXPECT_EQ(drain(rx), (Numbers{1, 2}));
      },
      20);
}

TEST(Policy, FailOnARendezvousNeedsAReceiverThatWaits) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous, {.overflow = Overflow::fail});
        auto [done, results] = system.channel<Total>(bounded(1));
        EXPECT_EQ(tx.send(number(1)), Code::channel_full);
        system.spawn(
            [](Receiver<Number> in, Sender<Total> done) {
              EXPECT_FALSE(done.send(number(value_of(in.recv()))));
            },
            rx.clone(), std::move(done));
        ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
        EXPECT_FALSE(tx.send(number(2)));
        EXPECT_EQ(value_of(results.recv()), 2);
      },
      20);
}

// Sends 0 to count - 1 to a channel of three with this policy.
void expect_dropped(System& system, Overflow overflow, const Numbers& kept, const Numbers& gone) {
  auto [dead, letters] = system.channel<Number>(unbounded);
  auto [tx, rx] =
      system.channel<Number>(bounded(3), {.overflow = overflow, .dead_letters = dead.clone()});
  const size_t count = kept.size() + gone.size();
  for (size_t i = 0; i < count; ++i) {
    const auto v = static_cast<int64_t>(i);
    if (i % 3 == 0) {
      EXPECT_FALSE(tx.send(number(v)));
    } else if (i % 3 == 1) {
      EXPECT_FALSE(tx.try_send(with_value(system, v)));
    } else {
      Message<Number> message = with_value(system, v);
      const select chosen{sending(tx, std::move(message)), otherwise()};
      EXPECT_EQ(chosen.index, 0u) << "such a send is always ready";
      EXPECT_FALSE(chosen.err) << chosen.err;
    }
  }
  const auto info = system.ledger().find(tx.id()).or_raise();
  EXPECT_EQ(info.sent, count);
  EXPECT_EQ(info.dropped, gone.size());
  EXPECT_EQ(info.size, kept.size());
  EXPECT_EQ(drain(rx), kept);
  EXPECT_EQ(drain(letters), gone);
  EXPECT_EQ(system.ledger().find(letters.id()).or_raise().sent, gone.size());
  // There is room again: nothing more is dropped.
  EXPECT_FALSE(tx.send(number(77)));
  EXPECT_EQ(drain(rx), Numbers{77});
  EXPECT_EQ(system.ledger().find(tx.id()).or_raise().dropped, gone.size());
}

TEST(Policy, DropNewestKeepsWhatWaits) {
  on_every_scheduler(
      [](System& system) {
        expect_dropped(system, Overflow::drop_newest, {0, 1, 2}, {3, 4, 5, 6, 7});
      },
      20);
}

TEST(Policy, DropOldestKeepsWhatCameLast) {
  on_every_scheduler(
      [](System& system) {
        expect_dropped(system, Overflow::drop_oldest, {5, 6, 7}, {0, 1, 2, 3, 4});
      },
      20);
}

TEST(Policy, DroppingOnARendezvousLosesWhatNobodyWaitsFor) {
  on_every_scheduler(
      [](System& system) {
        for (const Overflow overflow : {Overflow::drop_newest, Overflow::drop_oldest}) {
          auto [tx, rx] = system.channel<Number>(rendezvous, {.overflow = overflow});
          auto [done, results] = system.channel<Total>(bounded(1));
          EXPECT_FALSE(tx.send(number(1)));
          EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
          EXPECT_EQ(system.ledger().find(tx.id()).or_raise().dropped, 1u);
          system.spawn(
              [](Receiver<Number> in, Sender<Total> done) {
                EXPECT_FALSE(done.send(number(value_of(in.recv()))));
              },
              rx.clone(), std::move(done));
          ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
          EXPECT_FALSE(tx.send(number(2)));
          EXPECT_EQ(value_of(results.recv()), 2);
        }
      },
      10);
}

// Sends a Sample.
void send_sample(const Sender<Sample>& tx, const std::string& text, int32_t small, int64_t large) {
  EXPECT_FALSE(tx.send([&](Sample::Builder sample) {
    sample.setText(text);
    sample.setSmall(small);
    sample.setLarge(large);
  }));
}
std::vector<std::string> drain_samples(const Receiver<Sample>& rx) {
  std::vector<std::string> all;
  while (auto got = rx.try_recv())
    all.push_back(got.value->getText().cStr() + (":" + std::to_string(got.value->getSmall())) +
                  ":" + std::to_string(got.value->getLarge()));
  return all;
}
using Strings = std::vector<std::string>;

TEST(Policy, KeepLatestReplacesByATextInItsPlace) {
  on_every_scheduler(
      [](System& system) {
        auto [dead, letters] = system.channel<Sample>(unbounded);
        auto [tx, rx] = system.channel<Sample>(
            bounded(3),
            {.overflow = Overflow::keep_latest, .key = "text", .dead_letters = dead.clone()});
        send_sample(tx, "a", 0, 1);
        send_sample(tx, "b", 0, 2);
        send_sample(tx, "a", 0, 3);
        send_sample(tx, "", 0, 4);
        EXPECT_EQ(rx.size(), 3u);
        send_sample(tx, "b", 0, 5);
        send_sample(tx, "", 0, 6);
        send_sample(tx, "c", 0, 7);  // no room: the oldest goes, as in drop_oldest
        EXPECT_EQ(drain_samples(letters), (Strings{"a:0:1", "b:0:2", ":0:4", "a:0:3"}));
        const auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_EQ(info.sent, 7u);
        EXPECT_EQ(info.dropped, 4u);
        EXPECT_EQ(drain_samples(rx), (Strings{"b:0:5", ":0:6", "c:0:7"}));
        send_sample(tx, "b", 0, 8);  // what was received has no place any more
        send_sample(tx, "b", 0, 9);
        EXPECT_EQ(drain_samples(rx), Strings{"b:0:9"});
        EXPECT_EQ(drain_samples(letters), Strings{"b:0:8"});
      },
      20);
}

TEST(Policy, KeepLatestReplacesByAnIntegerAlsoWhileOthersReceive) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] =
            system.channel<Sample>(unbounded, {.overflow = Overflow::keep_latest, .key = "small"});
        for (int64_t round = 0; round < 10; ++round)
          for (int32_t key = -2; key <= 2; ++key) send_sample(tx, "x", key, round);
        EXPECT_EQ(rx.size(), 5u);
        EXPECT_EQ(system.ledger().find(tx.id()).or_raise().dropped, 45u);
        EXPECT_EQ(drain_samples(rx), (Strings{"x:-2:9", "x:-1:9", "x:0:9", "x:1:9", "x:2:9"}));
        auto [done, results] = system.channel<Total>(bounded(1));
        system.spawn(
            [](Receiver<Sample> in, Sender<Total> done) {
              std::vector<int64_t> last(5, -1);
              int64_t count = 0;
              for (auto& sample : in) {
                auto& seen = last[static_cast<size_t>(sample->getSmall())];
                EXPECT_LT(seen, sample->getLarge()) << "an older one came after a newer one";
                seen = sample->getLarge();
                ++count;
              }
              EXPECT_EQ(last, std::vector<int64_t>(5, 199)) << "the latest is never lost";
              EXPECT_FALSE(done.send(number(count)));
            },
            rx.clone(), std::move(done));
        const uint64_t before = system.ledger().find(tx.id()).or_raise().dropped;
        for (int64_t round = 0; round < 200; ++round)
          for (int32_t key = 0; key < 5; ++key) send_sample(tx, "x", key, round);
        EXPECT_FALSE(tx.close());
        const int64_t received = value_of(results.recv());
        const uint64_t dropped = system.ledger().find(tx.id()).or_raise().dropped - before;
        EXPECT_EQ(received + static_cast<int64_t>(dropped), 1000);
      },
      20);
}

TEST(Policy, KeepLatestNeedsAFieldThatCanBeAKey) {
  System system(test::quiet({.workers = 1}));
  const auto make = [&](Overflow overflow, const char* key) {
    (void)system.channel<Sample>(bounded(1), {.overflow = overflow, .key = key});
  };
  for (const char* key : {"text", "small", "large", "flag"})
    EXPECT_NO_THROW(make(Overflow::keep_latest, key)) << key;
  EXPECT_THROW(make(Overflow::keep_latest, ""), std::invalid_argument);
  EXPECT_THROW(make(Overflow::keep_latest, "txet"), std::invalid_argument);
  EXPECT_THROW(make(Overflow::drop_oldest, "text"), std::invalid_argument);
  EXPECT_THROW((void)system.channel<test::Texts>(
                   bounded(1), {.overflow = Overflow::keep_latest, .key = "lines"}),
               std::invalid_argument);
}

TEST(Policy, DeadLettersThatFindNoRoomAreLostAndNobodyWaits) {
  on_every_scheduler(
      [](System& system) {
        auto [dead, letters] = system.channel<Number>(bounded(2));
        auto [tx, rx] = system.channel<Number>(
            bounded(1), {.overflow = Overflow::drop_newest, .dead_letters = dead.clone()});
        for (int i = 0; i < 6; ++i) EXPECT_FALSE(tx.send(number(i)));
        EXPECT_EQ(system.ledger().find(tx.id()).or_raise().dropped, 5u);
        EXPECT_EQ(drain(letters), (Numbers{1, 2}));
        EXPECT_FALSE(letters.close());
        EXPECT_FALSE(tx.send(number(6)));
        EXPECT_EQ(drain(rx), Numbers{0});
      },
      20);
}

TEST(Policy, WhatIsLostWithTheLastReceiverIsCountedAsDropped) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(5));
        for (int i = 0; i < 5; ++i) EXPECT_FALSE(tx.send(number(i)));
        EXPECT_TRUE(rx.recv());
        rx.release();
        const auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_TRUE(info.closed);
        EXPECT_EQ(info.sent, 5u);
        EXPECT_EQ(info.dropped, 4u) << "received and dropped are all that was sent";
      },
      5);
}

TEST(Policy, ManySendersWithDeadLettersLoseAndDoubleNothing) {
  for (const Overflow overflow : {Overflow::drop_newest, Overflow::drop_oldest}) {
    on_every_scheduler(
        [overflow](System& system) {
          constexpr int64_t kEach = 500;
          auto [dead, letters] = system.channel<Number>(unbounded);
          auto [tx, rx] = system.channel<Number>(
              bounded(4), {.overflow = overflow, .dead_letters = std::move(dead)});
          for (int64_t first = 0; first < 3 * kEach; first += kEach) {
            system.spawn(
                [](Sender<Number> out, int64_t first) {
                  for (int64_t i = 0; i < kEach; ++i) EXPECT_FALSE(out.send(number(first + i)));
                },
                tx.clone(), first);
          }
          tx.release();
          std::vector<int> seen(3 * kEach);
          for (auto& number : rx) ++seen[static_cast<size_t>(number->getValue())];
          rx.release();  // and with it the dead letters' last sender
          for (auto& number : letters) ++seen[static_cast<size_t>(number->getValue())];
          EXPECT_EQ(seen, std::vector<int>(3 * kEach, 1));
        },
        20);
  }
}

}  // namespace
}  // namespace isola
