// What the program's memory that runs out does to calls: they throw std::bad_alloc or say so in
// their result, and all is as before. Each of their allocations is refused in turn.
#include <isola/actors/isolate_pool.h>
#include <isola/actors/supervisor.h>
#include <isola/isola.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

#include "tests/support/messages.capnp.h"
#include "tests/support/no_memory.h"

namespace isola {
namespace {

using test::at_every_allocation;
using test::GetTotal;
using test::Number;
using test::Refused;
using test::Total;
using test::without_memory;

constexpr const char* kLongName = "a name that is no short string at all";

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

bool send(const Sums::AddressType& to, int64_t value) {
  return !to.send<Number>([&](Number::Builder number) { number.setValue(value); });
}

SystemOptions quiet() {
  return {.workers = 1, .on_failure = [](const Error&) {}};
}

TEST(NoMemory, ASystemIsMadeOrNot) {
  at_every_allocation([](Refused refused) {
    return without_memory(refused, [] { System system({.workers = 2}); });
  });
}

TEST(NoMemory, AnActorIsSpawnedOrNot) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    const uint64_t count = without_memory(refused, [&] {
      auto sums = system.spawn<Sums>({.name = kLongName});
      sums.stop();
      (void)sums.join();
    });
    EXPECT_EQ(system.isolates().size(), 1u) << "main";
    EXPECT_EQ(total_of(system.spawn<Sums>()), 0);
    return count;
  });
}

TEST(NoMemory, AMessageIsSentOrNot) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    const auto sums = system.spawn<Sums>();
    int64_t sent = 0;
    const uint64_t count = without_memory(refused, [&] {
      for (int i = 0; i < 100; ++i) sent += send(sums, 1);
    });
    EXPECT_EQ(total_of(sums), sent);
    return count;
  });
}

TEST(NoMemory, AMessageThatCanNotBeMadeTakesNothingOfThePool) {
  for (const uint64_t words : {uint64_t{8}, uint64_t{1} << 17}) {
    SCOPED_TRACE(words);
    at_every_allocation([&](Refused refused) {
      Pool* pool = Pool::create(64 << 20);
      bool made = false;
      const uint64_t count = without_memory(refused, [&] {
        const auto number = compose<Number>(*pool, words);
        made = true;
      });
      EXPECT_EQ(made, count == 0);
      if (!made) {
        EXPECT_EQ(pool->stats().reserved, 0u);
      }
      pool->close();
      return count;
    });
  }
}

TEST(NoMemory, AnAnswerComesOrNot) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    const auto sums = system.spawn<Sums>();
    const uint64_t count = without_memory(refused, [&] {
      auto [total, error] = sums.ask<GetTotal>().get();
      if (!error) {
        EXPECT_EQ(total->getValue(), 0);
      }
    });
    EXPECT_EQ(total_of(sums), 0);
    return count;
  });
}

TEST(NoMemory, AnIsolateIsMadePreparedRunAndReset) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    const uint64_t count = without_memory(refused, [&] {
      Isolate isolate = system.create({.name = kLongName});
      if (isolate.prepare("text", std::string(100, 'x'))) return;
      const auto sizes = [](const std::string& more) {
        return globals().get<std::string>("text").size() + more.size();
      };
      auto [size, error] = isolate.run(+sizes, std::string(50, 'y'));
      if (!error) {
        EXPECT_EQ(size, 150u);
      }
      (void)isolate.reset();
      (void)system.isolates();
    });
    EXPECT_EQ(system.isolates().size(), 1u) << "main";
    return count;
  });
}

TEST(NoMemory, AChannelLosesNothing) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    std::optional<Channel<Number>> ends;
    int64_t sent = 0;
    int64_t received = 0;
    const uint64_t count = without_memory(refused, [&] {
      ends.emplace(system.channel<Number>(bounded(4)));
      for (int i = 0; i < 3; ++i)
        sent += !ends->sender.send([](Number::Builder number) { number.setValue(7); });
      if (ends->receiver.recv().value) ++received;
    });
    if (ends) {
      ends->sender = {};
      for (auto& number : ends->receiver) received += number->getValue() == 7;
      ends.reset();
    }
    EXPECT_EQ(received, sent);
    EXPECT_TRUE(system.channels().empty());
    return count;
  });
}

TEST(NoMemory, ASupervisorHasAChildOrNot) {
  at_every_allocation([](Refused refused) {
    System system(quiet());
    const uint64_t count = without_memory(refused, [&] {
      Supervisor supervisor(system, {.name = kLongName});
      const auto sums = supervisor.spawn<Sums>({.name = kLongName});
      if (send(sums, -1)) (void)sums.ask<GetTotal>().get();
    });
    EXPECT_EQ(system.isolates().size(), 1u) << "main";
    return count;
  });
}

TEST(NoMemory, APoolRunsATaskOrNot) {
  at_every_allocation([](Refused refused) {
    System system({.workers = 1});
    const uint64_t count = without_memory(refused, [&] {
      IsolatePool pool(system, {.workers = 2});
      auto future = pool.submit(
          +[](std::string text) { return text + "!"; }, std::string("task"));
      auto [text, error] = future.get();
      if (!error) {
        EXPECT_EQ(text, "task!");
      }
    });
    EXPECT_EQ(system.isolates().size(), 1u) << "main";
    return count;
  });
}

// --- the same in an actor's turn -----------------------------------------------------------------

constinit System* system_of_turns = nullptr;

// All of a worker's thread has no memory: where `work` waits, also others that have their turns.
template <class Work>
void in_turns(Work) {
  at_every_allocation([](Refused refused) {
    System system(quiet());
    system_of_turns = &system;
    const auto turn = [](int64_t after, bool all) {
      return without_memory(Refused{after, all}, Work());
    };
    const uint64_t count = system.create().run(+turn, refused.after, refused.all).or_raise();
    EXPECT_EQ(total_of(system.spawn<Sums>()), 0);
    return count;
  });
}

TEST(NoMemory, ATurnSpawnsAndSendsOrNot) {
  in_turns([] {
    auto sums = spawn<Sums>({.name = kLongName});
    for (int i = 0; i < 200; ++i) (void)send(sums, 1);
    sums.stop();
  });
}

TEST(NoMemory, ATurnAsksOrNot) {
  in_turns([] {
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
  in_turns([] {
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
  in_turns([] {
    IsolatePool pool({.workers = 2});
    auto first = pool.submit(
        +[](std::string text) { return text + "!"; }, std::string("task"));
    auto second = pool.submit(+[] { throw std::out_of_range("a longer text than strings hold"); });
    auto [text, error] = first.get();
    if (!error) {
      EXPECT_EQ(text, "task!");
    }
    EXPECT_TRUE(second.get().err);
  });
}

TEST(NoMemory, ATurnSupervisesOrNot) {
  in_turns([] {
    Supervisor supervisor({.name = kLongName});
    const auto sums = supervisor.spawn<Sums>();
    if (send(sums, -1)) (void)sums.ask<GetTotal>().get();
  });
}

TEST(NoMemory, ASupervisorThatGivesUpInATurnEndsAll) {
  in_turns([] {
    Supervisor supervisor({.name = kLongName, .restarts_max = 0});
    const auto fails = supervisor.spawn<Sums>();
    const auto other = supervisor.spawn<Sums>();
    if (!send(fails, -1)) return;
    (void)supervisor.join();
  });
}

TEST(NoMemory, ATurnUsesItsHeapOrNot) {
  in_turns([] {
    isola::map<isola::string, isola::vector<int>> all;
    for (int i = 0; i < 300; ++i) all[isola::string(static_cast<size_t>(20 + i), 'x')].resize(7);
    const auto owned = make_own<std::string>(100, 'y');
    globals().set("kept", std::string(1000, 'z'));
    globals().clear();
  });
}

}  // namespace
}  // namespace isola
