// Checked builds: who writes to a message after sending it is found out, and named.
#include <isola/serialization/seal.h>

#include <gtest/gtest.h>
#include <isola/channels/channel.h>

#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"

#ifndef ISOLA_CHECKED
#error "this test is compiled with ISOLA_CHECKED"
#endif

namespace isola {
namespace {

using test::Note;
using test::Number;
using test::Texts;

class SealTest : public ::testing::Test {
 protected:
  SealTest() {
    set_seal_violation_handler(
        *pool_, [this](const SealViolation& violation) { reported_.push_back(violation); });
  }
  ~SealTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }

  // Lets the code that follows run as this isolate.
  void run_as(uint64_t isolate) { detail::Execution::current().isolate_id = isolate; }

  Pool* pool_ = Pool::create(64 << 20);
  std::vector<SealViolation> reported_;
};

TEST_F(SealTest, AWriteAfterTheSendIsReportedAtReceiptWithItsWriter) {
  // Covers: CH-053
  auto [tx, rx] = make_channel<Number>(*pool_, bounded(4));
  detail::set_seal_writer_names(
      *pool_, [](uint64_t id) { return id == 12 ? std::string("counter") : std::string(); });
  run_as(12);
  auto number = tx.compose();
  Number::Builder kept = *number;
  kept.setValue(1);
  EXPECT_FALSE(tx.send(std::move(number)));
  kept.setValue(2);
  run_as(13);
  EXPECT_TRUE(reported_.empty());
  auto got = rx.recv().or_raise();
  ASSERT_EQ(reported_.size(), 1u);
  EXPECT_EQ(reported_[0].writer, 12u);
  EXPECT_EQ(reported_[0].writer_name, "counter");
  EXPECT_EQ(reported_[0].type, &message_type<Number>);
  EXPECT_EQ(reported_[0].to_string(),
            "a message Number was written to after it was sent, by counter (isolate 12)");
  got = Delivery<Number>();
  EXPECT_EQ(reported_.size(), 1u) << "reported once";
  run_as(0);
}

TEST_F(SealTest, AWriteAfterTheReceiptIsReportedAtTheRelease) {
  auto [tx, rx] = make_channel<Note>(*pool_, bounded(4));
  auto note = tx.compose();
  note->setText("first");
  Note::Builder kept = *note;
  EXPECT_FALSE(tx.send(std::move(note)));
  auto got = rx.recv().or_raise();
  EXPECT_TRUE(reported_.empty());
  kept.setText("other");
  got = Delivery<Note>();
  ASSERT_EQ(reported_.size(), 1u);
  EXPECT_EQ(reported_[0].to_string(),
            "a message Note was written to after it was sent, by a thread in no isolate");
}

TEST_F(SealTest, AllSegmentsOfAMessageAreSealed) {
  auto [tx, rx] = make_channel<Texts>(*pool_, bounded(4));
  auto texts = tx.compose();
  auto lines = texts->initLines(300);
  for (unsigned i = 0; i < 300; ++i) lines.set(i, "line");
  ASSERT_NE(texts.block()->more_segments, nullptr);
  auto last = lines[299];
  EXPECT_FALSE(tx.send(std::move(texts)));
  last.begin()[3] = 'k';
  EXPECT_EQ(rx.recv().or_raise()->getLines()[299], "link");
  EXPECT_EQ(reported_.size(), 1u);
}

TEST_F(SealTest, AForwardedMessageIsStillTheOneOfItsFirstSender) {
  auto [tx, rx] = make_channel<Number>(*pool_, bounded(4));
  run_as(5);
  auto number = tx.compose();
  Number::Builder kept = *number;
  EXPECT_FALSE(tx.send(std::move(number)));
  run_as(6);
  EXPECT_FALSE(tx.send(rx.recv().or_raise()));
  kept.setValue(9);
  run_as(7);
  (void)rx.recv();
  ASSERT_EQ(reported_.size(), 1u);
  EXPECT_EQ(reported_[0].writer, 5u);
  run_as(0);
}

TEST_F(SealTest, AMessageThatComesBackToItsSenderMayBeWrittenAgain) {
  auto [tx, rx] = make_channel<Number>(*pool_, bounded(1));
  EXPECT_FALSE(tx.send(tx.compose()));
  auto number = tx.compose();
  EXPECT_EQ(tx.try_send(std::move(number)), Code::channel_full);
  number->setValue(3);
  EXPECT_FALSE(rx.recv().err);
  EXPECT_FALSE(tx.send(std::move(number)));
  EXPECT_EQ(rx.recv().or_raise()->getValue(), 3);
  EXPECT_TRUE(reported_.empty());
}

TEST_F(SealTest, AliasesAndMarkersAreNoViolations) {
  auto [tx, rx] = make_channel<Number>(*pool_, bounded(4));
  auto number = tx.compose();
  number->setValue(4);
  Number::Builder kept = *number;
  Block* origin = number.take();
  EXPECT_FALSE(tx.send(Delivery<Number>(make_alias(*pool_, origin))));
  EXPECT_FALSE(tx.send(Delivery<Number>(make_alias(*pool_, origin))));
  release(origin);
  auto first = rx.recv().or_raise();
  make_marker(*first.block());
  first = Delivery<Number>();
  EXPECT_TRUE(reported_.empty());
  kept.setValue(5);
  EXPECT_EQ(rx.recv().or_raise()->getValue(), 5);
  EXPECT_EQ(reported_.size(), 1u) << "but a late write to what is shared is one";
}

TEST_F(SealTest, BuildersAreNotKept) {
  const Block* block;
  {
    auto number = compose<Number>(*pool_);
    block = number.block();
  }
  EXPECT_EQ(block->kept_for, nullptr);
}

TEST(SealDeathTest, WithoutAHandlerAViolationAborts) {
  Pool* pool = Pool::create(1 << 20);
  {
    auto [tx, rx] = make_channel<Number>(*pool, bounded(4));
    auto number = tx.compose();
    Number::Builder kept = *number;
    EXPECT_FALSE(tx.send(std::move(number)));
    kept.setValue(2);
    EXPECT_DEATH((void)rx.recv(), "isola: a message Number was written to after it was sent");
    kept.setValue(0);
  }
  pool->close();
}

}  // namespace
}  // namespace isola
