// Threads, timers and end hooks of an isolate.
#include <isola/actors/background.h>

#include <isola/isola.h>

#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Number;
using test::on_every_scheduler;

void number(const Sender<Number>& out, int value) {
  EXPECT_FALSE(out.send([value](Number::Builder n) { n.setValue(value); }));
}
int64_t next(const Receiver<Number>& in) { return in.recv().or_raise()->getValue(); }

// Sends what it gets, and one more when there is no more.
void pass_on(Receiver<Number> in, Sender<Number> out) {
  for (auto& got : in) number(out, static_cast<int>(got->getValue()));
  number(out, 100);
}

TEST(Background, ThreadsOfAnIsolateGoOnWhenItsFunctionHasReturned) {
  // Covers: API-043, API-085, API-088
  on_every_scheduler([](System& system) {
    auto [in_tx, in_rx] = system.channel<Number>(bounded(8));
    auto [out_tx, out_rx] = system.channel<Number>(bounded(8));
    Isolate isolate = system.create({.name = "keeper"});
    auto start = [](Receiver<Number> in, Sender<Number> out) {
      number(out, 1);
      const ActorRef thread = start_thread(&pass_on, std::move(in), out.clone());
      globals().set("thread", thread);
      globals().set("out", std::move(out));
    };
    EXPECT_FALSE(isolate.run(start, std::move(in_rx), std::move(out_tx)).err);
    EXPECT_FALSE(isolate.is_running().or_raise()) << "the thread does not make it running";
    EXPECT_EQ(next(out_rx), 1);
    number(in_tx, 2);
    EXPECT_EQ(next(out_rx), 2) << "its work goes on";
    EXPECT_FALSE(isolate
                     .run([] {
                       EXPECT_TRUE(globals().get<ActorRef>("thread").is_alive());
                       number(globals().get<Sender<Number>>("out"), 3);
                     })
                     .err);
    number(in_tx, 4);
    in_tx = Sender<Number>();
    auto join = [] {
      EXPECT_FALSE(globals().get<ActorRef>("thread").join());
      number(globals().get<Sender<Number>>("out"), 5);
    };
    EXPECT_FALSE(isolate.run(join).err);
    for (const int expected : {3, 4, 100, 5}) EXPECT_EQ(next(out_rx), expected);
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(out_rx.recv().err, Code::channel_closed);
  });
}

TEST(Background, TimersOfAnIsolateFireLater) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(8));
    Isolate isolate = system.create();
    auto start = [](Sender<Number> out) {
      const ActorRef taken_back = start_timer(std::chrono::hours(1), [] { ADD_FAILURE(); });
      start_timer(
          2ms, [](Sender<Number> to) { number(to, 2); }, out.clone());
      number(out, 1);
      taken_back.kill();
    };
    EXPECT_FALSE(isolate.run(start, std::move(tx)).err);
    EXPECT_FALSE(isolate.is_running().or_raise());
    EXPECT_EQ(next(rx), 1);
    EXPECT_EQ(next(rx), 2);
    EXPECT_EQ(rx.recv().err, Code::channel_closed);
    EXPECT_FALSE(isolate.close());
  });
}

TEST(Background, CloseRunsTheEndHooksAndThenJoinsTheThreads) {
  // Covers: API-055
  on_every_scheduler([](System& system) {
    auto [out_tx, out_rx] = system.channel<Number>(bounded(8));
    auto [in_tx, in_rx] = system.channel<Number>(bounded(8));
    Isolate isolate = system.create();
    auto start = [](Sender<Number> to_thread, Receiver<Number> in, Sender<Number> out) {
      start_thread(&pass_on, std::move(in), out.clone());
      start_timer(
          1ms, [](Sender<Number> to) { number(to, 50); }, out.clone());
      at_end(
          [](Sender<Number> to, std::string text) {
            EXPECT_EQ(text, "argument");
            EXPECT_EQ(globals().get<int>("still"), 7);
            number(to, 2);
          },
          std::move(out), std::string("argument"));
      // The youngest runs first, and ends what the thread waits for.
      at_end([](Sender<Number> to) { EXPECT_FALSE(to.close()); }, std::move(to_thread));
      at_end([] { throw std::runtime_error("is reported"); });
      globals().set("still", 7);
    };
    EXPECT_FALSE(isolate.run(start, std::move(in_tx), std::move(in_rx), std::move(out_tx)).err);
    EXPECT_FALSE(isolate.is_running().or_raise());
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(system.failures(), 1u);
    std::vector<int64_t> seen;
    // All of it is there, without waiting.
    while (auto got = out_rx.try_recv()) seen.push_back(got.value->getValue());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (std::vector<int64_t>{2, 50, 100}));
    EXPECT_EQ(out_rx.try_recv().err, Code::channel_closed);
    EXPECT_EQ(isolate.close(), Code::isolate_not_found);
  });
}

TEST(Background, EveryEndInOrderRunsTheHooks) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(8));
    auto leave = [](Sender<Number> out, int value) {
      at_end([](Sender<Number> to, int n) { number(to, n); }, std::move(out), value);
    };
    EXPECT_FALSE(system.create().run(leave, tx.clone(), 1).err);  // its last handle
    EXPECT_EQ(next(rx), 1);
    EXPECT_FALSE(system.spawn(leave, tx.clone(), 2).join());  // a function actor returns
    EXPECT_EQ(next(rx), 2);
    auto fail = [](Sender<Number> out) {
      at_end([](Sender<Number> to) { number(to, 3); }, std::move(out));
      start_thread([] { (void)sleep_for(std::chrono::hours(1)); });
      throw std::runtime_error("failed");
    };
    EXPECT_EQ(system.spawn(fail, tx.clone()).join().message(), "failed");
    EXPECT_EQ(next(rx), 3);
    struct Keeper : Actor<Keeper, Number> {
      explicit Keeper(Sender<Number> out) {
        at_end([](Sender<Number> to) { number(to, 4); }, std::move(out));
      }
      void on(Number::Reader) {}
    };
    auto keeper = system.spawn<Keeper>(tx.clone());
    keeper.stop();
    EXPECT_EQ(next(rx), 4);
    auto stopped = [](Sender<Number> out) {
      at_end([](Sender<Number> to) { number(to, 6); }, out.clone());
      number(out, 7);
      (void)sleep_for(std::chrono::hours(1));
    };
    const ActorRef function = system.spawn(stopped, tx.clone());
    EXPECT_EQ(next(rx), 7);
    function.stop();
    EXPECT_EQ(next(rx), 6);
    EXPECT_FALSE(function.join());
    auto killed = [](Sender<Number> out) {
      at_end([](Sender<Number> to) { number(to, 5); }, out.clone());
      start_thread([](Sender<Number>) { (void)sleep_for(std::chrono::hours(1)); }, std::move(out));
    };
    Isolate isolate = system.create();
    EXPECT_FALSE(isolate.run(killed, std::move(tx)).err);
    EXPECT_FALSE(isolate.terminate());
    EXPECT_EQ(rx.recv().err, Code::channel_closed) << "no hook ran, and its thread was killed";
  });
}

TEST(Background, ResetLeavesItAlone) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(8));
    Isolate isolate = system.create();
    auto leave = [](Sender<Number> out) {
      at_end([](Sender<Number> to) { number(to, 9); }, std::move(out));
    };
    EXPECT_FALSE(isolate.run(leave, std::move(tx)).err);
    EXPECT_FALSE(isolate.reset());
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(next(rx), 9);
  });
}

TEST(Background, IsOnlyForWhatRunsInAnIsolate) {
  System system(test::quiet({.workers = 1}));
  EXPECT_THROW(at_end([] {}), std::logic_error);
  EXPECT_THROW(start_thread([] {}), std::logic_error);
}

TEST(Background, AThreadThatTheSystemEndsIsNotWaitedFor) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_FALSE(
        isolate.run([] { start_thread([] { (void)sleep_for(std::chrono::hours(1)); }); }).err);
    // Nobody closes it.
  });
}

}  // namespace
}  // namespace isola
