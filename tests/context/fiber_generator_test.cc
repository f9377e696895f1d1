// Generators with a stack of their own and the contexts of their consumers: the rules are those of
// generator_test.cc and generator_context_test.cc.
#include <isola/context/fiber_generator.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/context/expect.h"
#include "tests/context/generators.h"

namespace isola {
namespace {

using test::digits;
using test::fault_of;
using test::locale;
using test::Log;
using test::what_of;

using Reads = fiber_generator<int, KeepsScopes>;

Reads reads_within(int bound) {
  return Reads([bound](Yield<int>& yield) {
    const Scope own{digits, bound};
    for (;;) yield(digits.get());
  });
}

fiber_generator<int> reads() {
  return fiber_generator<int>([](Yield<int>& yield) {
    for (;;) yield(digits.get());
  });
}

Context with_digits(int value) {
  const Scope bound{digits, value};
  return capture();
}

TEST(FiberGenerator, KeepsItsScopesToItself) {
  const Scope consumers{digits, 5};
  auto three = reads_within(3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(three.next(), 3);
    EXPECT_EQ(digits.get(), 5);
    const Scope changed{digits, 6};
    EXPECT_EQ(three.next(), 3);
    EXPECT_EQ(digits.get(), 6);
  }
}

TEST(FiberGenerator, AnIsolatedScopeInItIsNotItsConsumers) {
  const Scope consumers{digits, 5};
  const uint64_t here = logical_id();
  fiber_generator<uint64_t, KeepsScopes> other([](Yield<uint64_t>& yield) {
    const Isolated own;
    for (;;) yield(digits.find() ? 0 : logical_id());
  });
  const uint64_t first = *other.next();
  EXPECT_NE(first, 0u) << "the consumer's local value is not seen in it";
  EXPECT_NE(first, here);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(logical_id(), here);
  EXPECT_EQ(other.next(), first);
}

TEST(FiberGenerator, SeesItsConsumersValuesAtEachResume) {
  auto seen = reads();
  EXPECT_EQ(seen.next(), 28);
  {
    const Scope three{digits, 3};
    EXPECT_EQ(seen.next(), 3);
    const Scope four{digits, 4};
    EXPECT_EQ(seen.next(), 4);
  }
  EXPECT_EQ(seen.next(), 28);
  // What it binds itself hides only that key.
  Log log;
  Reads half([&log](Yield<int>& yield) {
    const Scope bound{digits, 7};
    for (;;) {
      log.emplace_back(locale.get("none"));
      yield(digits.get());
    }
  });
  EXPECT_EQ(half.next(), 7);
  const Scope german{locale, "de_DE"};
  const Scope three{digits, 3};
  EXPECT_EQ(half.next(), 7);
  EXPECT_EQ(log, (Log{"none", "de_DE"}));
}

auto cleans_up(Log& log) {
  return fiber_generator<int>([&log](Yield<int>& yield) {
    EXPECT_EQ(frame().kind(), FrameKind::generator);
    frame().at_end(
        [&log] { log.emplace_back("first cleanup, digits " + std::to_string(digits.get())); });
    frame().holds("database orders.db", [&log] { log.emplace_back("second cleanup"); });
    const Scope own{digits, 3};
    struct Local {
      Log& log;
      ~Local() { log.emplace_back("local, digits " + std::to_string(digits.get())); }
    } local{log};
    for (int i = 0; i < 2; ++i) yield(i);
  });
}

TEST(FiberGenerator, ThatIsAbandonedCleansUpAtOnceAndNamesWhatItHeld) {
  Log log;
  const Scope consumers{digits, 5};
  ::testing::internal::CaptureStderr();
  {
    auto abandoned = cleans_up(log);
    EXPECT_EQ(abandoned.next(), 0);
    EXPECT_TRUE(log.empty());
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "isola: a generator was abandoned while it held database orders.db\n");
  EXPECT_EQ(log, (Log{"local, digits 3", "second cleanup", "first cleanup, digits 5"}));
  EXPECT_EQ(digits.get(), 5);
  log.clear();
  ::testing::internal::CaptureStderr();
  auto whole = cleans_up(log);
  while (whole.next()) {
  }
  EXPECT_EQ(log, (Log{"local, digits 3", "second cleanup", "first cleanup, digits 5"}));
  { auto unbegun = cleans_up(log); }
  EXPECT_EQ(log.size(), 3u) << "nothing of it had begun";
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(FiberGenerator, ACleanupMayUseWhatTheBodyWasMadeOf) {
  std::string seen;
  {
    fiber_generator<int> named([&seen, name = std::string(100, 'n')](Yield<int>& yield) {
      frame().at_end([&seen, &name] { seen = name; });
      yield(1);
    });
    EXPECT_EQ(named.next(), 1);
  }
  EXPECT_EQ(seen, std::string(100, 'n'));
}

TEST(FiberGenerator, IsToldOfItsSwitches) {
  Log log;
  fiber_generator<int> told([&log](Yield<int>& yield) {
    frame().on_switch([&log] { log.emplace_back("suspends"); },
                      [&log, &yield] {
                        log.emplace_back("resumes");
                        if (fault_of([&] { yield(0); }) == ContextFault::cannot_suspend)
                          log.emplace_back("and cannot yield");
                      });
    yield(1);
    yield(2);
  });
  EXPECT_EQ(told.next(), 1);
  EXPECT_EQ(log, (Log{"suspends"}));
  EXPECT_EQ(told.next(), 2);
  EXPECT_EQ(log, (Log{"suspends", "resumes", "and cannot yield", "suspends"}));
}

TEST(FiberGenerator, ThatYieldsWithinAScopeIsAnErrorInStrictMode) {
  const auto careless = [] {
    return fiber_generator<int>([](Yield<int>& yield) {
      const Scope own{digits, 3};
      yield(digits.get());
    });
  };
  EXPECT_EQ(careless().next(), 3);
  const StrictYields strict;
  EXPECT_EQ(fault_of([&] { (void)careless().next(); }), ContextFault::open_scope);
  EXPECT_NE(what_of([&] { (void)careless().next(); }).find("the Scope of app.digits"),
            std::string::npos);
  EXPECT_EQ(reads_within(3).next(), 3) << "that asked for it";
  EXPECT_EQ(reads().next(), 28);
}

TEST(FiberGenerator, ManyKeepTheirValuesInWhateverOrderTheyAreAdvanced) {
  test::expect_kept_apart(100, [](int bound) { return reads_within(bound); });
}

TEST(FiberGenerator, ThatIsGivenAContextSeesThatOne) {
  const Context first = with_digits(7);
  const Context second = with_digits(8);
  auto seen = reads();
  EXPECT_EQ(seen.next(), 28);
  seen.set_context(first);
  const Scope three{digits, 3};
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(fault_of([&] { first.run([] {}); }), ContextFault::already_entered);
  seen.set_context(second);
  EXPECT_EQ(first.run([] { return digits.get(); }), 7);
  EXPECT_EQ(seen.next(), 8);
  seen.set_context(std::nullopt);
  EXPECT_EQ(seen.next(), 3);
  seen.set_context(second);
  seen.close();
  EXPECT_EQ(second.run([] { return digits.get(); }), 8) << "it is free with the generator's end";
}

TEST(FiberGenerator, ThatEntersAContextIsThereUntilItLeavesIt) {
  const Context inner = with_digits(7);
  Reads seen([&inner](Yield<int>& yield) {
    yield(digits.get());
    {
      const Enter entered{inner};
      yield(digits.get());
      yield(digits.get());
    }
    yield(digits.get());
  });
  const Scope three{digits, 3};
  EXPECT_EQ(seen.next(), 3);
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(fault_of([&] { seen.set_context(with_digits(9)); }), ContextFault::not_innermost);
  const Scope four{digits, 4};
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(digits.get(), 4);
  EXPECT_EQ(seen.next(), 4);
}

TEST(FiberGenerator, ThatActsOnItsConsumerBindsForIt) {
  Log log;
  const Scope three{digits, 3};
  fiber_generator<int, ActsOnConsumer> parts([&log](Yield<int>& yield) {
    std::optional<Scope<int>> own(std::in_place, digits, 7);
    yield(1);
    log.emplace_back("clean-up sees " + std::to_string(digits.get()));
    own.reset();
    const Scope second{locale, "de_DE"};
    yield(2);
  });
  EXPECT_EQ(parts.next(), 1);
  EXPECT_EQ(digits.get(), 7);
  {
    const Scope eight{digits, 8};
    EXPECT_EQ(parts.next(), 2);
    EXPECT_EQ(digits.get(), 8);
    EXPECT_EQ(locale.get(), "de_DE");
  }
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(locale.get(), "de_DE");
  parts.close();
  EXPECT_EQ(locale.find(), std::nullopt);
  EXPECT_EQ(log, (Log{"clean-up sees 8"}));
}

TEST(FiberGenerator, IsCapturedAsItIsAtThatTime) {
  std::vector<Context> captured;
  Reads all([&captured](Yield<int>& yield) {
    const Scope own{digits, 3};
    for (int i = 0;; ++i) {
      captured.push_back(capture());
      yield(i);
    }
  });
  {
    const Scope german{locale, "de_DE"};
    (void)all.next();
  }
  const Scope french{locale, "fr_FR"};
  (void)all.next();
  EXPECT_EQ(captured[0].get(locale), "de_DE");
  EXPECT_EQ(captured[1].get(locale), "fr_FR");
  EXPECT_EQ(captured[1].get(digits), 3);
  EXPECT_FALSE(capture().contains(digits));
}

generator<int> yields_between(Yield<int>& yield) {
  co_yield 1;
  yield(2);
  co_yield 3;
}

TEST(FiberGenerator, GoesOnOnAnotherThreadWhileItStandsInAnotherGenerator) {
  fiber_generator<int> all([](Yield<int>& yield) {
    generator<int> inner = yields_between(yield);
    while (const auto value = inner.next()) yield(*value);
    yield(frame().kind() == FrameKind::generator && frame().outer() ? 4 : -1);
  });
  const auto innermost = [] { return detail::Execution::current().frame; };
  const detail::FrameData* const here = innermost();
  EXPECT_EQ(all.next(), 1);
  EXPECT_EQ(all.next(), 2) << "by the body of the inner one";
  EXPECT_EQ(innermost(), here);
  std::thread([&] {
    const uint64_t there = frame().id();
    EXPECT_EQ(all.next(), 3);
    EXPECT_EQ(frame().id(), there);
    EXPECT_EQ(all.next(), 4);
    EXPECT_EQ(frame().id(), there);
  }).join();
  EXPECT_EQ(innermost(), here) << "what went on there wrote to nothing of this thread";
}

}  // namespace
}  // namespace isola
