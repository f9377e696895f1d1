// Pools of isolates: what their workers are prepared with, submitting, and the results.
#include <isola/actors/isolate_pool.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/actors/pool_support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gates;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;

// --- how workers are prepared -------------------------------------------------------------------

void note_begin(int given, std::string text) {
  globals().set("inits", globals().contains("inits") ? globals().get<int>("inits") + 1 : 1);
  globals().set("given", given);
  globals().set("text", text);
  globals().set("where", current_isolate().name());
}

std::string what_began() {
  return std::to_string(globals().get<int>("inits")) + " " +
         std::to_string(globals().get<int>("given")) + " " + globals().get<std::string>("text") +
         " " + globals().get<std::string>("where");
}

TEST(IsolatePool, InitialisesEachWorkerBeforeItsFirstTask) {
  // Covers: POOL-003
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 3, .initialiser = {&note_begin, 7, std::string("given")}});
    EXPECT_TRUE(pool.workers().empty()) << "made when they are needed";
    auto task = [](Sender<Number> ready, Receiver<Number> go) {
      (void)test::wait_for_go(std::move(ready), std::move(go));
      return what_began();
    };
    std::vector<Future<std::string>> futures;
    for (int i = 0; i < 3; ++i)
      futures.push_back(pool.submit(task, gates.ready.sender.clone(), gates.go.receiver.clone()));
    gates.wait_until_ready(3);
    gates.release(3);
    std::vector<std::string> began;
    for (auto& future : futures) began.push_back(future.get().or_raise());
    std::sort(began.begin(), began.end());
    EXPECT_EQ(began, (std::vector<std::string>{"1 7 given pool-0", "1 7 given pool-1",
                                               "1 7 given pool-2"}));
    EXPECT_EQ(pool.submit(&what_began).get().or_raise().substr(0, 2), "1 ") << "not for each task";
  });
}

TEST(IsolatePool, ItsInitialiserBindsNamesInTheWorkerAlone) {
  // Covers: POOL-004
  on_every_scheduler([](System& system) {
    EXPECT_FALSE(system.main().prepare("status", "uninitialized"));
    IsolatePool pool(
        system, {.workers = 2, .initialiser = [] { globals().set("status", "initialized"); }});
    auto read = [] { return globals().get<std::string>("status"); };
    EXPECT_EQ(pool.submit(read).get().or_raise(), "initialized");
    EXPECT_EQ(system.main().get<std::string>("status").value, "uninitialized");
  });
}

TEST(IsolatePool, WhatItWasGivenIsReadByEveryTaskInEveryWorker) {
  // Covers: POOL-007
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 3,
                              .initialiser =
                                  [] {
                                    const double half = globals().get<double>("threshold") / 2;
                                    globals().set("half", half);
                                  },
                              .values = {{"threshold", 0.5}, {"mode", "fast"}}});
    auto task = [](Sender<Number> ready, Receiver<Number> go) {
      (void)test::wait_for_go(std::move(ready), std::move(go));
      return current_isolate().name() + " " + globals().get<std::string>("mode") +
             (globals().get<double>("half") == 0.25 ? " 0.25" : "");
    };
    for (int round = 0; round < 2; ++round) {
      std::vector<Future<std::string>> futures;
      for (int i = 0; i < 3; ++i)
        futures.push_back(pool.submit(task, gates.ready.sender.clone(), gates.go.receiver.clone()));
      gates.wait_until_ready(3);
      gates.release(3);
      std::vector<std::string> read;
      for (auto& future : futures) read.push_back(future.get().or_raise());
      std::sort(read.begin(), read.end());
      EXPECT_EQ(read, (std::vector<std::string>{"pool-0 fast 0.25", "pool-1 fast 0.25",
                                                "pool-2 fast 0.25"}));
    }
  });
}

TEST(IsolatePool, WhatCanNotBeHadIsSaid) {
  // Covers: POOL-024
  on_real_scheduler([](System& system) {
    for (int workers : {0, -1, 5000}) {
      IsolatePool pool(system, {.workers = workers});
      EXPECT_EQ(pool.error(), Code::invalid_argument);
      EXPECT_EQ(pool.error().message(),
                "a pool has 1 to 4096 workers, not " + std::to_string(workers));
      EXPECT_EQ(pool.submit([] {}).get().err, Code::invalid_argument);
      EXPECT_TRUE(pool.workers().empty());
    }
    EXPECT_EQ(IsolatePool(system, {.name = "\xff"}).error(), Code::invalid_argument);
    EXPECT_EQ(IsolatePool(system, {.values = {{"", 1}}}).error(), Code::invalid_argument);
    EXPECT_EQ(IsolatePool(system, {.dispatcher = "none"}).error(), Code::no_dispatcher);
    EXPECT_FALSE(IsolatePool(system, {.workers = 1}).error());
  });
}

void fail_to_begin() { throw std::domain_error("no model"); }

TEST(IsolatePool, AnInitialiserThatThrowsBreaksIt) {
  // Covers: POOL-009
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 2, .name = "score", .initialiser = &fail_to_begin});
    std::vector<Future<void>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(pool.submit([] { ADD_FAILURE() << "ran"; }));
    for (auto& future : futures) {
      const Error err = future.get().err;
      EXPECT_EQ(err, Code::broken_pool);
      ASSERT_EQ(err.causes().size(), 1u);
      EXPECT_EQ(err.causes()[0].message, "no model");
    }
    EXPECT_EQ(pool.error(), Code::broken_pool);
    EXPECT_EQ(pool.submit([] {}).get().err, Code::broken_pool);
    for (auto& [value, err] : pool.map([](int n) { return n; }, std::vector<int>{1, 2}))
      EXPECT_EQ(err, Code::broken_pool);
    EXPECT_EQ(system.failures(), 1u) << "once, however many futures";
    EXPECT_FALSE(pool.shutdown());
    EXPECT_TRUE(test::workers_of(system, "score").empty());
  });
}

// --- submitting ---------------------------------------------------------------------------------

double power(double base, int exponent) {
  double result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

TEST(IsolatePool, GivesTheResultOfACall) {
  // Covers: POOL-011
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1});
    Future<double> future = pool.submit(&power, 2.0, 8);
    EXPECT_EQ(future.get().or_raise(), 256);
    EXPECT_TRUE(pool.submit([] {}).get());
    auto note = pool.submit(
        [](Message<Note> in) {
          in->setText("written in " + current_isolate().name());
          return in;
        },
        system.compose<Note>());
    EXPECT_EQ(note.get().or_raise()->getText(), "written in pool-0");
  });
}

int add(int a, int b) { return a + b; }

TEST(IsolatePool, HandsArgumentsOverInOrderWhateverTheyAre) {
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1});
    auto task = [](std::chrono::milliseconds timeout, std::string name, int (*function)(int, int),
                   Pending pending, std::vector<int> numbers) {
      return name + " " + std::to_string(timeout.count()) + " " + std::to_string(function(1, 2)) +
             (pending == Pending::cancel ? " cancel " : " ") + std::to_string(numbers.at(1));
    };
    EXPECT_EQ(pool.submit(task, 20ms, std::string("initialiser"), &add, Pending::cancel,
                          std::vector<int>{4, 5})
                  .get()
                  .or_raise(),
              "initialiser 20 3 cancel 5");
  });
}

TEST(IsolatePool, ChannelEndsCrossWithATaskAndComeBack) {
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1});
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto future = pool.submit([](Sender<Number> out) { return out; }, std::move(tx));
    EXPECT_FALSE(pool.shutdown());
    Sender<Number> back = std::move(future.get().value);  // its worker is gone
    EXPECT_FALSE(back.send(number(6)));
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 6);
  });
}

TEST(IsolatePool, TasksRunInTheContextOfWhoSubmitsThem) {
  static constexpr Key<text> locale{"test.pool.locale", Flow::wire};
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1});
    auto read = [] { return std::string(locale.get()); };
    Scope german{locale, "de_DE"};
    EXPECT_EQ(pool.submit(read).get().value, "de_DE");
    Scope french{locale, "fr_FR"};
    EXPECT_EQ(pool.submit(read).get().value, "fr_FR");
  });
}

TEST(IsolatePool, ATaskThatIsNotBegunBeforeItsDeadlineIsNotRun) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto first = gates.submit_to(pool);
    gates.wait_until_ready();
    Future<void> late;
    {
      Deadline soon{1ms};
      late = pool.submit([] { ADD_FAILURE() << "ran"; });
      EXPECT_EQ(late.get().err, Code::timeout);
    }
    EXPECT_FALSE(late.is_ready());
    gates.release();
    EXPECT_EQ(late.get().err, Code::timeout);
  });
}

// --- arguments that can't be read ---------------------------------------------------------------

// Something that is looked up when it is moved, and is not there any more.
struct Fragile {
  static inline sync::atomic<bool> is_gone{false};
  Fragile() = default;
  Fragile(const Fragile&) = default;
  Fragile(Fragile&&) noexcept(false) {
    if (is_gone.load()) throw std::runtime_error("no such file");
  }
};

}  // namespace

template <>
struct SendableTrait<Fragile> : std::true_type {};

namespace {

TEST(IsolatePool, SaysWhichArgumentCanNotBeReadAndGoesOn) {
  // Covers: POOL-018
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto first = gates.submit_to(pool);
    gates.wait_until_ready();
    auto unreadable = pool.submit([](int n, Fragile, std::string) { return n; }, 3, Fragile(),
                                  std::string("after"));
    auto next = pool.submit(&add, 2, 3);
    Fragile::is_gone.store(true);
    gates.release();
    auto [value, err] = unreadable.get();
    EXPECT_EQ(err, Code::failed);
    EXPECT_EQ(err.type(), "isola::UnreadableArgument");
    EXPECT_EQ(err.message(), "argument 2 can't be read in the worker: no such file");
    ASSERT_EQ(err.causes().size(), 1u);
    EXPECT_EQ(err.causes()[0].type + ": " + err.causes()[0].message,
              "std::runtime_error: no such file");
    EXPECT_EQ(next.get().value, 5);
    EXPECT_EQ(pool.workers().size(), 1u) << "the same worker";
    Fragile::is_gone.store(false);
  });
}

// --- map ----------------------------------------------------------------------------------------

TEST(IsolatePool, MapsRangesInOrder) {
  // Covers: POOL-019
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 3});
    std::vector<double> bases;
    std::vector<int> exponents;
    for (int i = 0; i < 10; ++i) {
      bases.push_back(i);
      exponents.push_back(i);
    }
    exponents.push_back(99);  // the shorter one counts
    for (size_t chunk : {1, 3, 100}) {
      int i = 0;
      for (auto& [value, err] : pool.map({.chunk = chunk}, &power, bases, exponents)) {
        EXPECT_FALSE(err);
        EXPECT_EQ(value, power(i, i)) << "chunks of " << chunk;
        ++i;
      }
      EXPECT_EQ(i, 10);
    }
    for (auto& [value, err] : pool.map(&power, std::vector<double>{}, exponents))
      ADD_FAILURE() << value;
  });
}

TEST(IsolatePool, AFailureInAMapIsTheResultOfItsElementAlone) {
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 2});
    auto odd_ones = [](int n) {
      if (n % 2 == 0) throw std::domain_error("even: " + std::to_string(n));
      return n;
    };
    for (size_t chunk : {1, 4}) {
      std::string all;
      const std::vector<int> numbers{1, 2, 3, 4, 5};
      for (auto& [value, err] : pool.map({.chunk = chunk}, odd_ones, numbers))
        all += err ? err.message() + ", " : std::to_string(value) + ", ";
      EXPECT_EQ(all, "1, even: 2, 3, even: 4, 5, ");
    }
    EXPECT_EQ(system.failures(), 0u);
    { auto dropped = pool.map(odd_ones, std::vector<int>{1, 2}); }
    EXPECT_TRUE(eventually([&] { return system.failures() == 1; }));
  });
}

TEST(IsolatePool, AMapWithATimeoutGivesWhatIsDoneThenTheTimeout) {
  // Covers: POOL-021
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto task = [](int n, Sender<Number> ready, Receiver<Number> go) {
      EXPECT_FALSE(ready.send(number(n)));
      if (n == 2) (void)go.recv();
      return n;
    };
    std::vector<Sender<Number>> senders;
    std::vector<Receiver<Number>> receivers;
    for (int i = 0; i < 5; ++i) {
      senders.push_back(gates.ready.sender.clone());
      receivers.push_back(gates.go.receiver.clone());
    }
    auto results = pool.map({.timeout = 20ms}, task, std::vector<int>{0, 1, 2, 3, 4},
                            std::move(senders), std::move(receivers));
    gates.wait_until_ready(3);  // two are done, however much time has passed
    std::string all;
    for (auto& [value, err] : results)
      all += err ? std::string(name(err.code())) + " " : std::to_string(value) + " ";
    EXPECT_EQ(all, "0 1 timeout ");
    gates.release();
    EXPECT_FALSE(pool.shutdown());
    EXPECT_EQ(gates.ready.receiver.try_recv().err, Code::channel_empty)
        << "what had not begun was cancelled";
  });
}

TEST(IsolatePool, AMapIsSubmittedAtOnceWhetherOrNotAnybodyIterates) {
  // Covers: POOL-022
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(unbounded);
    IsolatePool pool(system, {.workers = 2});
    std::vector<Sender<Number>> senders;
    for (int i = 0; i < 10; ++i) senders.push_back(tx.clone());
    auto task = [](Sender<Number> out) { EXPECT_FALSE(out.send(number(1))); };
    auto results = pool.map({.chunk = 3}, task, std::move(senders));
    EXPECT_FALSE(pool.shutdown());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(rx.try_recv()) << i;
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
  });
}

TEST(IsolatePool, AMapKeepsNoResultThatWasTaken) {
  // Covers: POOL-026
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 2});
    auto& messages = system.pool();
    auto task = [](Message<Note> in) {
      in->setText("done");
      return in;
    };
    for (size_t chunk : {1, 4}) {
      std::vector<Message<Note>> notes;
      for (int i = 0; i < 12; ++i) notes.push_back(system.compose<Note>());
      const uint64_t others = messages.stats().live - 12;
      auto results = pool.map({.chunk = chunk}, task, std::move(notes));
      uint64_t left = 12;
      for (auto& [note, err] : results) {
        EXPECT_EQ(note->getText(), "done");
        EXPECT_EQ(messages.stats().live - others, left) << "those before are back in the pool";
        --left;
      }
      EXPECT_EQ(left, 0u);
      EXPECT_EQ(messages.stats().live, others);
    }
  });
}

}  // namespace
}  // namespace isola
