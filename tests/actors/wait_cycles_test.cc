// Wait cycles: isolates that wait for each other are found, and nobody else is.
#include <isola/actors/wait_cycles.h>

#include <isola/isola.h>

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using ::testing::HasSubstr;

// Receives one, then passes one on: two of these wait for each other.
void pass_on(Receiver<Number> in, Sender<Number> out) {
  if (in.recv()) out.send([](Number::Builder) {});
}

TEST(WaitCycles, TwoThatReceiveFromEachOtherAreReportedWithTheirChannels) {
  on_every_scheduler([](System& system) {
    auto a = system.channel<Number>(bounded(1), {.name = "a"});
    auto b = system.channel<Number>(bounded(1), {.name = "b"});
    system.spawn({.name = "left"}, pass_on, std::move(a.receiver), std::move(b.sender));
    system.spawn({.name = "right"}, pass_on, std::move(b.receiver), std::move(a.sender));
    std::vector<WaitCycle> cycles;
    EXPECT_TRUE(eventually([&] {
      cycles = find_wait_cycles(system);
      return !cycles.empty();
    }));
    ASSERT_EQ(cycles.size(), 1u);
    EXPECT_EQ(cycles[0].to_string(),
              "left waits (receive from a) for right, right waits (receive from b) for left");
  });
}

TEST(WaitCycles, SendersToFullChannelsOfEachOtherAreReported) {
  on_every_scheduler([](System& system) {
    auto a = system.channel<Number>(rendezvous, {.name = "a"});
    auto b = system.channel<Number>(rendezvous, {.name = "b"});
    const auto send_first = [](Sender<Number> out, Receiver<Number> in) {
      out.send([](Number::Builder) {});
      (void)in.recv();
    };
    system.spawn({.name = "left"}, send_first, std::move(a.sender), std::move(b.receiver));
    system.spawn({.name = "right"}, send_first, std::move(b.sender), std::move(a.receiver));
    EXPECT_TRUE(eventually([&] { return !find_wait_cycles(system).empty(); }));
    EXPECT_THAT(find_wait_cycles(system)[0].to_string(), HasSubstr("send to a"));
  });
}

TEST(WaitCycles, OneThatWaitsForItselfIsACycle) {
  on_every_scheduler([](System& system) {
    auto own = system.channel<Number>(bounded(1), {.name = "own"});
    system.spawn({.name = "lonely"}, pass_on, std::move(own.receiver), std::move(own.sender));
    EXPECT_TRUE(eventually([&] { return !find_wait_cycles(system).empty(); }));
    EXPECT_EQ(find_wait_cycles(system)[0].to_string(),
              "lonely waits (receive from own) for lonely");
  });
}

TEST(WaitCycles, WhoeverCanStillBeWokenIsNotReported) {
  on_every_scheduler([](System& system) {
    auto a = system.channel<Number>(bounded(1), {.name = "a"});
    auto b = system.channel<Number>(bounded(1), {.name = "b"});
    auto c = system.channel<Number>(bounded(1), {.name = "c"});
    // The same two, but the test holds another sender of a; and a third has a limit.
    system.spawn({.name = "left"}, pass_on, std::move(a.receiver), std::move(b.sender));
    system.spawn({.name = "right"}, pass_on, std::move(b.receiver), a.sender.clone());
    system.spawn(
        [](Receiver<Number> in, Sender<Number>) { (void)in.recv_for(std::chrono::hours(1)); },
        std::move(c.receiver), std::move(c.sender));
    const auto waiting = [&](const ChannelInfo& channel) {
      return channel.receive.waiting.size() == 1;
    };
    EXPECT_TRUE(eventually([&] {
      const auto channels = system.channels();
      return std::all_of(channels.begin(), channels.end(), waiting);
    }));
    EXPECT_TRUE(find_wait_cycles(system).empty());
    EXPECT_FALSE(a.sender.send([](Number::Builder) {}));
  });
}

TEST(WaitCycles, ActorsThatWaitForRoomInEachOthersFullInboxAreReported) {
  struct Flooder : Actor<Flooder, Number> {
    // Without an address it has nothing to do.
    void on(Delivery<Number> told) {
      const auto handle = static_cast<uint32_t>(told->getValue());
      const auto peer = told.attached<Address<Number>>(handle).value;
      while (!peer.send<Number>()) {
      }
    }
  };
  on_every_scheduler([](System& system) {
    const Address<Number> left = system.spawn<Flooder>({.name = "left", .inbox_max = 1});
    const Address<Number> right = system.spawn<Flooder>({.name = "right", .inbox_max = 1});
    for (const auto& [to, peer] : {std::pair(left, right), std::pair(right, left)}) {
      auto start = system.compose<Number>();
      start->setValue(start.attach(Address<Number>(peer)));
      EXPECT_FALSE(to.send<Number>(std::move(start)));
    }
    std::vector<WaitCycle> cycles;
    ASSERT_TRUE(eventually([&] { return !(cycles = find_wait_cycles(system)).empty(); }));
    EXPECT_THAT(cycles[0].to_string(), HasSubstr("left waits (inbox of "));
  });
}

TEST(WaitCycles, AnActorThatWaitsForTheEndOfOneThatWaitsForItIsReported) {
  on_real_scheduler([](System& system) {
    auto [go, gone] = system.channel<Number>(bounded(1), {.name = "go"});
    // The child waits for its parent's channel, and the parent for the child's end.
    system.spawn(
        {.name = "parent"},
        [](Sender<Number> out, Receiver<Number> in) {
          auto child = spawn(
              SpawnOptions{.name = "child"}, [](Receiver<Number> mine) { (void)mine.recv(); },
              std::move(in));
          (void)child.join();
          out.send([](Number::Builder) {});
        },
        std::move(go), std::move(gone));
    std::vector<WaitCycle> cycles;
    ASSERT_TRUE(eventually([&] { return !(cycles = find_wait_cycles(system)).empty(); }));
    const std::string text = cycles[0].to_string();
    EXPECT_THAT(text, HasSubstr("parent waits (end of "));
    EXPECT_THAT(text, HasSubstr("child waits (receive from go) for parent"));
  });
}

}  // namespace
}  // namespace isola
