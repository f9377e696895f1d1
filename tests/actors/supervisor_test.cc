// Restarts: what a new incarnation has and has not, how many there are, and how it ends.
#include <isola/actors/supervisor.h>

#include <gmock/gmock.h>
#include <isola/isola.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::GetTotal;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Sums up; fails at a negative number.
class Sums : public Actor<Sums, Number, Ask<GetTotal, Total>> {
 public:
  explicit Sums(int64_t from) : total_(from) {}
  void on(Number::Reader number) {
    if (number.getValue() < 0) throw std::out_of_range("only forwards");
    total_ += number.getValue();
    numbers_.push_back(number.getValue());
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_);
    return total;
  }

 private:
  int64_t total_;
  isola::vector<int64_t> numbers_;
};

constexpr auto kMany = SupervisorOptions{.name = "many", .restarts_max = UINT32_MAX};

void send(const Sums::AddressType& to, int64_t value) {
  EXPECT_FALSE(to.send<Number>([&](Number::Builder number) { number.setValue(value); }));
}
int64_t total_of(const Sums::AddressType& sums) {
  return sums.ask<GetTotal>().get().or_raise()->getValue();
}

TEST(Supervisor, AChildThatFailsIsStartedAnewInItsSlot) {
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system, {.name = "sums"});
    const auto sums = supervisor.spawn<Sums>({.name = "s"}, 100);
    const uint64_t id = sums.id();
    send(sums, 5);
    EXPECT_EQ(total_of(sums), 105);
    send(sums, -1);
    send(sums, 7);  // waits, and is for the new one
    EXPECT_EQ(total_of(sums), 107) << "from its arguments, not from its state";
    EXPECT_EQ(sums.id(), id);
    EXPECT_TRUE(sums.is_alive());
    EXPECT_EQ(supervisor.restarts(), 1u);
    EXPECT_EQ(system.failures(), 1u) << "a restart hides nothing";
    EXPECT_THAT(supervisor.children(), SizeIs(1));
    EXPECT_EQ(system.find(IsolateId::from_word(id)).or_raise().origin(), Origin::supervisor);
  });
}

TEST(Supervisor, WhoeverAskedTheFailingOneGetsTheRecord) {
  struct Fails : Actor<Fails, Ask<GetTotal, Total>> {
    Message<Total> on(GetTotal::Reader) { throw std::runtime_error("not today"); }
  };
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system, {.name = "farm"});
    const auto fails = supervisor.spawn<Fails>({.name = "lazy"});
    for (uint32_t round = 0; round < 3; ++round) {
      const Error error = fails.ask<GetTotal>().get().err;
      EXPECT_EQ(error.type(), "std::runtime_error");
      EXPECT_EQ(error.record().getRestarts(), round);
      EXPECT_THAT(error.display(), HasSubstr("raised inside isolate farm/lazy (#"));
    }
  });
}

TEST(Supervisor, AFunctionThatThrowsIsCalledAnewWithItsEnds) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [out, results] = system.channel<Number>(unbounded);
    const auto doubles = [](Receiver<Number> from, Sender<Number> to) {
      for (auto& number : from) {
        if (number->getValue() == 3) throw std::runtime_error("not three");
        auto result = to.compose();
        result->setValue(2 * number->getValue());
        ASSERT_FALSE(to.send(std::move(result)));
      }
    };
    {
      Supervisor supervisor(system);
      const ActorRef worker = supervisor.spawn(doubles, std::move(rx), std::move(out));
      for (int64_t value = 1; value <= 5; ++value) {
        auto number = tx.compose();
        number->setValue(value);
        ASSERT_FALSE(tx.send(std::move(number)));
      }
      tx.release();
      EXPECT_FALSE(worker.join()) << "the second incarnation has drained the channel";
      EXPECT_EQ(supervisor.restarts(), 1u);
      EXPECT_FALSE(supervisor.join());
    }
    std::vector<int64_t> all;
    for (auto& result : results) all.push_back(result->getValue());
    EXPECT_EQ(all, (std::vector<int64_t>{2, 4, 8, 10}));
  });
}

TEST(Supervisor, GivesUpWhenFailuresComeTooOften) {
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system, {.name = "few", .restarts_max = 2, .within = 1h});
    const auto fails = supervisor.spawn<Sums>({.name = "fails"}, 0);
    const auto bystander = supervisor.spawn<Sums>({.name = "bystander"}, 0);
    for (int i = 0; i < 3; ++i) send(fails, -1);
    EXPECT_EQ(fails.join().type(), "std::out_of_range");
    EXPECT_FALSE(bystander.join());
    const Error gave_up = supervisor.join();
    EXPECT_EQ(gave_up, Code::too_many_restarts);
    EXPECT_EQ(gave_up.message(), "few gave up: fails failed, after 2 restarts within 3600000 ms");
    ASSERT_THAT(gave_up.causes(), SizeIs(1));
    EXPECT_EQ(gave_up.causes()[0].type, "std::out_of_range");
    EXPECT_EQ(supervisor.restarts(), 2u);
    EXPECT_EQ(system.failures(), 4u);
    EXPECT_FALSE(supervisor.spawn<Sums>(0).is_alive());
  });
}

TEST(Supervisor, OldFailuresLeaveTheWindow) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    System system(test::quiet({.seed = seed}));
    const Error error = test::run_as_actor(system, [](System& system) {
      Supervisor supervisor(system, {.restarts_max = 1, .within = 1s});
      const auto sums = supervisor.spawn<Sums>(0);
      for (int i = 0; i < 5; ++i) {
        send(sums, -1);
        EXPECT_EQ(total_of(sums), 0);
        EXPECT_FALSE(sleep_for(2100ms));
      }
      EXPECT_EQ(supervisor.restarts(), 5u);
    });
    EXPECT_FALSE(error) << error;
  }
}

TEST(Supervisor, WhatEndsWithoutAnErrorIsNotStartedAnew) {
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system);
    const auto stopped = supervisor.spawn<Sums>(0);
    const auto killed = supervisor.spawn<Sums>(0);
    const ActorRef returned = supervisor.spawn([] {});
    stopped.stop();
    killed.kill();
    EXPECT_FALSE(stopped.join());
    EXPECT_FALSE(killed.join());
    EXPECT_FALSE(returned.join());
    EXPECT_EQ(supervisor.restarts(), 0u);
    EXPECT_THAT(supervisor.children(), SizeIs(0));
  });
}

TEST(Supervisor, AConstructorThatThrowsAtARestartIsAFurtherFailure) {
  static int made = 0;
  struct Picky : Actor<Picky, Number> {
    Picky() {
      if (++made > 1) throw std::logic_error("not again");
    }
    void on(Number::Reader) { throw std::runtime_error("handler"); }
  };
  on_every_scheduler([](System& system) {
    made = 0;
    Supervisor supervisor(system, {.restarts_max = 3, .within = 1h});
    const auto picky = supervisor.spawn<Picky>();
    EXPECT_FALSE(picky.send<Number>());
    EXPECT_EQ(picky.join().type(), "std::logic_error");
    EXPECT_EQ(made, 4);
    EXPECT_EQ(supervisor.join(), Code::too_many_restarts);
  });
}

TEST(Supervisor, ItsEndStopsItsChildrenTheYoungestFirst) {
  static std::vector<int> ended;
  struct Last : Actor<Last, Number> {
    explicit Last(int number) : number_(number) {}
    ~Last() { ended.push_back(number_); }
    void on(Number::Reader) {}
    int number_;
  };
  on_every_scheduler([](System& system) {
    ended.clear();
    {
      Supervisor supervisor(system);
      for (int i = 1; i <= 3; ++i) supervisor.spawn<Last>(i);
      supervisor.spawn([] { sleep_for(1h); });
    }
    EXPECT_EQ(ended, (std::vector{3, 2, 1}));
  });
}

TEST(Supervisor, AnActorSupervisesAndIsKilled) {
  on_every_scheduler([](System& system) {
    const ActorRef boss = system.spawn([] {
      Supervisor own(SupervisorOptions{.name = "own"});
      own.spawn([] { sleep_for(1h); });
      own.spawn<Sums>(0);
      sleep_for(1h);
    });
    EXPECT_TRUE(eventually([&] { return system.isolates().size() >= 4; }));
    boss.kill();
    EXPECT_FALSE(boss.join());
    EXPECT_TRUE(eventually([&] { return system.actors() <= 1; }));
  });
}

// Takes all that it may have on its heap, and more.
struct Glutton : Actor<Glutton, Number> {
  void on(Number::Reader) {
    for (;;) kept.push_back(isola::string(1000, 'x'));
  }
  isola::vector<isola::string> kept;
};

TEST(Supervisor, AnActorOverItsQuotaIsStartedAnewWhileAThousandOthersGoOn) {
  on_real_scheduler([](System& system) {
#if defined(ISOLA_SIMULATED)
    constexpr int kRounds = 3, kOthers = 10;
#elif defined(ISOLA_TSAN)
    constexpr int kRounds = 200, kOthers = 1000;
#else
    constexpr int kRounds = 10'000, kOthers = 1000;
#endif
    Supervisor supervisor(system, kMany);
    std::vector<Sums::AddressType> others;
    for (int i = 0; i < kOthers; ++i) others.push_back(system.spawn<Sums>(0));
    const auto glutton = supervisor.spawn<Glutton>({.name = "glutton", .heap_quota = 16'000});
    const uint64_t blocks = system.pool_stats().live;
    for (int round = 1; round <= kRounds; ++round) {
      EXPECT_FALSE(glutton.send<Number>());
      send(others[static_cast<size_t>(round % kOthers)], 1);
      if (round % 64 == 0 || round == kRounds) {
        ASSERT_TRUE(eventually([&] { return supervisor.restarts() == uint64_t(round); }));
      }
    }
    int64_t sum = 0;
    for (const auto& other : others) sum += total_of(other);
    EXPECT_EQ(sum, kRounds);
    EXPECT_EQ(system.failures(), static_cast<uint64_t>(kRounds));
    EXPECT_TRUE(glutton.is_alive());
    const Isolate isolate = system.find(IsolateId::from_word(glutton.id())).or_raise();
    EXPECT_TRUE(eventually([&] { return isolate.heap_bytes() == 0; }));
    EXPECT_TRUE(eventually([&] { return system.pool_stats().live == blocks; }));
  });
}

}  // namespace
}  // namespace isola
