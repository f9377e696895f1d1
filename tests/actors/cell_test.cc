// Slots: where their fields lie, and what of one that was used goes on to who has it next.
#include <isola/actors/cell.h>

#include <isola/isola.h>
#include <isola/serialization/sanitizers.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using detail::ActorCell;
using detail::CellExtras;
using test::Number;

struct Rests : Actor<Rests, Number> {
  void on(Number::Reader) {}
};

#ifndef ISOLA_TSAN  // with which locks are larger: those of the system

// Which cache line of its slot a field begins on, and which it ends on.
template <class Field>
size_t first_line(const ActorCell& cell, const Field& field) {
  return (reinterpret_cast<uintptr_t>(&field) - reinterpret_cast<uintptr_t>(&cell)) / 64;
}
template <class Field>
size_t last_line(const ActorCell& cell, const Field& field) {
  return (reinterpret_cast<uintptr_t>(&field + 1) - 1 - reinterpret_cast<uintptr_t>(&cell)) / 64;
}

TEST(Cell, WhatASendAndATurnNeedLiesOnTwoCacheLines) {
  const ActorCell cell;
  EXPECT_EQ(first_line(cell, cell.inbox), 0u);
  EXPECT_EQ(last_line(cell, cell.next_ready), 0u);
  EXPECT_EQ(last_line(cell, cell.runtime), 0u);
  EXPECT_EQ(first_line(cell, cell.signals), 1u);
  EXPECT_EQ(first_line(cell, cell.behaviour), 1u);
  EXPECT_EQ(first_line(cell, cell.id), 1u);
  EXPECT_EQ(last_line(cell, cell.books.handled), 1u);
  // What senders on other threads write, apart from a turn's.
  EXPECT_EQ(first_line(cell, cell.references), 2u);
  EXPECT_EQ(last_line(cell, cell.notifier), 2u);
  // What its handlers write.
  EXPECT_EQ(first_line(cell, cell.room), 4u);
  EXPECT_EQ(last_line(cell, cell.room), 4u);
}

TEST(Cell, SlotsDoNotShareFewSetsOfTheCache) {
  constexpr size_t kLines = sizeof(ActorCell) / 64;
  EXPECT_NE(kLines % 8, 0u) << "a line of one slot would meet that of each eighth in the same set";
  EXPECT_LE(kLines, 5u) << "a million actors have one each";
}

#endif

// Behaviours that tell where they are, and how many of them there are.
template <size_t kWords>
struct Lies : Actor<Lies<kWords>, Ask<Number, Number>> {
  Lies() { ++alive; }
  ~Lies() { --alive; }
  Message<Number> on(Number::Reader) {
    auto place = this->template compose<Number>();
    place->setValue(static_cast<int64_t>(reinterpret_cast<uintptr_t>(this)));
    return place;
  }
  std::array<uint64_t, kWords> words{};
  static inline sync::atomic<int> alive{0};
};

TEST(Cell, ObjectsOfTwoActorsNeverShareACacheLine) {
  test::on_every_scheduler(
      [](System& system) {
        const auto check = [&]<size_t kWords>(Lies<kWords>*) {
          std::vector<typename Lies<kWords>::AddressType> all;
          std::set<uintptr_t> lines;
          const size_t lines_each = (sizeof(Lies<kWords>) + 63) / 64;
          for (size_t i = 0; i < 5; ++i) {
            all.push_back(system.spawn<Lies<kWords>>());
            const auto place = static_cast<uintptr_t>(
                all.back().template ask<Number>().get().or_raise()->getValue());
            const auto slot = reinterpret_cast<uintptr_t>(all.back().cell().get());
            EXPECT_EQ(place >= slot && place < slot + sizeof(ActorCell), kWords <= 3);
            for (size_t line = 0; line < lines_each; ++line) lines.insert(place / 64 + line);
          }
          EXPECT_EQ(lines.size(), 5 * lines_each);
          EXPECT_EQ(Lies<kWords>::alive, 5);
          for (const auto& each : all) each.stop();
          for (const auto& each : all) EXPECT_FALSE(each.join());
          EXPECT_EQ(Lies<kWords>::alive, 0);
        };
        check(static_cast<Lies<1>*>(nullptr));
        check(static_cast<Lies<3>*>(nullptr));
        check(static_cast<Lies<4>*>(nullptr));
        check(static_cast<Lies<9>*>(nullptr));
      },
      5);
}

struct alignas(128) Wide : Actor<Wide, Ask<Number, Number>> {
  Message<Number> on(Number::Reader) {
    auto place = compose<Number>();
    place->setValue(static_cast<int64_t>(reinterpret_cast<uintptr_t>(this) % 128));
    return place;
  }
};

TEST(Cell, ObjectsHaveTheAlignmentOfTheirType) {
  test::on_real_scheduler([](System& system) {
    EXPECT_EQ(system.spawn<Wide>().ask<Number>().get().or_raise()->getValue(), 0);
  });
}

TEST(Cell, OneWithoutANameABoundOrAHeapHasNoExtras) {
  System system(test::quiet({.workers = 1}));
  const auto plain = system.spawn<Rests>();
  EXPECT_EQ(plain.cell()->extras(), nullptr);
  EXPECT_EQ(plain.name(), "");
  EXPECT_EQ(plain.cell()->heap_quota(), UINT64_MAX);
  EXPECT_EQ(plain.cell()->heap_stats().live_bytes, 0u);
  EXPECT_EQ(ActorCell().heap_stats().inbox_bytes, 0u) << "nor has a slot that was never used";
  const auto named = system.spawn<Rests>({.name = "named"});
  ASSERT_NE(named.cell()->extras(), nullptr);
  EXPECT_EQ(named.name(), "named");
}

TEST(Cell, WhatItsLastActorWasGivenIsNotOfTheNext) {
  System system(test::quiet({.workers = 1}));
  EXPECT_FALSE(test::run_as_actor(system, [](System& on) {
    const ActorCell* slot = nullptr;
    const CellExtras* extras = nullptr;
    {
      const auto first = on.spawn<Rests>({.name = "first",
                                          .type = "shown",
                                          .heap_quota = 1 << 20,
                                          .inbox_bytes_max = 1 << 20,
                                          .accepts = AcceptedKeys::none()});
      slot = first.cell().get();
      extras = slot->extras();
      ASSERT_NE(extras, nullptr);
      EXPECT_EQ(slot->heap_stats().quota_bytes, uint64_t{1} << 20);
      EXPECT_EQ(slot->short_way_max, 0u) << "its bytes are counted";
      EXPECT_NE(extras->accepts, nullptr);
      first.stop();
      EXPECT_FALSE(first.join());
    }
    std::vector<Address<Number>> others;  // one of them has its slot
    bool was_there = false;
    for (int i = 0; i < 1000 && !was_there; ++i) {
      others.push_back(on.spawn<Rests>());
      was_there = others.back().cell().get() == slot;
    }
    ASSERT_TRUE(was_there);
    const ActorCell& cell = *others.back().cell();
    EXPECT_EQ(cell.extras(), extras) << "they stay with the slot, for who reads them";
    EXPECT_EQ(cell.name(), "");
    EXPECT_NE(cell.type_name(), "shown");
    EXPECT_EQ(cell.heap_quota(), UINT64_MAX);
    EXPECT_GT(cell.short_way_max, 0u);
    EXPECT_EQ(cell.extras()->inbox_bytes, nullptr);
    EXPECT_EQ(cell.extras()->accepts, nullptr);
    EXPECT_EQ(cell.restarts(), 0u);
  }));
}

}  // namespace
}  // namespace isola
