// Keys and scopes in one place; what crosses to other actors is tested with the actors.
#include <isola/context/key.h>

#include <gtest/gtest.h>
#include <isola/context/deadline.h>
#include <isola/context/scope.h>

#include <string>
#include <vector>

namespace isola {
namespace {

inline constexpr Key<text> locale{"app.locale", Flow::wire};
inline constexpr Key<int> precision{"app.precision", Flow::wire};
inline constexpr Key<double> rate{"app.rate", Flow::wire};
inline constexpr Key<bool> dry_run{"app.dry_run", Flow::wire};
inline constexpr Key<void*> session{"app.session", Flow::actor};

TEST(Scope, BindsUntilTheEndOfTheBlock) {
  EXPECT_FALSE(locale.find());
  EXPECT_EQ(locale.get("C"), "C");
  {
    Scope german{locale, "de_DE"};
    EXPECT_EQ(locale.get(), "de_DE");
    {
      Scope french{locale, std::string("fr_FR")};
      EXPECT_EQ(locale.get(), "fr_FR");
    }
    EXPECT_EQ(locale.get(), "de_DE");
  }
  EXPECT_FALSE(locale.find());
}

TEST(Scope, RestoresWhenAnExceptionLeaves) {
  try {
    Scope digits{precision, 3};
    throw 1;
  } catch (int) {
  }
  EXPECT_FALSE(precision.find());
}

TEST(Scope, RefusesATextThatIsTooLongToTravel) {
  EXPECT_THROW((Scope{locale, std::string(kContextTextBytesMax + 1, 'x')}), std::logic_error);
  EXPECT_FALSE(locale.find());
}

class RecordTest : public ::testing::Test {
 protected:
  ~RecordTest() override { pool_->close(); }
  Pool* pool_ = Pool::create(16 << 20);
};

TEST_F(RecordTest, AnEmptyContextHasNoRecord) {
  EXPECT_EQ(detail::wire_record(*pool_), nullptr);
  void* own = nullptr;
  Scope bound{session, own};
  EXPECT_EQ(detail::wire_record(*pool_), nullptr) << "an actor key never travels";
}

TEST_F(RecordTest, IsMadeOnceForEachChangeAndReadByTheNextOne) {
  Block* record;
  {
    Scope german{locale, "de_DE"};
    Scope digits{precision, 3};
    Scope third{rate, 0.25};
    Scope dry{dry_run, true};
    Scope inner{locale, "de_AT"};
    record = detail::wire_record(*pool_);
    Block* again = detail::wire_record(*pool_);
    EXPECT_EQ(record, again);
    release(again);
  }
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->more_segments, nullptr);
  detail::Execution called;
  called.inherited = record;
  detail::Execution* outer = detail::Execution::current_or_null();
  detail::Execution::set_current(&called);
  EXPECT_EQ(locale.get(), "de_AT");
  EXPECT_EQ(precision.get(), 3);
  EXPECT_EQ(rate.get(), 0.25);
  EXPECT_TRUE(dry_run.get());
  EXPECT_FALSE(session.find());
  {
    Scope swiss{locale, "de_CH"};
    Block* next = detail::wire_record(*pool_);
    EXPECT_NE(next, record);
    EXPECT_EQ(next->read<ContextRecord>().getEntries().size(), 4u);
    release(next);
  }
  Block* same = detail::wire_record(*pool_);
  EXPECT_EQ(same, record) << "an unchanged context is passed on as it is";
  release(same);
  detail::Execution::set_current(outer);
  release(record);
  EXPECT_EQ(pool_->stats().live, 0u);
}

TEST_F(RecordTest, IsBoundedAndLeavesWhatMattersLeast) {
  static constexpr Key<text> low{"test.low", Flow::wire, KeyPriority::low};
  static constexpr Key<text> normal{"test.normal", Flow::local};
  static constexpr Key<text> high{"test.high", Flow::wire, KeyPriority::high};
  const std::string much(7000, 'x');
  const auto names = [&] {
    Block* block = detail::wire_record(*pool_);
    const auto record = block->read<ContextRecord>();
    EXPECT_LE(record.totalSize().wordCount * 8, kContextBytesMax + 256);
    std::vector<std::string> list{std::to_string(record.getLeft())};
    for (auto entry : record.getEntries()) list.emplace_back(entry.getName().cStr());
    release(block);
    return list;
  };
  using Names = std::vector<std::string>;
  const Scope one{bind(high, much), bind(normal, much)};
  EXPECT_EQ(names(), (Names{"0", "test.normal", "test.high"}));
  const Scope two{low, much};
  EXPECT_EQ(names(), (Names{"1", "test.normal", "test.high"})) << "though it is the innermost";
  const Scope small{low, "x"};
  EXPECT_EQ(names(), (Names{"0", "test.low", "test.normal", "test.high"}));
  EXPECT_EQ(low.get(), "x") << "here all is there";
}

TEST_F(RecordTest, IsCountedByAWorkerForItselfAndGoneWithItsScope) {
  PoolCache cache(*pool_);
  PoolCache::set_current(&cache);
  {
    Scope german{locale, "de_DE"};
    Block* first = detail::wire_record(*pool_);
    const uint32_t users = first->references.load();
    for (int i = 0; i < 200; ++i) {
      Block* again = detail::wire_record(*pool_);
      EXPECT_EQ(again, first);
      EXPECT_EQ(first->references.load(), users) << "the worker has uses in hand";
      if (i % 2 == 0) first->pool->give_use(*first);
    }
    for (int i = 0; i < 101; ++i) first->pool->give_use(*first);
    EXPECT_EQ(first->references.load(), users);
  }
  EXPECT_EQ(pool_->stats().live, 0u);
  PoolCache::set_current(nullptr);
}

TEST_F(RecordTest, IsCountedRightlyWhereManyAreInHandAndOthersPutItOut) {
  PoolCache cache(*pool_);
  PoolCache::set_current(&cache);
  std::vector<Block*> taken;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      Scope digits{precision, i};
      for (int uses = 0; uses < 700; ++uses) taken.push_back(detail::wire_record(*pool_));
    }
    // From the oldest on, so that records meet at their places.
    for (Block* record : taken) record->pool->give_use(*record);
    taken.clear();
    cache.uses().drop_all();
    EXPECT_EQ(pool_->stats().live, 0u);
  }
  PoolCache::set_current(nullptr);
}

TEST(Deadline, IsOnlyEverShortened) {
  const auto& execution = detail::Execution::current();
  EXPECT_EQ(execution.deadline_ns, kNoDeadline);
  {
    Deadline hour{std::chrono::hours(1)};
    const int64_t outer = execution.deadline_ns;
    {
      Deadline day{std::chrono::hours(24)};
      EXPECT_EQ(execution.deadline_ns, outer);
      Deadline second{std::chrono::seconds(1)};
      EXPECT_LT(execution.deadline_ns, outer);
    }
    EXPECT_EQ(execution.deadline_ns, outer);
  }
  EXPECT_EQ(execution.deadline_ns, kNoDeadline);
}

}  // namespace
}  // namespace isola
