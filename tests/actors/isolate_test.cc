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
  // Covers: API-108
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

int free_function(int n) { return n + 1; }

struct Functions {
  static int member(int n) { return n + 2; }
  template <int kMore>
  static int more(int n) {
    return n + kMore;
  }
};
auto factory() { return &free_function; }

TEST(Isolate, RunsEveryKindOfFunctionWithoutState) {
  // Covers: API-103
  on_real_scheduler([](System& system) {
    Isolate isolate = system.create();
    const auto all = [&isolate] {
      EXPECT_EQ(isolate.run(&free_function, 1).or_raise(), 2);
      EXPECT_EQ(isolate.run(free_function, 1).or_raise(), 2);
      EXPECT_EQ(isolate.run(&Functions::member, 1).or_raise(), 3);
      EXPECT_EQ(isolate.run(&Functions::more<3>, 1).or_raise(), 4);
      EXPECT_EQ(isolate.run(factory(), 1).or_raise(), 2);
      EXPECT_EQ(isolate.run([](int n) { return n + 5; }, 1).or_raise(), 6);
      EXPECT_EQ(isolate.run([] { return current_isolate().id().to_string(); }).or_raise(),
                isolate.id().to_string());
    };
    all();
    test::Thread thread(all);
    thread.join();
  });
}

TEST(Isolate, ItsFunctionsAreWaitedForLater) {
  // Covers: API-130, API-132
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    auto nothing = isolate.run_async([] {});
    EXPECT_FALSE(nothing.get().err);
    EXPECT_EQ(nothing.get().err, Code::invalid_argument) << "its result was taken";
    auto number = isolate.run_async(&free_function, 1);
    auto [two, none] = number.get();
    EXPECT_FALSE(none);
    EXPECT_EQ(two, 2);
    auto failing = isolate.run_async([]() -> int { throw std::domain_error("no"); });
    EXPECT_TRUE(eventually([&] { return failing.is_ready(); }));
    auto [value, err] = failing.get();
    EXPECT_TRUE(err);
    EXPECT_EQ(value, 0);
    auto slow = isolate.run_async([] { return sleep_for(std::chrono::hours(1)).code(); });
    EXPECT_EQ(slow.get(std::chrono::milliseconds(1)).err, Code::timeout);
    EXPECT_FALSE(isolate.terminate());
    EXPECT_TRUE(slow.is_ready());
  });
}

TEST(Isolate, AFailureThatNobodyWaitsForIsReported) {
  // Covers: API-131
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    (void)isolate.run_async([]() -> int { throw std::domain_error("lost?"); });
    EXPECT_TRUE(eventually([&] { return system.failures() == 1; }));
    EXPECT_TRUE(eventually([&] { return !isolate.is_running().value; }));
    auto kept = isolate.run_async([]() -> int { throw std::domain_error("seen"); });
    EXPECT_EQ(kept.get().err.message(), "seen");
    EXPECT_EQ(system.failures(), 1u) << "somebody was there";
  });
}

TEST(Isolate, WhatItsFunctionThrowsComesBackAsARecord) {
  // Covers: API-077, API-096
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "score"});
    auto [value, err] = isolate.run([]() -> int { throw std::domain_error("no score"); });
    EXPECT_EQ(err.to_string(), "std::domain_error: no score (in score)");
    EXPECT_EQ(err.type(), "std::domain_error");
    EXPECT_EQ(err.message(), "no score");
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
    ASSERT_TRUE(eventually([&] { return isolate.is_running().value; }));
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
        ASSERT_TRUE(eventually([&] { return !isolate.is_running().value; }));
        EXPECT_FALSE(isolate.close());
      },
      20);
}

}  // namespace
}  // namespace isola
