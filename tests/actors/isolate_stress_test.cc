// Many isolates: what is left of them, and how they get in each other's way.
#include <isola/isola.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::Note;
using test::Number;
using test::on_real_scheduler;

// What a System and this process hold.
struct Held {
  std::vector<IsolateId> isolates;
  uint64_t blocks;
  uint64_t live_bytes = 0;   // on heaps
  uint64_t chunk_bytes = 0;  // likewise
  size_t channels;
  size_t threads;
  size_t descriptors;
  bool operator==(const Held&) const = default;
};

size_t entries(const char* directory) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                           std::filesystem::directory_iterator()));
}

Held held_by(System& system) {
  Held held{.isolates = {},
            .blocks = system.pool_stats().live,
            .channels = system.channels().size(),
            .threads = entries("/proc/self/task"),
            .descriptors = entries("/proc/self/fd")};
  for (const Isolate& isolate : system.isolates()) {
    held.isolates.push_back(isolate.id());
    held.live_bytes += isolate.heap_bytes();
  }
  const detail::Slots& slots = system.runtime().slots();
  for (size_t i = 0; i < slots.slabs(); ++i)
    for (size_t j = 0; j < detail::Slots::kSlabCells; ++j)
      held.chunk_bytes += slots.slab(i)[j].heap_stats().chunk_bytes;
  return held;
}

// Uses a heap, blocks and channel ends, and leaves some of them.
int leave_something(Sender<Number> out, Message<Note> note, int n) {
  globals().set("list", isola::vector<int>(2000, n));
  globals().set("note", std::move(note));
  (void)heap().allocate(10'000);  // nobody frees it
  EXPECT_FALSE(out.send([n](Number::Builder number) { number.setValue(n); }));
  globals().set("out", std::move(out));
  return globals().get<isola::vector<int>>("list").back();
}

Message<Note> some_note(System& system) {
  Message<Note> note = system.compose<Note>();
  note->setText(std::string(300, 'x'));
  return note;
}

TEST(IsolateStress, AHundredThatAreKeptAreReleasedTogether) {
  // Covers: LC-004
  on_real_scheduler([](System& system) {
    (void)system.create().run([] {});  // what is made once and kept
    ASSERT_TRUE(eventually([&] { return system.actors() == 0; }));
    const Held before = held_by(system);
    {
      auto [tx, rx] = system.channel<Number>(unbounded);
      std::vector<Isolate> kept;
      for (int i = 0; i < 100; ++i) {
        kept.push_back(system.create({.name = "isolate " + std::to_string(i)}));
        ASSERT_FALSE(kept.back().error());
        Isolate& isolate = kept.back();
        ASSERT_EQ(isolate.run(&leave_something, tx.clone(), some_note(system), i).or_raise(), i);
      }
      EXPECT_EQ(system.isolates().size(), 101u);
      EXPECT_GT(held_by(system).chunk_bytes, 100u * 10'000);
      for (int i = 0; i < 100; ++i) EXPECT_EQ(rx.recv().or_raise()->getValue(), i);
    }
    EXPECT_TRUE(eventually([&] { return system.actors() == 0; }));
    EXPECT_TRUE(eventually([&] { return held_by(system) == before; }));
  });
}

TEST(IsolateStress, OneIsRunByTwoHundredAtOnce) {
  // Covers: LC-006
  on_real_scheduler([](System& system) {
    Isolate common = system.create({.name = "common"});
    EXPECT_FALSE(common.prepare("count", 0));
    // Tries until it has been inside; counts how often it was refused.
    auto enter = [](Isolate where, Receiver<Number> gate) {
      (void)gate.recv();  // until it is closed, so that all begin at once
      int refused = 0;
      for (;;) {
        const Error error = where
                                .run([] {
                                  ++globals().get<int>("count");
                                  yield();
                                })
                                .err;
        if (!error) return refused;
        EXPECT_EQ(error, Code::isolate_running) << error;
        ++refused;
        yield();
      }
    };
    auto [tx, rx] = system.channel<Number>(bounded(1));
    std::vector<Isolate> isolates;
    std::vector<Future<int>> futures;
    for (int i = 0; i < 200; ++i) {
      isolates.push_back(system.create());
      futures.push_back(isolates.back().run_async(enter, common, rx.clone()));
    }
    EXPECT_FALSE(tx.close());
    for (Future<int>& future : futures) {
      auto [refused, err] = future.get();
      EXPECT_FALSE(err) << err;
    }
    EXPECT_EQ(common.get<int>("count").or_raise(), 200);
  });
}

TEST(IsolateStress, NothingIsLeftAfterAnyRound) {
  // Covers: LC-008
  on_real_scheduler([](System& system) {
    auto one_round = [&system](int round) {
      auto [tx, rx] = system.channel<Number>(unbounded);
      std::vector<test::Thread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&system, round, sender = tx.clone()] {
          for (int i = 0; i < 10; ++i) {
            Isolate isolate = system.create();
            Isolate inner_of = system.create();
            EXPECT_EQ(
                isolate.run(&leave_something, sender.clone(), some_note(system), i).or_raise(), i);
            auto fail = []() -> int { throw std::runtime_error("no"); };
            EXPECT_EQ(isolate.run(fail).err, Code::failed);
            auto make = [](int n) {
              Isolate inner = create_isolate();
              const int got = inner.run([](int m) { return m + 1; }, n).or_raise();
              EXPECT_FALSE(inner.close());
              return got;
            };
            EXPECT_EQ(inner_of.run(make, round).or_raise(), round + 1);
            auto sleep = [] { (void)sleep_for(std::chrono::hours(1)); };
            auto sleeping = inner_of.run_async(sleep);
            EXPECT_FALSE(isolate.close());
            EXPECT_FALSE(inner_of.terminate());
            EXPECT_TRUE(sleeping.get().err) << "cancelled, or never begun";
          }
        });
      }
      for (test::Thread& thread : threads) thread.join();
      for (int i = 0; i < 30; ++i) EXPECT_FALSE(rx.recv().err);
    };
    one_round(0);  // what is made once and kept
    ASSERT_TRUE(eventually([&] { return system.actors() == 0; }));
    const Held before = held_by(system);
    EXPECT_EQ(before.isolates, std::vector{kMainIsolate});
    EXPECT_EQ(before.live_bytes + before.chunk_bytes + before.blocks + before.channels, 0u);
    for (int round = 1; round <= 20; ++round) {
      one_round(round);
      ASSERT_TRUE(eventually([&] { return held_by(system) == before; })) << "in round " << round;
    }
  });
}

}  // namespace
}  // namespace isola
