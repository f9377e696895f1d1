// Plain new and delete in actors, in a program that links isola::new_on_heap. The tests of actors
// and isolates are in this program, too: all that the runtime does goes through these operators.
#include <isola/actors/new_on_heap/new_on_heap.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <array>
#include <atomic>
#include <iomanip>
#include <locale>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

// With names that a report can find.
namespace new_on_heap_test {

[[gnu::noinline]] int* leaks_numbers() { return new int[100]; }
[[gnu::noinline]] char* leaks_text(size_t bytes) { return new char[bytes]; }

}  // namespace new_on_heap_test

namespace isola {
namespace {

using test::GetTotal;
using test::Number;
using test::Total;

// What was reported.
struct Reports {
  Reports() {
    on_unfreed([this](const Unfreed& left) {
      const std::lock_guard lock(mutex);
      unfreed.push_back(left);
    });
    on_foreign_delete([this](const ForeignDelete& what) {
      const std::lock_guard lock(mutex);
      foreign.push_back(what);
    });
  }
  ~Reports() {
    on_unfreed(nullptr);
    on_foreign_delete(nullptr);
    drop_unfreed(false);
  }
  // Of the actor with this name.
  std::vector<Unfreed> of(const std::string& name) {
    const std::lock_guard lock(mutex);
    std::vector<Unfreed> found;
    for (const Unfreed& each : unfreed)
      if (each.name == name) found.push_back(each);
    return found;
  }
  std::mutex mutex;
  std::vector<Unfreed> unfreed;
  std::vector<ForeignDelete> foreign;
};

constexpr uint64_t kWords = 1000;

// Counts words in containers that know nothing of heaps.
struct WordCount : Actor<WordCount, Number, Ask<GetTotal, Total>> {
  void on(Number::Reader number) {
    ++counts["a word that no string keeps in itself, " + std::to_string(number.getValue())];
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(static_cast<int64_t>(heap_stats().live_bytes));
    return total;
  }
  std::map<std::string, int> counts;
};

TEST(NewOnHeap, ContainersOfTheStandardLibraryAreOnTheActorsHeap) {
  Reports reports;
  System system({.workers = 2});
  auto counter = system.spawn<WordCount>({.name = "counter"});
  const auto live = [&] { return counter.ask<GetTotal>().get().or_raise()->getValue(); };
  const int64_t before = live();
  for (uint64_t i = 0; i < kWords; ++i)
    counter.send<Number>([&](Number::Builder number) { number.setValue(static_cast<int>(i)); });
  EXPECT_GT(live() - before, static_cast<int64_t>(kWords * 100));
  counter.stop();
  EXPECT_FALSE(counter.join());
  for (const Unfreed& left : reports.of("counter")) ADD_FAILURE() << left.to_string();
  counter = system.spawn<WordCount>({.name = "another"});
  EXPECT_LE(live(), before);
}

TEST(NewOnHeap, TheQuotaOfTheHeapHolds) {
  System system({.workers = 1});
  Isolate isolate = system.create({.heap_quota = 1 << 20});
  const auto fills = [] {
    std::vector<std::unique_ptr<std::array<char, 1000>>> all;
    try {
      for (;;) all.push_back(std::make_unique<std::array<char, 1000>>());
    } catch (const HeapQuotaExceeded& error) {
      EXPECT_EQ(error.quota_bytes(), uint64_t{1} << 20);
    }
    EXPECT_EQ(new (std::nothrow) char[1 << 20], nullptr);
    return all.size();
  };
  auto [blocks, error] = isolate.run(+fills);
  EXPECT_FALSE(error);
  EXPECT_GT(blocks, 900u);
  EXPECT_LT(blocks, 1048u);
  EXPECT_EQ(isolate.heap_bytes(), 0u);
}

TEST(NewOnHeap, AndTheHeapHaveOneQuotaAndOnePeak) {
  Reports reports;
  System system({.workers = 1});
  Isolate isolate = system.create({.heap_quota = 1 << 20});
  const auto uses = [] {
    constexpr size_t kHalf = 1 << 19;
    isola::vector<isola::string> kept;
    kept.reserve(8);
    for (int i = 0; i < 8; ++i) kept.emplace_back(900, 'x');
    kept.clear();
    const HeapStats before = heap_stats();
    const auto plain = std::make_unique<char[]>(kHalf);
    const HeapStats with_plain = heap_stats();
    kept.emplace_back(900, 'x');  // a block that was freed before
    const HeapStats with_both = heap_stats();
    EXPECT_GE(with_plain.live_bytes, before.live_bytes + kHalf);
    EXPECT_EQ(with_plain.peak_bytes, with_plain.live_bytes);
    EXPECT_EQ(with_both.live_bytes, with_plain.live_bytes + 912);
    EXPECT_EQ(with_both.peak_bytes, with_both.live_bytes);
    EXPECT_THROW(isola::string(kHalf, 'x'), HeapQuotaExceeded);
    EXPECT_THROW(std::make_unique<char[]>(kHalf), HeapQuotaExceeded);
  };
  EXPECT_FALSE(isolate.run(+uses).err);
  EXPECT_EQ(isolate.heap_bytes(), 0u) << "what the runtime has for it is not the isolate's";
}

TEST(NewOnHeap, AResetFreesTheHeapAndNotWhatPlainNewLeft) {
  Reports reports;
  System system({.workers = 1});
  Isolate isolate = system.create({.heap_quota = 1 << 20});
  const auto leaks = [] {
    const auto kept = globals().contains("first") ? nullptr : new_on_heap_test::leaks_text(1000);
    globals().set("first", std::string(100, 'x'));
    return kept != nullptr;
  };
  EXPECT_TRUE(isolate.run(+leaks).or_raise());
  const uint64_t before = isolate.heap_bytes();
  EXPECT_GT(before, 1000u);
  EXPECT_FALSE(isolate.reset());
  EXPECT_GE(isolate.heap_bytes(), 1000u) << "it is held, and counts";
  EXPECT_LT(isolate.heap_bytes(), before);
}

TEST(NewOnHeap, WhatWasNeverFreedIsReportedByCallSite) {
  Reports reports;
  System system({.workers = 1});
  const auto leaks = [] {
    for (int i = 0; i < 3; ++i) (void)new_on_heap_test::leaks_numbers();
    (void)new_on_heap_test::leaks_text(24);
    (void)sleep_for(std::chrono::hours(1));
  };
  auto actor = system.spawn({.name = "leaky"}, +leaks);
  EXPECT_FALSE(sleep_for(std::chrono::milliseconds(1)));
  while (Isolate(system.find(IsolateId::from_word(actor.id())).or_raise()).heap_bytes() < 1224)
    test::give_way();
  actor.kill();
  EXPECT_FALSE(actor.join());
  const std::vector<Unfreed> all = reports.of("leaky");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].blocks, 4u);
  EXPECT_EQ(all[0].bytes, 1224u);
  ASSERT_EQ(all[0].sites.size(), 2u);
  EXPECT_EQ(all[0].sites[0].blocks, 3u);
  EXPECT_EQ(all[0].sites[0].bytes, 1200u);
  EXPECT_NE(all[0].sites[0].function.find("leaks_numbers"), std::string::npos)
      << all[0].to_string();
  EXPECT_NE(all[0].to_string().find("leaky left 4 blocks, 1224 bytes\n"), std::string::npos);
}

std::atomic<int*> passed{nullptr};

TEST(NewOnHeap, WhatIsLeftOutlivesTheActorUntilSomebodyFreesIt) {
  Reports reports;
  System system({.workers = 1});
  Isolate isolate = system.create({.name = "giver"});
  const auto gives = [] {
    passed = new_on_heap_test::leaks_numbers();
    passed[99] = 7;
  };
  EXPECT_FALSE(isolate.run(+gives).err);
  EXPECT_FALSE(isolate.close());
  ASSERT_EQ(reports.of("giver").size(), 1u);
  EXPECT_EQ(passed[99], 7);
  delete[] passed.load();
  ASSERT_EQ(reports.foreign.size(), 1u);
  EXPECT_EQ(reports.foreign[0].owner, "giver");
}

TEST(NewOnHeap, WhatIsLeftGoesAtOnceIfTheProgramSaysSo) {
  Reports reports;
  drop_unfreed(true);
  System system({.workers = 1});
  for (int i = 0; i < 100; ++i) {
    Isolate isolate = system.create({.name = "leaky"});
    EXPECT_FALSE(isolate.run([] { (void)new_on_heap_test::leaks_text(1 << 20); }).err);
    EXPECT_FALSE(isolate.close());
  }
  EXPECT_EQ(reports.of("leaky").size(), 100u);
}

TEST(NewOnHeap, AForeignDeleteIsReportedWithBothNamesAndGoesBackToItsOwner) {
  Reports reports;
  System system({.workers = 2});
  Isolate owner = system.create({.name = "owner"});
  EXPECT_FALSE(owner.run([] { passed = new_on_heap_test::leaks_numbers(); }).err);
  const uint64_t before = owner.heap_bytes();
  EXPECT_GE(before, 400u);
  Isolate thief = system.create({.name = "thief"});
  EXPECT_FALSE(thief.run([] { delete[] passed.load(); }).err);
  ASSERT_EQ(reports.foreign.size(), 1u);
  EXPECT_EQ(reports.foreign[0].owner, "owner");
  EXPECT_EQ(reports.foreign[0].by, "thief");
  EXPECT_EQ(reports.foreign[0].bytes, 400u);
  EXPECT_NE(reports.foreign[0].allocated_by.find("leaks_numbers"), std::string::npos);
  EXPECT_EQ(owner.heap_bytes(), before) << "nobody else touches its heap";
  EXPECT_FALSE(owner.run([] { delete[] new_on_heap_test::leaks_text(1); }).err);
  EXPECT_LE(owner.heap_bytes(), before - 400);
  EXPECT_FALSE(owner.close());
  EXPECT_TRUE(reports.of("owner").empty());
}

const std::map<std::string, std::string>& names_for_ever() {
  static const std::map<std::string, std::string> all = {
      {"a key that no string keeps in itself", "nor this value of it"}};
  return all;
}

TEST(NewOnHeap, StaticLocalsAreTheProgramsOwn) {
  Reports reports;
  System system({.workers = 2});
  for (const char* name : {"first", "second"}) {
    Isolate isolate = system.create({.name = name});
    const auto uses = [] { return names_for_ever().begin()->second; };
    EXPECT_EQ(isolate.run(+uses).value, "nor this value of it");
    EXPECT_FALSE(isolate.close());
    EXPECT_TRUE(reports.of(name).empty());
  }
  EXPECT_EQ(names_for_ever().size(), 1u);
}

struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(NewOnHeap, WhatALocaleKeepsFromItsFirstUseOutlivesTheActor) {
  System system({.workers = 2});
  const std::locale german(std::locale::classic(), new Comma);
  const std::locale before = std::locale::global(german);
  const auto writes = [] {
    std::ostringstream text;  // with the global locale, whose facets keep what they have looked up
    text << std::fixed << std::setprecision(1) << 1234567.5;
    return text.str();
  };
  for (int i = 0; i < 3; ++i) {
    Isolate isolate = system.create();
    EXPECT_EQ(isolate.run(+writes).value, "1.234.567,5");
    EXPECT_FALSE(isolate.close());
  }
  EXPECT_EQ(writes(), "1.234.567,5");
  std::locale::global(before);
}

struct Child : Actor<Child, Ask<GetTotal, Total>> {
  explicit Child(std::string given) : text(std::move(given)) {}
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(static_cast<int64_t>(text.size()));
    EXPECT_EQ(text, std::string(1000, 'x'));
    return total;
  }
  std::string text;
};

TEST(NewOnHeap, WhatIsHandedToAnotherActorOutlivesItsGiver) {
  System system({.workers = 2});
  static std::atomic<Address<Ask<GetTotal, Total>>*> address{nullptr};
  const auto spawns = [] {
    auto child = spawn<Child>(std::string(1000, 'x'));
    Outside outside;
    address = new Address<Ask<GetTotal, Total>>(child);
  };
  EXPECT_FALSE(system.spawn(+spawns).join());
  EXPECT_EQ(address.load()->ask<GetTotal>().get().or_raise()->getValue(), 1000);
  delete address.load();
}

struct alignas(64) Line {
  char bytes[64];
};
struct alignas(8192) Pages {
  char bytes[8192];
};

TEST(NewOnHeap, AlignsAndCountsAllFormsOfNew) {
  Reports reports;
  System system({.workers = 1});
  Isolate isolate = system.create({.name = "aligned"});
  const auto uses = [] {
    const uint64_t before = heap_stats().live_bytes;
    {
      const auto line = std::make_unique<Line>();
      const auto pages = std::make_unique<Pages[]>(2);
      const std::unique_ptr<Line[]> quiet(new (std::nothrow) Line[3]);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(line.get()) % 64, 0u);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(pages.get()) % 8192, 0u);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(quiet.get()) % 64, 0u);
      EXPECT_GT(heap_stats().live_bytes - before, 64u * 4 + 8192 * 2);
      pages[1].bytes[8191] = 'x';
      Outside outside;
      const uint64_t inside = heap_stats().live_bytes;
      const auto elsewhere = std::make_unique<Pages>();
      EXPECT_EQ(reinterpret_cast<uintptr_t>(elsewhere.get()) % 8192, 0u);
      EXPECT_EQ(heap_stats().live_bytes, inside);
    }
    EXPECT_EQ(heap_stats().live_bytes, before);
    EXPECT_THROW((void)::operator new(SIZE_MAX / 2), std::bad_alloc);
  };
  EXPECT_FALSE(isolate.run(+uses).err);
  EXPECT_FALSE(isolate.close());
  EXPECT_TRUE(reports.of("aligned").empty());
  EXPECT_THROW((void)::operator new(SIZE_MAX / 2), std::bad_alloc);
}

TEST(NewOnHeap, ManyActorsFreeWhatOthersAllocated) {
  System system({.workers = 2});
  struct Passer : Actor<Passer, Number> {
    void on(Number::Reader number) {
      delete reinterpret_cast<std::string*>(number.getValue());
      auto* next = new std::string(100, 'x');
      std::string* last = exchange(next);
      delete last;
    }
    // Everybody takes what somebody else left there.
    static std::string* exchange(std::string* next) {
      static std::atomic<std::string*> place{nullptr};
      return place.exchange(next, std::memory_order_acq_rel);
    }
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<Passer::AddressType> all;
    for (int i = 0; i < 8; ++i) all.push_back(system.spawn<Passer>());
    for (int i = 0; i < 200; ++i)
      for (const auto& each : all) each.send<Number>();
    for (const auto& each : all) each.stop();
    for (const auto& each : all) EXPECT_FALSE(each.join());
  }
  delete Passer::exchange(nullptr);
}

}  // namespace
}  // namespace isola
