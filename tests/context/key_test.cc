// Keys and scopes in one place; what crosses to other actors is tested with the actors.
#include <isola/context/key.h>

#include <gtest/gtest.h>

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
  Pool* pool_ = Pool::create(1 << 20);
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
