// Systems in which faults happen stay whole, and bugs that are planted in them are found.
#include <isola/serialization/faults.h>

#include <gtest/gtest.h>
#include <isola/isola.h>
#include <isola/tools/testing/system.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::testing {
namespace {

// The sanitizers would have to be told of Boost's own switches.
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)

using namespace std::chrono_literals;
using detail::Planted;
using test::GetTotal;
using test::Number;
using test::Total;

auto number(int64_t value) {
  return [value](auto builder) { builder.setValue(value); };
}

// Takes numbers in their order, by sender; waits in the middle of each.
struct Collector : Actor<Collector, Number, Ask<GetTotal, Total>> {
  void on(Number::Reader value) {
    Simulation& run = *Simulation::current();
    run.check(++inside_ == 1, "two turns at once");
    int64_t& next = next_[static_cast<size_t>(value.getValue() / 1000)];
    run.check(value.getValue() % 1000 >= next, "the order of one sender");  // some may fail
    next = value.getValue() % 1000 + 1;
    if (++count_ % 2 == 0) (void)sleep_for(1us);
    --inside_;
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(count_);
    return total;
  }
  int inside_ = 0;
  int64_t count_ = 0;
  int64_t next_[4] = {};
};

// For each message one of its own to the collector.
struct Relay : Actor<Relay, Number> {
  explicit Relay(Address<Number> to) : to_(std::move(to)) {}
  void on(Number::Reader) { (void)to_.send<Number>(number(count_++)); }
  Address<Number> to_;
  int64_t count_ = 0;
};

void send_some(Address<Number> to, int64_t sender, int64_t count) {
  for (int64_t n = 0; n < count; ++n) {
    (void)to.send<Number>(number(sender * 1000 + n));
    if (Simulation::current()->choose(2) == 0) (void)sleep_for(1us);
  }
}

// --- what happens to a correct program -----------------------------------------------------------

TEST(Faults, OfAllKindsLeaveNothingBehind) {
  uint64_t failures = 0;
  for (auto faults : {detail::Fault::pool_exhausted, detail::Fault::no_carrier,
                      detail::Fault::killed}) {
    detail::faults_let_happen = static_cast<uint8_t>(faults);
    for_each_system(700, [&](Simulation& run, System& system) {
      auto collector = system.spawn<Collector>(SpawnOptions{.inbox_max = 1});
      auto relay = system.spawn<Relay>(collector);
      auto [tx, rx] = system.channel<Number>(bounded(1));
      system.spawn(send_some, relay, 0, 3);
      system.spawn([](Receiver<Number> from) { while (!from.recv().err) {} }, std::move(rx));
      run.spawn([&, sender = &tx] {
        try {
          for (int64_t i = 0; i < 3; ++i) failures += bool(sender->send(number(i)));
          send_some(collector, 1, 3);
          failures += bool(collector.ask<GetTotal>().get().err);
        } catch (const PoolExhausted&) {
          ++failures;
        }
        (void)sender->close();
      });
      run.join_from(1 + static_cast<uint32_t>(system.workers()));
    });
  }
  detail::faults_let_happen = 0;
  if (std::getenv("ISOLA_SEED") != nullptr) return;
  EXPECT_GT(failures, 100u);
}

// --- what is wrong with the runtime --------------------------------------------------------------

// Who is sent to while it waits in a turn, by one that moves among others.
void relay_and_senders(Simulation& run, System& system, int64_t outside, int64_t each) {
  auto collector = system.spawn<Collector>();
  auto relay = system.spawn<Relay>(collector);
  std::vector<ActorRef> drivers;
  for (int i = 0; i < 2; ++i) drivers.push_back(system.spawn(send_some, relay, 0, each));
  for (int64_t i = 1; i <= outside; ++i) run.spawn([&, i] { send_some(collector, i, each); });
  run.join_from(1 + static_cast<uint32_t>(system.workers()));
  for (ActorRef& driver : drivers) (void)driver.join();
  // Without the yield, who asks might keep a third one off.
  for (int64_t count = 0; count < (2 + outside) * each; run.yield()) {
    auto [total, err] = collector.ask<GetTotal>().get();
    run.check(!err, "it is alive");
    count = total->getValue();
  }
}

void relay_and_one_sender(Simulation& run, System& system) { relay_and_senders(run, system, 1, 3); }
void relay_and_more_senders(Simulation& run, System& system) {
  relay_and_senders(run, system, 3, 5);
}

// Sends the numbers that it gets on, as `sender`.
struct Forwarder : Actor<Forwarder, Number> {
  Forwarder(Address<Number> to, int64_t sender) : to_(std::move(to)), sender_(sender) {}
  void on(Number::Reader) { (void)to_.send<Number>(number(sender_ * 1000 + count_++)); }
  Address<Number> to_;
  int64_t sender_;
  int64_t count_ = 0;
};

struct Checker : Actor<Checker, Number> {
  void on(Number::Reader value) {
    int64_t& next = next_[static_cast<size_t>(value.getValue() / 1000)];
    Simulation::current()->check(value.getValue() % 1000 == next++, "the order of one sender");
  }
  int64_t next_[8] = {};
};

// Forwarders go to the worker of whom they send to, since who sends to them is there, too; and
// threads outside push onto the same inbox at the same time.
void forwarders_move_to_the_checker(Simulation& run, System& system) {
  constexpr int64_t kForwarders = 2;
  constexpr int64_t kEach = 14;  // more than it takes to let one move
  auto checker = system.spawn<Checker>(SpawnOptions{.pinned = true});
  std::vector<Address<Number>> forwarders;
  std::vector<ActorRef> drivers;
  // By turns elsewhere and here.
  for (int64_t i = 0; i < kForwarders; ++i) {
    forwarders.push_back(system.spawn<Forwarder>(checker, i));
    drivers.push_back(system.spawn(
        SpawnOptions{.pinned = true},
        [](Address<Number> to) {
          for (int64_t n = 0; n < kEach; ++n) {
            (void)to.send<Number>(number(n));
            if (Simulation::current()->choose(4) != 0) (void)sleep_for(1us);
          }
        },
        forwarders.back()));
  }
  for (int64_t i = kForwarders; i < kForwarders + 2; ++i)
    run.spawn([checker, i] {
      for (int64_t n = 0; n < 2 * kEach; ++n) (void)checker.send<Number>(number(i * 1000 + n));
    });
  run.join_from(1 + static_cast<uint32_t>(system.workers()));
  for (ActorRef& driver : drivers) (void)driver.join();
}

// For each number three of its own, as `sender`.
struct Burster : Actor<Burster, Number> {
  Burster(Address<Number> to, int64_t sender) : to_(std::move(to)), sender_(sender) {}
  void on(Number::Reader) {
    for (int i = 0; i < 3; ++i) (void)to_.send<Number>(number(sender_ * 1000 + count_++));
  }
  Address<Number> to_;
  int64_t sender_;
  int64_t count_ = 0;
};

// Now one, now the other worker sends to the checker, which goes to and fro between them: while it
// is on its way to a sender, what that one has sent from elsewhere may still wait to be taken.
void the_checker_moves(Simulation& run, System& system) {
  auto checker = system.spawn<Checker>();
  const Address<Number> senders[] = {
      system.spawn<Burster>(SpawnOptions{.pinned = true}, checker, int64_t{0}),
      system.spawn<Burster>(SpawnOptions{.pinned = true}, checker, int64_t{1})};
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 5; ++i) {  // more than it takes to let it move
      (void)senders[round % 2].send<Number>(number(i));
      if (run.choose(2) != 0) (void)sleep_for(2us);
    }
  }
}

TEST(Faults, OfNoKindAreFoundWhereThereIsNone) {
  for_each_system(1000, relay_and_one_sender);
  for_each_system(500, relay_and_more_senders);
  for_each_system(500, forwarders_move_to_the_checker, {.workers = 2});
  for_each_system(1000, the_checker_moves, {.workers = 2});
}

// What was sent is received, or still there, whatever limits pass.
void send_and_receive_for(Simulation& run, System& system) {
  auto [tx, rx] = system.channel<Number>(rendezvous);
  int sent = 0;
  int received = 0;
  run.spawn([&, to = &tx] {
    for (int i = 0; i < 3; ++i) {
      auto message = to->compose();
      sent += !to->send_for(std::move(message), 1us);
    }
  });
  run.spawn([&, from = &rx] {
    for (int i = 0; i < 3; ++i) received += !from->recv_for(1us).err;
  });
  run.join_from(1 + static_cast<uint32_t>(system.workers()));
  run.check(sent == received, "what is sent arrives");
}

void end_with_mail(Simulation& run, System& system) {
  auto collector = system.spawn<Collector>();
  run.spawn([&] { send_some(collector, 1, 4); });
  collector.kill();
  (void)collector.join();
  run.join_from(1 + static_cast<uint32_t>(system.workers()));
}

struct Found {
  uint64_t seed;  // 0: none
  char what[120];
};

// In a process of its own, as a bug may break anything.
Found find(Planted bug, const SystemBody& body, uint32_t workers, uint64_t seeds) {
  auto* found = static_cast<Found*>(mmap(nullptr, sizeof(Found), PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  *found = {};
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    detail::planted_bug = bug;
    Simulation simulation({.steps_max = 100'000, .fibers = true});
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      found->seed = seed;
      std::string("a crash").copy(found->what, sizeof found->what - 1);
      const auto failure = simulation.run(
          seed, [&](Simulation& run) { run_system(run, {.workers = workers}, body); });
      if (!failure) continue;
      found->what[failure->what.copy(found->what, sizeof found->what - 1)] = 0;
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  Found result = *found;
  munmap(found, sizeof(Found));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) result.seed = 0;
  return result;
}

TEST(Faults, ThatArePlantedAreFound) {
  struct Case {
    const char* name;
    Planted bug;
    SystemBody body;
    uint32_t workers = 0;  // 0: drawn
  };
  const Case cases[] = {
      {"lost_wake_up", Planted::lost_wake_up, relay_and_one_sender},
      {"double_schedule", Planted::double_schedule, relay_and_one_sender},
      {"claim_taken_twice", Planted::claim_taken_twice, send_and_receive_for},
      {"reordered_by_move", Planted::reordered_by_move, the_checker_moves, 2},
      {"forgotten_release", Planted::forgotten_release, end_with_mail},
  };
  for (const Case& each : cases) {
    const Found none = find(Planted::none, each.body, each.workers, 500);
    EXPECT_EQ(none.seed, 0u) << each.name << ", not planted: " << none.what;
    const Found found = find(each.bug, each.body, each.workers, 10'000);
    EXPECT_GT(found.seed, 0u) << each.name << " is not found";
    std::cout << each.name << ": seed " << found.seed << ": " << found.what << '\n';
  }
}

#endif

}  // namespace
}  // namespace isola::testing
