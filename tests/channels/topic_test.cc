// Topics: subscribers with capacities and policies of their own read the same words.
#include <isola/channels/topic.h>

#include <isola/isola.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Texts;
using test::Total;
using test::value_of;
using test::with_value;

std::vector<int64_t> drain(const Receiver<Number>& rx) {
  std::vector<int64_t> all;
  while (auto got = rx.try_recv()) all.push_back(got.value->getValue());
  return all;
}
using Numbers = std::vector<int64_t>;

TEST(Topic, TenSubscribersReadTheSameWordsInOrderWithoutACopy) {
  on_every_scheduler(
      [](System& system) {
        constexpr unsigned kMessages = 20;
        Topic<Texts> topic = system.topic<Texts>("lines");
        std::vector<Receiver<Texts>> subscribers;
        for (unsigned i = 0; i < 10; ++i)
          subscribers.push_back(topic.subscribe(i % 2 == 0 ? unbounded : bounded(kMessages)));
        EXPECT_EQ(topic.subscribers(), 10u);
        std::vector<const void*> last_lines;
        for (unsigned n = 0; n < kMessages; ++n) {
          auto message = topic.compose();
          auto lines = message->initLines(1 + 50 * n);
          for (unsigned i = 0; i < lines.size(); ++i) lines.set(i, "a line of the message");
          last_lines.push_back(lines[lines.size() - 1].begin());
          EXPECT_EQ(topic.publish(std::move(message)).or_raise(), 10u);
          EXPECT_FALSE(message);
        }
        for (auto& rx : subscribers) {
          for (unsigned n = 0; n < kMessages; ++n) {
            const auto got = rx.recv().or_raise();
            const auto lines = got->getLines();
            ASSERT_EQ(lines.size(), 1 + 50 * n);
            EXPECT_EQ(lines[lines.size() - 1].begin(), last_lines[n])
                << "the publisher's own words";
            EXPECT_EQ(got->getLines()[0], "a line of the message");
          }
          EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
        }
        EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
      },
      20);
}

TEST(Topic, EachSubscriberHasACapacityAndAPolicyOfItsOwn) {
  on_every_scheduler(
      [](System& system) {
        const Topic<Number> topic = system.topic<Number>("numbers");
        auto [dead, letters] = system.channel<Number>(unbounded);
        const auto all = topic.subscribe(unbounded);
        const auto first = topic.subscribe(bounded(2), {.overflow = Overflow::drop_newest});
        const auto last = topic.subscribe(
            bounded(3), {.overflow = Overflow::drop_oldest, .dead_letters = std::move(dead)});
        const auto latest =
            topic.subscribe(bounded(1), {.overflow = Overflow::keep_latest, .key = "value"});
        const auto none = topic.subscribe(rendezvous, {.overflow = Overflow::drop_newest});
        for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(topic.publish(number(i)).or_raise(), 5u);
        EXPECT_EQ(drain(all), (Numbers{0, 1, 2, 3, 4, 5, 6, 7}));
        EXPECT_EQ(drain(first), (Numbers{0, 1}));
        EXPECT_EQ(drain(last), (Numbers{5, 6, 7}));
        EXPECT_EQ(drain(letters), (Numbers{0, 1, 2, 3, 4}));
        EXPECT_EQ(drain(latest), Numbers{7});
        EXPECT_EQ(drain(none), Numbers{});
        EXPECT_EQ(system.ledger().find(first.id()).or_raise().dropped, 6u);
        EXPECT_EQ(system.ledger().find(first.id()).or_raise().name, "numbers");
      },
      20);
}

TEST(Topic, AFullSubscriberThatFailsMissesItAndTheOthersDoNot) {
  on_every_scheduler(
      [](System& system) {
        const Topic<Number> topic = system.topic<Number>();
        const auto before = topic.subscribe(unbounded);
        const auto fails = topic.subscribe(bounded(1), {.overflow = Overflow::fail});
        const auto behind = topic.subscribe(unbounded);
        EXPECT_EQ(topic.publish(number(1)).or_raise(), 3u);
        const auto second = topic.publish(number(2));
        EXPECT_EQ(second.err, Code::channel_full);
        EXPECT_EQ(second.value, 2u) << "so many took it";
        EXPECT_EQ(drain(fails), Numbers{1});
        EXPECT_EQ(topic.publish(number(3)).or_raise(), 3u);
        EXPECT_EQ(drain(before), (Numbers{1, 2, 3}));
        EXPECT_EQ(drain(fails), Numbers{3});
        EXPECT_EQ(drain(behind), (Numbers{1, 2, 3}));
        const auto waits = topic.subscribe(bounded(1));
        EXPECT_EQ(topic.try_publish(with_value(system, 4)).or_raise(), 4u);
        const auto tried = topic.try_publish(with_value(system, 5));
        EXPECT_EQ(tried.err, Code::channel_full);
        EXPECT_EQ(tried.value, 2u) << "neither the one that fails nor the one that would wait";
        EXPECT_EQ(drain(waits), Numbers{4});
        EXPECT_EQ(drain(before), (Numbers{4, 5}));
      },
      20);
}

TEST(Topic, AFullSubscriberThatWaitsMakesThePublisherWait) {
  on_every_scheduler(
      [](System& system) {
        Topic<Number> topic = system.topic<Number>();
        const auto slow = topic.subscribe(bounded(1));
        const auto fast = topic.subscribe(unbounded);
        EXPECT_EQ(topic.publish(number(1)).or_raise(), 2u);
        {
          const Deadline soon{1ms};
          const auto late = topic.publish(number(2));
          EXPECT_EQ(late.err, Code::timeout);
          EXPECT_EQ(late.value, 1u) << "the fast one has it";
        }
        EXPECT_EQ(value_of(slow.recv()), 1);
        EXPECT_EQ(topic.publish(number(3)).or_raise(), 2u);
        EXPECT_EQ(value_of(slow.recv()), 3);
        EXPECT_EQ(drain(fast), (Numbers{1, 2, 3}));
      },
      20);
}

TEST(Topic, APublisherThatWaitsGoesOnWhenThereIsRoom) {
  on_real_scheduler([](System& system) {
    const Topic<Number> topic = system.topic<Number>();
    const auto slow = topic.subscribe(bounded(1));
    test::Thread publisher([own = topic.clone()] {
      for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(own.publish(number(i)).or_raise(), 1u);
    });
    for (int64_t i = 0; i < 49; ++i) {
      if (i < 10) {
        EXPECT_TRUE(test::so_many_wait(system, slow.id(), Side::send));
      }
      EXPECT_EQ(value_of(slow.recv()), i);
    }
    publisher.join();
    EXPECT_EQ(value_of(slow.recv()), 49);
  });
}

TEST(Topic, ASubscriptionBeginsWithItsReceiverAndEndsWithIt) {
  on_every_scheduler(
      [](System& system) {
        const size_t channels = system.channels().size();
        const Topic<Number> topic = system.topic<Number>();
        EXPECT_EQ(topic.publish(number(0)).or_raise(), 0u) << "nobody is there";
        auto early = topic.subscribe(bounded(1));
        EXPECT_EQ(topic.publish(number(1)).or_raise(), 1u);
        auto late = topic.subscribe(unbounded);
        early.release();
        EXPECT_EQ(topic.publish(number(2)).or_raise(), 1u) << "and nobody waits for who is gone";
        EXPECT_EQ(topic.subscribers(), 1u);
        EXPECT_EQ(drain(late), Numbers{2}) << "what is published from then on";
        auto again = late.clone();
        late.release();
        EXPECT_EQ(topic.publish(number(3)).or_raise(), 1u) << "a clone holds it";
        EXPECT_EQ(drain(again), Numbers{3});
        again.release();
        EXPECT_EQ(topic.publish(number(4)).or_raise(), 0u);
        EXPECT_EQ(topic.subscribers(), 0u);
        EXPECT_EQ(system.channels().size(), channels);
        EXPECT_EQ(system.pool_stats().queued.blocks, 0u);
      },
      20);
}

TEST(Topic, WithItsLastHandleTheSubscribersDrainAndAreToldTheEnd) {
  on_every_scheduler(
      [](System& system) {
        Topic<Number> topic = system.topic<Number>();
        const auto rx = topic.subscribe(unbounded);
        const auto waits = topic.subscribe(unbounded, {.name = "own"});
        EXPECT_EQ(system.ledger().find(waits.id()).or_raise().name, "own");
        auto [done, results] = system.channel<Total>(bounded(1));
        Topic<Number> other = topic.clone();
        EXPECT_EQ(topic.publish(number(1)).or_raise(), 2u);
        topic.release();
        topic.release();
        EXPECT_FALSE(topic);
        EXPECT_EQ(topic.publish(number(2)).err, Code::empty_end);
        EXPECT_FALSE(rx.is_closed());
        EXPECT_EQ(other.publish(number(2)).or_raise(), 2u);
        EXPECT_EQ(other.publish(Message<Number>()).err, Code::empty_message);
        EXPECT_EQ(value_of(waits.recv()), 1);
        EXPECT_EQ(value_of(waits.recv()), 2);
        system.spawn(
            [](Receiver<Number> in, Sender<Total> done) {
              EXPECT_FALSE(done.send(number(in.recv().err == Code::channel_closed)));
            },
            waits.clone(), std::move(done));
        ASSERT_TRUE(test::so_many_wait(system, waits.id(), Side::receive));
        other.release();
        EXPECT_EQ(value_of(results.recv()), 1) << "it was woken";
        EXPECT_EQ(drain(rx), (Numbers{1, 2}));
        EXPECT_EQ(rx.recv().err, Code::channel_closed);
      },
      20);
}

TEST(Topic, ManyActorsReceiveAllThatIsPublishedInOrder) {
  constexpr std::array kCapacities{rendezvous, bounded(1), bounded(10)};
  test::for_each_capacity(kCapacities, 10, [](System& system, const Capacity& capacity) {
    static constexpr int64_t kMessages = 200;
    Topic<Number> topic = system.topic<Number>();
    auto [done, results] = system.channel<Total>(bounded(10));
    for (int i = 0; i < 10; ++i) {
      system.spawn(
          [](Receiver<Number> in, Sender<Total> done) {
            int64_t next = 0;
            for (auto& number : in) EXPECT_EQ(number->getValue(), next++);
            EXPECT_FALSE(done.send(number(next)));
          },
          topic.subscribe(capacity), done.clone());
    }
    for (int64_t i = 0; i < kMessages; ++i) EXPECT_EQ(topic.publish(number(i)).or_raise(), 10u);
    topic.release();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(value_of(results.recv()), kMessages);
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

TEST(Topic, ABodyLivesUntilTheLastSubscriberHasReleasedIt) {
  on_every_scheduler(
      [](System& system) {
        const Topic<Number> topic = system.topic<Number>();
        std::vector<Receiver<Number>> subscribers;
        for (int i = 0; i < 3; ++i) subscribers.push_back(topic.subscribe(bounded(1)));
        const uint64_t before = system.pool_stats().live;
        EXPECT_EQ(topic.publish(number(42)).or_raise(), 3u);
        Delivery<Number> kept = subscribers[0].recv().or_raise();
        EXPECT_TRUE(subscribers[1].recv());
        subscribers[2].release();
        EXPECT_EQ(kept->getValue(), 42);
        auto [tx, rx] = system.channel<Number>(bounded(1));
        EXPECT_FALSE(tx.send(std::move(kept)))
            << "what came by a topic is forwarded like any other";
        EXPECT_EQ(value_of(rx.recv()), 42);
        EXPECT_EQ(system.pool_stats().live, before) << "all is given back";
      },
      20);
}

}  // namespace
}  // namespace isola
