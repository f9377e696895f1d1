// Heaps of actors: quotas, figures, and who uses the heap of another.
#include <isola/actors/heap.h>

#include <isola/isola.h>

#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::GetTotal;
using test::Number;
using test::on_every_scheduler;
using test::Total;

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

// Keeps as many texts of 100 bytes as it is told to, and counts them.
struct Keeper : Actor<Keeper, Number, Ask<GetTotal, Total>> {
  void on(Number::Reader number) {
    for (int64_t i = 0; i < number.getValue(); ++i) kept_.emplace_back(100, 'x');
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(static_cast<int64_t>(kept_.size()));
    return total;
  }
  std::list<string, allocator<string>> kept_;
};

TEST(HeapOwner, AnActorBeyondItsQuotaFailsAndAThousandOthersGoOn) {
  on_every_scheduler(
      [](System& system) {
        const int others = sync::kSimulated ? 20 : 1000;
        std::vector<Keeper::AddressType> all;
        for (int i = 0; i < others; ++i)
          all.push_back(system.spawn<Keeper>({.heap_quota = 64_KiB}));
        auto greedy = system.spawn<Keeper>({.name = "greedy", .heap_quota = 64_KiB});
        for (auto& other : all) EXPECT_FALSE(other.send<Number>(value(1)));
        EXPECT_FALSE(greedy.send<Number>(value(10'000)));
        for (auto& other : all) EXPECT_FALSE(other.send<Number>(value(1)));
        const Error error = greedy.join();
        EXPECT_EQ(error.code(), Code::failed);
        EXPECT_EQ(error.type(), "isola::HeapQuotaExceeded");
        EXPECT_EQ(error.actor(), "greedy");
        EXPECT_NE(error.message().find("exceed its quota of 65536 bytes"), std::string::npos)
            << error;
        for (auto& other : all) EXPECT_EQ(other.ask<GetTotal>().get().or_raise()->getValue(), 2);
      },
      5);
}

TEST(HeapOwner, AnExhaustedHeapIsNotNeededForTheRecordOfIt) {
  on_every_scheduler([](System& system) {
    struct Full : Actor<Full, Number> {
      void on(Number::Reader) {
        all_.reserve(16);
        EXPECT_EQ(heap_stats().live_bytes, heap_stats().quota_bytes) << "there is no more";
        throw std::out_of_range("something else");
      }
      ~Full() {
        EXPECT_EQ(heap_stats().live_bytes, 16u);
        EXPECT_EQ(heap_stats().peak_bytes, 16u);
      }
      vector<char> all_;
    };
    auto full = system.spawn<Full>({.heap_quota = 16});
    EXPECT_FALSE(full.send<Number>());
    EXPECT_EQ(full.join().message(), "something else");
  });
}

TEST(HeapOwner, ItsFiguresAreSeenInsideAndOutside) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create({.heap_quota = 1_MiB});
    EXPECT_EQ(isolate.heap_stats(), HeapStats{.quota_bytes = 1_MiB});
    const auto use = [] {
      const HeapStats before = heap_stats();
      EXPECT_EQ(before.live_bytes, 0u);
      EXPECT_EQ(before.chunk_bytes, 0u);
      {
        vector<char> more(5000);
        EXPECT_EQ(heap_stats().live_bytes, 5008u);
      }
      globals().set("kept", std::vector<char>(10));
      const HeapStats after = heap_stats();
      EXPECT_GT(after.live_bytes, 0u);
      EXPECT_GE(after.peak_bytes, 5008u);
      EXPECT_GE(after.chunk_bytes, 5008u);
      EXPECT_EQ(after.quota_bytes, 1_MiB);
      return after.live_bytes;
    };
    const uint64_t live = isolate.run(use).or_raise();
    const HeapStats outside = isolate.heap_stats();
    EXPECT_EQ(outside.live_bytes, live);
    EXPECT_EQ(isolate.heap_bytes(), live);
    EXPECT_GE(outside.peak_bytes, 5008u);
    EXPECT_GE(outside.chunk_bytes, outside.live_bytes);
    EXPECT_FALSE(isolate.reset());
    EXPECT_EQ(isolate.heap_stats().live_bytes, 0u);
    EXPECT_EQ(isolate.heap_stats().chunk_bytes, 0u);
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(isolate.heap_stats(), HeapStats());
    EXPECT_EQ(system.create().heap_stats(), HeapStats()) << "the peak of another is forgotten";
  });
}

TEST(HeapOwner, AnActorSeesWhatWaitsForIt) {
  on_every_scheduler([](System& system) {
    struct Looker : Actor<Looker, Number, Ask<GetTotal, Total>> {
      void on(Number::Reader) {}
      Message<Total> on(GetTotal::Reader) {
        EXPECT_EQ(heap_stats().inbox_messages, 0u);
        EXPECT_EQ(heap_stats().inbox_bytes, 0u);
        for (int i = 0; i < 3; ++i) EXPECT_FALSE(self().send<Number>());
        EXPECT_EQ(heap_stats().inbox_messages, 3u);
        auto total = compose<Total>();
        total->setValue(static_cast<int64_t>(heap_stats().inbox_bytes));
        return total;
      }
    };
    for (uint64_t bound : {uint64_t{0}, uint64_t{1_MiB}}) {
      auto looker = system.spawn<Looker>({.inbox_bytes_max = bound});
      EXPECT_EQ(looker.ask<GetTotal>().get().or_raise()->getValue(), 3 * 64) << "smallest blocks";
    }
  });
}

// A side channel, as no program should have one: how memory gets where it must not be.
string* leaked = nullptr;

std::vector<std::string>* reports = nullptr;
std::mutex reports_mutex;

TEST(HeapOwner, UsingTheHeapOfAnotherIsReportedWithBothNames) {
  std::vector<std::string> told;
  reports = &told;
  System system({.workers = 1, .on_failure = [](const Error& error) {
                   std::lock_guard lock(reports_mutex);
                   reports->push_back(error.to_string());
                 }});
  Isolate owner = system.create({.name = "owner"});
  ASSERT_FALSE(owner
                   .run([] {
                     leaked = new string(100, 'x');
                     EXPECT_NE(dynamic_cast<Heap*>(leaked->get_allocator().resource()), nullptr);
                   })
                   .err);
  Isolate other = system.create({.name = "other"});

  const Error grown = other.run([] { leaked->append(1000, 'y'); }).err;
  EXPECT_EQ(grown.type(), "isola::ForeignHeap");
  EXPECT_NE(grown.message().find("\"other\" allocates from the heap of \"owner\""),
            std::string::npos)
      << grown;
  EXPECT_EQ(leaked->size(), 100u) << "it is as it was";

  const uint64_t live = owner.heap_bytes();
  EXPECT_FALSE(other.run([] { delete leaked; }).err) << "a destructor throws nothing";
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("isola::ForeignHeap: \"other\" frees 101 bytes of the heap of \"owner\""),
            std::string::npos)
      << told[0];
  EXPECT_EQ(owner.heap_bytes(), live) << "it stays until its heap goes";

  // A plain thread is nobody's actor either.
  ASSERT_FALSE(owner.run([] { leaked = new string(100, 'x'); }).err);
  EXPECT_THROW(leaked->append(1000, 'y'), ForeignHeap);
  delete leaked;
  ASSERT_EQ(told.size(), 2u);
  EXPECT_NE(told[1].find("a plain thread frees 101 bytes of the heap of \"owner\""),
            std::string::npos)
      << told[1];
  EXPECT_EQ(system.failures(), 2u);
  ASSERT_FALSE(owner.close());
}

TEST(HeapOwner, AnExceptionThatHoldsMemoryOfTheHeapIsGoneBeforeIt) {
  on_every_scheduler([](System& system) {
    struct Failure : std::exception {
      explicit Failure(string its_text) : text(std::move(its_text)) {}
      const char* what() const noexcept override { return text.c_str(); }
      string text;
    };
    struct Thrower : Actor<Thrower, Number> {
      void on(Number::Reader) { throw Failure(string(5000, 'x')); }
    };
    auto thrower = system.spawn<Thrower>();
    EXPECT_FALSE(thrower.send<Number>());
    EXPECT_EQ(thrower.join().message(), std::string(5000, 'x'));
    EXPECT_EQ(system.failures(), 1u) << "to free it was no failure of its own";
  });
}

TEST(HeapOwner, WhatItsEndRunsStillUsesItsHeap) {
  on_every_scheduler([](System& system) {
    struct Last : Actor<Last, Number> {
      ~Last() { kept_.assign(1000, 'y'); }
      void on(Number::Reader) { kept_.assign(100, 'x'); }
      string kept_;
    };
    auto stopped = system.spawn<Last>();
    EXPECT_FALSE(stopped.send<Number>());
    stopped.stop();
    EXPECT_FALSE(stopped.join());
    (void)system.spawn<Last>();  // ended by the System
    EXPECT_EQ(system.failures(), 0u);
  });
}

}  // namespace
}  // namespace isola
