// Generators of either kind, and what of a call is no binding: its deadline, its caller's context,
// the frames within it.
#include <isola/context/fiber_generator.h>

#include <gtest/gtest.h>
#include <isola/context/deadline.h>
#include <isola/context/scope.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tests/context/expect.h"
#include "tests/context/generators.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::digits;
using test::fault_of;
using test::locale;
using test::Log;

int64_t deadline_here() { return detail::Execution::current().deadline_ns; }

generator<int64_t> hurries_for_two() {
  {
    const Deadline own{10min};
    co_yield deadline_here();
    co_yield deadline_here();
  }
  co_yield deadline_here();
}

fiber_generator<int64_t> hurries_for_two_in_fiber() {
  return fiber_generator<int64_t>([](Yield<int64_t>& yield) {
    {
      const Deadline own{10min};
      yield(deadline_here());
      yield(deadline_here());
    }
    yield(deadline_here());
  });
}

template <class Generator>
void expect_own_deadline(Generator hurried) {
  const std::optional<int64_t> own = hurried.next();
  ASSERT_LT(*own, kNoDeadline);
  EXPECT_EQ(deadline_here(), kNoDeadline) << "it is the generator's alone";
  EXPECT_EQ(hurried.next(), own) << "and holds when that goes on";
  EXPECT_EQ(hurried.next(), kNoDeadline);
  EXPECT_EQ(deadline_here(), kNoDeadline);
}

TEST(GeneratorDeadline, IsItsOwnAcrossYields) {
  expect_own_deadline(hurries_for_two());
  expect_own_deadline(hurries_for_two_in_fiber());
}

template <class Generator>
void expect_within_consumers(Generator hurried) {
  const std::optional<int64_t> own = hurried.next();
  const Deadline consumers{1min};
  const int64_t sooner = deadline_here();
  ASSERT_LT(sooner, *own);
  EXPECT_EQ(hurried.next(), sooner) << "never later than the consumer's of now";
  EXPECT_EQ(hurried.next(), sooner) << "also when its own has ended";
  EXPECT_EQ(deadline_here(), sooner);
}

TEST(GeneratorDeadline, IsWithinItsConsumersOfNow) {
  expect_within_consumers(hurries_for_two());
  expect_within_consumers(hurries_for_two_in_fiber());
}

TEST(GeneratorDeadline, OfOneWithinAnotherIsTheInnerOnes) {
  auto outer = [](int64_t& seen) -> generator<int64_t> {
    auto inner = hurries_for_two();
    while (const auto value = inner.next()) {
      seen = deadline_here();
      co_yield *value;
    }
  };
  int64_t seen = 0;
  auto both = outer(seen);
  const std::optional<int64_t> own = both.next();
  ASSERT_LT(*own, kNoDeadline);
  EXPECT_EQ(seen, kNoDeadline);
  EXPECT_EQ(both.next(), own);
  EXPECT_EQ(both.next(), kNoDeadline);
  EXPECT_EQ(seen, kNoDeadline);
}

generator<int64_t, KeepsScopes> enters_in_a_hurry(Context other) {
  {
    const Enter entered{std::move(other)};
    co_yield deadline_here();
    co_yield deadline_here();
  }
  co_yield deadline_here();
}

TEST(GeneratorDeadline, OfACapturedContextThatItEntersIsItsOwnToo) {
  Context captured;
  {
    const Deadline soon{10min};
    captured = capture();
  }
  expect_own_deadline(enters_in_a_hurry(captured));
  expect_within_consumers(enters_in_a_hurry(captured));
}

generator<std::string, KeepsScopes> leaves_a_context(Context other) {
  const Scope own{digits, 1};
  {
    const Enter entered{std::move(other)};
    co_yield std::string(locale.get("none"));
  }
  co_yield std::string(locale.get("none"));
}

TEST(GeneratorCalls, WhatItsConsumerInheritedBeforeIsGoneWhenItLeavesAContext) {
  detail::Execution& execution = detail::Execution::current();
  Pool* const pool = Pool::create(1 << 20);
  {
    const Scope callers{locale, "de"};
    execution.set_inherited(detail::wire_record(*pool));
  }
  auto reads = leaves_a_context(Context());
  Block* const record = execution.inherited;
  EXPECT_EQ(reads.next(), "none");
  EXPECT_EQ(locale.get("none"), "de");
  execution.set_inherited(nullptr);
  record->pool->give_use(*record);
  EXPECT_EQ(reads.next(), "none");
  EXPECT_EQ(reads.next(), std::nullopt);
  pool->close();
}

// A body that yields within a call of its own: that call's frame goes on with it.
TEST(GeneratorCalls, AFrameWithinAFiberGeneratorIsSuspendedWithIt) {
  Log log;
  fiber_generator<int, KeepsScopes> within([&log](Yield<int>& yield) {
    Context().run([&] {
      frame().at_end([&log] { log.push_back("call ends"); });
      frame().on_switch([&log] { log.push_back("call suspends"); },
                        [&log] { log.push_back("call resumes"); });
      yield(1);
      frame().at_end([&log] { log.push_back("call is left"); });
    });
    log.push_back("goes on");
    yield(2);
  });
  EXPECT_EQ(within.next(), 1);
  EXPECT_EQ(std::exchange(log, {}), (Log{"call suspends"}));
  EXPECT_EQ(within.next(), 2);
  EXPECT_EQ(log, (Log{"call resumes", "call is left", "call ends", "goes on"}));
}

generator<int, KeepsScopes> opens_and_calls_back_late(FrameRef& outer, Log& log) {
  const Scope own{digits, 3};
  outer.on_switch([&log] { log.push_back("suspends"); }, [] {});
  co_yield digits.get();
}

generator<int> is_called_back_late(Log& log) {
  FrameRef self = frame();
  auto inner = opens_and_calls_back_late(self, log);
  co_yield *inner.next();
  co_yield digits.get();
}

TEST(GeneratorCalls, CallbacksOfAnOuterOneCanBeGivenFromWithinAnother) {
  Log log;
  const Scope consumers{digits, 5};
  auto outer = is_called_back_late(log);
  EXPECT_EQ(outer.next(), 3);
  EXPECT_EQ(log, (Log{"suspends"}));
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(outer.next(), 5);
}

generator<int, ActsOnConsumer> binds_seven_for_its_consumer() {
  const Scope seven{digits, 7};
  co_yield 1;
}

generator<int, KeepsScopes> consumes_one_that_binds() {
  auto within = binds_seven_for_its_consumer();
  within.next();
  for (;;) co_yield digits.get();
}

TEST(GeneratorCalls, WhatOneLeavesOpenForItsConsumerStaysWithThatOne) {
  auto outer = consumes_one_that_binds();
  EXPECT_EQ(outer.next(), 7);
  EXPECT_EQ(digits.get(), 28);
  const Scope five{digits, 5};
  EXPECT_EQ(outer.next(), 7);
  EXPECT_EQ(digits.get(), 5);
}

generator<int> consumes_one_that_binds_and_yields() {
  auto within = binds_seven_for_its_consumer();
  within.next();
  co_yield digits.get();
}

TEST(GeneratorCalls, WhatOneLeavesOpenForItsConsumerIsAnOpenScopeOfThat) {
  const StrictYields strict;
  auto outer = consumes_one_that_binds_and_yields();
  EXPECT_EQ(fault_of([&] { outer.next(); }), ContextFault::open_scope);
}

generator<int, KeepsScopes> yields_for(Yield<int>& yield) {
  const Scope three{digits, 3};
  const Deadline own{10min};
  yield(digits.get());
  yield(digits.get());
  co_yield 0;
}

TEST(GeneratorCalls, WhatACoroutineWithinAFiberGeneratorOpensIsNotSeenByItsConsumer) {
  fiber_generator<int, KeepsScopes> outer([](Yield<int>& yield) {
    auto within = yields_for(yield);
    within.next();
    yield(digits.get());
  });
  EXPECT_EQ(outer.next(), 3);
  EXPECT_EQ(digits.get(), 28);
  EXPECT_EQ(deadline_here(), kNoDeadline);
  const Scope five{digits, 5};
  const Deadline consumers{1min};
  const int64_t sooner = deadline_here();
  EXPECT_EQ(outer.next(), 3);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(deadline_here(), sooner);
  EXPECT_EQ(outer.next(), 5);
  EXPECT_EQ(digits.get(), 5);
}

generator<int> yields_one_for(Yield<int>& yield) {
  yield(1);
  co_yield 2;
}

TEST(GeneratorCalls, AFiberGeneratorWithinACoroutineCanBeGivenAContext) {
  fiber_generator<int> outer([](Yield<int>& yield) {
    auto within = yields_one_for(yield);
    within.next();
    yield(digits.get());
  });
  Context given;
  {
    const Scope seven{digits, 7};
    given = capture();
  }
  EXPECT_EQ(outer.next(), 1);
  outer.set_context(given);
  EXPECT_EQ(outer.next(), 7);
  EXPECT_EQ(digits.get(), 28);
}

generator<int> is_resumed_by_its_cleanup(generator<int>*& self, std::optional<int>& got) {
  frame().at_end([&] { got = self->next(); });
  co_yield 1;
  const Scope own{digits, 1};
}

TEST(GeneratorCalls, OneThatEndsHasNoMoreValues) {
  generator<int>* self = nullptr;
  std::optional<int> got = 0;
  auto one = is_resumed_by_its_cleanup(self, got);
  self = &one;
  EXPECT_EQ(one.next(), 1);
  EXPECT_EQ(one.next(), std::nullopt);
  EXPECT_EQ(got, std::nullopt);
}

generator<int> to_three() {
  for (int i = 1; i <= 3; ++i) co_yield i;
}

generator<int> sums_in_callback(int& sum) {
  frame().on_switch(
      [&sum] {
        for (const int value : to_three()) sum += value;
      },
      [] {});
  co_yield 0;
}

TEST(GeneratorCalls, ACallbackCanGoThroughAGenerator) {
  int sum = 0;
  auto one = sums_in_callback(sum);
  EXPECT_EQ(one.next(), 0);
  EXPECT_EQ(sum, 6);
}

}  // namespace
}  // namespace isola
