// Answers that an actor does not wait for, and that do not come in time, or to somebody who is
// gone.
#include <isola/actors/continuation.h>

#include <gmock/gmock.h>
#include <isola/isola.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/calls.h"
#include "tests/actors/continuations.h"
#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Asker;
using test::Clerk;
using test::eventually;
using test::GetTotal;
using test::has_asks;
using test::line_of;
using test::log_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Slow;
using test::tell;
using test::Total;
using test::total_of;
using test::value_of;
using ::testing::HasSubstr;

TEST(Continuation, IsCalledWhenItsTimeHasComeAndTheAnswerIsDroppedThen) {
  on_every_scheduler(
      [](System& system) {
        auto log = system.channel<Note>(bounded(10));
        auto slow = system.spawn<Slow>();
        auto asker = system.spawn<Asker>(log.sender.clone(), slow);
        const auto say = [&](const char* what) {
          EXPECT_FALSE(asker.send<Note>(test::line(what)));
        };
        say("ask for a moment");
        EXPECT_EQ(log_of(log.receiver, 3), "( ) timeout");
        say("ask by a deadline");
        EXPECT_EQ(log_of(log.receiver, 3), "( ) timeout");
        EXPECT_FALSE(slow.send<Number>(number(5)));
        say("ask for an hour");
        EXPECT_EQ(log_of(log.receiver, 2), "( )");
        ASSERT_TRUE(has_asks(slow, 4));
        EXPECT_FALSE(slow.send<Number>(number(6)));
        EXPECT_EQ(line_of(log.receiver.recv()), "6") << "in time";
        say("ask for a moment");
        EXPECT_EQ(log_of(log.receiver, 3), "( ) timeout")
            << "the limit before does not count for it";
      },
      5);
}

TEST(Continuation, RacesWithItsTimeAndIsCalledOnce) {
  on_every_scheduler([](System& system) {
    struct Racer : Actor<Racer, Ask<Note, Total>> {
      explicit Racer(Slow::AddressType slow) : slow_(std::move(slow)) {}
      void on(Note::Reader, Reply<Total> reply) {
        slow_.ask<GetTotal>().then(10us, [reply = std::move(reply)](Result<Total> total) mutable {
          reply.send(total_of(total.err ? -1 : total.value->getValue()));
        });
      }
      Slow::AddressType slow_;
    };
    auto slow = system.spawn<Slow>();
    auto racer = system.spawn<Racer>(slow);
    for (int i = 0; i < 5; ++i) {
      auto answer = racer.ask<Note>();
      EXPECT_FALSE(sleep_for(std::chrono::microseconds(5 * i)));
      EXPECT_FALSE(slow.send<Number>(number(3)));
      const int64_t value = value_of(answer.get());
      EXPECT_TRUE(value == 3 || value == -1) << value;
    }
  });
}

TEST(Continuation, EndsUncalledWithItsActor) {
  on_every_scheduler([](System& system) {
    for (const int how : {0, 1, 2}) {
      auto slow = system.spawn<Slow>();
      auto clerk = system.spawn<Clerk>(slow);
      auto answer = clerk.ask<Note>();
      ASSERT_TRUE(has_asks(slow, 1));
      if (how == 0) clerk.stop();
      if (how == 1) clerk.kill();
      if (how == 2) {
        EXPECT_FALSE(clerk.send<Number>(number(-1)));
      }
      EXPECT_EQ(answer.get().err, Code::no_reply) << "what it held was dropped";
      (void)clerk.join();
      EXPECT_FALSE(slow.send<Number>(number(1))) << "a late answer finds nobody";
      slow.stop();
      EXPECT_FALSE(slow.join());
    }
  });
}

TEST(Continuation, MayEndWhileItIsAnswered) {
  on_every_scheduler([](System& system) {
    auto slow = system.spawn<Slow>();
    auto clerk = system.spawn<Clerk>(slow);
    auto answer = clerk.ask<Note>();
    auto second = clerk.ask<Note>();
    ASSERT_TRUE(has_asks(slow, 2));
    EXPECT_FALSE(slow.send<Number>(number(1)));
    clerk.kill();
    for (auto* asking : {&answer, &second}) {
      const auto total = asking->get();
      EXPECT_TRUE(total ? total.value->getValue() == 1 : total.err == Code::no_reply) << total.err;
    }
    (void)clerk.join();
  });
}

TEST(Continuation, OfAKilledActorCancelsWhatItAsked) {
  on_every_scheduler([](System& system) {
    struct Waits : Actor<Waits, Ask<GetTotal, Total>> {
      Waits(Sender<Note> log, Receiver<Number> never)
          : log_(std::move(log)), never_(std::move(never)) {}
      Message<Total> on(GetTotal::Reader) {
        tell(log_, "begins");
        tell(log_, never_.recv().err.type());
        return total_of(0);
      }
      Sender<Note> log_;
      Receiver<Number> never_;
    };
    const test::Never never(system);
    auto log = system.channel<Note>(bounded(10));
    auto waits = system.spawn<Waits>(log.sender.clone(), never.empty.receiver.clone());
    auto asker = system.spawn<Asker>(log.sender.clone(), waits);
    EXPECT_FALSE(asker.send<Note>(test::line("ask")));
    std::string all = log_of(log.receiver, 3);
    EXPECT_THAT(all, HasSubstr("begins"));
    asker.kill();
    EXPECT_THAT(line_of(log.receiver.recv()), HasSubstr("cancelled"));
  });
}

TEST(Continuation, IsNotCalledInTheNextIncarnation) {
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system, {.name = "clerks"});
    auto slow = system.spawn<Slow>();
    auto clerk = supervisor.spawn<Clerk>({}, slow);
    auto first = clerk.ask<Note>();
    ASSERT_TRUE(has_asks(slow, 1));
    EXPECT_FALSE(clerk.send<Number>(number(-1)));
    // Its answer may be on its way already when the clerk fails.
    EXPECT_FALSE(slow.send<Number>(number(1)));
    const auto total = first.get();
    EXPECT_TRUE(total ? total.value->getValue() == 1 : total.err == Code::no_reply) << total.err;
    ASSERT_TRUE(eventually([&] { return clerk.cell()->restarts() == 1; }));
    auto second = clerk.ask<Note>();
    ASSERT_TRUE(has_asks(slow, 3));
    EXPECT_FALSE(clerk.send<Number>());
    EXPECT_EQ(value_of(clerk.ask<GetTotal>().get()), 1);
    EXPECT_FALSE(slow.send<Number>(number(2)));
    EXPECT_EQ(value_of(second.get()), 3);
  });
}

TEST(Continuation, IsAnsweredFromAnotherSystemAndFromAThread) {
  on_real_scheduler([](System& system) {
    System other({.workers = 1});
    auto slow = other.spawn<Slow>();
    auto clerk = system.spawn<Clerk>(slow);
    for (int i = 1; i <= 100; ++i) {
      auto answer = clerk.ask<Note>();
      ASSERT_TRUE(has_asks(slow, static_cast<uint64_t>(2 * i - 1)));
      EXPECT_FALSE(slow.send<Number>(number(i)));
      EXPECT_EQ(value_of(answer.get()), i);
    }
    auto last = clerk.ask<Note>();
    other.stop();
    EXPECT_TRUE(last.get().err) << "by the thread that ends the other System";
  });
}

TEST(Continuation, ThatADestructorBeginsEndsWithItsActor) {
  on_every_scheduler([](System& system) {
    struct Late : Actor<Late, Number> {
      explicit Late(Slow::AddressType slow) : slow_(std::move(slow)) {}
      ~Late() {
        slow_.ask<GetTotal>().then(
            [](const Result<Total>&) { ADD_FAILURE() << "nobody is there"; });
      }
      void on(Number::Reader) { throw std::out_of_range("now"); }
      Slow::AddressType slow_;
    };
    auto slow = system.spawn<Slow>();
    auto late = system.spawn<Late>(slow);
    late.stop();
    EXPECT_FALSE(late.join());
    Supervisor supervisor(system, {.name = "late"});
    auto again = supervisor.spawn<Late>({}, slow);
    EXPECT_FALSE(again.send<Number>());
    ASSERT_TRUE(eventually([&] { return again.cell()->restarts() == 1; }));
    ASSERT_TRUE(has_asks(slow, 2));
    EXPECT_FALSE(slow.send<Number>(number(1)));
    again.stop();
    (void)again.join();
  });
}

TEST(Continuation, WithALimitInAConstructorNeedsAWorker) {
  on_real_scheduler([](System& system) {
    struct Early : Actor<Early, Ask<Note, Total>> {
      explicit Early(Slow::AddressType slow) {
        slow.ask<GetTotal>().then(1ms, [](const Result<Total>&) {});
      }
      Message<Total> on(Note::Reader) { return total_of(1); }
    };
    auto slow = system.spawn<Slow>();
    auto early = system.spawn<Early>(slow);
    EXPECT_THAT(early.join().record().getMessage().cStr(), HasSubstr("needs a worker"));
  });
}

}  // namespace
}  // namespace isola
