// Blocks that are more than one message in one place: aliases, markers; and who has which.
#include <isola/serialization/block.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Note;
using test::Number;
using test::Point;
using test::Texts;

class BlockTest : public ::testing::Test {
 protected:
  ~BlockTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    EXPECT_EQ(pool_->stats().bytes_copied, 0u);
    pool_->close();
  }

  Message<Texts> lines(unsigned count) {
    auto texts = compose<Texts>(*pool_);
    auto list = texts->initLines(count);
    for (unsigned i = 0; i < count; ++i) list.set(i, "line " + std::to_string(i));
    return texts;
  }

  Pool* pool_ = Pool::create(64 << 20);
};

// --- aliases ------------------------------------------------------------------------------------

TEST_F(BlockTest, AnAliasReadsTheWordsOfItsOrigin) {
  for (int round = 0; round < 100; ++round) {
    auto point = compose<Point>(*pool_);
    point->setX(round);
    auto note = compose<Note>(*pool_);
    note->setText("note " + std::to_string(round));
    Block* point_block = point.take();
    Block* note_block = note.take();
    Delivery<Point> points[] = {Delivery<Point>(make_alias(*pool_, point_block)),
                                Delivery<Point>(make_alias(*pool_, point_block))};
    Delivery<Note> notes[] = {Delivery<Note>(make_alias(*pool_, note_block)),
                              Delivery<Note>(make_alias(*pool_, note_block))};
    const char* text = note_block->read<Note>().getText().begin();
    release(point_block);
    release(note_block);
    for (const auto& alias : points) {
      EXPECT_EQ(alias->getX(), round);
      EXPECT_EQ(alias.block()->words, point_block->words);
      EXPECT_EQ(alias.block()->type, &message_type<Point>);
    }
    for (const auto& alias : notes) EXPECT_EQ(alias->getText().begin(), text);
  }
}

TEST_F(BlockTest, AnAliasOfWhatGrewIsReadByManyThreadsAtOnce) {
  Block* origin = lines(3000).take();
  ASSERT_NE(origin->more_segments, nullptr);
  const uint64_t held = origin->held_bytes();
  EXPECT_GT(held, 3000u * 8);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([alias = Delivery<Texts>(make_alias(*pool_, origin)), held] {
      for (int again = 0; again < 3; ++again) {
        auto read = alias->getLines();
        ASSERT_EQ(read.size(), 3000u);
        for (unsigned line = 0; line < 3000; line += 100)
          EXPECT_EQ(read[line], "line " + std::to_string(line));
      }
      EXPECT_EQ(alias.block()->held_bytes(), held);
    });
  }
  release(origin);
  for (auto& reader : readers) reader.join();
}

TEST_F(BlockTest, AnAliasOfAnAliasIsOneOfItsOrigin) {
  auto number = compose<Number>(*pool_);
  number->setValue(7);
  Block* origin = number.take();
  Delivery<Number> first(make_alias(*pool_, origin));
  release(origin);
  Delivery<Number> second(make_alias(*pool_, first.block()));
  EXPECT_EQ(second.block()->origin, origin);
  first = Delivery<Number>();
  EXPECT_EQ(second->getValue(), 7);
}

TEST_F(BlockTest, AnAliasHasAnEnvelopeOfItsOwn) {
  Block* origin = compose<Number>(*pool_).take();
  origin->envelope.sender = 3;
  origin->envelope.deadline_ns = 5;
  Delivery<Number> alias(make_alias(*pool_, origin));
  alias.block()->envelope.sender = 9;
  EXPECT_EQ(alias.block()->envelope.deadline_ns, kNoDeadline);
  EXPECT_EQ(origin->envelope.sender, 3u);
  release(origin);
}

TEST_F(BlockTest, WhatWasAnAliasIsAnOrdinaryBlockAgain) {
  for (int round = 0; round < 300; ++round) {
    Block* origin = lines(round % 2 == 0 ? 3 : 300).take();
    Delivery<Texts> alias(make_alias(*pool_, origin));
    release(origin);
    EXPECT_EQ(alias->getLines()[2], "line 2");
    alias = Delivery<Texts>();
    auto number = compose<Number>(*pool_);
    EXPECT_EQ(number->getValue(), 0);
    number->setValue(round);
  }
}

// --- markers ------------------------------------------------------------------------------------

TEST_F(BlockTest, AMarkerReadsAsDefaultsAndKeepsTypeAndSender) {
  for (int round = 0; round < 100; ++round) {
    auto point = compose<Point>(*pool_);
    point->setX(3);
    point->setTag(4);
    Delivery<Point> got(std::move(point));
    EXPECT_FALSE(got.is_marker());
    got.block()->envelope.sender = 8;
    make_marker(*got.block());
    EXPECT_TRUE(got.is_marker());
    EXPECT_EQ(got->getX(), 1.5);
    EXPECT_EQ(got->getTag(), 0);
    EXPECT_EQ(got.sender(), 8u);
    EXPECT_EQ(got.block()->type, &message_type<Point>);
    for (unsigned count : {2u, 400u}) {
      Delivery<Texts> texts(lines(count));
      make_marker(*texts.block());
      EXPECT_FALSE(texts->hasLines());
      EXPECT_EQ(texts.block()->more_segments, nullptr);
      EXPECT_EQ(texts.block()->any_root().isNull(), true);
    }
  }
  EXPECT_FALSE(Delivery<Point>(compose<Point>(*pool_)).is_marker());
}

TEST_F(BlockTest, AnAliasThatBecomesAMarkerLeavesItsOriginAlone) {
  auto point = compose<Point>(*pool_);
  point->setTag(4);
  Block* origin = point.take();
  Delivery<Point> marker(make_alias(*pool_, origin));
  Delivery<Point> other(make_alias(*pool_, origin));
  release(origin);
  make_marker(*marker.block());
  EXPECT_EQ(marker->getTag(), 0);
  EXPECT_EQ(other->getTag(), 4);
  Block* grown = lines(300).take();
  Delivery<Texts> gone(make_alias(*pool_, grown));
  EXPECT_EQ(gone->getLines().size(), 300u);
  make_marker(*gone.block());
  EXPECT_FALSE(gone->hasLines());
  EXPECT_EQ(grown->read<Texts>().getLines().size(), 300u);
  release(grown);
}

// --- who has what -------------------------------------------------------------------------------

TEST_F(BlockTest, HeldBytesAreTheCapacityOfAllSegments) {
  auto number = compose<Number>(*pool_);
  EXPECT_EQ(number.block()->held_bytes(), 64u);
  auto texts = lines(300);
  uint64_t bytes = 0;
  for (Block* s = texts.block(); s != nullptr; s = s->more_segments) bytes += s->capacity_words * 8;
  EXPECT_EQ(texts.block()->held_bytes(), bytes);
}

TEST_F(BlockTest, BlocksAreCountedByTheirOwners) {
  auto [tx, rx] = make_channel<Number>(*pool_, bounded(10));
  auto [texts_tx, texts_rx] = make_channel<Texts>(*pool_, bounded(10));
  std::vector<Message<Number>> composing;
  for (int i = 0; i < 6; ++i) composing.push_back(tx.compose());
  EXPECT_EQ(pool_->stats().composing.blocks, 6u);
  EXPECT_EQ(pool_->stats().composing.bytes, 6u * 64);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(tx.send(std::move(composing[static_cast<size_t>(i)])));
  std::vector<Delivery<Number>> delivered;
  for (int i = 0; i < 3; ++i) delivered.push_back(rx.recv().or_raise());
  auto large = compose<Texts>(*pool_, 100'000);
  PoolStats stats = pool_->stats();
  EXPECT_EQ(stats.composing.blocks, 2u);
  EXPECT_EQ(stats.composing.bytes, 64u + 800'000);
  EXPECT_EQ(stats.queued.blocks, 2u);
  EXPECT_EQ(stats.delivered.blocks, 3u);
  EXPECT_EQ(stats.live, 7u);

  large = lines(300);
  EXPECT_FALSE(texts_tx.send(std::move(large)));
  stats = pool_->stats();
  EXPECT_GT(stats.queued.blocks, 3u) << "further segments count with their message";
  EXPECT_EQ(stats.composing.blocks, 1u);

  Block* origin = composing[5].take();
  Delivery<Number> alias(make_alias(*pool_, origin));
  release(origin);
  EXPECT_EQ(pool_->stats().shared.blocks, 1u);
  alias = Delivery<Number>();
  EXPECT_EQ(pool_->stats().shared.blocks, 0u);
  delivered.clear();
  EXPECT_EQ(pool_->stats().delivered.blocks, 0u);
}

struct Holder : Actor<Holder, Number, Ask<test::GetTotal, test::Total>> {
  void on(Delivery<Number> number) { held.push_back(std::move(number)); }
  Message<test::Total> on(test::GetTotal::Reader) { return compose<test::Total>(); }
  std::vector<Delivery<Number>> held;
};

TEST(BlockOwners, MessagesInAnInboxAreQueuedAndThoseOfAHandlerDelivered) {
  System system(test::quiet({.workers = 1}));
  auto holder = system.spawn<Holder>();
  for (int i = 0; i < 20; ++i) holder.send<Number>([](Number::Builder) {});
  EXPECT_TRUE(test::eventually([&] {
    const PoolStats stats = system.pool_stats();
    return stats.delivered.blocks == 20 && stats.queued.blocks == 0 && stats.composing.blocks == 0;
  }));
  auto asking = holder.ask<test::GetTotal>();
  EXPECT_TRUE(test::eventually([&] { return system.pool_stats().queued.blocks == 1; }))
      << "an answer that nobody has taken yet";
  Delivery<test::Total> answer = asking.get().or_raise();
  // The question is given back after its answer is there.
  EXPECT_TRUE(test::eventually([&] { return system.pool_stats().delivered.blocks == 21; }));
}

TEST(BlockOwners, CountingWhileMessagesFlowIsSafe) {
  System system(test::quiet({.workers = 2}));
  auto holder = system.spawn<Holder>();
  for (int i = 0; i < 300; ++i) {
    holder.send<Number>([](Number::Builder) {});
    if (i % 30 == 0) {
      EXPECT_LE(system.pool_stats().delivered.blocks, 301u);
    }
  }
}

}  // namespace
}  // namespace isola
