// Isolates as a set: creating, listing, finding, ending, and what a handle says.
#include <isola/isola.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "tests/actors/isolate_ids.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::other_ids;

TEST(Isolates, AreListedInTheOrderOfTheirCreationMainFirst) {
  // Covers: API-001, API-019, API-020, API-030
  on_every_scheduler([](System& system) {
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate}));
    Isolate first = system.create();
    Isolate second = system.create({.name = "second"});
    EXPECT_FALSE(first.error());
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate, first.id(), second.id()}));
    EXPECT_LT(first.id(), second.id());
    static_assert(std::same_as<decltype(system.main().id()), IsolateId>);
    static_assert(std::same_as<decltype(system.current().id()), IsolateId>);
    static_assert(!std::convertible_to<IsolateId, uint64_t>);
    static_assert(!std::convertible_to<uint64_t, IsolateId>);
    std::ostringstream text;
    text << first.id();
    EXPECT_EQ(text.str(), first.id().to_string());
  });
}

TEST(Isolates, CreatedInsideOfAnIsolateAreSeenFromMain) {
  // Covers: API-004, API-005
  on_real_scheduler([](System& system) {
    Isolate a = system.create({.name = "A"});
    std::vector<IsolateId> seen;
    auto create = [] {
      return globals().set("kept", create_isolate({.name = "B"})).id().to_string();
    };
    test::Thread caller([&] {
      const std::string b = a.run(create).or_raise();
      seen = {kMainIsolate, a.id(), IsolateId::parse(b).or_raise()};
    });
    caller.join();
    EXPECT_EQ(other_ids(system), seen);
    EXPECT_EQ(system.find(seen[2]).or_raise().name(), "B");
    EXPECT_FALSE(a.close());
    EXPECT_TRUE(eventually([&] { return other_ids(system).size() == 1; }))
        << "its only handle was in the namespace of A";
  });
}

TEST(Isolates, LeaveTheListWhenTheyAreClosed) {
  // Covers: API-007, API-047, API-048, API-050
  on_every_scheduler([](System& system) {
    std::vector<Isolate> made{system.create(), system.create(), system.create()};
    EXPECT_FALSE(made[1].close());
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate, made[0].id(), made[2].id()}));
    EXPECT_FALSE(made[0].close());
    Isolate newest = system.create();
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate, made[2].id(), newest.id()}));
    EXPECT_EQ(made[1].close(), Code::isolate_not_found);
    EXPECT_FALSE(made[2].close());
    EXPECT_FALSE(newest.close());
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate}));
  });
}

TEST(Isolates, MainIsTheSameForEverybody) {
  // Covers: API-009, API-011, API-012, API-015, API-027, API-049
  on_real_scheduler([](System& system) {
    EXPECT_EQ(system.main().id(), kMainIsolate);
    EXPECT_EQ(System({.workers = 1}).main().id(), kMainIsolate) << "in another System, too";
    EXPECT_EQ(system.main(), system.main());
    EXPECT_EQ(std::hash<Isolate>()(system.main()), std::hash<Isolate>()(system.main()));
    EXPECT_EQ(system.main(), system.find(kMainIsolate).or_raise());
    EXPECT_EQ(system.main().name(), "main");
    EXPECT_EQ(system.current(), system.current());
    Isolate isolate = system.create();
    EXPECT_EQ(isolate.run([] { return main_isolate().id().to_string(); }).or_raise(),
              system.main().id().to_string());
    EXPECT_EQ(system.main().close(), Code::main_isolate);
    EXPECT_EQ(system.main().terminate(), Code::main_isolate);
    EXPECT_EQ(system.main().run([] {}).err, Code::main_isolate);
    Error from_thread;
    test::Thread thread([&] {
      EXPECT_EQ(system.current(), system.main());
      from_thread = system.main().close();
    });
    thread.join();
    EXPECT_EQ(from_thread, Code::main_isolate);
  });
}

TEST(Isolates, KnowWhichOneTheyAre) {
  // Covers: API-014, API-041
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "X"});
    EXPECT_EQ(isolate.run([] { return current_isolate().id().to_string(); }).or_raise(),
              isolate.id().to_string());
    EXPECT_NE(isolate, system.main());
    EXPECT_TRUE(isolate.run([] { return current_isolate().is_running().or_raise(); }).or_raise());
  });
}

TEST(Isolates, HandlesOutliveTheirIsolateAndItsSystem) {
  // Covers: API-042, API-091
  std::vector<Isolate> kept;
  {
    System system({.workers = 1});
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate
                     .run([] {
                       globals().set("kept on its own heap", isola::vector<int>(1000, 7));
                       globals().set("itself", current_isolate());
                     })
                     .err);
    kept = {isolate, system.main()};
    EXPECT_FALSE(isolate.terminate());
    EXPECT_EQ(isolate.is_running().err, Code::isolate_not_found);
    EXPECT_EQ(isolate.run([] { ADD_FAILURE(); }).err, Code::isolate_not_found);
    EXPECT_EQ(isolate.run_async([] { ADD_FAILURE(); }).get().err, Code::isolate_not_found);
    EXPECT_EQ(isolate.prepare("x", 1), Code::isolate_not_found);
    EXPECT_EQ(isolate.get<int>("x").err, Code::isolate_not_found);
    EXPECT_EQ(isolate.reset(), Code::isolate_not_found);
    EXPECT_EQ(isolate.terminate(), Code::isolate_not_found);
  }
  EXPECT_EQ(kept[0].run([] {}).err, Code::isolate_not_found);
  EXPECT_EQ(kept[1].id(), kMainIsolate);
}

TEST(Isolates, AreTheSameThroughEveryHandle) {
  // Covers: API-022, API-025, API-035, API-036
  on_every_scheduler([](System& system) {
    Isolate one = system.create();
    Isolate two = system.create();
    Isolate found = system.find(one.id()).or_raise();
    EXPECT_EQ(found, one);
    EXPECT_NE(found, two);
    EXPECT_FALSE(found.prepare("x", 3));
    EXPECT_EQ(one.get<int>("x").or_raise(), 3);
    std::unordered_set<Isolate> set{one, two, found};
    EXPECT_EQ(set.size(), 2u);
    const std::vector<Isolate> listed = system.isolates();
    EXPECT_EQ(std::count(listed.begin(), listed.end(), one), 1);
    EXPECT_FALSE(found.close());
    EXPECT_TRUE(set.contains(one)) << "also after it is gone";
    EXPECT_EQ(one.is_running().err, Code::isolate_not_found);
  });
}

TEST(Isolates, IdsComeFromTextOrNotAtAll) {
  // Covers: API-057
  on_every_scheduler([](System& system) {
    for (const char* text :
         {"", "-1", "1.5", "x", "0x1", " 1", "1 ", "18446744073709551615", "18446744073709551616"})
      EXPECT_EQ(IsolateId::parse(text).err, Code::invalid_argument) << text;
    const IsolateId forged = IsolateId::parse("999999").or_raise();
    EXPECT_EQ(system.find(forged).err, Code::isolate_not_found);
    EXPECT_EQ(system.find(IsolateId()).err, Code::isolate_not_found);
    static_assert(!std::constructible_from<IsolateId, std::string>);
    static_assert(!std::constructible_from<IsolateId, double>);
    static_assert(!std::constructible_from<IsolateId, std::nullptr_t>);
  });
}

TEST(Isolates, OfAWrongNameAreNotMade) {
  // Covers: API-002
  on_every_scheduler([](System& system) {
    for (const std::string& name : {std::string("caf\xe9"), std::string("a\0b", 3)}) {
      Isolate isolate = system.create({.name = name});
      EXPECT_EQ(isolate.error(), Code::invalid_argument);
      EXPECT_EQ(isolate.run([] {}).err, Code::invalid_argument);
    }
    EXPECT_EQ(system.create({.name = "caf\xe9"}).error().message(),
              "the name of an isolate is UTF-8 without NUL, and byte 3 is not");
    EXPECT_EQ(other_ids(system).size(), 1u);
  });
}

TEST(Isolates, SayWhoMadeThem) {
  // Covers: API-034
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_EQ(system.main().origin(), Origin::runtime);
    EXPECT_EQ(isolate.origin(), Origin::user);
    const auto from_inside = isolate.run([] {
      std::string origins;
      for (const Isolate& each : isolates())
        origins += each.origin() == Origin::runtime ? 'r' : 'u';
      return origins;
    });
    std::string from_outside;
    for (const Isolate& each : system.isolates())
      from_outside += each.origin() == Origin::runtime ? 'r' : 'u';
    EXPECT_EQ(from_inside.value, from_outside);
    EXPECT_EQ(from_outside[0], 'r');
    static_assert(std::is_same_v<decltype(isolate.origin()), Origin>, "a value, not a reference");
  });
}

TEST(Isolates, ReportTheirOptions) {
  // Covers: API-150, API-152
  on_every_scheduler([](System& system) {
    EXPECT_EQ(system.create().options(), system.create({}).options());
    const IsolateOptions defaults = system.create().options();
    EXPECT_EQ(defaults, (IsolateOptions{.dispatcher = "default"}));
    const IsolateOptions all{.name = "all",
                             .heap_quota = 1_MiB,
                             .dispatcher = "default",
                             .pinned = true,
                             .priority = Priority::high,
                             .reset_after_each_run = true};
    EXPECT_EQ(system.create(all).options(), all);
    IsolateOptions quota = defaults;
    quota.heap_quota = 5_KiB;
    EXPECT_EQ(system.create({.heap_quota = 5_KiB}).options(), quota);
  });
}

TEST(Isolates, ReportEachOptionThatWasSetAndDefaultsForTheOthers) {
  // Covers: API-146
  on_every_scheduler([](System& system) {
    const IsolateOptions defaults{.dispatcher = "default"};
    EXPECT_EQ(defaults.name, "");
    EXPECT_EQ(defaults.heap_quota, UINT64_MAX);
    EXPECT_FALSE(defaults.pinned);
    EXPECT_EQ(defaults.priority, Priority::normal);
    EXPECT_FALSE(defaults.reset_after_each_run);
    EXPECT_TRUE(defaults.handles_signals);
    EXPECT_EQ(system.create().options(), defaults);
    IsolateOptions all = defaults;
    const auto expect_single = [&](auto set) {
      IsolateOptions given;
      set(given);
      IsolateOptions expected = defaults;
      set(expected);
      EXPECT_NE(given, IsolateOptions()) << "it was set";
      EXPECT_EQ(system.create(given).options(), expected);
      set(all);
    };
    expect_single([](IsolateOptions& options) { options.name = "named"; });
    expect_single([](IsolateOptions& options) { options.heap_quota = 12_KiB; });
    expect_single([](IsolateOptions& options) { options.dispatcher = "default"; });
    expect_single([](IsolateOptions& options) { options.pinned = true; });
    for (const Priority priority : {Priority::low, Priority::high})
      expect_single([priority](IsolateOptions& options) { options.priority = priority; });
    expect_single([](IsolateOptions& options) { options.reset_after_each_run = true; });
    expect_single([](IsolateOptions& options) { options.handles_signals = false; });
    EXPECT_EQ(system.create(all).options(), all);
  });
  System system({.workers = 1, .dispatchers = {{"io", 1, {}}}});
  IsolateOptions elsewhere{.dispatcher = "io"};
  EXPECT_EQ(system.create(elsewhere).options(), elsewhere);
}

TEST(Isolates, EndWithTheirLastHandle) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    {
      Isolate isolate = system.create();
      EXPECT_FALSE(
          isolate
              .run([](Sender<Number> end) { globals().set("end", std::move(end)); }, std::move(tx))
              .err);
      Isolate copy = isolate;
      isolate = Isolate();
      EXPECT_EQ(rx.try_recv().err, Code::channel_empty) << "there is another handle";
    }
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_TRUE(eventually([&] { return other_ids(system).size() == 1; }));
  });
}

TEST(Isolates, ThatRunWithoutAHandleEndAfterwards) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto receive = [](Receiver<Number> in) { return in.recv().or_raise()->getValue(); };
    auto future = system.create().run_async(receive, std::move(rx));
    EXPECT_FALSE(tx.send([](Number::Builder n) { n.setValue(4); }));
    EXPECT_EQ(future.get().or_raise(), 4);
    EXPECT_TRUE(eventually([&] { return other_ids(system).size() == 1; }));
  });
}

TEST(Isolates, MayCloseTheirSiblings) {
  // Covers: API-052
  on_every_scheduler([](System& system) {
    Isolate a = system.create({.name = "a"});
    Isolate b = system.create({.name = "b"});
    EXPECT_FALSE(a.run(
                      [](std::string sibling) {
                        Isolate c = create_isolate({.name = "c"});
                        find_isolate(IsolateId::parse(sibling).or_raise()).or_raise().close();
                        EXPECT_FALSE(c.close());
                        EXPECT_EQ(current_isolate().close(), Code::isolate_running);
                        EXPECT_EQ(current_isolate().terminate(), Code::isolate_running);
                      },
                      b.id().to_string())
                     .err);
    EXPECT_EQ(b.close(), Code::isolate_not_found);
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate, a.id()}));
  });
}

TEST(Isolates, AreTerminatedWhileTheyRun) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    auto forever = isolate.run_async([] {
      globals().set("started", true);
      return sleep_for(std::chrono::hours(1)).code() == Code::ok;
    });
    EXPECT_EQ(isolate.close(), Code::isolate_running);
    EXPECT_FALSE(isolate.terminate());
    EXPECT_TRUE(forever.get().err);
    EXPECT_EQ(isolate.terminate(), Code::isolate_not_found);
  });
}

TEST(Isolates, WithABehaviourAreActors) {
  struct Keeper : Actor<Keeper, Number> {
    void on(Number::Reader n) { globals().set("last", n.getValue()); }
  };
  on_every_scheduler([](System& system) {
    auto keeper = system.spawn<Keeper>({.name = "keeper"});
    Isolate isolate = system.find(IsolateId::from_word(keeper.id())).or_raise();
    EXPECT_EQ(isolate.name(), "keeper");
    EXPECT_FALSE(keeper.send<Number>([](Number::Builder n) { n.setValue(8); }));
    EXPECT_TRUE(eventually([&] { return isolate.get<int64_t>("last").value == 8; }));
    EXPECT_FALSE(isolate.reset());
    EXPECT_EQ(isolate.get<int64_t>("last").err.type(), "isola::NoSuchName");
    EXPECT_FALSE(keeper.send<Number>([](Number::Builder n) { n.setValue(9); }))
        << "its address and inbox stay";
    EXPECT_TRUE(eventually([&] { return isolate.get<int64_t>("last").value == 9; }));
    ActorRef function = system.spawn([] { sleep_for(std::chrono::hours(1)); });
    Isolate runs = system.find(IsolateId::from_word(function.id())).or_raise();
    EXPECT_EQ(runs.run([] {}).err, Code::isolate_running);
    EXPECT_EQ(runs.close(), Code::isolate_running);
    EXPECT_FALSE(runs.terminate());
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(keeper.send<Number>(), Code::no_such_actor);
  });
}

}  // namespace
}  // namespace isola
