// Captured contexts: running, entering, comparing and printing them.
#include <isola/context/context.h>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/context/expect.h"

namespace isola {
namespace {

using test::fault_of;
using test::printed;
using test::what_of;

inline constexpr Key<text> locale{"app.locale", Flow::wire};
inline constexpr Key<int> digits{"app.digits", Flow::local};
inline constexpr Key<int> scale{"app.scale", Flow::wire, 28};
inline constexpr Key<std::vector<int>> path{"app.path", Flow::actor};
inline constexpr Key<text> password{"app.password", Flow::secret};

TEST(Context, IsMadeEmpty) {
  // Covers: CTX-005
  const Context empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_TRUE(empty.begin() == empty.end());
  EXPECT_FALSE((std::is_constructible_v<Context, KeyValue<int>>));
  EXPECT_FALSE((std::is_constructible_v<Context, const Key<int>&, int>));
}

template <class F>
concept CanRun = requires(const Context& context, F function) {
  context.run(function);
};
template <class C>
concept CanRunNothing = requires(const C& context) {
  context.run();
};

TEST(Context, RunsFunctionsOnly) {
  // Covers: CTX-009
  EXPECT_FALSE(CanRunNothing<Context>);
  EXPECT_FALSE(CanRun<int>);
  EXPECT_TRUE(CanRun<void (*)()>);
  EXPECT_EQ(Context().run([](int a, int b) { return a + b; }, 3, 4), 7);
}

TEST(Context, LetsExceptionsThroughAsTheyAre) {
  // Covers: CTX-011
  struct Special : std::runtime_error {
    using runtime_error::runtime_error;
  };
  const Special* thrown = nullptr;
  const std::exception_ptr pointer = std::make_exception_ptr(Special("x"));
  try {
    std::rethrow_exception(pointer);
  } catch (const Special& special) {
    thrown = &special;
  }
  try {
    Context().run([&] { std::rethrow_exception(pointer); });
    FAIL();
  } catch (const Special& special) {
    EXPECT_EQ(&special, thrown);
  }
}

TEST(Context, TakesTheCallersPlaceWhileItRuns) {
  // Covers: CTX-012
  Context first;
  Context second;
  {
    const Scope one{digits, 1};
    first = capture();
  }
  {
    const Scope two{locale, "de_DE"};
    second = capture();
  }
  first.run([&] {
    EXPECT_EQ(digits.get(), 1);
    EXPECT_TRUE(capture() == first);
    second.run([&] {
      EXPECT_EQ(digits.find(), std::nullopt);
      EXPECT_EQ(locale.get(), "de_DE");
      EXPECT_TRUE(capture() == second);
      EXPECT_FALSE(capture() == first);
    });
    EXPECT_EQ(digits.get(), 1);
    EXPECT_EQ(locale.find(), std::nullopt);
  });
}

TEST(Context, WhatARunBindsAndThrowsAwayIsNotSeenOutside) {
  // Covers: CTX-013
  EXPECT_THROW(Context().run([] {
    const Scope bound{digits, 1};
    throw 1;
  }),
               int);
  EXPECT_EQ(digits.find(), std::nullopt);
}

TEST(Context, IsNotEnteredWithinItself) {
  // Covers: CTX-015
  const Scope outer{digits, 1};
  const Context context = capture();
  int after = 0;
  context.run([&] {
    EXPECT_EQ(fault_of([&] { context.run([] { FAIL(); }); }), ContextFault::already_entered);
    Context().run([&] {
      EXPECT_EQ(fault_of([&] { context.run([] { FAIL(); }); }), ContextFault::already_entered);
    });
    after = digits.get();
  });
  EXPECT_EQ(after, 1);
}

TEST(Context, IsEnteredOnceAsScopeInRunInScopeAlike) {
  // Covers: CTX-043
  const Context context = capture();
  {
    const Enter entered{context};
    EXPECT_EQ(fault_of([&] { const Enter again{context}; }), ContextFault::already_entered);
    EXPECT_EQ(fault_of([&] { context.run([] {}); }), ContextFault::already_entered);
  }
  context.run([&] {
    EXPECT_EQ(fault_of([&] { const Enter again{context}; }), ContextFault::already_entered);
  });
}

TEST(Context, KeepsWhatWasBoundWhenItWasCaptured) {
  // Covers: CTX-020
  Scope scale_is{scale, 3};
  Scope bound{digits, 1};
  const Context with = capture();
  bound.restore();
  const Context without = capture();
  EXPECT_EQ(with.size(), 2u);
  EXPECT_TRUE(with.contains(digits));
  EXPECT_EQ(with.get(digits), 1);
  EXPECT_EQ(without.size(), 1u);
  EXPECT_FALSE(without.contains(digits));
  EXPECT_EQ(fault_of([&] { (void)without.get(digits); }), ContextFault::not_set);
  std::vector<std::string> names;
  for (const ContextEntry& entry : with) names.emplace_back(entry.name());
  EXPECT_EQ(names, (std::vector<std::string>{"app.digits", "app.scale"}));
  names.clear();
  for (const ContextEntry& entry : without) names.emplace_back(entry.name());
  EXPECT_EQ(names, (std::vector<std::string>{"app.scale"}));
}

TEST(Context, ListsWhatIsBoundAndNeverDefaults) {
  // Covers: CTX-022
  Context().run([] {
    EXPECT_EQ(scale.get(), 28);
    EXPECT_TRUE(capture().empty());
    Scope bound{scale, 3};
    EXPECT_EQ(capture().size(), 1u);
    EXPECT_EQ(capture().begin()->name(), "app.scale");
    bound.restore();
    const Context after = capture();
    EXPECT_TRUE(after.begin() == after.end());
    EXPECT_EQ(after.get(scale, 9), 9);
    EXPECT_EQ(after.get(scale), 28);
    EXPECT_EQ(after.find(scale), std::nullopt);
  });
}

TEST(Context, GivesConstAccessToItsValues) {
  // Covers: CTX-024
  EXPECT_TRUE((std::is_same_v<Key<std::vector<int>>::View, const std::vector<int>&>));
  const Scope outer{path, std::vector<int>{1, 2}};
  const Context context = capture();
  context.run([] {
    std::vector<int> replacement = path.get();
    replacement.push_back(3);
    const Scope inner{path, replacement};
    replacement.push_back(4);
    EXPECT_EQ(path.get(), (std::vector<int>{1, 2, 3}));
  });
  EXPECT_EQ(path.get(), (std::vector<int>{1, 2}));
  EXPECT_EQ(context.get(path), (std::vector<int>{1, 2}));
}

TEST(Context, CapturedInARunIsIndependentOfIt) {
  // Covers: CTX-025
  const Scope outer{digits, 1};
  Context inner;
  capture().run([&] {
    const Scope bound{scale, 2};
    inner = capture();
    const Scope later{locale, "de_DE"};
    EXPECT_FALSE(inner.contains(locale));
  });
  inner.run([&] {
    EXPECT_EQ(digits.get(), 1);
    EXPECT_EQ(scale.get(), 2);
    EXPECT_EQ(locale.find(), std::nullopt);
    const Scope later{locale, "fr_FR"};
    EXPECT_FALSE(inner.contains(locale));
  });
  EXPECT_EQ(scale.find(), std::nullopt);
}

TEST(Context, CanBeReadAsAMap) {
  // Covers: CTX-008
  const Scope bound{bind(digits, 1), bind(locale, "de_DE"), bind(path, std::vector<int>{1})};
  const Context context = capture();
  EXPECT_EQ(context.size(), 3u);
  EXPECT_TRUE(context.contains(locale));
  EXPECT_FALSE(context.contains(scale));
  EXPECT_EQ(context.get(locale), "de_DE");
  size_t found = 0;
  for (const ContextEntry& entry : context) {
    if (auto value = entry.as(digits)) found += *value == 1;
    if (auto value = entry.as(locale)) found += *value == "de_DE";
    if (auto value = entry.as(path)) found += *value == std::vector<int>{1};
  }
  EXPECT_EQ(found, 3u);
  const Context again = capture();
  EXPECT_TRUE(context == again);
  EXPECT_FALSE(context != again);
  EXPECT_EQ(std::hash<Context>()(context), std::hash<Context>()(again));
  const Scope more{scale, 2};
  EXPECT_TRUE(context != capture());
  // Nothing that changes it.
  using Entry = decltype(*context.begin());
  EXPECT_TRUE((std::is_same_v<Entry, const ContextEntry&>));
}

TEST(Context, IsCurrentOnceItIsEnteredAndCanBeEnteredAgain) {
  // Covers: CTX-039
  // Covers: CTX-041
  Context context;
  {
    const Scope bound{digits, 1};
    context = capture();
  }
  for (int round = 0; round < 2; ++round) {
    const Enter entered{context};
    EXPECT_TRUE(capture() == context);
    EXPECT_EQ(digits.get(), 1);
  }
  EXPECT_EQ(digits.find(), std::nullopt);
  EXPECT_FALSE(capture() == context);
}

// Whose comparison and hash throw, and bind further keys.
struct Wild {
  int value = 0;
  [[noreturn]] friend bool operator==(const Wild&, const Wild&) {
    const Scope more{digits, 3};
    throw std::runtime_error("compared");
  }
};
inline constexpr Key<Wild> wild{"app.wild", Flow::actor};

TEST(Context, IsComparedByWhatIsBoundAndNotByValues) {
  // Covers: CTX-037
  // Covers: LCC-029
  Scope first{wild, Wild{1}};
  const Context a = capture();
  const Context b = capture();
  first.restore();
  const Scope second{wild, Wild{1}};
  const Context c = capture();
  EXPECT_TRUE(a == b);
  EXPECT_TRUE(a != c) << "an equal value bound anew is another binding";
  EXPECT_EQ(a.hash(), b.hash());
  EXPECT_EQ(a.get(wild).value, 1);
  EXPECT_EQ(a.size(), 1u);
  EXPECT_EQ(c.size(), 1u);
}

TEST(Context, HasALogicalIdThatDerivedOnesShare) {
  const uint64_t here = logical_id();
  const Context context = capture();
  const Scope bound{digits, 1};
  EXPECT_EQ(context.logical_id(), here);
  EXPECT_EQ(capture().logical_id(), here);
  Context isolated;
  {
    const Isolated scope;
    isolated = capture();
    EXPECT_NE(isolated.logical_id(), here);
    EXPECT_EQ(isolated.logical_id(), logical_id());
  }
  isolated.run([&] { EXPECT_EQ(logical_id(), isolated.logical_id()); });
  EXPECT_FALSE(isolated.contains(digits));
  EXPECT_NE(context.id(), capture().id());
}

TEST(Context, IsPrintedWithoutItsSecrets) {
  // Covers: LCC-011
  const Scope bound{bind(locale, "de_DE"), bind(digits, 3), bind(password, "hunter2")};
  const Context context = capture();
  EXPECT_EQ(printed(context), "Context #" + std::to_string(context.id()) +
                                  " {app.password: <secret>, app.digits: 3, app.locale: de_DE}");
  EXPECT_FALSE(context.contains(scale)) << "a default is not bound";
}

TEST(Context, RunsOnOtherThreadsThatInheritNothingByThemselves) {
  // Covers: CTX-036
  const Scope bound{bind(locale, "de_DE"), bind(digits, 3)};
  const Context context = capture();
  std::thread([&] {
    EXPECT_EQ(locale.find(), std::nullopt);
    EXPECT_EQ(fault_of([] { (void)digits.get(); }), ContextFault::not_set);
    context.run([] {
      EXPECT_EQ(locale.get(), "de_DE");
      EXPECT_EQ(digits.get(), 3);
    });
    Context().run([] { EXPECT_EQ(digits.find(), std::nullopt); });
    EXPECT_EQ(locale.find(), std::nullopt);
  }).join();
}

TEST(Context, OfAnActorKeyIsReadByItsOwnerOnly) {
  const Scope bound{path, std::vector<int>{1}};
  const Context context = capture();
  context.run([] { EXPECT_EQ(path.get(), std::vector<int>{1}); });
  std::vector<std::string> told;
  // A thread with the same id of the system is another owner.
  for (int i = 0; i < 2; ++i) {
    std::thread([&] {
      context.run([&] {
        EXPECT_EQ(fault_of([] { (void)path.get(); }), ContextFault::not_owner);
        EXPECT_EQ(fault_of([] { (void)path.find(); }), ContextFault::not_owner);
        told.push_back(what_of([] { (void)path.get(); }));
        const Scope own{path, std::vector<int>{2}};
        EXPECT_EQ(path.get(), std::vector<int>{2});
      });
    }).join();
  }
  EXPECT_NE(told[0].find("app.path"), std::string::npos);
  EXPECT_NE(told[0].find("thread #"), std::string::npos);
  EXPECT_NE(told[0], told[1]) << "each thread has an id of its own";
}

TEST(Context, DestroysItsValuesWithTheLastOneThatHoldsThem) {
  // Covers: CTX-076
  static constexpr Key<std::shared_ptr<int>> shared{"app.shared", Flow::actor};
  std::weak_ptr<int> value;
  {
    Context context;
    {
      auto owned = std::make_shared<int>(1);
      value = owned;
      const Scope bound{bind(shared, std::move(owned)), bind(digits, 1)};
      context = capture();
    }
    EXPECT_FALSE(value.expired());
    auto half_way = context.begin();
    ++half_way;
    const Context copy = context;
    context = Context();
    EXPECT_FALSE(value.expired());
  }
  EXPECT_TRUE(value.expired());
}

TEST(Context, IsRunByManyThreadsAtOnce) {
  const Scope bound{bind(locale, "de_DE"), bind(digits, 3)};
  const Context context = capture();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) {
        context.run([&] {
          const Scope own{digits, i};
          right += locale.get() == "de_DE" && digits.get() == i && capture().size() == 2;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace isola
