// Generators with a stack of their own in the turns of actors: bodies that wait, that are ended
// while they do, and that go on in another turn.
#include <isola/context/fiber_generator.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::GetTotal;
using test::line_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Total;

using Numbers = fiber_generator<int64_t, KeepsScopes>;

inline constexpr Key<int64_t> factor{"test.factor", Flow::wire};

// Also in an actor that is being ended, where nothing may wait.
void tell(const Sender<Note>& to, const std::string& text) {
  auto note = to.compose();
  note->setText(text.c_str());
  (void)to.try_send(std::move(note));
}

// Tells of its end.
struct Teller {
  const Sender<Note>& to;
  std::string text;
  ~Teller() { tell(to, text); }
};

// Multiplies by what is bound where it is asked, after it has let others run.
struct Multiplier : Actor<Multiplier, Ask<Number, Total>> {
  Message<Total> on(Number::Reader number) {
    yield();
    auto total = compose<Total>();
    total->setValue(number.getValue() * factor.get(1));
    return total;
  }
};
using MultiplierAddress = Address<Ask<Number, Total>>;

void ask_and_yield(const MultiplierAddress& multiplier, int64_t value, Yield<int64_t>& yield) {
  yield(multiplier.ask<Number>(number(value)).get().or_raise()->getValue());
}

// Its body asks from within a catch, and in a scope of its own.
Numbers asks(const MultiplierAddress& multiplier, int64_t bound) {
  return Numbers([&multiplier, bound](Yield<int64_t>& yield) {
    const Scope own{factor, bound};
    for (int64_t i = 1; i <= 3; ++i) {
      const std::string what = std::to_string(bound) + "." + std::to_string(i);
      try {
        try {
          throw std::runtime_error(what);
        } catch (const std::runtime_error&) {
          ask_and_yield(multiplier, i, yield);
          sleep_for(std::chrono::microseconds(bound));
          throw;
        }
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), what);
      }
    }
  });
}

// Goes through two such generators in turn, each time from within a catch.
struct Consumer : Actor<Consumer, Ask<Number, Total>> {
  explicit Consumer(MultiplierAddress multiplier) : multiplier_(std::move(multiplier)) {}
  Message<Total> on(Number::Reader own) {
    const int64_t bound = own.getValue();
    Numbers first = asks(multiplier_, bound);
    Numbers second = asks(multiplier_, 10 * bound);
    int64_t sum = 0;
    try {
      throw std::runtime_error("the consumer's");
    } catch (const std::runtime_error&) {
      while (const auto value = first.next()) sum += *value + *second.next();
      EXPECT_EQ(factor.find(), std::nullopt);
      try {
        throw;
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "the consumer's");
      }
    }
    EXPECT_EQ(std::current_exception(), nullptr);
    auto total = compose<Total>();
    total->setValue(sum);
    return total;
  }
  MultiplierAddress multiplier_;
};

TEST(FiberTurns, ItsBodyMayWaitWhileOthersOfTheWorkerGoOn) {
  on_every_scheduler([](System& system) {
    constexpr int64_t kConsumers = sync::kSimulated ? 3 : 12;
    const MultiplierAddress multiplier = system.spawn<Multiplier>();
    std::vector<Asking<Total>> askings;
    for (int64_t i = 1; i <= kConsumers; ++i)
      askings.push_back(system.spawn<Consumer>(multiplier).ask<Number>(number(i)));
    for (int64_t i = 1; i <= kConsumers; ++i)
      EXPECT_EQ(askings[static_cast<size_t>(i - 1)].get().or_raise()->getValue(), 6 * 11 * i);
  });
}

// Tells how each of its stacks is left. It waits for ever in the body, with a generator within,
// or between two values. 0: as a handler; 1: with what it has in a member.
struct Ended : Actor<Ended, Number, Ask<GetTotal, Total>> {
  Ended(Sender<Note> log, Sender<Number> started, Receiver<Number> never)
      : log_(std::move(log)), started_(std::move(started)), never_(std::move(never)) {}

  void on(Number::Reader in_body) {
    const Teller consumer{log_, "consumer"};
    Numbers numbers = body(in_body.getValue() != 0);
    try {
      (void)numbers.next();
      (void)started_.send(number(0));
      (void)never_.recv();
    } catch (const std::exception&) {
      tell(log_, "a cancellation is no std::exception");
    }
    tell(log_, "it does not get here");
  }
  // Keeps it until the end of the actor.
  Message<Total> on(GetTotal::Reader) {
    kept_ = body(false);
    auto total = compose<Total>();
    total->setValue(*kept_->next());
    return total;
  }

  Numbers body(bool waits) {
    return Numbers([this, waits](Yield<int64_t>& yield) {
      frame().at_end([this] { tell(log_, "cleanup"); });
      const Teller local{log_, "body"};
      Numbers inner([this, waits](Yield<int64_t>& its) {
        const Teller inner_local{log_, "inner body"};
        its(1);
        if (!waits) its(2);
        (void)started_.send(number(0));
        (void)never_.recv();
        tell(log_, "it does not get here");
      });
      while (const auto value = inner.next())
        if (!waits) yield(*value);
    });
  }

  Sender<Note> log_;
  Sender<Number> started_;
  Receiver<Number> never_;
  std::optional<Numbers> kept_;
};

TEST(FiberTurns, IsUnwoundByAKillWhileItWaitsAndWhileItHasYielded) {
  on_every_scheduler([](System& system) {
    auto [never_tx, never] = system.channel<Number>(bounded(1));
    for (const int64_t in_body : {0, 1}) {
      for (const bool by_kill : {true, false}) {
        auto [tx, log] = system.channel<Note>(bounded(8));
        auto [started_tx, started] = system.channel<Number>(bounded(1));
        auto actor = system.spawn<Ended>(std::move(tx), std::move(started_tx), never.clone());
        EXPECT_FALSE(actor.send<Number>(number(in_body)));
        EXPECT_FALSE(started.recv().err);
        if (!by_kill) break;
        actor.kill();
        for (const char* expected : {"inner body", "body", "cleanup", "consumer"})
          EXPECT_EQ(line_of(log.recv()), expected) << in_body;
        (void)actor.join();
        EXPECT_EQ(log.recv().err.code(), Code::channel_closed) << in_body;
      }
    }
    // The others are ended with their System.
  });
}

TEST(FiberTurns, ThatABehaviourKeepsEndsWithIt) {
  on_every_scheduler([](System& system) {
    auto [never_tx, never] = system.channel<Number>(bounded(1));
    for (const bool by_kill : {true, false}) {
      auto [tx, log] = system.channel<Note>(bounded(8));
      auto [started_tx, started] = system.channel<Number>(bounded(1));
      auto actor = system.spawn<Ended>(std::move(tx), std::move(started_tx), never.clone());
      EXPECT_EQ(actor.ask<GetTotal>().get().or_raise()->getValue(), 1);
      if (by_kill)
        actor.kill();
      else
        actor.stop();
      for (const char* expected : {"inner body", "body", "cleanup"})
        EXPECT_EQ(line_of(log.recv()), expected);
      (void)actor.join();
    }
  });
}

// Hands out the values of one generator, a value a turn; every third time its body waits before.
struct Source : Actor<Source, Ask<GetTotal, Total>> {
  explicit Source(MultiplierAddress multiplier) : multiplier_(std::move(multiplier)) {}
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(*values_.next() + factor.get(0));
    return total;
  }

 private:
  MultiplierAddress multiplier_;
  Numbers values_{[this](Yield<int64_t>& yield) {
    const Scope own{factor, 100};
    for (int64_t i = 1;; ++i)
      if (i % 3 == 0)
        ask_and_yield(multiplier_, i, yield);
      else
        yield(i * factor.get());
  }};
};

struct Drain : Actor<Drain, Ask<Number, Total>> {
  explicit Drain(Address<Ask<GetTotal, Total>> source) : source_(std::move(source)) {}
  Message<Total> on(Number::Reader count) {
    const Scope own{factor, 1};
    int64_t sum = 0;
    for (int64_t i = 0; i < count.getValue(); ++i)
      sum += source_.ask<GetTotal>().get().or_raise()->getValue();
    auto total = compose<Total>();
    total->setValue(sum);
    return total;
  }
  Address<Ask<GetTotal, Total>> source_;
};

TEST(FiberTurns, GoesOnInLaterTurnsOnWhateverCarrierAndWorkerTheyRun) {
  on_every_scheduler(
      [](System& system) {
        constexpr int64_t kEach = sync::kSimulated ? 5 : 60;
        constexpr int64_t kDrains = 4;
        const MultiplierAddress multiplier = system.spawn<Multiplier>();
        const Address<Ask<GetTotal, Total>> source = system.spawn<Source>(multiplier);
        std::vector<Asking<Total>> askings;
        for (int64_t i = 0; i < kDrains; ++i)
          askings.push_back(system.spawn<Drain>(source).ask<Number>(number(kEach)));
        int64_t sum = 0;
        for (auto& asking : askings) sum += asking.get().or_raise()->getValue();
        constexpr int64_t kAll = kEach * kDrains;
        EXPECT_EQ(sum, 100 * kAll * (kAll + 1) / 2 + kAll);
      },
      20);
}

// Its body throws after it has waited.
struct Fails : Actor<Fails, Number> {
  void on(Number::Reader) {
    Numbers fails([](Yield<int64_t>&) {
      yield();
      throw std::out_of_range("beyond the last value");
    });
    (void)fails.next();
  }
};

TEST(FiberTurns, WhatItsBodyThrowsIsTheFailureOfTheActor) {
  on_every_scheduler([](System& system) {
    auto actor = system.spawn<Fails>();
    EXPECT_FALSE(actor.send<Number>(number(1)));
    const Error failed = actor.join();
    EXPECT_EQ(failed.message(), "beyond the last value");
  });
}

}  // namespace
}  // namespace isola
