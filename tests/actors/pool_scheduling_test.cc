// Pools of isolates: how many workers there are, what they are called, and how they are replaced.
#include <isola/actors/isolate_pool.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/actors/pool_support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gates;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::workers_of;

TEST(PoolScheduling, MakesNoMoreWorkersThanItMay) {
  // Covers: POOL-027
  on_every_scheduler(
      [](System& system) {
        Gates gates(system);
        IsolatePool pool(system, {.workers = 4, .name = "score"});
        std::vector<Future<int64_t>> futures;
        for (int i = 0; i < 60; ++i) futures.push_back(gates.submit_to(pool));
        gates.wait_until_ready(4);
        const std::vector<std::string> four{"score-0", "score-1", "score-2", "score-3"};
        EXPECT_EQ(workers_of(system, "score"), four);
        EXPECT_EQ(pool.pending(), 56u);
        gates.release(30);
        gates.wait_until_ready(30);
        EXPECT_EQ(workers_of(system, "score"), four) << "still the same ones";
        gates.release(30);
        EXPECT_FALSE(pool.shutdown());
        for (auto& future : futures) EXPECT_TRUE(future.get());
        EXPECT_TRUE(workers_of(system, "score").empty());
      },
      20);
}

TEST(PoolScheduling, LosesNoWakeUp) {
  // Covers: POOL-028
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 2});
    std::vector<Future<int64_t>> futures;
    for (int i = 0; i < 10; ++i) futures.push_back(gates.submit_to(pool));
    for (int released = 0; released < 10;) {
      gates.wait_until_ready();
      int ready = 1;
      while (gates.ready.receiver.try_recv()) ++ready;
      gates.release(ready);
      released += ready;
    }
    for (auto& future : futures) EXPECT_TRUE(future.get());
  });
}

TEST(PoolScheduling, UsesTheIdleWorkerAgain) {
  // Covers: POOL-030
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 4});
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(pool.submit([](int n) { return n * 2; }, i).get().or_raise(), i * 2);
    EXPECT_EQ(workers_of(system, "pool"), std::vector<std::string>{"pool-0"});
  });
}

size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(PoolScheduling, WorkersCarryTheNameOfThePoolAndANumber) {
  // Covers: POOL-032
  on_every_scheduler([](System& system) {
    Gates gates(system);
    // Its own threads would carry the name, too: it has none.
    const size_t threads = threads_of_this_process();
    IsolatePool pool(system, {.workers = 2, .name = "score"});
    auto name_inside = [](Sender<Number> ready, Receiver<Number> go) {
      (void)test::wait_for_go(std::move(ready), std::move(go));
      return current_isolate().name();
    };
    auto first = pool.submit(name_inside, gates.ready.sender.clone(), gates.go.receiver.clone());
    auto second = pool.submit(name_inside, gates.ready.sender.clone(), gates.go.receiver.clone());
    gates.wait_until_ready(2);
    EXPECT_EQ(workers_of(system, "score"), (std::vector<std::string>{"score-0", "score-1"}));
    EXPECT_LE(threads_of_this_process(), threads);  // an ended one is counted for a moment more
    gates.release(2);
    std::vector<std::string> names{first.get().or_raise(), second.get().or_raise()};
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::string>{"score-0", "score-1"}));
    IsolatePool unnamed(system, {.workers = 1});
    auto name = [] { return current_isolate().name(); };
    EXPECT_EQ(unnamed.submit(name).get().or_raise(), "pool-0");
    IsolatePool long_name(system, {.workers = 1, .name = std::string(23, 'x') + "ääääääääääääää"});
    EXPECT_EQ(long_name.submit(name).get().or_raise(), std::string(23, 'x') + "äääääääääää-0");
  });
}

TEST(PoolScheduling, AWorkerThatIsTerminatedIsReplaced) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto first = gates.submit_to(pool);
    gates.wait_until_ready();
    auto second = pool.submit([] { return current_isolate().name(); });
    ASSERT_EQ(pool.workers().size(), 1u);
    EXPECT_FALSE(pool.workers()[0].terminate());
    EXPECT_EQ(first.get().err, Code::cancelled);
    EXPECT_EQ(second.get().or_raise(), "pool-1");
    // An idle one, too, and one that is closed.
    EXPECT_FALSE(pool.workers()[0].terminate());
    EXPECT_EQ(pool.submit([] { return current_isolate().name(); }).get().or_raise(), "pool-2");
    EXPECT_FALSE(pool.workers()[0].close());
    EXPECT_EQ(pool.submit([] { return current_isolate().name(); }).get().or_raise(), "pool-3");
    // And one whose function pretends.
    EXPECT_EQ(pool.submit([] { throw Cancelled(); }).get().err, Code::cancelled);
    EXPECT_EQ(pool.submit([] { return current_isolate().name(); }).get().or_raise(), "pool-4");
  });
}

TEST(PoolScheduling, AnIdleWorkerIsAnIsolateAsAnyOther) {
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1});
    EXPECT_TRUE(pool.submit([] { globals().set("left", 5); }).get());
    Isolate worker = pool.workers().at(0);
    EXPECT_TRUE(eventually([&] { return !worker.is_running().or_raise(); }));
    EXPECT_EQ(worker.get<int>("left").value, 5);
    EXPECT_FALSE(worker.prepare("more", 6));
    EXPECT_EQ(pool.submit([] { return globals().get<int>("more"); }).get().value, 6);
    EXPECT_EQ(worker.run([] { return current_isolate().name(); }).value, "pool-0");
    EXPECT_FALSE(worker.reset());
    EXPECT_FALSE(pool.submit([] { return globals().contains("left"); }).get().value);
  });
}

IsolatePool* the_pool = nullptr;

// Submits to the pool that it runs in, and leaves the waiting to whoever gets the futures.
void spread(int depth, Sender<Number> out) {
  if (depth > 0) {
    for (int i = 0; i < 2; ++i) (void)the_pool->submit(&spread, depth - 1, out.clone());
  }
  EXPECT_FALSE(out.send(number(1)));
}

TEST(PoolScheduling, TasksSubmitTasksToTheirOwnPool) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(unbounded);
    IsolatePool pool(system, {.workers = 2});
    the_pool = &pool;
    EXPECT_TRUE(pool.submit(&spread, 4, tx.clone()).get());
    for (int i = 0; i < 31; ++i) EXPECT_TRUE(rx.recv()) << i;
    // Two of three may wait for tasks of the third.
    auto waits = [] { return the_pool->submit([] { return 1; }).get().or_raise(); };
    IsolatePool three(system, {.workers = 3});
    the_pool = &three;
    auto a = three.submit(waits);
    auto b = three.submit(waits);
    EXPECT_EQ(a.get().or_raise() + b.get().or_raise(), 2);
    // A wait for the end of the pool that one is in would be for ever.
    auto shut = [] { return the_pool->shutdown().code(); };
    EXPECT_EQ(three.submit(shut).get().or_raise(), Code::asks_itself);
  });
}

TEST(PoolScheduling, RefusesMoreTasksThanMayWait) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1, .pending_max = 2});
    auto first = gates.submit_to(pool);
    gates.wait_until_ready();
    auto second = gates.submit_to(pool);
    auto third = gates.submit_to(pool);
    auto fourth = gates.submit_to(pool);
    EXPECT_EQ(pool.error(), Code::pool_full);
    EXPECT_EQ(fourth.get().err, Code::pool_full);
    gates.release(3);
    EXPECT_TRUE(third.get());
    EXPECT_FALSE(pool.error());
  });
}

TEST(PoolScheduling, ManyShortTasksLeaveOthersTheirTurns) {
  static sync::atomic<int> done{0};
  on_real_scheduler([](System& system) {
    done.store(0);
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto first = gates.submit_to(pool);
    gates.wait_until_ready();
    // In the middle of a thousand tasks one makes another isolate ready.
    auto task = [](int n) {
      if (n == 10) (void)create_isolate().run_async([] { done.fetch_add(10'000); });
      return done.fetch_add(1);
    };
    std::vector<Future<int>> futures;
    for (int i = 0; i < 1000; ++i) futures.push_back(pool.submit(task, i));
    gates.release();
    int most = 0;
    for (auto& future : futures) most = std::max(most, future.get().or_raise());
    EXPECT_GE(most, 10'000) << "it came before the last task";
  });
}

}  // namespace
}  // namespace isola
