// The cores without locks under weak memory: they work on every schedule that is drawn, and with
// any one of their memory orders weakened they don't.
//
// What they hand over is Plain data, so an order that is too weak shows as a race.
#include <gtest/gtest.h>
#include <isola/channels/drain.h>
#include <isola/channels/waiter.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/plain.h>

#include <array>
#include <cstdint>

#include "tests/schedules/expect_orders.h"

namespace isola::testing {
namespace {

void expect_every_order_is_needed(const char* file, uint64_t seeds, const Simulation::Body& body) {
  for_each_weak_schedule(seeds, body);
  test::expect_orders_needed(file, seeds, body);
}

// --- the mutex of the seam -----------------------------------------------------------------------

TEST(Cores, MutexNeedsEveryOrder) {
  expect_every_order_is_needed("serialization/sync.h", 3000, [](Simulation& run) {
    sync::Mutex mutex;
    Plain<int> count;
    for (int i = 0; i < 3; ++i)
      run.spawn([&] {
        for (int n = 0; n < 2; ++n) {
          sync::Lock lock(mutex);
          ++count.access();
        }
      });
    run.join_all();
    run.check(count.read() == 6, "nothing is lost");
  });
}

// --- the claim of a waiter -----------------------------------------------------------------------

// Two waits in a row; two that would complete them; maybe a deadline.
void wait_and_be_claimed(Simulation& run) {
  sync::Mutex mutex;
  WaiterQueue queue;  // under the mutex
  bool over = false;  // too
  std::array<Plain<int>, 2> gifts;
  sync::atomic<int> claims{0};
  run.spawn([&] {
    for (int turn = 0; turn < 2; ++turn) {
      const int64_t limit = run.choose(2) == 0 ? kNoDeadline : sync::now_ns() + 1000;
      Waiter waiter(limit);
      {
        sync::Lock lock(mutex);
        queue.push(waiter);
      }
      const Outcome outcome = waiter.wait(detail::WaitsFor::sleep);
      if (outcome == Outcome::completed) {
        run.check(waiter.winner == &waiter, "it is told through which node");
        (void)gifts[reinterpret_cast<uintptr_t>(waiter.block) - 1].read();
        claims.fetch_sub(1, sync::memory_order_relaxed);
      } else {
        run.check(outcome == Outcome::timed_out, "it ended in some way");
        sync::Lock lock(mutex);
        queue.remove(waiter);
      }
    }
    sync::Lock lock(mutex);
    over = true;
  });
  for (uintptr_t giver = 1; giver <= 2; ++giver)
    run.spawn([&, giver] {
      for (bool last = false; !last;) {
        WaitNode* node;
        {
          sync::Lock lock(mutex);
          node = queue.claim_first(Outcome::completed);
          last = over;
        }
        if (node != nullptr) {
          claims.fetch_add(1, sync::memory_order_relaxed);
          gifts[giver - 1].write(1);
          node->block = reinterpret_cast<Block*>(giver);
          node->waiter->wake();
          last = true;  // the next use of the gift would race with its reader
        } else {
          sync::relax_processor();
        }
      }
    });
  run.join_all();
  run.check(claims.load(sync::memory_order_relaxed) == 0, "who is claimed is told so");
}

TEST(Cores, WaiterNeedsEveryOrder) {
  expect_every_order_is_needed("channels/waiter.h", 3000, wait_and_be_claimed);
  expect_every_order_is_needed("channels/waiter.cc", 3000, wait_and_be_claimed);
}

// --- what is left in a closed channel ------------------------------------------------------------

constexpr size_t kItems = 4;
constexpr uint64_t kEndedSender = 7;

void drain_by_many(Simulation& run) {
  detail::Drain drain(kItems);
  std::array<Plain<int>, kItems + 1> bodies;  // the last one takes the place of another
  std::array<Block, kItems> blocks;
  std::array<sync::atomic<int>, kItems + 1> taken{};
  const auto take = [&](Block* block) {
    const size_t index = block->envelope.span;
    ++bodies[index].access();
    run.check(taken[index].fetch_add(1, sync::memory_order_relaxed) == 0, "each is taken once");
    if (index == kItems) release(block);
  };
  for (size_t i = 0; i < kItems; ++i) {
    bodies[i].write(1);
    blocks[i].envelope.span = i;
    drain.add(&blocks[i], i % 2 == 0 ? kEndedSender : 1, 1);
  }
  for (int i = 0; i < 2; ++i)
    run.spawn([&] {
      while (Block* block = drain.take()) take(block);
    });
  bool replaces = run.choose(2) == 0;
  Pool* pool = replaces ? Pool::create(1 << 20) : nullptr;
  run.spawn([&] {
    detail::BlockList gone;
    drain.for_items_of(
        kEndedSender,
        [&](uint8_t, uint64_t) -> Block* {
          if (!std::exchange(replaces, false)) return nullptr;
          bodies[kItems].write(1);
          Block* block = pool->take(1);
          block->envelope.span = kItems;
          return block;
        },
        gone);
    while (!gone.empty()) take(gone.pop());
    run.check(drain.left() <= kItems, "no more are left than there were");
  });
  run.join_all();
  run.check(drain.left() == 0 && drain.take() == nullptr, "nothing is left");
  for (size_t i = 0; i < kItems; ++i)
    run.check(taken[i].load(sync::memory_order_relaxed) == 1, "all are taken");
  if (pool == nullptr) return;
  run.check(pool->stats().live == 0, "no block is lost");
  pool->close();
}

TEST(Cores, DrainNeedsEveryOrder) {
  expect_every_order_is_needed("channels/drain.h", 3000, drain_by_many);
}

}  // namespace
}  // namespace isola::testing
