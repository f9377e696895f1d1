// Workers that are stuck in a turn: what is ready there runs elsewhere, and somebody is told.
#include <isola/actors/monitor.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola::test {
namespace {

sync::atomic<bool> released;  // one test runs at a time

struct Releaser : Actor<Releaser, Number> {
  void on(Number::Reader) { released.store(true); }
};

// Keeps its worker until it is released.
void spin() {
  while (!released.load()) sync::relax_processor();
}

struct Stuck : Actor<Stuck, Number, Note> {
  void on(Number::Reader) {
    // At home on the worker that this handler keeps.
    spawn<Releaser>().send<Number>();
    spin();
  }
  void on(Note::Reader) { spin(); }
};

TEST(Monitor, ReadyActorsLeaveAWorkerThatIsStuckInATurn) {
  for (int round = 0; round < 3; ++round) {
    released.store(false);
    System system(quiet({.workers = 2}));
    auto stuck = system.spawn<Stuck>();
    EXPECT_FALSE(stuck.send<Number>());
    EXPECT_TRUE(eventually([] { return released.load(); }));
    released.store(true);
    expect_nothing_left(system);
  }
}

TEST(Monitor, WhatWasNotifiedAtAStuckWorkerRunsElsewhere) {
  released.store(false);
  System system(quiet({.workers = 2}));
  auto stuck = system.spawn<Stuck>();
  auto first = system.spawn<Releaser>();
  auto second = system.spawn<Releaser>();  // homes are given in turn: one is that of `stuck`
  EXPECT_FALSE(stuck.send<Note>());
  EXPECT_TRUE(eventually([&] { return system.runtime().workers()[0]->progress().actor != 0; }));
  EXPECT_FALSE(second.send<Number>());
  EXPECT_TRUE(eventually([] { return released.load(); }));
  released.store(true);
  expect_nothing_left(system);
}

TEST(Monitor, ReportsAMessageThatTakesTooLongOnceWithItsActor) {
  released.store(false);
  std::vector<LongTurn> reports;  // the monitor's, until the System has stopped
  SystemOptions options = quiet({.workers = 1});
  options.long_turn_ms = 20;
  options.on_long_turn = [&](const LongTurn& turn) {
    reports.push_back(turn);
    released.store(true);
  };
  System system(options);
  auto stuck = system.spawn<Stuck>(SpawnOptions{.name = "stuck"});
  EXPECT_FALSE(stuck.send<Note>());
  EXPECT_TRUE(eventually([] { return released.load(); }));
  released.store(true);
  expect_nothing_left(system);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].name, "stuck");
  EXPECT_EQ(reports[0].message, "Note");
  EXPECT_GE(reports[0].lasts_ms, 20);
}

}  // namespace
}  // namespace isola::test
