// Priorities: who comes first, and that nobody starves.
#include <isola/actors/priority.h>

#include <isola/isola.h>

#include <algorithm>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

// On one worker: the real scheduler and seeded ones.
void on_one_worker(const test::Body& body) {
#ifdef ISOLA_TSAN
  const uint64_t seeds = 2;  // one thread: the thread sanitizer has little to see, and is slow
#else
  const uint64_t seeds = 30;
#endif
  for (uint64_t seed = 0; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " (0: the real scheduler)");
    SystemOptions options = test::quiet({.workers = 1});
    if (seed > 0) options.seed = seed;
    System system(options);
    EXPECT_FALSE(test::run_as_actor(system, body));
    test::expect_nothing_left(system);
  }
}

TEST(Priority, TheHighOnesComeFirstAndTheLowOnesLast) {
  on_one_worker([](System& system) {
    static std::vector<int64_t>* order;
    std::vector<int64_t> its_order;
    order = &its_order;
    struct Notes : Actor<Notes, Number> {
      explicit Notes(Sender<Number> done) : done_(std::move(done)) {}
      void on(Delivery<Number> number) {
        order->push_back(number->getValue());
        EXPECT_FALSE(done_.send(std::move(number)));
      }
      Sender<Number> done_;
    };
    auto [tx, rx] = system.channel<Number>(unbounded);
    constexpr int kEach = 10;
    std::vector<Address<Number>> actors;
    for (int i = 0; i < kEach; ++i)
      for (Priority priority : {Priority::low, Priority::normal, Priority::high})
        actors.push_back(system.spawn<Notes>({.priority = priority}, tx.clone()));
    for (size_t i = 0; i < actors.size(); ++i)
      EXPECT_FALSE(actors[i].send<Number>(value(static_cast<int64_t>(i % 3))));
    for (size_t i = 0; i < actors.size(); ++i) EXPECT_FALSE(rx.recv().err);
    EXPECT_TRUE(std::is_sorted(its_order.begin(), its_order.end(), std::greater<>()));
  });
}

// Counts its messages, and sends itself another one as long as it shall.
struct Busy : Actor<Busy, Number> {
  void on(Number::Reader) {
    ++handled;
    if (!go_on) return;
    EXPECT_FALSE(self().send<Number>(value(0)));
  }
  static inline uint64_t handled = 0;
  static inline bool go_on = true;
};

// Has mail for a number of turns; notes how much Busy actors handle in between.
struct Patient : Actor<Patient, Number> {
  explicit Patient(Sender<Number> done) : done_(std::move(done)) {}
  void on(Delivery<Number> number) {
    longest = std::max(longest, Busy::handled - seen_);
    seen_ = Busy::handled;
    if (number->getValue() > 0) return;
    EXPECT_FALSE(done_.send(std::move(number)));
  }
  static inline uint64_t longest = 0;
  uint64_t seen_ = Busy::handled;
  Sender<Number> done_;
};

// What a patient actor of this priority waits at most, in messages of busy ones of another.
uint64_t longest_wait(System& system, Priority patient, std::vector<Priority> busy) {
  Busy::handled = Patient::longest = 0;
  Busy::go_on = true;
  auto [tx, rx] = system.channel<Number>(bounded(1));
  auto waits = system.spawn<Patient>({.priority = patient}, std::move(tx));
  const int messages = 4 * static_cast<int>(detail::kTurnMessages);
  for (int left = messages; left-- > 0;) EXPECT_FALSE(waits.send<Number>(value(left)));
  for (Priority priority : busy)
    EXPECT_FALSE(system.spawn<Busy>({.priority = priority}).template send<Number>(value(0)));
  EXPECT_FALSE(rx.recv().err);
  Busy::go_on = false;
  return Patient::longest;
}

TEST(Priority, ALowOneGetsItsTurnWhoeverAlwaysHasMail) {
  on_one_worker([](System& system) {
    for (const auto& busy : std::vector<std::vector<Priority>>{
             {Priority::normal},
             {Priority::high},
             {Priority::normal, Priority::high, Priority::high, Priority::normal}}) {
      // A busy one yields now and then in the middle of a turn: the rest of it comes on top.
      const uint64_t turns = detail::kTurnsBeforeLow + busy.size();
      const uint64_t longest = longest_wait(system, Priority::low, busy);
      EXPECT_LE(longest, turns * detail::kTurnMessages);
      if (busy.size() == 4) {
        EXPECT_GT(longest, 2 * detail::kTurnMessages) << "but not before, unless others yield";
      }
    }
  });
}

TEST(Priority, ANormalOneGetsItsTurnAmongHighOnes) {
  on_one_worker([](System& system) {
    const uint64_t longest =
        longest_wait(system, Priority::normal, {Priority::high, Priority::high});
    EXPECT_LE(longest, uint64_t{detail::kHighInARow + 2} * detail::kTurnMessages);
    EXPECT_GT(longest, detail::kTurnMessages);
  });
}

TEST(Priority, ActorsOfAllPrioritiesMoveBetweenWorkers) {
  System system(test::quiet({.workers = 2}));
  struct Forwards : Actor<Forwards, Number> {
    explicit Forwards(Sender<Number> done) : done_(std::move(done)) {}
    void on(Delivery<Number> number) { EXPECT_FALSE(done_.send(std::move(number))); }
    Sender<Number> done_;
  };
  auto [tx, rx] = system.channel<Number>(unbounded);
  std::vector<Address<Number>> actors;
  for (int i = 0; i < 120; ++i)
    actors.push_back(system.spawn<Forwards>(
        {.pinned = i % 4 == 0, .priority = static_cast<Priority>(i % 3)}, tx.clone()));
  for (int burst = 0; burst < 50; ++burst) {
    ActorRef sends = system.spawn(
        [](std::vector<Address<Number>> to) {
          for (auto& actor : to) EXPECT_FALSE(actor.send<Number>(value(0)));
        },
        actors);
    EXPECT_FALSE(sends.join());
    for (size_t i = 0; i < actors.size(); ++i) EXPECT_FALSE(rx.recv().err);
  }
}

}  // namespace
}  // namespace isola
