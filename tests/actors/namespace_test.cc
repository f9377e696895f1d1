// The namespace of an isolate: prepare, get, reset, and what runs inside.
#include <isola/actors/namespace.h>

#include <isola/isola.h>

#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::on_every_scheduler;

TEST(Namespaces, HoldWhatWasPreparedForTheRun) {
  // Covers: API-061, API-062
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate.prepare("threshold", 0.5, "label", "a text"));
    auto read = [] {
      return std::to_string(globals().get<double>("threshold") > 0.4) +
             globals().get<std::string>("label");
    };
    EXPECT_EQ(isolate.run(read).or_raise(), "1a text");
    std::vector<NamedValue> values;
    for (int i = 0; i < 3; ++i) values.push_back(named("value " + std::to_string(i), i * i));
    EXPECT_FALSE(isolate.prepare(std::move(values)));
    EXPECT_EQ(isolate.run([] { return globals().get<int>("value 2"); }).or_raise(), 4);
    EXPECT_EQ(isolate.get<int>("value 1").or_raise(), 1);
  });
}

TEST(Namespaces, RefuseAnEmptyListAndWhatIsNoName) {
  // Covers: API-069
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_EQ(isolate.prepare(std::vector<NamedValue>()), Code::invalid_argument);
    EXPECT_FALSE(isolate.prepare("a", 1));
    const std::string with_nul("a\0b", 3);
    for (const std::string& name : {std::string(), with_nul, std::string("\xff"),
                                    std::string(1025, 'x')}) {
      EXPECT_EQ(isolate.prepare(name, 2), Code::invalid_argument);
      EXPECT_EQ(isolate.get<int>(name).err, Code::invalid_argument);
      EXPECT_EQ(system.main().prepare(name, 2), Code::invalid_argument);
    }
    EXPECT_EQ(isolate.get<int>("a").or_raise(), 1) << "not the name that is cut at the NUL";
    EXPECT_EQ(isolate.prepare(with_nul, 2).message(),
              "a name in a namespace is UTF-8 without NUL, and byte 1 is not");
    EXPECT_EQ(isolate.run([] { globals().set("", 1); }).err.type(), "std::invalid_argument");
  });
}

TEST(Namespaces, BindAllValuesOrNone) {
  // Covers: API-065
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.heap_quota = 4_KiB});
    EXPECT_FALSE(isolate.prepare("kept", 1));
    std::vector<NamedValue> values;
    values.push_back(named("kept", 2));
    for (int i = 0; i < 200; ++i) values.push_back(named("value " + std::to_string(i), i));
    const Error error = isolate.prepare(std::move(values));
    EXPECT_EQ(error, Code::failed);
    EXPECT_EQ(error.type(), "isola::HeapQuotaExceeded");
    EXPECT_EQ(isolate.get<int>("kept").or_raise(), 1) << "not even this one";
    EXPECT_EQ(isolate.run([] { return globals().size(); }).or_raise(), 1u);
    EXPECT_EQ(isolate.prepare("first", 1, std::string(2000, 'n'), 2), Code::invalid_argument);
    EXPECT_EQ(isolate.run([] { return globals().size(); }).or_raise(), 1u);
  });
}

TEST(Namespaces, AreNotPreparedWhileTheIsolateRuns) {
  // Covers: API-066, API-039, API-054, API-082
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate.is_running().or_raise());
    EXPECT_FALSE(isolate.prepare("x", 1));
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto running = isolate.run_async(
        [](Receiver<Number> in) {
          in.recv().or_raise();
          return globals().get<int>("x");
        },
        std::move(rx));
    EXPECT_TRUE(isolate.is_running().or_raise());
    const Error refused = isolate.prepare("x", 2);
    EXPECT_EQ(refused, Code::isolate_running);
    EXPECT_NE(refused.message().find("running"), std::string::npos);
    EXPECT_EQ(isolate.run([] { ADD_FAILURE(); }).err, Code::isolate_running);
    EXPECT_EQ(isolate.close(), Code::isolate_running);
    EXPECT_EQ(isolate.reset(), Code::isolate_running);
    EXPECT_FALSE(tx.send([](Number::Builder n) { n.setValue(0); }));
    EXPECT_EQ(running.get().or_raise(), 1) << "undisturbed, and bound as before";
    EXPECT_FALSE(isolate.is_running().or_raise());
  });
}

TEST(Namespaces, AreWrittenInsideAndOutlastTheRun) {
  // Covers: API-070, API-073
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate.prepare("text", "", "number", 7));
    auto rewrite = [] {
      Namespace& names = globals();
      EXPECT_TRUE(names.contains("text")) << "bound, and empty";
      EXPECT_EQ(names.find<std::string>("nothing"), nullptr);
      names.set("number", std::to_string(names.get<int>("number") + 1));
      names.set("list", isola::vector<int>{1, 2, 3});
      names.get<std::string>("text") += "now full";
      EXPECT_TRUE(names.set("gone", 1) == 1 && names.erase("gone") && !names.erase("gone"));
    };
    EXPECT_FALSE(isolate.run(rewrite).err);
    EXPECT_EQ(isolate.get<std::string>("number").or_raise(), "8");
    EXPECT_EQ(isolate.get<std::string>("text").or_raise(), "now full");
    auto next = [] {
      EXPECT_EQ(globals().names(), (std::vector<std::string>{"list", "number", "text"}));
      return static_cast<int>(globals().get<isola::vector<int>>("list").size());
    };
    EXPECT_EQ(isolate.run(next).or_raise(), 3);
  });
}

TEST(Namespaces, SayWhatTheyDoNotHave) {
  // Covers: API-099
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "score"});
    EXPECT_FALSE(isolate.prepare("there", 1));
    const Error missing = isolate.run([] { return globals().get<int>("not there"); }).err;
    EXPECT_EQ(missing.to_string(),
              "isola::NoSuchName: no value \"not there\" in the namespace of score (in score)");
    const Error wrong = isolate.run([] { return globals().get<double>("there"); }).err;
    EXPECT_EQ(wrong.to_string(),
              "isola::WrongType: \"there\" in the namespace of score is of type int, not double "
              "(in score)");
    EXPECT_EQ(isolate.get<int>("not there").err.to_string(), missing.to_string());
    EXPECT_EQ(isolate.get<double>("there").err.to_string(), wrong.to_string());
    EXPECT_EQ(system.main().get<int>("not there").err.type(), "isola::NoSuchName");
  });
}

TEST(Namespaces, AreEachIsolatesOwn) {
  // Covers: API-123
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate.prepare("count", 0));
    EXPECT_FALSE(system.main().prepare("count", 0));
    auto get = [] { return globals().get<int>("count"); };
    auto increase = [](int by) { globals().get<int>("count") += by; };
    EXPECT_EQ(isolate.run(get).or_raise(), 0);
    EXPECT_FALSE(isolate.run(increase, 1).err);
    EXPECT_EQ(isolate.run(get).or_raise(), 1);
    EXPECT_FALSE(isolate.run(increase, 3).err);
    EXPECT_EQ(isolate.run(get).or_raise(), 4);
    EXPECT_EQ(system.main().get<int>("count").or_raise(), 0);
    // No block is left at the end, though nobody takes this out again.
    EXPECT_FALSE(system.main().prepare("kept", system.compose<Number>()));
  });
}

TEST(Namespaces, AreClearedByReset) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    Isolate isolate = system.create({.name = "kept"});
    auto leave = [](Sender<Number> end) {
      globals().set("value", 1);
      globals().set("end", std::move(end));
      (void)heap().allocate(3000);  // nobody frees it
    };
    EXPECT_FALSE(isolate.run(leave, std::move(tx)).err);
    EXPECT_GE(isolate.heap_bytes(), 3000u);
    const IsolateId before = isolate.id();
    EXPECT_FALSE(isolate.reset());
    EXPECT_EQ(isolate.heap_bytes(), 0u);
    EXPECT_EQ(rx.recv().err, Code::channel_closed) << "what was bound is destroyed";
    EXPECT_EQ(isolate.id(), before);
    EXPECT_EQ(isolate.name(), "kept");
    EXPECT_EQ(isolate.get<int>("value").err.type(), "isola::NoSuchName");
    EXPECT_EQ(isolate.run([] { return 5; }).or_raise(), 5);
    EXPECT_EQ(system.main().reset(), Code::main_isolate);
  });
}

TEST(Namespaces, AreClearedAfterEachRunIfSoWanted) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.reset_after_each_run = true});
    EXPECT_FALSE(isolate.prepare("given", 2)) << "what is prepared is for the next run";
    EXPECT_EQ(isolate.run([] { return globals().get<int>("given"); }).or_raise(), 2);
    EXPECT_EQ(isolate.get<int>("given").err.type(), "isola::NoSuchName");
    EXPECT_EQ(isolate.run([]() -> int { throw std::runtime_error("also then"); }).err.message(),
              "also then");
    EXPECT_EQ(isolate.heap_bytes(), 0u);
  });
}

TEST(Namespaces, ThatAnIsolateDoesNotUseCostItNothing) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_EQ(isolate.run([] { return 1; }).or_raise(), 1);
    EXPECT_EQ(isolate.heap_bytes(), 0u);
  });
}

}  // namespace
}  // namespace isola
