// Frames of turns: cleanups on every way out, callbacks where a turn is suspended, deadlines, and a
// trace that crosses many actors.
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/notes.h"
#include "tests/context/expect.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::fault_of;
using test::GetTotal;
using test::line;
using test::line_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Total;

// Also in an actor that is being ended, where nothing may wait.
void tell(const Sender<Note>& to, const std::string& text) {
  auto note = to.compose();
  note->setText(text.c_str());
  (void)to.try_send(std::move(note));
}

// Tells what happens to the frames of its turns. 0: returns; 1: throws; 2: waits for ever.
struct Framed : Actor<Framed, Number, Ask<GetTotal, Total>> {
  Framed(Sender<Note> log, Sender<Number> started, Receiver<Number> never)
      : log_(std::move(log)), started_(std::move(started)), never_(std::move(never)) {}
  void on(Number::Reader what) {
    frame().holds("database", [this] { tell(log_, "closed"); });
    frame().at_end([this] { tell(log_, "second"); });
    EXPECT_EQ(frame().kind(), FrameKind::turn);
    (void)started_.send(number(0));
    if (what.getValue() == 1) throw std::runtime_error("out");
    if (what.getValue() == 2) (void)never_.recv();
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(static_cast<int64_t>(frame().id()));
    return total;
  }
  Sender<Note> log_;
  Sender<Number> started_;
  Receiver<Number> never_;
};

// The same as a function, which a stop cancels.
void framed(Sender<Note> log, Sender<Number> started, Receiver<Number> never) {
  // They run when the locals of this function are gone.
  const auto kept = std::make_shared<Sender<Note>>(std::move(log));
  frame().holds("database", [kept] { tell(*kept, "closed"); });
  frame().at_end([kept] { tell(*kept, "second"); });
  (void)started.send(number(0));
  (void)never.recv();
}

TEST(FrameOfATurn, RunsItsCleanupsAlsoOnAKillAndACancellation) {
  // Covers: LCC-015
  on_every_scheduler([](System& system) {
    auto [never_tx, never_rx] = system.channel<Number>(bounded(1));
    const auto expect_cleanups = [](const Receiver<Note>& log, int64_t how) {
      EXPECT_EQ(line_of(log.recv()), "second") << how;
      EXPECT_EQ(line_of(log.recv()), "closed") << how;
    };
    for (const int64_t how : {0, 1, 2}) {
      auto [tx, log] = system.channel<Note>(bounded(8));
      auto [started_tx, started] = system.channel<Number>(bounded(1));
      auto actor = system.spawn<Framed>(std::move(tx), std::move(started_tx), never_rx.clone());
      EXPECT_FALSE(actor.send<Number>(number(how)));
      EXPECT_FALSE(started.recv().err);
      if (how == 2) actor.kill();
      expect_cleanups(log, how);
      actor.stop();
      (void)actor.join();
    }
    for (const int64_t how : {3, 4}) {
      auto [tx, log] = system.channel<Note>(bounded(8));
      auto [started_tx, started] = system.channel<Number>(bounded(1));
      auto function = system.spawn(framed, std::move(tx), std::move(started_tx), never_rx.clone());
      EXPECT_FALSE(started.recv().err);
      if (how == 3) function.stop();
      if (how == 4) function.kill();
      expect_cleanups(log, how);
    }
  });
}

TEST(FrameOfATurn, HasAnIdOfItsOwn) {
  on_every_scheduler([](System& system) {
    auto [tx, log] = system.channel<Note>(bounded(8));
    auto [started_tx, started] = system.channel<Number>(bounded(1));
    auto [never_tx, never_rx] = system.channel<Number>(bounded(1));
    auto framed = system.spawn<Framed>(std::move(tx), std::move(started_tx), never_rx.clone());
    const auto id = [&] { return framed.ask<GetTotal>().get().or_raise()->getValue(); };
    const int64_t first = id();
    EXPECT_NE(first, 0);
    EXPECT_NE(id(), first);
  });
}

void tells_of_switches(Sender<Note> log, Receiver<Number> numbers) {
  std::vector<std::string> told;
  frame().on_switch([&] { told.emplace_back("outer suspends"); },
                    [&] { told.emplace_back("outer resumes"); });
  capture().run([&] {
    frame().on_switch([&] { told.emplace_back("inner suspends"); },
                      [&] {
                        told.emplace_back("inner resumes");
                        const auto refused = fault_of([&] { (void)numbers.recv(); });
                        if (refused == ContextFault::cannot_suspend)
                          told.emplace_back("and cannot wait");
                      });
    (void)numbers.recv();
  });
  for (const std::string& text : told) tell(log, text);
}

TEST(FrameOfATurn, IsToldWhenItsTurnIsSuspendedAndGoesOn) {
  // Covers: LCC-030
  on_every_scheduler([](System& system) {
    auto [tx, log] = system.channel<Note>(bounded(8));
    auto [number_tx, number_rx] = system.channel<Number>(rendezvous);
    system.spawn(tells_of_switches, std::move(tx), std::move(number_rx));
    EXPECT_TRUE(eventually([&] {
      return system.ledger().find(number_tx.id()).or_raise().receive.waiting.size() == 1;
    }));
    EXPECT_FALSE(number_tx.send(number(1)));
    for (const char* expected :
         {"inner suspends", "outer suspends", "outer resumes", "inner resumes", "and cannot wait"})
      EXPECT_EQ(line_of(log.recv()), expected);
  });
}

// Something of a thread that a turn changes for itself, as the rounding mode is.
int mode = 0;

void keeps_a_mode(int own, Sender<Number> wrong) {
  mode = own;
  frame().on_switch([] { mode = 0; }, [own] { mode = own; });
  frame().at_end([] { mode = 0; });
  for (int i = 0; i < 50; ++i) {
    yield();
    if (i % 7 == own % 7) (void)sleep_for(std::chrono::microseconds(own));
    if (mode != own) (void)wrong.send(number(own));
  }
}

void knows_no_mode(Sender<Number> wrong) {
  for (int i = 0; i < 100; ++i) {
    yield();
    if (mode != 0) (void)wrong.send(number(0));
  }
}

TEST(FrameOfATurn, WhatItKeepsForItselfIsNeverSeenByOthers) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    System system({.workers = 1, .seed = seed});
    auto [tx, wrong] = system.channel<Number>(unbounded);
    std::vector<ActorRef> all;
    for (int own = 1; own <= 3; ++own) all.push_back(system.spawn(keeps_a_mode, own, tx.clone()));
    for (int i = 0; i < 2; ++i) all.push_back(system.spawn(knows_no_mode, tx.clone()));
    tx.release();
    for (auto& told : wrong) ADD_FAILURE() << told->getValue() << ", seed " << seed;
    for (const ActorRef& actor : all) EXPECT_FALSE(actor.join());
    EXPECT_EQ(mode, 0);
  }
}

inline constexpr Key<text> trace{"test.trace", Flow::wire};

// One of a chain: sends on. The last one tells what it sees and fails.
struct Link : Actor<Link, Number> {
  explicit Link(Address<Number> next, Sender<Note> last)
      : next_(std::move(next)), last_(std::move(last)) {}
  void on(Number::Reader links) {
    if (links.getValue() > 1) return (void)next_.send<Number>(number(links.getValue() - 1));
    (void)last_.send(line(std::string(trace.get("none"))));
    throw std::runtime_error("the last one");
  }
  Address<Number> next_;
  Sender<Note> last_;
};

// Tells by a cleanup which trace it sees.
struct TracedAtEnd : Actor<TracedAtEnd, Number> {
  explicit TracedAtEnd(Sender<Note> log) : log_(std::move(log)) {}
  void on(Number::Reader) {
    frame().at_end([this] { tell(log_, std::string(trace.get("none"))); });
  }
  Sender<Note> log_;
};

TEST(FrameOfATurn, ItsCleanupsAreInTheContextOfTheMessage) {
  on_every_scheduler([](System& system) {
    auto [tx, log] = system.channel<Note>(bounded(1));
    auto traced = system.spawn<TracedAtEnd>(std::move(tx));
    {
      const Scope bound{trace, "4bf92f3577b34da6"};
      EXPECT_FALSE(traced.send<Number>(number(1)));
    }
    EXPECT_EQ(line_of(log.recv()), "4bf92f3577b34da6");
    EXPECT_FALSE(traced.send<Number>(number(2)));
    EXPECT_EQ(line_of(log.recv()), "none");
  });
}

TEST(FrameOfATurn, ATraceIdReachesTheLastOfAThousandActorsAndItsErrorRecord) {
  on_every_scheduler(
      [](System& system) {
        constexpr int kLinks = sync::kSimulated ? 50 : 1000;
        auto [tx, rx] = system.channel<Note>(bounded(1));
        Address<Number> last = system.spawn<Link>(Address<Number>(), tx.clone());
        Address<Number> first = last;
        for (int i = 1; i < kLinks; ++i) first = system.spawn<Link>(first, tx.clone());
        {
          const Scope traced{trace, "4bf92f3577b34da6"};
          EXPECT_FALSE(first.send<Number>(number(kLinks)));
        }
        EXPECT_EQ(line_of(rx.recv()), "4bf92f3577b34da6");
        const Error failed = last.join();
        EXPECT_EQ(failed.message(), "the last one");
        const auto context = failed.context();
        ASSERT_EQ(context.size(), 1u);
        EXPECT_EQ(context[0].name, "test.trace");
        EXPECT_EQ(context[0].value, "4bf92f3577b34da6");
      },
      10);
}

// Asks the next one, if there is one; tells its own frame and its callers.
struct OnBehalf : Actor<OnBehalf, Ask<GetTotal, Note>> {
  explicit OnBehalf(Address<Ask<GetTotal, Note>> next) : next_(std::move(next)) {}
  Message<Note> on(GetTotal::Reader) {
    std::string text =
        std::to_string(current_isolate().id().word()) + ' ' + std::to_string(frame().id()) + " by";
    for (const Caller& caller : callers())
      text += ' ' + std::to_string(caller.owner) + ' ' + std::to_string(caller.frame);
    if (next_) text += '\n' + line_of(next_.ask<GetTotal>().get());
    auto note = compose<Note>();
    note->setText(text.c_str());
    return note;
  }
  Address<Ask<GetTotal, Note>> next_;
};

TEST(FrameOfATurn, WalksToItsLogicalCallers) {
  // Covers: LCC-018
  on_every_scheduler([](System& system) {
    auto third = system.spawn<OnBehalf>(Address<Ask<GetTotal, Note>>());
    auto second = system.spawn<OnBehalf>(Address<Ask<GetTotal, Note>>(third));
    auto first = system.spawn<OnBehalf>(Address<Ask<GetTotal, Note>>(second));
    EXPECT_EQ(line_of(third.ask<GetTotal>().get()).find("by "), std::string::npos)
        << "nobody wants to know";
    const TraceCallers traced;
    for (int round = 0; round < 2; ++round) {
      std::istringstream told(line_of(first.ask<GetTotal>().get()));
      const std::string here = std::to_string(detail::owner_here(detail::Execution::current())) +
                               ' ' + std::to_string(frame().id());
      std::string behind = here;
      std::string one;
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(std::getline(told, one));
        const size_t by = one.find(" by ");
        ASSERT_NE(by, std::string::npos) << one;
        EXPECT_EQ(one.substr(by + 4), behind);
        behind = one.substr(0, by) + ' ' + behind;
      }
    }
    EXPECT_TRUE(callers().empty()) << "the chain begins here";
  });
}

// Asks for more time than its caller has, and tells how much it gets, in milliseconds.
struct Greedy : Actor<Greedy, Ask<GetTotal, Total>, Ask<Number, Total>> {
  explicit Greedy(Address<Ask<GetTotal, Total>> next) : next_(std::move(next)) {}
  Message<Total> on(GetTotal::Reader) {
    const Deadline hour{std::chrono::hours(1)};
    const detail::Execution& execution = detail::Execution::current();
    return total(execution.deadline_ns - execution.clock->now_ns());
  }
  Message<Total> on(Number::Reader) {
    const Deadline half{std::chrono::seconds(30)};
    return total(next_.ask<GetTotal>().get().or_raise()->getValue() * 1'000'000);
  }
  static Message<Total> total(int64_t left_ns) {
    auto total = compose<Total>();
    total->setValue(left_ns / 1'000'000);
    return total;
  }
  Address<Ask<GetTotal, Total>> next_;
};

TEST(FrameOfATurn, ADeadlineCrossesAndIsOnlyShortenedByWhoIsAsked) {
  on_every_scheduler([](System& system) {
    auto greedy = system.spawn<Greedy>(Address<Ask<GetTotal, Total>>());
    auto asks = system.spawn<Greedy>(Address<Ask<GetTotal, Total>>(greedy));
    const Deadline minute{std::chrono::minutes(1)};
    const int64_t left = greedy.ask<GetTotal>().get().or_raise()->getValue();
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 60'000);
    EXPECT_LE(asks.ask<Number>(number(1)).get().or_raise()->getValue(), 30'000);
  });
}

TEST(FrameOfATurn, ADeadlineCrossesToAnotherClockAsWhatIsLeftOfIt) {
  // Covers: LCC-039
  // One has a clock of its own that begins at nought, the other the machine's.
  System simulated({.seed = 1});
  System real({.workers = 1});
  auto in_real = real.spawn<Greedy>(Address<Ask<GetTotal, Total>>());
  auto in_simulated = simulated.spawn<Greedy>(Address<Ask<GetTotal, Total>>());
  auto passes_on = real.spawn<Greedy>(Address<Ask<GetTotal, Total>>(in_simulated));
  const Deadline minute{std::chrono::minutes(1)};
  for (const auto& told : {in_real.ask<GetTotal>().get(), in_simulated.ask<GetTotal>().get()}) {
    ASSERT_FALSE(told.err) << told.err;
    EXPECT_GT(told.value->getValue(), 30'000);
    EXPECT_LE(told.value->getValue(), 60'000);
  }
  const int64_t left = passes_on.ask<Number>(number(1)).get().or_raise()->getValue();
  EXPECT_GT(left, 0);
  EXPECT_LE(left, 30'000);
}

}  // namespace
}  // namespace isola
