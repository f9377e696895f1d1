// Generators that are given contexts, enter them, or act on their consumer's.
#include <isola/context/generator.h>

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/context/expect.h"
#include "tests/context/generators.h"

namespace isola {
namespace {

using test::fault_of;

using test::digits;
using test::locale;
using test::Log;
using test::reads;
using test::reads_within;

Context with_digits(int value) {
  const Scope bound{digits, value};
  return capture();
}

TEST(GeneratorContext, ThatIsGivenAContextSeesThatOne) {
  // Covers: CTX-048
  const Context given = with_digits(7);
  auto seen = reads();
  EXPECT_EQ(seen.next(), 28);
  seen.set_context(given);
  const Scope three{digits, 3};
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(fault_of([&] { given.run([] {}); }), ContextFault::already_entered);
}

TEST(GeneratorContext, ThatLosesItsContextSeesItsConsumersAgain) {
  // Covers: CTX-049
  const Context given = with_digits(7);
  auto seen = reads();
  seen.set_context(given);
  EXPECT_EQ(seen.next(), 7);
  seen.set_context(std::nullopt);
  EXPECT_EQ(given.run([] { return digits.get(); }), 7);
  const Scope three{digits, 3};
  EXPECT_EQ(seen.next(), 3);
}

TEST(GeneratorContext, CanBeGivenAnotherContext) {
  // Covers: CTX-051
  const Context first = with_digits(7);
  const Context second = with_digits(8);
  auto seen = reads();
  seen.set_context(first);
  EXPECT_EQ(seen.next(), 7);
  seen.set_context(second);
  EXPECT_EQ(first.run([] { return digits.get(); }), 7);
  EXPECT_EQ(fault_of([&] { second.run([] {}); }), ContextFault::already_entered);
  EXPECT_EQ(seen.next(), 8);
  seen.close();
  EXPECT_EQ(second.run([] { return digits.get(); }), 8) << "it is free with the generator's end";
}

generator<int, KeepsScopes> enters(Context other) {
  co_yield digits.get();
  {
    const Enter entered{other};
    co_yield digits.get();
    co_yield digits.get();
  }
  co_yield digits.get();
}

TEST(GeneratorContext, ThatEntersAContextIsThereUntilItLeavesIt) {
  // Covers: CTX-052
  auto seen = enters(with_digits(7));
  const Scope three{digits, 3};
  EXPECT_EQ(seen.next(), 3);
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(digits.get(), 3);
  {
    const Scope four{digits, 4};
    EXPECT_EQ(seen.next(), 7);
    EXPECT_EQ(digits.get(), 4);
    EXPECT_EQ(seen.next(), 4);
  }
}

TEST(GeneratorContext, CannotBeGivenAContextWhileItIsInOne) {
  // Covers: CTX-053
  const Context inner = with_digits(7);
  const Context first = with_digits(8);
  const Context second = with_digits(9);
  auto seen = enters(inner);
  seen.set_context(first);
  EXPECT_EQ(seen.next(), 8);
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(fault_of([&] { seen.set_context(second); }), ContextFault::not_innermost);
  EXPECT_EQ(fault_of([&] { seen.set_context(std::nullopt); }), ContextFault::not_innermost);
  EXPECT_EQ(second.run([] { return digits.get(); }), 9) << "it was not taken";
  EXPECT_EQ(fault_of([&] { first.run([] {}); }), ContextFault::already_entered);
  EXPECT_EQ(seen.next(), 7);
  EXPECT_EQ(seen.next(), 8);
}

generator<int, ActsOnConsumer> binds_for_its_consumer(Log& log) {
  log.emplace_back("set-up sees " + std::to_string(digits.get()));
  std::optional<Scope<int>> own(std::in_place, digits, 7);
  co_yield 1;
  log.emplace_back("clean-up sees " + std::to_string(digits.get()));
  own.reset();
  const Scope second{locale, "de_DE"};
  co_yield 2;
}

TEST(GeneratorContext, ThatActsOnItsConsumerBindsForIt) {
  // Covers: CTX-057
  Log log;
  const Scope three{digits, 3};
  auto parts = binds_for_its_consumer(log);
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
  EXPECT_EQ(log, (Log{"set-up sees 3", "clean-up sees 8"}));
}

generator<int, KeepsScopes> two_parts(Log& log) {
  const Scope own{digits, 7};
  co_yield 1;
  log.emplace_back("clean-up sees " + std::to_string(digits.get()));
  const Scope second{locale, "de_DE"};
  co_yield 2;
}

TEST(GeneratorContext, ThatDoesNotKeepsBothPartsToItself) {
  // Covers: CTX-058
  Log log;
  const Scope three{digits, 3};
  auto parts = two_parts(log);
  EXPECT_EQ(parts.next(), 1);
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(parts.next(), 2);
  EXPECT_EQ(log, (Log{"clean-up sees 7"}));
  EXPECT_EQ(digits.get(), 3);
  EXPECT_EQ(locale.find(), std::nullopt);
}

template <class Rule>
generator<int, Rule> passes_on() {
  const Scope own{locale, "de_DE"};
  auto inner = reads_within(3);
  for (int i = 0; i < 2; ++i) {
    co_yield *inner.next();
    co_yield digits.get();
  }
}

TEST(GeneratorContext, IsolatesThatWhichItYieldsFrom) {
  // Covers: LCC-032
  const Scope five{digits, 5};
  auto outer = passes_on<KeepsScopes>();
  for (const int expected : {3, 5, 3, 5}) {
    EXPECT_EQ(outer.next(), expected);
    EXPECT_EQ(digits.get(), 5);
    EXPECT_EQ(locale.find(), std::nullopt);
  }
  auto acting = passes_on<ActsOnConsumer>();
  EXPECT_EQ(acting.next(), 3);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(locale.get(), "de_DE") << "on purpose, by its type";
  acting.close();
}

generator<int> fails() {
  const Scope own{digits, 3};
  co_yield 1;
  throw std::runtime_error("no more");
}

TEST(GeneratorContext, ThatThrowsEndsAndRestores) {
  const Scope five{digits, 5};
  auto failing = fails();
  EXPECT_EQ(failing.next(), 1);
  EXPECT_THROW((void)failing.next(), std::runtime_error);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(failing.next(), std::nullopt);
}

generator<bool, KeepsScopes> suppressed_inside() {
  const SuppressFlow quiet;
  const Scope own{digits, 3};
  for (;;) co_yield detail::Execution::current().bindings->suppressed;
}

TEST(GeneratorContext, SuppressedFlowStaysInIt) {
  const Scope five{digits, 5};
  auto quiet = suppressed_inside();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(quiet.next(), true);
    EXPECT_FALSE(detail::Execution::current().bindings->suppressed);
  }
}

TEST(GeneratorContext, IsCapturedAsItIsAtThatTime) {
  auto captures = [](std::vector<Context>& into) -> generator<int, KeepsScopes> {
    const Scope own{digits, 3};
    for (int i = 0;; ++i) {
      into.push_back(capture());
      co_yield i;
    }
  };
  std::vector<Context> captured;
  auto all = captures(captured);
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

}  // namespace
}  // namespace isola
