// Lists of accepted keys, and what is made of records for who has one.
#include <isola/context/record_filter.h>

#include <gtest/gtest.h>
#include <isola/context/callers.h>
#include <isola/context/scope.h>

#include <string>
#include <vector>

#include "tests/context/expect.h"

namespace isola {
namespace {

using detail::RecordFilter;
using test::printed;
using Names = std::vector<std::string>;

inline constexpr Key<text> locale{"test.filter.locale", Flow::wire};
inline constexpr Key<int> tenant{"test.filter.tenant", Flow::local, 0};
inline constexpr Key<bool> dry_run{"test.filter.dry_run", Flow::wire, false};

TEST(AcceptedKeys, AreAllIfNothingIsSaid) {
  const AcceptedKeys keys;
  EXPECT_TRUE(keys.are_all());
  EXPECT_TRUE(keys.has("test.filter.locale"));
  EXPECT_EQ(keys.names(), Names());
  EXPECT_EQ(printed(keys), "all keys");
}

TEST(AcceptedKeys, MayBeNone) {
  const AcceptedKeys keys = AcceptedKeys::none();
  EXPECT_FALSE(keys.are_all());
  EXPECT_FALSE(keys.has("test.filter.locale"));
  EXPECT_FALSE(keys.has(""));
  EXPECT_EQ(printed(keys), "no keys");
  EXPECT_EQ(keys, AcceptedKeys::named({}));
  EXPECT_NE(keys, AcceptedKeys());
}

TEST(AcceptedKeys, MayBeAListOfKeysOfAnyType) {
  const AcceptedKeys keys = {tenant, locale, tenant};
  EXPECT_FALSE(keys.are_all());
  EXPECT_TRUE(keys.has("test.filter.locale"));
  EXPECT_TRUE(keys.has("test.filter.tenant"));
  EXPECT_FALSE(keys.has("test.filter.dry_run"));
  EXPECT_FALSE(keys.has("test.filter.local"));
  EXPECT_EQ(keys.names(), (Names{"test.filter.locale", "test.filter.tenant"}));
  EXPECT_EQ(printed(keys), "test.filter.locale, test.filter.tenant");
  EXPECT_EQ(keys, AcceptedKeys::named({"test.filter.locale", "test.filter.tenant"}));
  EXPECT_NE(keys, AcceptedKeys{locale});
}

class Filter : public ::testing::Test {
 protected:
  ~Filter() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }
  // The names in what an isolate with this filter gets of this context.
  Names seen_through(RecordFilter& filter) {
    Block* record = detail::wire_record(*pool_);
    Names names;
    if (record == nullptr) return names;
    filter.apply(record, *pool_);
    if (record == nullptr) return names;
    for (auto entry : record->read<ContextRecord>().getEntries())
      names.emplace_back(entry.getName().cStr());
    release(record);
    return names;
  }
  Pool* pool_ = Pool::create(16 << 20);
};

TEST_F(Filter, LeavesOnlyWhatIsAccepted) {
  RecordFilter filter({locale, dry_run});
  const Scope all{bind(locale, "de_DE"), bind(tenant, 7), bind(dry_run, true)};
  EXPECT_EQ(seen_through(filter), (Names{"test.filter.dry_run", "test.filter.locale"}));
  const Scope inner{unset(locale), bind(tenant, 8)};
  EXPECT_EQ(seen_through(filter), Names{"test.filter.dry_run"});
}

TEST_F(Filter, KeepsValuesLocalityAndPriority) {
  RecordFilter filter({tenant});
  static constexpr Key<text> loud{"test.filter.loud", Flow::wire, KeyPriority::high};
  RecordFilter takes_loud({loud});
  const Scope all{bind(locale, "de_DE"), bind(tenant, 7), bind(loud, std::string(500, 'x'))};
  Block* record = detail::wire_record(*pool_);
  Block* other = record;
  record->retain();
  filter.apply(record, *pool_);
  const auto entry = record->read<ContextRecord>().getEntries()[0];
  EXPECT_EQ(entry.getValue().getInteger(), 7);
  EXPECT_TRUE(entry.getLocal());
  EXPECT_EQ(record->more_segments, nullptr) << "it has room";
  takes_loud.apply(other, *pool_);
  const auto loud_entry = other->read<ContextRecord>().getEntries()[0];
  EXPECT_EQ(std::string(loud_entry.getValue().getText().cStr()), std::string(500, 'x'));
  EXPECT_FALSE(loud_entry.getLocal());
  EXPECT_EQ(loud_entry.getPriority(), static_cast<uint8_t>(KeyPriority::high));
  EXPECT_EQ(other->more_segments, nullptr);
  release(record);
  release(other);
}

TEST_F(Filter, IsNoCopyIfAllIsAccepted) {
  RecordFilter filter({locale, tenant});
  const Scope bound{bind(locale, "de_DE")};
  Block* record = detail::wire_record(*pool_);
  Block* const before = record;
  filter.apply(record, *pool_);
  EXPECT_EQ(record, before);
  EXPECT_EQ(pool_->stats().live, 1u);
  release(record);
}

TEST_F(Filter, MakesOneRecordForAllThatComesUnderOneContext) {
  RecordFilter filter({locale});
  const Scope bound{bind(locale, "de_DE"), bind(tenant, 7)};
  Block* first = detail::wire_record(*pool_);
  filter.apply(first, *pool_);
  const uint64_t made = pool_->stats().allocated;
  for (int i = 0; i < 1000; ++i) {
    Block* record = detail::wire_record(*pool_);
    filter.apply(record, *pool_);
    EXPECT_EQ(record, first);
    release(record);
  }
  EXPECT_EQ(pool_->stats().allocated, made);
  release(first);
  filter.forget();
  EXPECT_EQ(pool_->stats().live, 1u) << "the sender's own";
}

TEST_F(Filter, KeepsWhatItMadeOfTheLastContextOnly) {
  RecordFilter filter({locale});
  const Scope outer{bind(tenant, 7), bind(locale, "de_DE")};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(seen_through(filter), Names{"test.filter.locale"});
    const Scope inner{unset(locale), bind(tenant, i)};
    EXPECT_EQ(seen_through(filter), Names());
    EXPECT_LE(pool_->stats().live, 3u);
  }
}

TEST_F(Filter, LeavesLogicalIdAndCallersAsTheyAre) {
  RecordFilter filter(AcceptedKeys::none());
  const Isolated apart;
  const TraceCallers traced;
  const Scope bound{bind(locale, "de_DE")};
  Block* record = detail::wire_record(*pool_);
  Block* const source = record;
  source->retain();
  filter.apply(record, *pool_);
  ASSERT_NE(record, nullptr);
  ASSERT_NE(record, source);
  EXPECT_EQ(record->read<ContextRecord>().getEntries().size(), 0u);
  EXPECT_EQ(record->read<ContextRecord>().getLogicalId(), logical_id());
  EXPECT_EQ(record->read<ContextRecord>().getCallers().size(), 1u);
  EXPECT_EQ(record->read<ContextRecord>().getCallers()[0].getFrame(),
            source->read<ContextRecord>().getCallers()[0].getFrame());
  EXPECT_NE(record->flags & Block::kNamesCallers, 0);
  release(record);
  release(source);
}

TEST_F(Filter, MakesNothingOfARecordOfWhichNothingIsLeft) {
  RecordFilter filter({dry_run});
  const Scope bound{bind(locale, "de_DE"), bind(tenant, 7)};
  for (int i = 0; i < 2; ++i) {
    Block* record = detail::wire_record(*pool_);
    filter.apply(record, *pool_);
    EXPECT_EQ(record, nullptr);
  }
}

TEST(FilterWithoutMemory, LeavesTheRecordAsItWas) {
  Pool* small = Pool::create(0);
  Pool* pool = Pool::create(16 << 20);
  {
    RecordFilter filter({locale});
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7)};
    Block* record = detail::wire_record(*pool);
    Block* const before = record;
    EXPECT_THROW(filter.apply(record, *small), PoolExhausted);
    EXPECT_EQ(record, before);
    filter.apply(record, *pool);
    EXPECT_NE(record, before);
    release(record);
  }
  EXPECT_EQ(pool->stats().live, 0u);
  small->close();
  pool->close();
}

}  // namespace
}  // namespace isola
