// Answers that an actor does not wait for: Asking::then().
#include <isola/actors/continuation.h>

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
using test::GetTotal;
using test::has_asks;
using test::log_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Seven;
using test::Slow;
using test::Total;
using test::total_of;
using test::value_of;

TEST(Continuation, IsCalledWithTheAnswerWhileOtherMessagesAreHandled) {
  on_every_scheduler([](System& system) {
    auto slow = system.spawn<Slow>();
    auto clerk = system.spawn<Clerk>(slow);
    auto answer = clerk.ask<Note>();
    EXPECT_FALSE(clerk.send<Number>());
    EXPECT_EQ(value_of(clerk.ask<GetTotal>().get()), 1) << "it does not wait";
    ASSERT_TRUE(has_asks(slow, 1));
    EXPECT_FALSE(slow.send<Number>(number(40)));
    EXPECT_EQ(value_of(answer.get()), 41);
  });
}

TEST(Continuation, AnyNumberOfThemWaitWithoutAStack) {
  on_every_scheduler([](System& system) {
    const int asks = sync::kSimulated ? 5 : 2'000;
    auto slow = system.spawn<Slow>();
    auto clerk = system.spawn<Clerk>(slow);
    std::vector<Asking<Total>> answers;
    for (int i = 0; i < asks; ++i) answers.push_back(clerk.ask<Note>());
    ASSERT_TRUE(has_asks(slow, static_cast<uint64_t>(asks)));
    EXPECT_EQ(clerk.cell()->books.waits.load(sync::memory_order_relaxed), 0u);
    EXPECT_FALSE(slow.send<Number>(number(7)));
    for (auto& answer : answers) EXPECT_EQ(value_of(answer.get()), 7);
  });
}

TEST(Continuation, IsNeverCalledBeforeItsHandlerReturns) {
  on_every_scheduler([](System& system) {
    auto log = system.channel<Note>(bounded(10));
    auto seven = system.spawn<Seven>();
    auto asker = system.spawn<Asker>(log.sender.clone(), seven);
    const auto say = [&](const char* what) { EXPECT_FALSE(asker.send<Note>(test::line(what))); };
    say("ask");
    EXPECT_EQ(log_of(log.receiver, 3), "( ) 7");
    say("ask nobody");
    EXPECT_EQ(log_of(log.receiver, 3), "( ) no_such_actor");
    say("ask, and look later");
    EXPECT_EQ(log_of(log.receiver, 3), "( ) 7") << "answered long before";
    say("ask, take, and look later");
    EXPECT_EQ(log_of(log.receiver, 3), "( ) empty_message") << "an answer can be taken once";
    seven.kill();
    (void)seven.join();
    say("ask");
    EXPECT_EQ(log_of(log.receiver, 3), "( ) no_such_actor");
  });
}

TEST(Continuation, ComesInTheOrderOfWhatItsAnswererSends) {
  // One that answers sends before and after that to who asked.
  on_every_scheduler([](System& system) {
    struct Both : Actor<Both, Number, Ask<Note, Total>> {
      struct Server : Actor<Server, Ask<GetTotal, Total>> {
        explicit Server(Address<Number> back) : back_(std::move(back)) {}
        void on(GetTotal::Reader, Reply<Total> reply) {
          EXPECT_FALSE(back_.send<Number>(number(1)));
          reply.send(total_of(2));
          EXPECT_FALSE(back_.send<Number>(number(3)));
        }
        Address<Number> back_;
      };
      void on(Note::Reader, Reply<Total> reply) {
        reply_ = std::move(reply);
        spawn<Server>(Address<Number>(self()))
            .template ask<GetTotal>()
            .then([this](Result<Total> total) { add(value_of(std::move(total))); });
      }
      void on(Number::Reader number) { add(number.getValue()); }
      void add(int64_t digit) {
        digits_ = digits_ * 10 + digit;
        if (digits_ > 100) reply_.send(total_of(std::exchange(digits_, 0)));
      }
      Reply<Total> reply_;
      int64_t digits_ = 0;
    };
    auto both = system.spawn<Both>();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(value_of(both.ask<Note>().get()), 123);
  });
}

TEST(Continuation, RunsInTheContextOfThen) {
  static constexpr Key<int64_t> level{"continuation.level", Flow::actor};
  on_every_scheduler([](System& system) {
    struct Bound : Actor<Bound, Ask<Note, Total>> {
      explicit Bound(Seven::AddressType seven) : seven_(std::move(seven)) {}
      void on(Note::Reader, Reply<Total> reply) {
        const Scope four{level, 4};
        auto asking = seven_.ask<GetTotal>();
        const Scope five{level, 5};
        std::move(asking).then([reply = std::move(reply)](Result<Total> total) mutable {
          reply.send(total_of(total.value->getValue() * 10 + level.get()));
        });
      }
      Seven::AddressType seven_;
    };
    auto bound = system.spawn<Bound>(system.spawn<Seven>());
    EXPECT_EQ(value_of(bound.ask<Note>().get()), 75);
  });
}

TEST(Continuation, MayWaitAskItselfAndBeginAnother) {
  on_every_scheduler([](System& system) {
    struct Sums : Actor<Sums, Ask<GetTotal, Total>, Ask<Note, Total>> {
      Message<Total> on(GetTotal::Reader) { return total_of(++sum_); }
      void on(Note::Reader, Reply<Total> reply) {
        reply_ = std::move(reply);
        ask_itself();
      }
      void ask_itself() {
        self().ask<GetTotal>().then([this](Result<Total> total) {
          EXPECT_FALSE(sleep_for(1us));
          if (value_of(std::move(total)) < 5) return ask_itself();
          reply_.send(total_of(sum_));
        });
      }
      Reply<Total> reply_;
      int64_t sum_ = 0;
    };
    EXPECT_EQ(value_of(system.spawn<Sums>().ask<Note>().get()), 5);
  });
}

TEST(Continuation, WhatItThrowsEndsItsActor) {
  on_every_scheduler([](System& system) {
    struct Throws : Actor<Throws, Number> {
      explicit Throws(Seven::AddressType seven) : seven_(std::move(seven)) {}
      void on(Number::Reader) {
        seven_.ask<GetTotal>().then(
            [](const Result<Total>&) { throw std::out_of_range("not seven"); });
      }
      Seven::AddressType seven_;
    };
    auto throws = system.spawn<Throws>(system.spawn<Seven>());
    EXPECT_FALSE(throws.send<Number>());
    const Error error = throws.join();
    EXPECT_EQ(error, Code::failed);
    EXPECT_EQ(error.record().getMessage(), "not seven");
    EXPECT_EQ(error.record().getMessageType(), "Answered");
  });
}

TEST(Continuation, HasItsRoomBeyondTheBoundsOfTheInbox) {
  on_every_scheduler([](System& system) {
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{256}}) {
      auto slow = system.spawn<Slow>();
      auto clerk = system.spawn<Clerk>({.inbox_max = 1, .inbox_bytes_max = bytes}, slow);
      std::vector<Asking<Total>> answers;
      for (int i = 0; i < 4; ++i) answers.push_back(clerk.ask<Note>());
      ASSERT_TRUE(has_asks(slow, 4));
      EXPECT_FALSE(slow.send<Number>(number(2)));
      for (auto& answer : answers) EXPECT_EQ(value_of(answer.get()), 2);
      // All of that room is free again.
      EXPECT_FALSE(clerk.send<Number>());
      EXPECT_EQ(value_of(clerk.ask<GetTotal>().get()), 1);
    }
  });
}

TEST(Continuation, ComesByThePriorityOfItsActor) {
  on_every_scheduler([](System& system) {
    for (const Priority priority : {Priority::low, Priority::high}) {
      auto log = system.channel<Note>(bounded(10));
      auto asker =
          system.spawn<Asker>({.priority = priority}, log.sender.clone(), system.spawn<Seven>());
      EXPECT_FALSE(asker.send<Note>(test::line("ask")));
      EXPECT_EQ(log_of(log.receiver, 3), "( ) 7");
    }
  });
}

TEST(Continuation, NeedsAnActorWithHandlers) {
  on_every_scheduler([](System& system) {
    auto seven = system.spawn<Seven>();
    auto asking = seven.ask<GetTotal>();
    EXPECT_THROW(std::move(asking).then([](const Result<Total>&) {}), std::logic_error);
    EXPECT_EQ(value_of(asking.get()), 7) << "the answer can still be taken";
    auto function = system.spawn(
        [](Seven::AddressType to) {
          EXPECT_THROW(to.ask<GetTotal>().then([](const Result<Total>&) {}), std::logic_error);
        },
        seven);
    EXPECT_FALSE(function.join());
  });
}

TEST(Continuation, MayBeBegunByAConstructor) {
  on_every_scheduler([](System& system) {
    struct Early : Actor<Early, Ask<Note, Total>> {
      explicit Early(Seven::AddressType seven) {
        seven.ask<GetTotal>().then([this](Result<Total> total) {
          value_ = value_of(std::move(total));
          answer();
        });
      }
      void on(Note::Reader, Reply<Total> reply) {
        replies_.push_back(std::move(reply));
        answer();
      }
      void answer() {
        if (value_ == 0) return;
        for (auto& reply : std::exchange(replies_, {})) reply.send(total_of(value_));
      }
      std::vector<Reply<Total>> replies_;
      int64_t value_ = 0;
    };
    EXPECT_EQ(value_of(system.spawn<Early>(system.spawn<Seven>()).ask<Note>().get()), 7);
  });
}

}  // namespace
}  // namespace isola
