// Calls whose message is passed on, or answered before its handler is through.
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <string>
#include <utility>

#include "tests/actors/calls.h"
#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::line;
using test::line_of;
using test::Never;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::tell;
using test::Total;
using test::total_of;

// Answers before its handler is through, or passes the request on; and waits then.
struct Early : Actor<Early, Ask<Number, Total>, Ask<Note, Total>> {
  Early(Sender<Note> log, Receiver<Number> in, Address<Ask<Note, Total>> next)
      : log_(std::move(log)), in_(std::move(in)), next_(std::move(next)) {}
  void on(Number::Reader number, Reply<Total> reply) {
    reply.send(total_of(number.getValue()));
    tell(log_, in_.recv().err.type());
  }
  void on(Delivery<Note> note) {
    EXPECT_FALSE(next_.send(std::move(note)));
    tell(log_, in_.recv().err.type());
  }
  Sender<Note> log_;
  Receiver<Number> in_;
  Address<Ask<Note, Total>> next_;
};

struct Last : Actor<Last, Ask<Note, Total>> {
  Last(Sender<Note> log, Receiver<Number> never) : log_(std::move(log)), never_(std::move(never)) {}
  Message<Total> on(Note::Reader) {
    tell(log_, "has it");
    tell(log_, never_.recv().err.type());
    return total_of(0);
  }
  Sender<Note> log_;
  Receiver<Number> never_;
};

TEST(Call, IsOverForItsHandlerOnceItIsAnswered) {
  on_every_scheduler([](System& system) {
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    auto [tx, rx] = system.channel<Number>(bounded(1));
    const auto early =
        system.spawn<Early>(std::move(log_tx), std::move(rx), Address<Ask<Note, Total>>());
    {
      auto asking = early.ask<Number>(number(5));
      EXPECT_EQ(asking.get().or_raise()->getValue(), 5);
      EXPECT_FALSE(asking.cancel());
    }
    EXPECT_FALSE(tx.send(number(0)));
    EXPECT_EQ(line_of(log.recv()), Error().type());
  });
}

TEST(Call, IsCancelledWhereItWasPassedOnTo) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    auto [tx, rx] = system.channel<Number>(bounded(1));
    const auto last = system.spawn<Last>(log_tx.clone(), never.empty.receiver.clone());
    const auto early = system.spawn<Early>(std::move(log_tx), std::move(rx), last);
    auto asking = early.ask<Note>(line("on its way"));
    EXPECT_EQ(line_of(log.recv()), "has it");
    EXPECT_TRUE(asking.cancel());
    EXPECT_EQ(line_of(log.recv()), "cancelled");
    EXPECT_FALSE(tx.send(number(0)));
    EXPECT_EQ(line_of(log.recv()), Error().type()) << "whoever passed it on works at it no more";
  });
}

inline constexpr Key<int> tenant{"test.call.tenant", Flow::wire};

// Passes a request on by a channel, or an actor's address; then waits and uses its context.
struct PassesOn : Actor<PassesOn, Ask<Note, Total>> {
  PassesOn(Sender<Note> log, Receiver<Number> in, Sender<Note> by_channel,
           Address<Ask<Note, Total>> by_address)
      : log_(std::move(log)),
        in_(std::move(in)),
        by_channel_(std::move(by_channel)),
        by_address_(std::move(by_address)) {}
  void on(Delivery<Note> note) {
    if (by_address_)
      EXPECT_FALSE(by_address_.send(std::move(note)));
    else
      EXPECT_FALSE(by_channel_.send(std::move(note)));
    const Error error = in_.recv().err;
    // A record that was given back meanwhile is used again.
    for (int i = 0; i < 8; ++i) {
      const Scope another{tenant, 100 + i};
      tell(log_, "another");
    }
    tell(log_, "tenant " + std::to_string(tenant.get(0)) + ' ' + error.type());
  }
  Sender<Note> log_;
  Receiver<Number> in_;
  Sender<Note> by_channel_;
  Address<Ask<Note, Total>> by_address_;
};

TEST(Call, KeepsTheContextOfAMessageThatWasPassedOnAndHandledElsewhere) {
  on_every_scheduler([](System& system) {
    struct Answers : Actor<Answers, Ask<Note, Total>> {
      Message<Total> on(Note::Reader) { return total_of(tenant.get(0)); }
    };
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    auto [go, go_rx] = system.channel<Number>(bounded(1));
    const auto passes = system.spawn<PassesOn>(std::move(log_tx), std::move(go_rx), Sender<Note>(),
                                               system.spawn<Answers>());
    auto asking = [&] {
      const Scope seventh{tenant, 7};
      return passes.ask<Note>(line("request"));
    }();
    EXPECT_EQ(asking.get().or_raise()->getValue(), 7);
    EXPECT_FALSE(go.send(number(0)));
    for (int i = 0; i < 8; ++i) EXPECT_EQ(line_of(log.recv()), "another");
    EXPECT_EQ(line_of(log.recv()), "tenant 7 " + Error().type());
  });
}

// Takes requests from a channel, and passes them on to an actor.
void takes_from_channel(Receiver<Note> in, Address<Ask<Note, Total>> to) {
  while (true) {
    auto [note, err] = in.recv();
    if (err) return;
    EXPECT_FALSE(to.send(std::move(note)));
  }
}

TEST(Call, IsCancelledWhereItCameToByAChannel) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    auto [go, go_rx] = system.channel<Number>(bounded(1));
    auto [work, work_rx] = system.channel<Note>(bounded(1));
    const auto last = system.spawn<Last>(log_tx.clone(), never.empty.receiver.clone());
    system.spawn(takes_from_channel, std::move(work_rx), Address<Ask<Note, Total>>(last));
    const auto passes = system.spawn<PassesOn>(std::move(log_tx), std::move(go_rx), std::move(work),
                                               Address<Ask<Note, Total>>());
    auto asking = passes.ask<Note>(line("request"));
    EXPECT_EQ(line_of(log.recv()), "has it");
    EXPECT_TRUE(asking.cancel());
    EXPECT_EQ(line_of(log.recv()), "cancelled");
    EXPECT_FALSE(go.send(number(0)));
    for (int i = 0; i < 8; ++i) EXPECT_EQ(line_of(log.recv()), "another");
    EXPECT_EQ(line_of(log.recv()), "tenant 0 " + Error().type());
  });
}

}  // namespace
}  // namespace isola
