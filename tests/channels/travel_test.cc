// Ends that travel: random actors pass the ends of channels on, use them and release them.
#include <isola/isola.h>

#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;
using test::value_of;

// Sends the receive end of a channel away, with what waits in it.
Error pass_on(const Sender<Number>& hub, Receiver<Number> end) {
  auto message = hub.compose();
  message->setValue(message.attach(std::move(end)));
  return hub.try_send(std::move(message));
}

// Makes channels, passes their receive ends through a hub, and takes others' from there. Tells how
// many it received of what it and others sent into them.
void travel(uint64_t seed, Sender<Number> hub, Receiver<Number> arrivals, Sender<Total> told) {
  std::mt19937_64 random(seed);
  int64_t received = 0;
  for (int step = 0; step < 200; ++step) {
    if (random() % 2 == 0) {
      Channel<Number> own = make_channel<Number>(hub.core().pool(), bounded(3));
      for (uint64_t i = random() % 4; i > 0; --i) EXPECT_FALSE(own.sender.send(number(1)));
      const Receiver<Number> clone = own.receiver.clone();
      (void)pass_on(hub, std::move(own.receiver));
      if (random() % 2 == 0) received += value_of(clone.try_recv()) == 1;
    } else {
      const auto got = arrivals.try_recv();
      if (got.err) continue;
      const auto handle = static_cast<uint32_t>(got.value->getValue());
      auto end = got.value.attached<Receiver<Number>>(handle).or_raise();
      while (random() % 3 != 0) {
        const auto number = end.try_recv();
        if (number.err) break;
        ++received;
      }
      if (random() % 2 == 0) (void)pass_on(hub, std::move(end));
    }
  }
  EXPECT_FALSE(told.send(number(received)));
}

TEST(Travel, EndsThatArePassedOnLeaveNothingBehind) {
  uint64_t seed = 1;
  on_every_scheduler(
      [&seed](System& system) {
        auto [hub, arrivals] = system.channel<Number>(bounded(5));
        auto [told, results] = system.channel<Total>(bounded(6));
        for (int i = 0; i < 6; ++i)
          system.spawn(travel, seed++, hub.clone(), arrivals.clone(), told.clone());
        told.release();
        int64_t received = 0;
        for (auto& total : results) received += total->getValue();
        EXPECT_GT(received, 0);
      },
      20);
}

TEST(Travel, ThreadsAndActorsPassThemToEachOther) {
  on_real_scheduler([](System& system) {
    Channel<Number> hub = system.channel<Number>(bounded(5));
    Channel<Total> told = system.channel<Total>(bounded(6));
    std::vector<test::Thread> threads;
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      system.spawn(travel, seed, hub.sender.clone(), hub.receiver.clone(), told.sender.clone());
      threads.emplace_back([seed, tx = hub.sender.clone(), rx = hub.receiver.clone(),
                            to = told.sender.clone()]() mutable {
        travel(seed + 100, std::move(tx), std::move(rx), std::move(to));
      });
    }
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(told.receiver.recv());
    for (auto& thread : threads) thread.join();
  });
}

}  // namespace
}  // namespace isola
