// Generators and the contexts of their consumers.
#include <isola/context/generator.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/context/expect.h"
#include "tests/context/generators.h"

namespace isola {
namespace {

using test::fault_of;
using test::what_of;

using test::digits;
using test::locale;
using test::Log;
using test::reads;
using test::reads_within;

TEST(Generator, KeepsItsScopesToItself) {
  // Covers: LCC-001
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

generator<uint64_t, KeepsScopes> isolated() {
  const Isolated own;
  for (;;) co_yield digits.find() ? 0 : logical_id();
}

TEST(Generator, AnIsolatedScopeInItIsNotItsConsumers) {
  // Covers: LCC-002
  const Scope consumers{digits, 5};
  const uint64_t here = logical_id();
  auto other = isolated();
  const uint64_t first = *other.next();
  EXPECT_NE(first, 0u) << "the consumer's local value is not seen in it";
  EXPECT_NE(first, here);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(logical_id(), here);
  EXPECT_EQ(other.next(), first);
}

TEST(Generator, SeesItsConsumersValuesAtEachResume) {
  // Covers: CTX-047
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
  auto own = [](Log& log) -> generator<int, KeepsScopes> {
    const Scope bound{digits, 7};
    for (;;) {
      log.emplace_back(locale.get("none"));
      co_yield digits.get();
    }
  };
  Log log;
  auto half = own(log);
  EXPECT_EQ(half.next(), 7);
  const Scope german{locale, "de_DE"};
  const Scope three{digits, 3};
  EXPECT_EQ(half.next(), 7);
  EXPECT_EQ(log, (Log{"none", "de_DE"}));
}

generator<int> cleans_up(Log& log) {
  frame().at_end(
      [&log] { log.emplace_back("first cleanup, digits " + std::to_string(digits.get())); });
  frame().at_end([&log] { log.emplace_back("second cleanup"); });
  const Scope own{digits, 3};
  struct Local {
    Log& log;
    ~Local() { log.emplace_back("local, digits " + std::to_string(digits.get())); }
  } local{log};
  for (int i = 0; i < 2; ++i) co_yield i;
}

TEST(Generator, ThatIsAbandonedCleansUpAtOnce) {
  // Covers: LCC-004
  Log log;
  const Scope consumers{digits, 5};
  {
    auto abandoned = cleans_up(log);
    EXPECT_EQ(abandoned.next(), 0);
    EXPECT_TRUE(log.empty());
  }
  EXPECT_EQ(log, (Log{"local, digits 3", "second cleanup", "first cleanup, digits 5"}));
  EXPECT_EQ(digits.get(), 5);
  log.clear();
  auto whole = cleans_up(log);
  while (whole.next()) {
  }
  EXPECT_EQ(log, (Log{"local, digits 3", "second cleanup", "first cleanup, digits 5"}));
  { auto unbegun = cleans_up(log); }
  EXPECT_EQ(log.size(), 3u) << "nothing of it had begun";
}

generator<int> holds_database(Log& log) {
  frame().holds("database orders.db", [&log] { log.emplace_back("closed"); });
  for (int i = 0; i < 2; ++i) co_yield i;
}

TEST(Generator, ThatIsAbandonedWithAResourceNamesIt) {
  // Covers: LCC-005
  Log log;
  ::testing::internal::CaptureStderr();
  {
    auto whole = holds_database(log);
    while (whole.next()) {
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  {
    auto abandoned = holds_database(log);
    (void)abandoned.next();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "isola: a generator was abandoned while it held database orders.db\n");
  EXPECT_EQ(log, (Log{"closed", "closed"}));
}

template <bool kIsolated>
generator<int, KeepsScopes> open_across(int bound) {
  std::optional<Isolated> apart;
  if (kIsolated) apart.emplace();
  const Scope own{digits, bound};
  for (int i = 0; i < 3; ++i) co_yield digits.get();
}

template <bool kIsolated>
generator<int> closed_before(int bound) {
  for (int i = 0; i < 3; ++i) {
    int value = 0;
    {
      std::optional<Isolated> apart;
      if (kIsolated) apart.emplace();
      const Scope own{digits, bound};
      value = digits.get();
    }
    co_yield value;
  }
}

template <class G>
std::vector<int> consumed(G values) {
  std::vector<int> seen;
  const Scope consumers{digits, 5};
  for (int value : values) {
    seen.push_back(value);
    seen.push_back(digits.get());
  }
  return seen;
}

TEST(Generator, GivesTheSameIfItClosesItsScopesBeforeEachYield) {
  // Covers: LCC-007
  const std::vector<int> expected{3, 5, 3, 5, 3, 5};
  EXPECT_EQ(consumed(open_across<false>(3)), expected);
  EXPECT_EQ(consumed(closed_before<false>(3)), expected);
  EXPECT_EQ(consumed(open_across<true>(3)), expected);
  EXPECT_EQ(consumed(closed_before<true>(3)), expected);
}

generator<int> careless() {
  const Scope own{digits, 3};
  co_yield digits.get();
}

TEST(Generator, ThatYieldsWithinAScopeIsAnErrorInStrictMode) {
  // Covers: LCC-008
  EXPECT_EQ(careless().next(), 3);
  const StrictYields strict;
  EXPECT_EQ(fault_of([] { (void)careless().next(); }), ContextFault::open_scope);
  EXPECT_NE(what_of([] { (void)careless().next(); }).find("the Scope of app.digits"),
            std::string::npos);
  EXPECT_EQ(reads_within(3).next(), 3) << "that asked for it";
  EXPECT_EQ(closed_before<false>(4).next(), 4);
  EXPECT_EQ(digits.get(), 28);
}

TEST(Generator, ManyKeepTheirValuesInWhateverOrderTheyAreAdvanced) {
  // Covers: LCC-022
  test::expect_kept_apart(200, [](int bound) { return reads_within(bound); });
}

}  // namespace
}  // namespace isola
