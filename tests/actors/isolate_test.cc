// Isolates: running functions in them, what crosses, and what their end releases.
#include <isola/actors/isolate.h>

#include <isola/isola.h>

#include <string>
#include <thread>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;

TEST(Isolate, RunsAFunctionWithItsArgumentsAndGivesItsResult) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "score"});
    EXPECT_EQ(isolate.name(), "score");
    auto [sum, err] = isolate.run([](int a, int b) { return a + b; }, 3, 4);
    EXPECT_FALSE(err);
    EXPECT_EQ(sum, 7);
    EXPECT_EQ(isolate.run([](std::string s) { return s + "!"; }, std::string("hi")).value, "hi!");
    EXPECT_FALSE(isolate.run([] {}).err);
    auto note = isolate.run(
        [](Message<Note> in) {
          in->setText("written inside");
          return in;
        },
        system.compose<Note>());
    EXPECT_EQ(std::move(note).or_raise()->getText(), "written inside");
    EXPECT_FALSE(isolate.close());
  });
}

TEST(Isolate, WhatItsFunctionThrowsComesBackAsARecord) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "score"});
    auto [value, err] = isolate.run([]() -> int { throw std::domain_error("no score"); });
    EXPECT_EQ(err.to_string(), "std::domain_error: no score (in score)");
    EXPECT_EQ(isolate.run([] { return 1; }).value, 1) << "it can be used again";
  });
}

TEST(Isolate, ItsFunctionsRunOnItsHeapAndInTheCallersContext) {
  static constexpr Key<text> locale{"test.isolate.locale", Flow::wire};
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    Scope german{locale, "de_DE"};
    auto ran = isolate.run([] {
      EXPECT_NE(dynamic_cast<Heap*>(&heap()), nullptr);
      (void)heap().allocate(1000);  // left behind
      return std::string(locale.get());
    });
    EXPECT_EQ(ran.value, "de_DE");
    EXPECT_GE(isolate.heap_bytes(), 1000u);
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(isolate.heap_bytes(), 0u);
  });
}

TEST(Isolate, ItsEndReleasesItsChannelEndsEvenWithoutDestructors) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate
                     .run(
                         [](Sender<Number> out) {
                           // An object on the isolate's heap whose destructor will never run.
                           void* memory =
                               heap().allocate(sizeof(Sender<Number>), alignof(Sender<Number>));
                           auto* kept = new (memory) Sender<Number>(std::move(out));
                           EXPECT_FALSE(kept->send([](Number::Builder n) { n.setValue(5); }));
                         },
                         std::move(tx))
                     .err);
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 5);
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty) << "its sender still lives";
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
  });
}

TEST(Isolate, EndsThatComeBackOutliveIt) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(2));
    Isolate isolate = system.create();
    auto back = isolate.run([](Sender<Number> out) { return out; }, std::move(tx));
    EXPECT_FALSE(isolate.close());
    EXPECT_FALSE(back.value.send([](Number::Builder n) { n.setValue(6); }));
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 6);
  });
}

TEST(Isolate, IsNeitherRunNorClosedWhileItRuns) {
  on_real_scheduler([](System& system) {
    Isolate isolate = system.create();
    auto [tx, rx] = system.channel<Number>(bounded(1));
    test::Thread runs([&, rx = std::move(rx)]() mutable {
      EXPECT_EQ(isolate
                    .run([](Receiver<Number> in) { return in.recv().or_raise()->getValue(); },
                         std::move(rx))
                    .value,
                9);
    });
    ASSERT_TRUE(eventually([&] { return isolate.is_running(); }));
    Isolate same = isolate;
    EXPECT_EQ(same.run([] {}).err, Code::isolate_running);
    EXPECT_EQ(same.close(), Code::isolate_running);
    EXPECT_FALSE(tx.send([](Number::Builder n) { n.setValue(9); }));
    runs.join();
    EXPECT_FALSE(same.close());
    EXPECT_EQ(same.close(), Code::isolate_not_found);
    EXPECT_EQ(same.run([] {}).err, Code::isolate_not_found);
  });
}

TEST(Isolate, ACallersDeadlineEndsTheWaitAndTheWaitsInside) {
  on_every_scheduler(
      [](System& system) {
        Isolate isolate = system.create();
        {
          Deadline soon{std::chrono::milliseconds(5)};
          auto ran = isolate.run([] { return sleep_for(std::chrono::hours(1)).code(); });
          EXPECT_TRUE(ran.err == Code::timeout || ran.value == Code::timeout);
        }
        ASSERT_TRUE(eventually([&] { return !isolate.is_running(); }));
        EXPECT_FALSE(isolate.close());
      },
      20);
}

}  // namespace
}  // namespace isola
