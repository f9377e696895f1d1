// Messages between programs that were built with different versions of a schema.
#include <gtest/gtest.h>

#include "foreign_support.h"
#include "tests/serialization/schemas/newer.capnp.h"
#include "tests/serialization/schemas/older.capnp.h"

namespace isola {
namespace {

using test::ForeignTest;
namespace older = test::older;
namespace newer = test::newer;

class EvolutionTest : public ForeignTest {
 protected:
  // Reads as To what was written as From.
  template <class To, class From>
  Delivery<To> pass(const Message<From>& message, Framing framing) {
    auto bytes = write_message(message, framing).value;
    auto [read, error] = read_message<To>(*pool_, bytes, {}, framing);
    EXPECT_FALSE(error) << error;
    return std::move(read);
  }
};

TEST_F(EvolutionTest, ANewerProgramReadsAnOldMessageWithDefaults) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    auto order = compose<older::Order>(*pool_);
    order->setItem("nails");
    order->setAmount(500);
    auto tags = order->initTags(2);
    tags.set(0, "steel");
    tags.set(1, "short");
    order->initWeights(3).set(2, 1.5);
    order->initReading().setValue(12);
    order->initReadings(2)[1].setValue(13);
    order->setClosed("yesterday");
    auto read = pass<newer::Order>(order, framing);
    EXPECT_EQ(read->getItem(), "nails");
    EXPECT_EQ(read->getAmount(), 500);
    ASSERT_EQ(read->getTags().size(), 2u);
    EXPECT_EQ(read->getTags()[1].getText(), "short");
    EXPECT_EQ(read->getTags()[1].getRank(), 7);
    ASSERT_EQ(read->getWeights().size(), 3u);
    EXPECT_EQ(read->getWeights()[2].getKilograms(), 1.5);
    EXPECT_FALSE(read->getWeights()[2].hasSource());
    EXPECT_EQ(read->getReading().getValue(), 12);
    EXPECT_EQ(read->getReading().getUnit(), "kg");
    EXPECT_EQ(read->getReading().getPrecise(), 0.5);
    EXPECT_EQ(read->getReadings()[1].getValue(), 13);
    EXPECT_EQ(read->getReadings()[1].getUnit(), "kg");
    ASSERT_EQ(read->which(), newer::Order::CLOSED);
    EXPECT_EQ(read->getClosed(), "yesterday");
    EXPECT_EQ(read->getPriority(), 3);
    EXPECT_EQ(read->getComment(), "none");
    EXPECT_EQ(read->getMore().size(), 0u);
    EXPECT_FALSE(to_text(read).err);
  }
}

TEST_F(EvolutionTest, AnOlderProgramReadsWhatItKnowsOfANewMessage) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    auto order = compose<newer::Order>(*pool_);
    order->setItem("nails");
    auto tags = order->initTags(2);
    tags[0].setText("steel");
    tags[1].setText("short");
    tags[1].setRank(1);
    auto weights = order->initWeights(2);
    weights[1].setKilograms(2.5);
    weights[1].setSource("scales");
    auto reading = order->initReading();
    reading.setValue(-4);
    reading.setUnit("g");
    auto readings = order->initReadings(3);
    readings[2].setValue(9);
    readings[2].setUnit("t");
    order->initMoved().setUnit("m");
    order->setComment("urgent");
    order->initMore(2)[0].setItem("screws");
    auto read = pass<older::Order>(order, framing);
    EXPECT_EQ(read->getItem(), "nails");
    EXPECT_EQ(read->getAmount(), 1);
    ASSERT_EQ(read->getTags().size(), 2u);
    EXPECT_EQ(read->getTags()[1], "short");
    ASSERT_EQ(read->getWeights().size(), 2u);
    EXPECT_EQ(read->getWeights()[1], 2.5);
    EXPECT_EQ(read->getReading().getValue(), -4);
    EXPECT_EQ(read->getReadings()[2].getValue(), 9);
    EXPECT_EQ(static_cast<int>(read->which()), 2) << "a member of the union that it doesn't know";
    EXPECT_FALSE(to_text(read).err);
    // It passes the message on as it got it, with all that it doesn't know.
    auto bytes = write_message(read, framing).value;
    auto back = read_message<newer::Order>(*pool_, bytes, {}, framing);
    ASSERT_TRUE(back.ok()) << back.err;
    EXPECT_EQ(back.value->getComment(), "urgent");
    EXPECT_EQ(back.value->getMore()[0].getItem(), "screws");
    EXPECT_EQ(back.value->getMoved().getUnit(), "m");
    EXPECT_EQ(back.value->getWeights()[1].getSource(), "scales");
  }
}

TEST_F(EvolutionTest, AStructThatWasFlatMayHavePointersNowAndBack) {
  static_assert(message_type<older::Reading>.is_flat());
  static_assert(!message_type<newer::Reading>.is_flat());
  auto old = compose<older::Reading>(*pool_);
  old->setValue(3);
  auto read = pass<newer::Reading>(old, Framing::flat);
  EXPECT_EQ(read->getValue(), 3);
  EXPECT_EQ(read->getUnit(), "kg");
  EXPECT_EQ(read->getPrecise(), 0.5);
  auto fresh = compose<newer::Reading>(*pool_);
  fresh->setValue(4);
  fresh->setUnit("g");
  EXPECT_EQ(pass<older::Reading>(fresh, Framing::packed)->getValue(), 4);
}

}  // namespace
}  // namespace isola
