// Dispatchers and pinned actors: who runs where, processors, and what can't be had.
#include <isola/actors/dispatcher.h>

#include <gmock/gmock.h>
#include <isola/isola.h>
#include <sched.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::quiet;

const std::string& where() { return detail::Worker::current()->dispatcher().name(); }

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

// Passes a number on, less one, until it is zero, and checks where it runs.
struct Player : Actor<Player, Number> {
  Player(std::string home, Sender<Number> done, Address<Number> other = {})
      : home_(std::move(home)), done_(std::move(done)), other_(std::move(other)) {}
  void on(Delivery<Number> number) {
    EXPECT_EQ(where(), home_);
    const int64_t left = number->getValue();
    if (left == 0) {
      EXPECT_FALSE(done_.send(value(0)));
    } else if (other_.id() != 0) {
      EXPECT_FALSE(other_.send<Number>(value(left - 1)));
    }
  }
  const std::string home_;
  Sender<Number> done_;
  Address<Number> other_;
};

TEST(Dispatcher, AnActorRunsOnlyOnItsWorkersWhoeverTalksToIt) {
  System system(quiet({.workers = 2, .dispatchers = {{.name = "io", .workers = 2}}}));
  EXPECT_EQ(system.workers(), 4u);
  auto [tx, rx] = system.channel<Number>(unbounded);
  constexpr int kPairs = 50;
  std::vector<Address<Number>> players;
  for (int i = 0; i < kPairs; ++i) {
    auto here = system.spawn<Player>(std::string("default"), tx.clone());
    auto there = system.spawn<Player>({.dispatcher = "io"}, std::string("io"), tx.clone(), here);
    players.push_back(here);
    players.push_back(there);
  }
  // Bursts from outside and between actors: homes are shared and taken over meanwhile.
  for (int k = 0; k < 20; ++k)
    for (auto& player : players) EXPECT_FALSE(player.send<Number>(value(k % 2)));
  // Both of a pair say so at the zero; those by default have nobody to send a one to.
  for (int i = 0; i < kPairs * 30; ++i) EXPECT_FALSE(rx.recv().err);
}

TEST(Dispatcher, ActorsSpawnedByActorsAreWhereTheirOwnOptionsSay) {
  System system(quiet({.workers = 2, .dispatchers = {{.name = "io", .workers = 2}}}));
  for (int i = 0; i < 50; ++i) {
    ActorRef actor = system.spawn({.dispatcher = "io"}, [] {
      EXPECT_EQ(where(), "io");
      EXPECT_FALSE(spawn({}, [] { EXPECT_EQ(where(), "default"); }).join());
      EXPECT_FALSE(spawn({.dispatcher = "default"}, [] { EXPECT_EQ(where(), "default"); }).join());
      EXPECT_FALSE(spawn({.dispatcher = "io"}, [] { EXPECT_EQ(where(), "io"); }).join());
    });
    EXPECT_FALSE(actor.join());
  }
}

TEST(Dispatcher, OneThatIsBusyDoesNotDelayAnother) {
  System system(quiet({.workers = 1, .dispatchers = {{.name = "blocking"}}}));
  static std::atomic<int>* its_state;
  std::atomic<int> state = 0;
  its_state = &state;
  ActorRef busy = system.spawn({.dispatcher = "blocking"}, [] {
    *its_state = 1;
    its_state->notify_all();
    its_state->wait(1);  // blocks its worker
  });
  state.wait(0);
  ActorRef delayed = system.spawn({.dispatcher = "blocking"}, [] { EXPECT_EQ(*its_state, 2); });
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(system.spawn([] {}).join());
  state = 2;
  state.notify_all();
  EXPECT_FALSE(busy.join());
  EXPECT_FALSE(delayed.join());
}

TEST(Dispatcher, AnUnknownOneIsAnErrorOfTheSpawn) {
  System system(quiet({.workers = 1, .dispatchers = {{.name = "io"}, {.name = "render"}}}));
  ActorRef function = system.spawn({.name = "reader", .dispatcher = "oi"}, [] { FAIL(); });
  const Error error = function.join();
  EXPECT_EQ(error, Code::no_dispatcher);
  EXPECT_EQ(error.message(), R"(no dispatcher "oi"; there is "default", "io", "render")");
  EXPECT_EQ(error.actor(), "reader");

  auto [tx, rx] = system.channel<Number>(bounded(1));
  auto handler = system.spawn<Player>({.dispatcher = "oi"}, std::string(), std::move(tx));
  EXPECT_EQ(handler.send<Number>(value(1)), Code::no_such_actor);
  EXPECT_FALSE(system.create({.dispatcher = "io"}).run([] {}).err);
  EXPECT_EQ(system.create({.dispatcher = "oi"}).run([] {}).err, Code::isolate_not_found);
  EXPECT_EQ(system.failures(), 3u);
}

TEST(Dispatcher, WithASeedTheOneWorkerStandsForAll) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    System system(quiet({.dispatchers = {{.name = "io", .workers = 3}}, .seed = seed}));
    EXPECT_EQ(system.workers(), 1u);
    EXPECT_FALSE(test::run_as_actor(system, [](System& s) {
      EXPECT_FALSE(s.spawn({.dispatcher = "io"}, [] { EXPECT_EQ(where(), "default"); }).join());
      EXPECT_EQ(s.spawn({.dispatcher = "oi"}, [] {}).join(), Code::no_dispatcher);
    }));
  }
}

std::vector<uint32_t> processors() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  EXPECT_EQ(sched_getaffinity(0, sizeof cpus, &cpus), 0);
  std::vector<uint32_t> all;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &cpus)) all.push_back(cpu);
  return all;
}

TEST(Dispatcher, ItsWorkersRunOnItsProcessors) {
  static std::vector<uint32_t> all, last;
  all = processors();
  last = {all.back()};
  System system(quiet({.workers = 1, .dispatchers = {{.name = "io", .workers = 2, .cpus = last}}}));
  ActorRef bound = system.spawn({.dispatcher = "io"}, [] {
    EXPECT_EQ(processors(), last);
    EXPECT_EQ(offload(&processors), all) << "its threads belong to no dispatcher";
  });
  EXPECT_FALSE(bound.join());
  EXPECT_FALSE(system.spawn([] { EXPECT_EQ(processors(), all); }).join());

  System other(quiet({.cpus = last}));
  EXPECT_EQ(other.workers(), 1u);
  EXPECT_FALSE(other.spawn([] { EXPECT_EQ(processors(), last); }).join());
}

std::string refusal(SystemOptions options) {
  try {
    System system(std::move(options));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(Dispatcher, WhatCanNotBeHadIsSaidWhenTheSystemIsMade) {
  using testing::StartsWith;
  EXPECT_THAT(refusal({.dispatchers = {{.name = "io", .cpus = {1023}}}}),
              StartsWith("dispatcher \"io\": processor 1023 is not one of those that this "
                         "thread may use: "));
  EXPECT_THAT(refusal({.cpus = {5000}}), StartsWith("dispatcher \"default\": processor 5000"));
  EXPECT_EQ(refusal({.dispatchers = {{.name = "io"}, {.name = "io"}}}),
            "dispatcher \"io\": there are two of them");
  EXPECT_EQ(refusal({.dispatchers = {{.name = "default"}}}),
            "dispatcher \"default\": there are two of them");
  EXPECT_EQ(refusal({.dispatchers = {{.workers = 1}}}), "dispatcher \"\": has no name");
}

TEST(Pinned, AnActorNeverLeavesItsFirstThread) {
  System system(quiet({.workers = 2}));
  struct Stays : Actor<Stays, Number> {
    explicit Stays(Sender<Number> done) : done_(std::move(done)) {}
    void on(Number::Reader) {
      const detail::Worker* worker = detail::Worker::current();
      if (home_ == nullptr) home_ = worker;
      EXPECT_EQ(home_, worker);
      yield();  // others are ready: here homes are shared
      EXPECT_EQ(home_, detail::Worker::current());
      EXPECT_FALSE(done_.send(value(0)));
    }
    const detail::Worker* home_ = nullptr;
    Sender<Number> done_;
  };
  auto [tx, rx] = system.channel<Number>(unbounded);
  std::vector<Address<Number>> actors;
  for (int i = 0; i < 60; ++i) {
    actors.push_back(system.spawn<Stays>({.pinned = true}, tx.clone()));
    // These are given away, and who talks to the pinned ones adopts what it can.
    actors.push_back(system.spawn<Player>(std::string("default"), tx.clone()));
  }
  for (int burst = 0; burst < 20; ++burst) {
    ActorRef sends = system.spawn(
        [](std::vector<Address<Number>> to) {
          for (auto& actor : to) EXPECT_FALSE(actor.send<Number>(value(0)));
        },
        actors);
    EXPECT_FALSE(sends.join());
    for (size_t i = 0; i < actors.size(); ++i) EXPECT_FALSE(rx.recv().err);
  }
}

TEST(Pinned, TheWorkersGetThemInTurn) {
  System system(quiet({.workers = 2, .dispatchers = {{.name = "io", .workers = 3}}}));
  static std::vector<std::atomic<int>>* homes;
  std::vector<std::atomic<int>> counted(5);
  homes = &counted;
  const auto note = [] {
    const auto& workers = detail::current_runtime().workers();
    for (size_t i = 0; i < workers.size(); ++i)
      if (workers[i].get() == detail::Worker::current()) ++(*homes)[i];
  };
  for (int i = 0; i < 30; ++i) {
    // Whoever spawns them: a thread, or an actor that is on one worker all the time.
    EXPECT_FALSE(system.spawn({.dispatcher = "io", .pinned = true}, note).join());
  }
  ActorRef spawner = system.spawn([] {
    const auto note_too = [] {
      const auto& workers = detail::current_runtime().workers();
      for (size_t i = 0; i < workers.size(); ++i)
        if (workers[i].get() == detail::Worker::current()) ++(*homes)[i];
    };
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(spawn({.pinned = true}, note_too).join());
  });
  EXPECT_FALSE(spawner.join());
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(counted[i], 5, 1) << i;
  for (size_t i = 2; i < 5; ++i) EXPECT_EQ(counted[i], 10) << i;
}

}  // namespace
}  // namespace isola
