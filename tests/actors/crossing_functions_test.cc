// Arguments, results, functions and handles on their way into an isolate and back.
#include <isola/actors/encoded.h>
#include <isola/actors/registered_function.h>
#include <isola/isola.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Every;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::Point;

struct Plain {
  std::string text;
};
struct WithPointer {
  int number;
  int* pointer;
};

TEST(CrossingOfFunctions, GivesResultMessagesWhereTheyWereComposed) {
  // Covers: API-109
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    auto make = [] {
      auto every = compose<Every>();
      every->initNested().setText("nested");
      auto lists = every->initLists(2);
      lists.init(1, 2).set(1, 9);
      const auto inside = every->asReader();
      globals().set("address", reinterpret_cast<uintptr_t>(inside.getNested().getText().cStr()));
      return every;
    };
    auto back = isolate.run(make).or_raise();
    EXPECT_EQ(back->getNested().getText(), "nested");
    EXPECT_EQ(back->getLists()[1][1], 9);
    const auto reader = *back;
    EXPECT_EQ(isolate.get<uintptr_t>("address").or_raise(),
              reinterpret_cast<uintptr_t>(reader.getNested().getText().cStr()));
  });
}

std::string joined(int8_t a, std::string b, double c, std::vector<int> d, bool e, Plain f,
                   Delivery<Note> g) {
  return std::to_string(a) + b + std::to_string(c) + std::to_string(d.at(1)) + (e ? "yes" : "no") +
         f.text + g->getText().cStr();
}

TEST(CrossingOfFunctions, PutsEveryArgumentInItsPlace) {
  // Covers: API-117, API-118
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_EQ(isolate.run([] { return 1; }).or_raise(), 1);
    EXPECT_EQ(isolate.run([](char c) { return c; }, 'x').or_raise(), 'x');
    auto note = system.compose<Note>();
    note->setText("last");
    EXPECT_EQ(isolate
                  .run(&joined, int8_t{-1}, std::string("two"), 3.5, std::vector<int>{4, 5}, true,
                       Plain{"plain"}, Delivery<Note>(std::move(note)))
                  .or_raise(),
              "-1two3.5000005yesplainlast");
    auto defaults = [](Delivery<Point> point, Delivery<Every> every) {
      EXPECT_EQ(point->getX(), 1.5);
      EXPECT_EQ(point->getY(), 4.0) << "this one was set";
      EXPECT_EQ(point->getTag(), 0);
      EXPECT_FALSE(point->getSet());
      EXPECT_EQ(every->getInt8(), -1);
      EXPECT_EQ(every->getUint8(), 255);
      EXPECT_EQ(every->getFloat64(), 1.5);
      EXPECT_EQ(every->getText(), "as in the schema");
      EXPECT_EQ(every->getNested().getUint8(), 255);
    };
    auto point = system.compose<Point>();
    point->setY(4.0);
    EXPECT_FALSE(isolate
                     .run(defaults, Delivery<Point>(std::move(point)),
                          Delivery<Every>(system.compose<Every>()))
                     .err);
  });
}

TEST(CrossingOfFunctions, RefusesResultsThatDoNotFit) {
  // Covers: API-112
  static_assert(!Sendable<std::unique_ptr<int>> && !Sendable<WithPointer>);
  System system(test::quiet({.workers = 1, .pool_bytes_max = 1 << 20}));
  Isolate isolate = system.create();
  auto large = [] {
    auto note = compose<Note>();
    note->initText(8 << 20);
    return note;
  };
  EXPECT_EQ(isolate.run(large).err, Code::pool_exhausted);
  auto bad = [](Encoded<Note> bytes) { return bytes.read().or_raise()->getText().size(); };
  auto note = system.compose<Note>();
  note->setText(std::string(1000, 'x'));
  const auto bytes = write_message(note).value;
  const Encoded<Note> limited(Blob::copy_of(bytes), {.bytes_max = 100});
  EXPECT_EQ(isolate.run(bad, limited).err, Code::message_too_large);
  auto hand_on = [](Encoded<Note> given) { return Delivery<Note>(given); };
  EXPECT_EQ(isolate.run(hand_on, limited).err, Code::message_too_large);
  EXPECT_EQ(isolate.run([] { return 5; }).or_raise(), 5) << "it can be used as before";
  EXPECT_EQ(isolate.run(hand_on, Encoded<Note>(Blob::copy_of(bytes))).or_raise()->getText().size(),
            1000u);
}

TEST(CrossingOfFunctions, OfBytesThatAreNoMessageFailsInTheIsolate) {
  // Covers: API-097
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "reader"});
    static bool ran;
    ran = false;
    auto at_start = [](Delivery<Note>) { ran = true; };
    auto later = [](Encoded<Note> note) {
      ran = true;
      (void)note.read().or_raise();
      ADD_FAILURE() << "nothing runs behind it";
    };
    auto note = system.compose<Note>();
    note->setText("good");
    const Blob bytes = Blob::copy_of(write_message(note).value);
    const Encoded<Note> rubbish(bytes.slice(0, bytes.size() - 8));
    const Error first = isolate.run(at_start, rubbish).err;
    EXPECT_FALSE(ran);
    const Error second = isolate.run(later, rubbish).err;
    EXPECT_TRUE(ran);
    for (const Error& error : {first, second}) {
      EXPECT_EQ(error, Code::bad_message);
      EXPECT_EQ(error.type(), "bad_message");
      EXPECT_EQ(error.actor(), "reader");
      EXPECT_EQ(error.message_type(), "Note");
      EXPECT_NE(error.message(), "") << "what is wrong with it, and where";
    }
    EXPECT_EQ(first.message(), second.message());
    const Encoded<Note> good(bytes);
    auto text = [](Delivery<Note> in) { return std::string(in->getText().cStr()); };
    EXPECT_EQ(isolate.run(text, good).or_raise(), "good");
  });
}

int twice(int n) { return 2 * n; }
int thrice(int n) { return 3 * n; }

TEST(CrossingOfFunctions, IsForFunctionsWithoutCaptures) {
  // Covers: API-110, API-114
  register_function("twice", &twice);
  on_every_scheduler([](System& system) {
    struct Adder : Actor<Adder, Number> {
      void on(Number::Reader n) { globals().set("got", n.getValue()); }
    };
    Isolate isolate = system.create();
    using Pointer = int (*)(int);
    Pointer chosen = isolate.run([] { return &twice; }).or_raise();
    EXPECT_EQ(chosen, &twice);
    EXPECT_EQ(chosen(4), 8);
    EXPECT_EQ(isolate.run(chosen, 5).or_raise(), 10);
    EXPECT_EQ(isolate.run([](Pointer f) { return f; }, &thrice).or_raise(), &thrice);
    EXPECT_EQ(isolate.run([](Pointer f, int n) { return f(n); }, &thrice, 5).or_raise(), 15);
    auto lambda = [](int n) { return n + 1; };
    EXPECT_EQ(isolate.run([](decltype(lambda) f) { return f; }, lambda).or_raise()(1), 2);
    using Named = RegisteredFunction<int(int)>;
    const Named named("twice");
    const Named back = isolate
                           .run(
                               [](Named f) {
                                 EXPECT_EQ(f(21), 42);
                                 return f;
                               },
                               named)
                           .or_raise();
    EXPECT_EQ(back, named);
    EXPECT_EQ(back.find(system.pool()).or_raise(), &twice);
    auto address = system.spawn<Adder>();
    auto same = isolate.run([](Address<Number> to) { return to; }, address).or_raise();
    EXPECT_EQ(same, address);
    EXPECT_FALSE(same.send<Number>([](Number::Builder n) { n.setValue(6); }));
    Isolate of_actor = system.find(IsolateId::from_word(address.id())).or_raise();
    EXPECT_TRUE(test::eventually([&] { return of_actor.get<int64_t>("got").value == 6; }));
  });
}

TEST(CrossingOfFunctions, OfANameThatNoFunctionHasIsAnError) {
  // Covers: API-083
  register_function("twice", &twice);
  EXPECT_NO_THROW(register_function("twice", &twice)) << "the same once more";
  EXPECT_THROW(register_function("twice", &thrice), std::logic_error);
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.name = "score"});
    EXPECT_EQ(isolate.run(RegisteredFunction<int(int)>("twice"), 4).or_raise(), 8);
    const Error unknown = isolate.run(RegisteredFunction<int(int)>("twcie"), 4).err;
    EXPECT_EQ(unknown, Code::unknown_function);
    EXPECT_EQ(unknown.message(), "no function \"twcie\"; there is \"twice\"");
    const Error wrong = isolate.run_async(RegisteredFunction<int()>("twice")).get().err;
    EXPECT_EQ(wrong, Code::unknown_function);
    EXPECT_EQ(wrong.message(), "the function \"twice\" is of type int (*)(int), not int (*)()");
    auto inside = [] { return RegisteredFunction<void()>("nothing")(); };
    const Error called = isolate.run(inside).err;
    EXPECT_EQ(called.type(), "isola::NoSuchFunction");
    EXPECT_EQ(called.message(), "no function \"nothing\"; there is \"twice\"");
    EXPECT_EQ(Isolate().run(RegisteredFunction<int(int)>("twice"), 1).err, Code::isolate_not_found);
  });
}

std::string here() { return current_isolate().id().to_string(); }
struct Forms {
  static std::string member() { return here(); }
  std::string operator()() const { return here(); }
};
struct Overloaded {
  std::string operator()(int) const { return here(); }
  std::string operator()(std::string) const { return here() + "!"; }
};
template <int kTimes>
std::string instance() {
  return here();
}
auto factory() { return &here; }

TEST(CrossingOfFunctions, RunsEveryFormOfFunctionAndEachKnowsWhereItIs) {
  // Covers: API-125
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    const std::string id = isolate.id().to_string();
    EXPECT_EQ(isolate.run(here).or_raise(), id);
    EXPECT_EQ(isolate.run(&Forms::member).or_raise(), id);
    EXPECT_EQ(isolate.run(factory()).or_raise(), id);
    EXPECT_EQ(isolate.run(&instance<3>).or_raise(), id);
    EXPECT_EQ(isolate.run([] { return here(); }).or_raise(), id);
    EXPECT_EQ(isolate.run([](auto) { return here(); }, 1).or_raise(), id);
    EXPECT_EQ(isolate.run(Forms()).or_raise(), id);
    EXPECT_EQ(isolate.run(Overloaded(), 1).or_raise(), id);
    EXPECT_EQ(isolate.run(Overloaded(), std::string()).or_raise(), id + "!");
    EXPECT_EQ(isolate.run_async(Forms()).get().or_raise(), id);
    EXPECT_NE(id, system.current().id().to_string());
  });
}

TEST(CrossingOfFunctions, KeepsHandlesUsableBeyondTheEndOfTheirIsolate) {
  // Covers: API-017
  on_every_scheduler([](System& system) {
    Isolate x = system.create({.name = "X"});
    auto [tx, rx] = system.channel<Every>(bounded(1));
    Isolate returned = x.run([] {
                          (void)heap().allocate(1000);
                          return current_isolate();
                        }).or_raise();
    auto send = [](Sender<Every> out) {
      auto every = out.compose();
      every->setAttached(every.attach(current_isolate()));
      EXPECT_FALSE(out.send(std::move(every)));
    };
    EXPECT_FALSE(x.run(send, std::move(tx)).err);
    EXPECT_EQ(returned, x);
    EXPECT_EQ(returned.run([] { return 3; }).or_raise(), 3);
    const IsolateId id = x.id();
    EXPECT_FALSE(x.terminate());
    auto message = rx.recv().or_raise();
    Isolate sent = message.attached<Isolate>(message->getAttached()).or_raise();
    for (Isolate& handle : {std::ref(returned), std::ref(sent)}) {
      EXPECT_EQ(handle.id(), id);
      EXPECT_EQ(handle.run([] { ADD_FAILURE(); }).err, Code::isolate_not_found);
      EXPECT_EQ(handle.is_running().err, Code::isolate_not_found);
      EXPECT_EQ(handle.heap_bytes(), 0u);
      EXPECT_EQ(handle.close(), Code::isolate_not_found);
    }
  });
}

}  // namespace
}  // namespace isola
