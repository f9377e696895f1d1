// Containers, pointers and functions on the heap of an isolate, and what its end leaves out.
#include <isola/actors/containers.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::on_every_scheduler;

std::atomic<int> destroyed{0};

// Counts its destructors, although it says that they need not run.
struct Dropped {
  using dropped_with_heap = Dropped;
  explicit Dropped(int its_number) : number(its_number) {}
  Dropped(const Dropped&) = default;
  Dropped& operator=(const Dropped&) = default;
  ~Dropped() { ++destroyed; }
  auto operator<=>(const Dropped& other) const { return number <=> other.number; }
  bool operator==(const Dropped& other) const { return number == other.number; }
  int number;
  string text{"longer than what a string keeps in itself"};
};
struct HashDropped {
  size_t operator()(const Dropped& value) const { return static_cast<size_t>(value.number); }
};

// The same without saying so, and one that inherits what its base says.
struct Destroyed {
  ~Destroyed() { ++destroyed; }
};
struct Derived : Dropped {
  using Dropped::Dropped;
  std::string more{"longer than what a string keeps in itself"};
};

static_assert(dropped_with_heap<int> && dropped_with_heap<string>);
static_assert(dropped_with_heap<vector<string>> && dropped_with_heap<map<string, list<int>>>);
static_assert(dropped_with_heap<std::pair<string, int>> && dropped_with_heap<std::tuple<string>>);
static_assert(dropped_with_heap<Dropped> && dropped_with_heap<own_ptr<Dropped>>);
static_assert(!dropped_with_heap<std::string> && !dropped_with_heap<vector<std::string>>);
static_assert(!dropped_with_heap<Destroyed> && !dropped_with_heap<Derived>);
static_assert(!dropped_with_heap<map<int, Delivery<test::Note>>>);
static_assert(!dropped_with_heap<std::unique_ptr<int>>);
// Who has a container knows more than how it is dropped.
static_assert(std::is_nothrow_move_constructible_v<vector<string>>);
static_assert(std::uses_allocator_v<vector<string>, std::pmr::polymorphic_allocator<int>>);

// One of each.
struct All {
  All() {
    in_vector.reserve(3);
    for (int i = 0; i < 3; ++i) {
      in_vector.emplace_back(i);
      in_deque.emplace_back(i);
      in_list.emplace_back(i);
      in_map.try_emplace(i, i);
      in_set.emplace(i);
      in_unordered_map.try_emplace(i, i);
      in_unordered_set.emplace(i);
    }
  }
  vector<Dropped> in_vector;
  deque<Dropped> in_deque;
  list<Dropped> in_list;
  map<int, Dropped> in_map;
  set<Dropped> in_set;
  unordered_map<int, Dropped> in_unordered_map;
  unordered_set<Dropped, HashDropped> in_unordered_set;
  own_ptr<Dropped> alone = make_own<Dropped>(1);
};

TEST(Containers, AreDestroyedElementByElementWhileTheirIsolateGoesOn) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      const uint64_t before = current_isolate().heap_bytes();
      destroyed = 0;
      { All all; }
      EXPECT_EQ(destroyed, 22);
      EXPECT_EQ(current_isolate().heap_bytes(), before);
    };
    EXPECT_FALSE(system.create().run(+use).err);
    destroyed = 0;
    { All all; }
    EXPECT_EQ(destroyed, 22) << "on a heap that is nobody's";
  });
}

struct HasAll : Actor<HasAll, test::Number> {
  void on(test::Number::Reader) {
    All on_the_stack;
    (void)sleep_for(std::chrono::hours(1));
  }
  All all;
  vector<Destroyed> those_are{3};
};

TEST(Containers, AreForgottenAtTheEndOfTheirIsolateWhereThatIsSafe) {
  on_every_scheduler([](System& system) {
    for (const bool blocked : {false, true}) {
      auto actor = system.spawn<HasAll>();
      if (blocked) {
        EXPECT_FALSE(actor.send<test::Number>());
        EXPECT_FALSE(sleep_for(std::chrono::milliseconds(1)));
      }
      destroyed = 0;
      actor.kill();
      EXPECT_FALSE(actor.join());
      EXPECT_EQ(destroyed, 3) << "only those that have to be";
    }
  });
}

TEST(Containers, AreForgottenWhenAnIsolateIsReset) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    const auto fill = [] {
      globals().set("all", std::make_shared<All>());
      globals().set("those", std::make_shared<vector<Destroyed>>(3));
    };
    for (int round = 0; round < 2; ++round) {
      EXPECT_FALSE(isolate.run(+fill).err);
      EXPECT_GT(isolate.heap_bytes(), 0u);
      destroyed = 0;
      EXPECT_FALSE(isolate.reset());
      EXPECT_EQ(destroyed, 3);
      EXPECT_EQ(isolate.heap_bytes(), 0u);
    }
  });
}

TEST(Containers, ElementsAreOnTheHeapOfTheirContainer) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      map<string, vector<string>> index;
      Outside outside;
      index["a key that is longer than a string keeps in itself"].emplace_back("an element");
      for (const auto& [key, values] : index) {
        EXPECT_EQ(key.get_allocator().resource(), index.get_allocator().resource());
        EXPECT_EQ(values.get_allocator().resource(), index.get_allocator().resource());
        EXPECT_EQ(values[0].get_allocator().resource(), index.get_allocator().resource());
      }
    };
    EXPECT_FALSE(system.create().run(+use).err);
  });
}

TEST(Containers, AreUsedAsThoseOfTheStandardLibrary) {
  vector<int> numbers{3, 1, 2};
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers, (vector<int>{1, 2, 3}));
  numbers = {4, 5};
  vector<int> other(2, 7);
  std::swap(numbers, other);
  EXPECT_EQ(other.back(), 5);
  EXPECT_LT(other, numbers);
  std::erase_if(numbers, [](int number) { return number == 7; });
  EXPECT_TRUE(numbers.empty());
  unordered_map<string, int> counts;
  ++counts["a"];
  ++counts["a"];
  EXPECT_EQ(counts.at("a"), 2);
  unordered_set<string> seen{"x", "y", "x"};
  EXPECT_EQ(seen.size(), 2u);
  map<string, int> sorted{{"b", 2}, {"a", 1}};
  const map<string, int> copy = sorted;
  const map<string, int> moved = std::move(sorted);
  EXPECT_EQ(copy, moved);
  EXPECT_EQ(copy.begin()->first, "a");
}

struct Shape {
  virtual ~Shape() = default;
  virtual int sides() const = 0;
};
struct Named {
  virtual ~Named() = default;
  char name[40] = "a shape with a name";
};
struct Square final : Named, Shape {
  ~Square() override { ++destroyed; }
  int sides() const override { return 4; }
};
struct Throws {
  Throws() { throw std::runtime_error("on purpose"); }
  char bytes[100];
};

TEST(OwnPtr, IsOnTheHeapAndGoesBackThere) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      const uint64_t before = current_isolate().heap_bytes();
      destroyed = 0;
      own_ptr<const Square> square = make_own<Square>();
      EXPECT_EQ(current_isolate().heap_bytes() - before, (sizeof(Square) + 15) / 16 * 16);
      {
        own_ptr<const Shape> shape = std::move(square);
        EXPECT_EQ(shape->sides(), 4);
        EXPECT_EQ(destroyed, 0);
      }
      EXPECT_EQ(destroyed, 1);
      EXPECT_THROW((void)make_own<Throws>(), std::runtime_error);
      EXPECT_EQ(current_isolate().heap_bytes(), before);
    };
    EXPECT_FALSE(system.create().run(+use).err);
  });
}

TEST(Function, MovesAndKeepsLargeTargetsOnTheHeap) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      const uint64_t before = current_isolate().heap_bytes();
      int called = 0;
      function<int(int)> small = [&called](int x) { return called += x; };
      EXPECT_EQ(current_isolate().heap_bytes(), before);
      EXPECT_EQ(small(2), 2);
      auto only_moves = std::make_unique<int>(5);
      std::array<int, 20> many{};
      many[19] = 100;
      function<int(int)> large = [many, only_moves = std::move(only_moves)](int x) mutable {
        return many[19] += x + *only_moves;
      };
      EXPECT_EQ(current_isolate().heap_bytes() - before, 96u);
      EXPECT_EQ(large(1), 106);
      small = std::move(large);
      EXPECT_FALSE(large);
      EXPECT_EQ(small(1), 112) << "its state moved with it";
      small = nullptr;
      EXPECT_EQ(current_isolate().heap_bytes(), before);
    };
    EXPECT_FALSE(system.create().run(+use).err);
  });
}

TEST(Function, CallsWhateverCanBeCalled) {
  EXPECT_THROW(function<void()>()(), std::bad_function_call);
  int (*none)(int) = nullptr;
  EXPECT_FALSE((function<int(int)>(none)));
  const function<int(int)> twice = +[](int x) { return 2 * x; };
  EXPECT_EQ(twice(4), 8);
  const function<int(const Dropped&)> member = &Dropped::number;
  EXPECT_EQ(member(Dropped(3)), 3);
  int value = 1;
  const function<int&(int&)> same = [](int& x) -> int& { return x; };
  same(value) = 7;
  EXPECT_EQ(value, 7);
  const function<void(std::unique_ptr<int>)> sink = [&](std::unique_ptr<int> p) { return *p; };
  sink(std::make_unique<int>(1));
}

}  // namespace
}  // namespace isola
