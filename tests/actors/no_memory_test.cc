// What the program's memory that runs out does to calls: they throw std::bad_alloc or say so in
// their result, and all is as before. Each is tried with memory for none of its allocations, for
// the first, and so on.
#include <isola/actors/isolate_pool.h>
#include <isola/actors/supervisor.h>
#include <isola/isola.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/no_memory.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::at_every_allocation;
using test::GetTotal;
using test::MemoryFor;
using test::Number;
using test::Total;

class Sums : public Actor<Sums, Number, Ask<GetTotal, Total>> {
 public:
  void on(Number::Reader number) {
    if (number.getValue() < 0) throw std::out_of_range("only forwards");
    total_ += number.getValue();
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_);
    return total;
  }

 private:
  int64_t total_ = 0;
};

int64_t total_of(const Sums::AddressType& sums) {
  return sums.ask<GetTotal>().get().or_raise()->getValue();
}

TEST(NoMemory, ASystemIsMadeOrNot) {
  const int64_t allocations = at_every_allocation([] { System system({.workers = 2}); }, [] {});
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, AnActorIsSpawnedOrNot) {
  System system({.workers = 1});
  uint64_t spawned = 0;
  const int64_t allocations = at_every_allocation(
      [&] {
        auto sums = system.spawn<Sums>({.name = "a name that is no short string at all"});
        ++spawned;
        sums.stop();
        (void)sums.join();
      },
      [&] {
        auto sums = system.spawn<Sums>();
        EXPECT_EQ(total_of(sums), 0);
        sums.stop();
        EXPECT_FALSE(sums.join());
      });
  EXPECT_GT(spawned, 0u);
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, AMessageIsSentOrNot) {
  System system({.workers = 1});
  auto sums = system.spawn<Sums>();
  int64_t sent = 0;
  const int64_t allocations = at_every_allocation(
      [&] {
        for (int i = 0; i < 100; ++i)
          if (!sums.send<Number>([](Number::Builder number) { number.setValue(1); })) ++sent;
      },
      [&] { ASSERT_EQ(total_of(sums), sent); });
  EXPECT_GE(sent, 100);
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, AMessageThatCanNotBeMadeTakesNothingOfThePool) {
  for (const uint64_t words : {uint64_t{8}, uint64_t{1} << 17}) {
    SCOPED_TRACE(words);
    Pool* pool = Pool::create(64 << 20);
    bool made = false;
    const int64_t allocations = at_every_allocation(
        [&] {
          auto number = compose<Number>(*pool, words);
          made = true;
        },
        [&] {
          if (!made) {
            ASSERT_EQ(pool->stats().reserved, 0u);
          }
        });
    EXPECT_TRUE(made);
    EXPECT_GT(allocations, 0);
    pool->close();
  }
}

TEST(NoMemory, AnAnswerComesOrNot) {
  System system({.workers = 1});
  auto sums = system.spawn<Sums>();
  const int64_t allocations = at_every_allocation(
      [&] {
        auto [total, error] = sums.ask<GetTotal>().get();
        if (!error) {
          EXPECT_EQ(total->getValue(), 0);
        }
      },
      [&] { ASSERT_EQ(total_of(sums), 0); });
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, AnIsolateIsMadePreparedRunAndReset) {
  System system({.workers = 1});
  const int64_t allocations = at_every_allocation(
      [&] {
        Isolate isolate = system.create({.name = "a name that is no short string at all"});
        if (isolate.prepare("text", std::string(100, 'x'))) return;
        auto [size, error] = isolate.run(
            +[](const std::string& more) {
              return globals().get<std::string>("text").size() + more.size();
            },
            std::string(50, 'y'));
        if (!error) {
          EXPECT_EQ(size, 150u);
        }
        (void)isolate.reset();
        (void)system.isolates();
      },
      [&] { ASSERT_EQ(system.isolates().size(), 1u) << "main"; });
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, AChannelLosesNothing) {
  System system({.workers = 1});
  const int64_t allocations = at_every_allocation(
      [&] {
        auto [sender, receiver] = system.channel<Number>(bounded(4));
        int sent = 0;
        for (int i = 0; i < 3; ++i)
          if (!sender.send([](Number::Builder number) { number.setValue(7); })) ++sent;
        for (int i = 0; i < sent; ++i) {
          auto [number, error] = receiver.recv();
          if (!error) {
            EXPECT_EQ(number->getValue(), 7);
          }
        }
      },
      [&] { ASSERT_TRUE(system.channels().empty()); });
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, ASupervisorStartsAnewOrNot) {
  System system({.workers = 1, .on_failure = [](const Error&) {}});
  const int64_t allocations = at_every_allocation(
      [&] {
        Supervisor supervisor(system, {.name = "a name that is no short string at all"});
        const auto sums = supervisor.spawn<Sums>({.name = "another name that is no short string"});
        if (sums.send<Number>([](Number::Builder number) { number.setValue(-1); })) return;
        (void)sums.ask<GetTotal>().get();
      },
      [&] { ASSERT_EQ(system.isolates().size(), 1u) << "main"; });
  EXPECT_GT(allocations, 0);
}

TEST(NoMemory, APoolRunsATaskOrNot) {
  System system({.workers = 1});
  const int64_t allocations = at_every_allocation(
      [&] {
        IsolatePool pool(system, {.workers = 2});
        auto future = pool.submit(
            +[](std::string text) { return text + "!"; }, std::string("a task"));
        auto [text, error] = future.get();
        if (!error) {
          EXPECT_EQ(text, "a task!");
        }
      },
      [&] { ASSERT_EQ(system.isolates().size(), 1u) << "main"; });
  EXPECT_GT(allocations, 0);
}

// --- the same in an actor's turn -----------------------------------------------------------------

constinit System* system_of_turns = nullptr;

// All of a worker's thread has no memory: where `work` waits, also others that have their turns.
template <class Work>
void in_turns(System& system, Work) {
  system_of_turns = &system;
  const auto in_turn = [] { return at_every_allocation(Work(), [] {}); };
  EXPECT_GT(system.create().run(+in_turn).or_raise(), 0);
  const auto sums = system.spawn<Sums>();
  EXPECT_EQ(total_of(sums), 0);
}

TEST(NoMemory, ATurnSpawnsAndSendsOrNot) {
  System system({.workers = 1});
  in_turns(system, [] {
    auto sums = spawn<Sums>({.name = "a name that is no short string at all"});
    for (int i = 0; i < 100; ++i)
      (void)sums.send<Number>([](Number::Builder number) { number.setValue(1); });
    sums.stop();
  });
}

TEST(NoMemory, ATurnAsksOrNot) {
  System system({.workers = 1});
  in_turns(system, [] {
    auto sums = spawn<Sums>();
    auto [total, error] = sums.ask<GetTotal>().get();
    if (!error) {
      EXPECT_EQ(total->getValue(), 0);
    }
    sums.stop();
    (void)sums.join();
  });
}

TEST(NoMemory, ATurnWaitsAtAChannelOrNot) {
  System system({.workers = 1});
  in_turns(system, [] {
    auto [sender, receiver] = system_of_turns->channel<Number>(bounded(1));
    const auto sends = [](Sender<Number> to) {
      for (int64_t i = 0; i < 3; ++i)
        if (to.send([&](Number::Builder number) { number.setValue(i); })) return;
    };
    const auto other = spawn(+sends, sender.clone());
    sender = {};
    int64_t next = 0;
    for (;;) {
      auto [number, error] = receiver.recv();
      if (error) break;
      EXPECT_EQ(number->getValue(), next++);
    }
    receiver = {};  // the sender may wait for room still
    (void)sleep_for(std::chrono::microseconds(1));
    (void)other.join();
  });
}

TEST(NoMemory, ATurnHasAPoolOrNot) {
  System system({.workers = 1});
  in_turns(system, [] {
    IsolatePool pool({.workers = 2});
    auto first = pool.submit(
        +[](std::string text) { return text + "!"; }, std::string("a task"));
    auto second = pool.submit(+[] { throw std::out_of_range("a longer text than strings hold"); });
    auto [text, error] = first.get();
    if (!error) {
      EXPECT_EQ(text, "a task!");
    }
    EXPECT_TRUE(second.get().err);
  });
}

TEST(NoMemory, ATurnSupervisesOrNot) {
  System system({.workers = 1, .on_failure = [](const Error&) {}});
  in_turns(system, [] {
    Supervisor supervisor({.name = "a name that is no short string at all"});
    const auto sums = supervisor.spawn<Sums>();
    if (sums.send<Number>([](Number::Builder number) { number.setValue(-1); })) return;
    (void)sums.ask<GetTotal>().get();
  });
}

TEST(NoMemory, ATurnUsesItsHeapOrNot) {
  System system({.workers = 1});
  in_turns(system, [] {
    isola::map<isola::string, isola::vector<int>> all;
    for (int i = 0; i < 3000; ++i) all[isola::string(static_cast<size_t>(20 + i), 'x')].resize(7);
    const auto owned = make_own<std::string>(100, 'y');
    globals().set("kept", std::string(1000, 'z'));
    globals().clear();
  });
}

}  // namespace
}  // namespace isola
