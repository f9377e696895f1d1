// Messages from compose to release, and the pool that they come from.
#include <isola/serialization/message.h>

#include <gtest/gtest.h>
#include <isola/serialization/pool.h>

#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using test::Note;
using test::Number;
using test::Numbers;
using test::Point;
using test::Texts;

class PoolTest : public ::testing::Test {
 protected:
  ~PoolTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }
  Pool* pool_ = Pool::create(64 << 20);
};

TEST_F(PoolTest, AMessageIsReadFromTheWordsItWasComposedIn) {
  auto number = compose<Number>(*pool_);
  number->setValue(42);
  const capnp::word* words = number.block()->words;
  Delivery<Number> delivery(std::move(number));
  EXPECT_FALSE(number);
  EXPECT_EQ(delivery->getValue(), 42);
  EXPECT_EQ(delivery.block()->words, words);
  int64_t raw;
  std::memcpy(&raw, words + 1, sizeof raw);
  EXPECT_EQ(raw, 42) << "the body is Cap'n Proto words: a root pointer, then the data";
}

TEST_F(PoolTest, ABlockThatIsUsedAgainHoldsNothingOfItsLastMessage) {
  for (int round = 0; round < 200; ++round) {
    auto point = compose<Point>(*pool_);
    EXPECT_EQ(point->getX(), 1.5);
    EXPECT_EQ(point->getY(), 0);
    EXPECT_EQ(point->getTag(), 0);
    EXPECT_FALSE(point->getSet());
    point->setX(round);
    point->setY(-round);
    point->setTag(7);
    point->setSet(true);
    auto note = compose<Note>(*pool_);
    EXPECT_FALSE(note->hasText());
    note->setText(std::string(static_cast<size_t>(round) * 3, 'x'));
  }
}

TEST_F(PoolTest, ABlockIsKeptWithItsBuilderAlsoForAStructWithPointers) {
  const Block* block = compose<Texts>(*pool_).block();
  for (unsigned round = 0; round < 300; ++round) {
    auto texts = compose<Texts>(*pool_);
    EXPECT_FALSE(texts->hasLines());
    // Every seventh outgrows its block, and then the block has to be prepared anew.
    const unsigned count = round % 7 == 0 ? 200 : round % 5;
    auto lines = texts->initLines(count);
    for (unsigned i = 0; i < count; ++i) lines.set(i, std::to_string(round + i));
    EXPECT_EQ(texts.block()->more_segments != nullptr, count == 200);
    const bool kept = texts.block()->kept_for != nullptr;
    EXPECT_EQ(kept, texts.block()->size_class == block->size_class);
    Delivery<Texts> got(std::move(texts));
    ASSERT_EQ(got->getLines().size(), count);
    for (unsigned i = 0; i < count; ++i) ASSERT_EQ(got->getLines()[i], std::to_string(round + i));
    auto larger = compose<Texts>(*pool_, 1000);
    EXPECT_GE(larger.block()->capacity_words, 1000u);
    EXPECT_EQ(larger.block()->kept_for, nullptr);
  }
}

TEST_F(PoolTest, AMessageIsReadWhileItIsStillComposed) {
  for (int round = 0; round < 3; ++round) {
    auto note = compose<Note>(*pool_);
    EXPECT_EQ(note.block()->read<Note>().getText(), "");
    note->setText("now");
    EXPECT_EQ(note.block()->read<Note>().getText(), "now");
  }
}

TEST(Pool, BlocksKeptForOneTypeServeAnotherWhenNothingElseIsLeft) {
  Pool* pool = Pool::create(1 << 20);
  const auto until_exhausted = [&](auto& held, auto compose_one) {
    try {
      for (;;) held.push_back(compose_one());
    } catch (const PoolExhausted&) {
    }
    return held.size();
  };
  {
    std::vector<Message<Note>> notes;
    const size_t count = until_exhausted(notes, [&] { return compose<Note>(*pool); });
    notes.clear();
    std::vector<Message<Texts>> texts;
    // But for what a cache holds on to: two magazines.
    EXPECT_GE(until_exhausted(texts, [&] { return compose<Texts>(*pool); }),
              count - 2 * detail::kMagazine);
    for (auto& text : texts) EXPECT_FALSE(text->hasLines());
  }
  pool->close();
}

TEST_F(PoolTest, AFlatMessageOfOneTypeNeverTakesTheBuilderOfAnother) {
  for (int round = 0; round < 100; ++round) {
    auto number = compose<Number>(*pool_);
    number->setValue(round);
    auto point = compose<Point>(*pool_);
    point->setTag(static_cast<uint16_t>(round));
    EXPECT_EQ(number->getValue(), round);
    EXPECT_EQ(Delivery<Point>(std::move(point))->getTag(), round);
  }
}

TEST_F(PoolTest, AMessageThatOutgrowsItsBlockKeepsItsSegments) {
  for (int round = 0; round < 3; ++round) {
    auto texts = compose<Texts>(*pool_);
    auto lines = texts->initLines(300);
    for (unsigned i = 0; i < 300; ++i) lines.set(i, "line " + std::to_string(i));
    ASSERT_NE(texts.block()->more_segments, nullptr);
    const capnp::word* words = texts.block()->words;
    Delivery<Texts> delivery(std::move(texts));
    EXPECT_EQ(delivery.block()->words, words);
    for (int again = 0; again < 1000; ++again) {
      auto read = delivery->getLines();
      ASSERT_EQ(read.size(), 300u);
      EXPECT_EQ(read[299], "line 299");
    }
  }
  EXPECT_EQ(pool_->stats().bytes_copied, 0u);
}

TEST_F(PoolTest, AMebibyteListIsReadWhereItWasWritten) {
  auto numbers = compose<Numbers>(*pool_, (1 << 17) + 8);
  auto values = numbers->initValues(1 << 17);
  for (unsigned i = 0; i < values.size(); ++i) values.set(i, i);
  EXPECT_EQ(numbers.block()->more_segments, nullptr);
  Delivery<Numbers> delivery(std::move(numbers));
  EXPECT_EQ(delivery->getValues()[131071], 131071);
  auto small = compose<Numbers>(*pool_);
  small->initValues(1 << 17).set(5, 5);
  EXPECT_NE(small.block()->more_segments, nullptr);
  EXPECT_EQ(Delivery<Numbers>(std::move(small))->getValues()[5], 5);
}

TEST_F(PoolTest, EveryBlockIsCountedUntilItIsBack) {
  std::vector<Message<Number>> held;
  for (int i = 0; i < 1000; ++i) held.push_back(compose<Number>(*pool_));
  EXPECT_EQ(pool_->stats().live, 1000u);
  held.resize(10);
  EXPECT_EQ(pool_->stats().live, 10u);
}

TEST_F(PoolTest, BlocksFreedOnAnotherThreadComeBack) {
  for (int round = 0; round < 50; ++round) {
    std::vector<Message<Number>> held;
    std::thread maker([&] {
      PoolCache cache(*pool_);
      PoolCache::set_current(&cache);
      for (int i = 0; i < 500; ++i) held.push_back(compose<Number>(*pool_));
      PoolCache::set_current(nullptr);
    });
    maker.join();
    std::thread taker([&] {
      PoolCache cache(*pool_);
      PoolCache::set_current(&cache);
      held.clear();
      PoolCache::set_current(nullptr);
    });
    taker.join();
    EXPECT_EQ(pool_->stats().live, 0u);
  }
  EXPECT_LT(pool_->stats().reserved, 4u << 20) << "the blocks are used again";
}

TEST(Pool, AnExhaustedPoolIsAnErrorToWhoComposes) {
  Pool* pool = Pool::create(256 << 10);
  {
    std::vector<Message<Number>> held;
    EXPECT_THROW(for (int i = 0; i < 1 << 20; ++i) held.push_back(compose<Number>(*pool)),
                 PoolExhausted);
    EXPECT_THROW(compose<Numbers>(*pool, 1 << 20), PoolExhausted);
    held.pop_back();
    EXPECT_NO_THROW(held.push_back(compose<Number>(*pool)));
  }
  EXPECT_EQ(pool->stats().live, 0u);
  pool->close();
}

TEST(Pool, AMessageMayOutliveItsPoolsOwner) {
  Pool* pool = Pool::create(1 << 20);
  auto number = compose<Number>(*pool);
  number->setValue(7);
  pool->close();
  EXPECT_EQ(Delivery<Number>(std::move(number))->getValue(), 7);  // the last block ends the pool
}

}  // namespace
}  // namespace isola
