// Pools of isolates: many who submit, cancel, drop, terminate and shut down at drawn moments.
#include <isola/actors/isolate_pool.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "tests/actors/pool_support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::on_every_scheduler;
using test::on_real_scheduler;

constexpr int kSubmitters = 3;
constexpr int kTasksOfEach = sync::kSimulated ? 6 : 40;

// Of one round. Tasks reach it as they reach any global.
IsolatePool* the_pool = nullptr;
std::array<sync::atomic<int>, kSubmitters * kTasksOfEach> runs;
std::array<sync::atomic<bool>, kSubmitters * kTasksOfEach> was_cancelled;

int twice(int n) {
  runs[n].fetch_add(1);
  if (n % 3 == 1) yield();
  if (n % 3 == 2) (void)sleep_for(1us);
  if (n % 5 == 4) throw std::domain_error("a multiple of five, less one");
  return n * 2;
}

void check(int n, Result<int> result) {
  const Code code = result.err.code();
  if (code == Code::ok)
    EXPECT_TRUE(result.value == n * 2 && runs[n].load() == 1) << n;
  else if (code == Code::failed)
    EXPECT_TRUE(n % 5 == 4 && runs[n].load() == 1) << n;
  else
    EXPECT_TRUE(code == Code::cancelled || code == Code::pool_shut_down) << result.err;
}

void submit_some(int first, uint64_t seed) {
  std::minstd_rand random(static_cast<uint32_t>(seed) + 1);
  std::vector<std::pair<int, Future<int>>> kept;
  for (int n = first; n < first + kTasksOfEach; ++n) {
    Future<int> future = the_pool->submit(&twice, n);
    switch (random() % 4) {
      case 0:
        check(n, future.get());
        break;
      case 1:
        if (future.cancel()) was_cancelled[n].store(true);
        break;  // and dropped
      case 2: {
        Result<int> result = future.get(1us);
        if (result.err != Code::timeout) {
          check(n, std::move(result));
          break;
        }
        [[fallthrough]];
      }
      default:
        kept.emplace_back(n, std::move(future));
    }
  }
  for (auto& [n, future] : kept) check(n, future.get());
}

// `start`: has submit_some called for each of the submitters; returns how to wait for them.
template <class Start>
void one_round(System& system, uint64_t seed, Start&& start) {
  SCOPED_TRACE("drawn from " + std::to_string(seed));
  std::minstd_rand random(static_cast<uint32_t>(seed) * 7 + 3);
  for (auto& each : runs) each.store(0);
  for (auto& each : was_cancelled) each.store(false);
  IsolatePool pool(system, {.workers = 1 + static_cast<int>(random() % 3), .name = "stress"});
  the_pool = &pool;
  auto submitters = start();
  for (unsigned i = random() % 4; i > 0; --i) {
    (void)sleep_for(std::chrono::microseconds(random() % 50));
    std::vector<Isolate> workers = pool.workers();
    if (!workers.empty()) (void)workers[random() % workers.size()].terminate();
  }
  if (random() % 2 == 0) {
    (void)sleep_for(std::chrono::microseconds(random() % 200));
    (void)pool.shutdown(random() % 2 == 0 ? Shutdown::wait : Shutdown::no_wait,
                        random() % 2 == 0 ? Pending::cancel : Pending::finish);
  }
  for (auto& submitter : submitters) (void)submitter.join();
  EXPECT_FALSE(pool.shutdown());
  EXPECT_TRUE(test::workers_of(system, "stress").empty());
  EXPECT_EQ(pool.pending(), 0u);
  for (size_t n = 0; n < runs.size(); ++n)
    EXPECT_LE(runs[n].load(), was_cancelled[n].load() ? 0 : 1) << n;
}

TEST(PoolStress, FromThreads) {
  on_real_scheduler([](System& system) {
    static uint64_t seed = 0;
    for (int round = 0; round < (sync::kSimulated ? 1 : 100); ++round) {
      one_round(system, ++seed, [] {
        std::vector<test::Thread> threads;
        for (int i = 0; i < kSubmitters; ++i)
          threads.emplace_back([i] { submit_some(i * kTasksOfEach, seed * 10 + i); });
        return threads;
      });
    }
  });
}

TEST(PoolStress, FromActors) {
  on_every_scheduler([](System& system) {
    static uint64_t rounds = 0;
    const uint64_t seed = system.runtime().options().seed.value_or(++rounds);
    one_round(system, seed, [&] {
      std::vector<ActorRef> actors;
      for (int i = 0; i < kSubmitters; ++i)
        actors.push_back(system.spawn(&submit_some, i * kTasksOfEach, seed * 10 + i));
      return actors;
    });
  });
}

}  // namespace
}  // namespace isola
