// The model of memory shows what C++ allows and nothing that it rules out: small known programs.
#include <isola/tools/testing/weak_memory.h>

#include <gtest/gtest.h>
#include <isola/tools/testing/leaks.h>
#include <isola/tools/testing/plain.h>
#include <isola/tools/testing/simulation.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace isola::testing {
namespace {

using sync::memory_order_acq_rel;
using sync::memory_order_acquire;
using sync::memory_order_relaxed;
using sync::memory_order_release;
using sync::memory_order_seq_cst;
using std::memory_order;

constexpr uint64_t kSeeds = 3000;

struct Shared {
  sync::atomic<int> x{0};
  sync::atomic<int> y{0};
  int seen[4] = {-1, -1, -1, -1};
};
using Program = std::vector<std::function<void(Shared&)>>;

// All that the threads have seen, each as "0 1".
std::set<std::string> outcomes(const Program& program, int values) {
  std::set<std::string> all;
  Simulation simulation({.memory = Memory::weak});
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto failure = simulation.run(seed, [&](Simulation& run) {
      Shared shared;
      for (const auto& thread : program) run.spawn([&] { thread(shared); });
      run.join_all();
      std::string outcome;
      for (int i = 0; i < values; ++i)
        outcome += (i == 0 ? "" : " ") + std::to_string(shared.seen[i]);
      all.insert(outcome);
    });
    EXPECT_FALSE(failure) << failure->what;
  }
  return all;
}

using Outcomes = std::set<std::string>;

Outcomes store_buffering(memory_order store, memory_order load, std::function<void()> fence1,
                         std::function<void()> fence2) {
  return outcomes({[&](Shared& s) {
                     s.x.store(1, store);
                     fence1();
                     s.seen[0] = s.y.load(load);
                   },
                   [&](Shared& s) {
                     s.y.store(1, store);
                     fence2();
                     s.seen[1] = s.x.load(load);
                   }},
                  2);
}

TEST(Litmus, StoreBufferingIsRuledOutBySeqCstAlone) {
  const auto none = [] {};
  const Outcomes all = {"0 0", "0 1", "1 0", "1 1"};
  const Outcomes ordered = {"0 1", "1 0", "1 1"};
  EXPECT_EQ(store_buffering(memory_order_relaxed, memory_order_relaxed, none, none), all);
  EXPECT_EQ(store_buffering(memory_order_release, memory_order_acquire, none, none), all);
  EXPECT_EQ(store_buffering(memory_order_seq_cst, memory_order_acquire, none, none), all);
  EXPECT_EQ(store_buffering(memory_order_release, memory_order_seq_cst, none, none), all);
  EXPECT_EQ(store_buffering(memory_order_seq_cst, memory_order_seq_cst, none, none), ordered);
}

TEST(Litmus, StoreBufferingIsRuledOutByTwoSeqCstFencesAndByALightAndAHeavyOne) {
  const auto none = [] {};
  const auto full = [] { sync::thread_fence(memory_order_seq_cst); };
  const auto half = [] { sync::thread_fence(memory_order_acq_rel); };
  const auto light = [] { sync::light_fence(); };
  const auto heavy = [] { sync::heavy_fence(); };
  const auto run = [](const auto& first, const auto& second) {
    return store_buffering(memory_order_relaxed, memory_order_relaxed, first, second);
  };
  EXPECT_TRUE(run(full, none).contains("0 0"));
  EXPECT_TRUE(run(full, half).contains("0 0"));
  EXPECT_FALSE(run(full, full).contains("0 0"));
  EXPECT_TRUE(run(light, light).contains("0 0"));
  EXPECT_TRUE(run(light, full).contains("0 0"));
  EXPECT_FALSE(run(light, heavy).contains("0 0"));
  EXPECT_FALSE(run(heavy, light).contains("0 0"));
  EXPECT_FALSE(run(full, heavy).contains("0 0"));
  EXPECT_FALSE(run(heavy, heavy).contains("0 0"));
  // A seq_cst operation on one side, a fence on the other: C++20 rules it out for the load.
  EXPECT_FALSE(outcomes({[](Shared& s) {
                           s.x.store(1, memory_order_seq_cst);
                           s.seen[0] = s.y.load(memory_order_seq_cst);
                         },
                         [](Shared& s) {
                           s.y.store(1, memory_order_relaxed);
                           sync::thread_fence(memory_order_seq_cst);
                           s.seen[1] = s.x.load(memory_order_relaxed);
                         }},
                        2)
                   .contains("0 0"));
}

Outcomes message_passing(memory_order store, memory_order load) {
  return outcomes({[&](Shared& s) {
                     s.x.store(1, memory_order_relaxed);
                     s.y.store(1, store);
                   },
                   [&](Shared& s) {
                     s.seen[0] = s.y.load(load);
                     s.seen[1] = s.x.load(memory_order_relaxed);
                   }},
                  2);
}

TEST(Litmus, AMessageArrivesWithReleaseAndAcquireOnly) {
  EXPECT_TRUE(message_passing(memory_order_relaxed, memory_order_relaxed).contains("1 0"));
  EXPECT_TRUE(message_passing(memory_order_release, memory_order_relaxed).contains("1 0"));
  EXPECT_TRUE(message_passing(memory_order_relaxed, memory_order_acquire).contains("1 0"));
  const Outcomes right = {"0 0", "0 1", "1 1"};
  EXPECT_EQ(message_passing(memory_order_release, memory_order_acquire), right);
  EXPECT_EQ(message_passing(memory_order_seq_cst, memory_order_seq_cst), right);
}

TEST(Litmus, AMessageArrivesThroughFences) {
  EXPECT_EQ(outcomes({[](Shared& s) {
                        s.x.store(1, memory_order_relaxed);
                        sync::thread_fence(memory_order_release);
                        s.y.store(1, memory_order_relaxed);
                      },
                      [](Shared& s) {
                        s.seen[0] = s.y.load(memory_order_relaxed);
                        sync::thread_fence(memory_order_acquire);
                        s.seen[1] = s.x.load(memory_order_relaxed);
                      }},
                     2),
            (Outcomes{"0 0", "0 1", "1 1"}));
}

Outcomes independent_reads(memory_order store, memory_order load) {
  return outcomes({[&](Shared& s) { s.x.store(1, store); },
                   [&](Shared& s) { s.y.store(1, store); },
                   [&](Shared& s) {
                     s.seen[0] = s.x.load(load);
                     s.seen[1] = s.y.load(load);
                   },
                   [&](Shared& s) {
                     s.seen[2] = s.y.load(load);
                     s.seen[3] = s.x.load(load);
                   }},
                  4);
}

TEST(Litmus, ReadersAgreeOnTheOrderOfIndependentStoresOnlyIfAllIsSeqCst) {
  EXPECT_TRUE(independent_reads(memory_order_release, memory_order_acquire).contains("1 0 1 0"));
  EXPECT_FALSE(independent_reads(memory_order_seq_cst, memory_order_seq_cst).contains("1 0 1 0"));
}

TEST(Litmus, OneAtomicHasOneOrderForEverybody) {
  const Outcomes seen = outcomes({[](Shared& s) {
                                    s.x.store(1, memory_order_relaxed);
                                    s.x.store(2, memory_order_relaxed);
                                  },
                                  [](Shared& s) {
                                    s.seen[0] = s.x.load(memory_order_relaxed);
                                    s.seen[1] = s.x.load(memory_order_relaxed);
                                  }},
                                 2);
  EXPECT_EQ(seen, (Outcomes{"0 0", "0 1", "0 2", "1 1", "1 2", "2 2"}));
}

TEST(Litmus, WhatWasSeenBeforeAMessageWasSentIsNotUnseenAfterIt) {
  // The reader of y knows what the sender of y had seen of x.
  for (const std::string& outcome : outcomes({[](Shared& s) { s.x.store(1, memory_order_relaxed); },
                                              [](Shared& s) {
                                                s.seen[0] = s.x.load(memory_order_relaxed);
                                                s.y.store(1, memory_order_release);
                                              },
                                              [](Shared& s) {
                                                s.seen[1] = s.y.load(memory_order_acquire);
                                                s.seen[2] = s.x.load(memory_order_relaxed);
                                              }},
                                             3))
    EXPECT_NE(outcome, "1 1 0");
}

TEST(Litmus, AReleaseSequenceGoesOnThroughModificationsOfOthersButNotThroughStores) {
  const auto program = [](bool modifies) {
    return outcomes({[](Shared& s) {
                       s.x.store(1, memory_order_relaxed);
                       s.y.store(1, memory_order_release);
                     },
                     [=](Shared& s) {
                       if (modifies)
                         s.y.fetch_add(1, memory_order_relaxed);
                       else if (s.y.load(memory_order_relaxed) == 1)
                         s.y.store(2, memory_order_relaxed);
                     },
                     [](Shared& s) {
                       s.seen[0] = s.y.load(memory_order_acquire);
                       s.seen[1] = s.x.load(memory_order_relaxed);
                     }},
                    2);
  };
  EXPECT_FALSE(program(true).contains("2 0"));
  EXPECT_TRUE(program(true).contains("2 1"));
  EXPECT_TRUE(program(false).contains("2 0"));
}

TEST(Litmus, ModificationsLoseNothingWhateverTheirOrder) {
  Simulation simulation({.memory = Memory::weak});
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const auto failure = simulation.run(seed, [](Simulation& run) {
      sync::atomic<int> count{0};
      for (int i = 0; i < 3; ++i)
        run.spawn([&] {
          for (int n = 0; n < 3; ++n) count.fetch_add(1, memory_order_relaxed);
          int now = count.load(memory_order_relaxed);
          while (!count.compare_exchange_weak(now, now + 1, memory_order_relaxed)) {
          }
        });
      run.join_all();
      run.check(count.load(memory_order_relaxed) == 12, "the count is right");
    });
    ASSERT_FALSE(failure) << failure->what;
  }
}

TEST(Litmus, AStrongExchangeNeverFailsWithWhatItExpects) {
  Simulation simulation({.memory = Memory::weak});
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    const auto failure = simulation.run(seed, [](Simulation& run) {
      sync::atomic<int> x{0};
      run.spawn([&] { x.store(1, memory_order_relaxed); });
      int expected = 0;
      if (!x.compare_exchange_strong(expected, 2, memory_order_relaxed))
        run.check(expected == 1, "it fails with another value");
      run.join_all();
    });
    ASSERT_FALSE(failure) << failure->what;
  }
}

std::string first_failure(const Simulation::Body& body) {
  LeaksAllowed leaks_allowed;
  Simulation simulation({.memory = Memory::weak});
  for (uint64_t seed = 1; seed <= 1000; ++seed)
    if (auto failure = simulation.run(seed, body)) return failure->what;
  return {};
}

TEST(Litmus, PlainDataThatNothingOrdersIsReportedWithBothPlaces) {
  const auto body = [](memory_order store, memory_order load) {
    return [=](Simulation& run) {
      Plain<int> data;
      sync::atomic<bool> ready{false};
      run.spawn([&] {
        data.write(1);
        ready.store(true, store);
      });
      if (ready.load(load)) run.check(data.read() == 1, "the data is there");
      run.join_all();
    };
  };
  EXPECT_EQ(first_failure(body(memory_order_release, memory_order_acquire)), "");
  const std::string what = first_failure(body(memory_order_release, memory_order_relaxed));
  EXPECT_TRUE(what.starts_with("data race: a read by thread 0 at schedules/litmus_test.cc:"))
      << what;
  EXPECT_NE(what.find("a write by thread 1 at schedules/litmus_test.cc:"), what.npos) << what;
  EXPECT_NE(first_failure(body(memory_order_relaxed, memory_order_acquire)), "");
}

TEST(Litmus, AnAtomicIsUsedOnlyByThoseWhoKnowThatItWasConstructed) {
  const auto body = [](memory_order store) {
    return [=](Simulation& run) {
      alignas(8) static std::byte room[8];
      sync::atomic<sync::atomic<int>*> place{nullptr};
      run.spawn([&] { place.store(new (room) sync::atomic<int>(5), store); });
      if (auto* made = place.load(memory_order_acquire)) (void)made->load(memory_order_relaxed);
      run.join_all();
    };
  };
  EXPECT_EQ(first_failure(body(memory_order_release)), "");
  EXPECT_NE(first_failure(body(memory_order_relaxed)).find("constructed"), std::string::npos);
}

TEST(Litmus, WhoIsAboutToSleepAndWhoWakesDontMissEachOther) {
  EXPECT_EQ(first_failure([](Simulation& run) {
              sync::atomic<uint32_t> word{0};
              run.spawn([&] {
                word.store(1, memory_order_relaxed);
                sync::futex_wake(word);
              });
              while (word.load(memory_order_relaxed) == 0) sync::futex_wait(word, 0, -1);
              run.join_all();
            }),
            "");
}

}  // namespace
}  // namespace isola::testing
