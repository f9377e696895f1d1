// Messages from bytes and to bytes: what they keep, and where they lie afterwards.
#include <isola/serialization/foreign.h>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Bytes;
using test::Corner;
using test::Everything;
using test::ForeignTest;
using test::Tree;

TEST_F(ForeignTest, WhatWasWrittenIsReadBackFlatAndPacked) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    auto message = test::everything(*pool_, seed, seed % 4);
    const std::string text = to_text(message).value;
    for (const Framing framing : {Framing::flat, Framing::packed}) {
      auto [bytes, write_error] = write_message(message, framing);
      ASSERT_FALSE(write_error);
      auto [read, error] = read_message<Everything>(*pool_, bytes, {}, framing);
      ASSERT_FALSE(error) << error;
      EXPECT_EQ(to_text(read).value, text);
      EXPECT_EQ(read.block()->more_segments, nullptr) << "it lies in one segment";
      // It can be written again as any message.
      auto [again, again_error] = write_message(read, framing);
      ASSERT_FALSE(again_error);
      EXPECT_EQ(to_text(read_message<Everything>(*pool_, again, {}, framing).value).value, text);
    }
  }
}

TEST_F(ForeignTest, AFlatStructIsReadAndItsBlockIsCleanAfterwards) {
  for (int round = 0; round < 100; ++round) {
    auto corner = compose<Corner>(*pool_);
    EXPECT_EQ(corner->getX(), 0);
    EXPECT_EQ(corner->getY(), 0);
    corner->setX(1);
    corner->setY(static_cast<float>(round));
    auto bytes = write_message(corner).value;
    EXPECT_EQ(bytes.size(), 24u);
    auto [read, error] = read_message<Corner>(*pool_, bytes);
    ASSERT_FALSE(error) << error;
    EXPECT_EQ(read->getX(), 1);
    EXPECT_EQ(read->getY(), static_cast<float>(round));
    auto tree = compose<Tree>(*pool_);
    EXPECT_EQ(tree->getLeaf(), 0);
    EXPECT_FALSE(tree->hasLeft());
    tree->setLeaf(~0);
  }
}

TEST_F(ForeignTest, AFlatStructMayBeShorterLongerOrMissing) {
  const uint64_t ones = 0x3f8000003f800000;  // x = y = 1
  auto longer =
      read_message<Corner>(*pool_, test::framed({test::struct_pointer(0, 2, 1), ones, 5, 0}));
  EXPECT_EQ(longer.value->getY(), 1);
  auto shorter = read_message<Corner>(*pool_, test::framed({test::struct_pointer(-1, 0, 0)}));
  EXPECT_EQ(shorter.value->getY(), 0);
  auto missing = read_message<Corner>(*pool_, test::framed({0}));
  EXPECT_EQ(missing.value->getY(), 0);
  EXPECT_EQ(write_message(missing.value).value, test::framed({0}));
  // What lies where this program would have put the struct is not it.
  auto behind =
      read_message<Corner>(*pool_, test::framed({test::struct_pointer(1, 1, 0), 7, ones}));
  EXPECT_EQ(behind.value->getX(), 1);
  auto nothing = read_message<Corner>(*pool_, test::framed({test::struct_pointer(0, 0, 0), ones}));
  EXPECT_EQ(nothing.value->getX(), 0);
  // Such a block serves others afterwards.
  behind.value = {};
  nothing.value = {};
  auto own = compose<Corner>(*pool_);
  own->setX(2);
  EXPECT_EQ(own.block()->flags, 0);
  EXPECT_EQ(Delivery<Corner>(std::move(own))->getX(), 2);
}

TEST_F(ForeignTest, OneSegmentIsCopiedOnceAndReadWhereItLies) {
  auto bytes = write_message(test::everything(*pool_, 1, 1)).value;
  const uint64_t before = pool_->stats().bytes_copied;
  auto [one, error] = read_message<Everything>(*pool_, bytes);
  ASSERT_FALSE(error) << error;
  if (bytes[0] == std::byte{0}) {
    EXPECT_EQ(pool_->stats().bytes_copied, before);
    EXPECT_EQ(std::memcmp(one.block()->words, bytes.data() + 8, bytes.size() - 8), 0);
  }
}

TEST_F(ForeignTest, SeveralSegmentsBecomeOne) {
  // The root lies in segment 1, its left child in segment 2 behind a double far pointer.
  const Bytes bytes = test::framed_segments({
      {test::far_pointer(0, 1)},
      {test::struct_pointer(0, 1, 2), 11, test::far_pointer(0, 3, true), 0},
      {22, 0, 0},
      {test::far_pointer(0, 2), test::struct_pointer(0, 1, 2)},
  });
  const uint64_t before = pool_->stats().bytes_copied;
  auto [tree, error] = read_message<Tree>(*pool_, bytes);
  ASSERT_FALSE(error) << error;
  EXPECT_EQ(tree->getLeaf(), 11);
  EXPECT_EQ(tree->getLeft().getLeaf(), 22);
  EXPECT_FALSE(tree->hasRight());
  EXPECT_EQ(pool_->stats().bytes_copied, before + 7 * 8) << "without the far pointers";
}

TEST_F(ForeignTest, BytesMayBeginAnywhere) {
  auto message = test::everything(*pool_, 3);
  const std::string text = to_text(message).value;
  auto bytes = write_message(message).value;
  for (size_t shift = 0; shift < 8; ++shift) {
    Bytes shifted(shift + bytes.size());
    std::copy(bytes.begin(), bytes.end(), shifted.begin() + static_cast<ptrdiff_t>(shift));
    auto [read, error] =
        read_message<Everything>(*pool_, std::span<const std::byte>(shifted).subspan(shift));
    ASSERT_FALSE(error) << error;
    EXPECT_EQ(to_text(read).value, text);
  }
}

TEST_F(ForeignTest, WhoChangesTheBytesLaterChangesNoMessage) {
  auto bytes = write_message(test::everything(*pool_, 4)).value;
  auto read = read_message<Everything>(*pool_, bytes).value;
  const std::string text = to_text(read).value;
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(to_text(read).value, text);
}

TEST_F(ForeignTest, WhatStandsBehindTheMessageIsAnError) {
  auto bytes = write_message(compose<Corner>(*pool_)).value;
  bytes.resize(bytes.size() + 3);
  auto [corner, error] = read_message<Corner>(*pool_, bytes);
  EXPECT_EQ(error.code(), Code::bad_message);
  EXPECT_EQ(error.message(),
            "Corner: the message ends at byte 24 of 27; what follows is no part of it");
}

TEST_F(ForeignTest, AnEmptyMessageCanNotBeWritten) {
  Message<Corner> none;
  EXPECT_EQ(write_message(none).err.code(), Code::empty_message);
  EXPECT_EQ(write_message(none, 1).err.code(), Code::empty_message);
  EXPECT_EQ(to_json(none).err.code(), Code::empty_message);
}

TEST_F(ForeignTest, ATypeThatIsKnownByNameIsReadWithoutIt) {
  register_message<Tree>();
  auto tree = compose<Tree>(*pool_);
  tree->initLeft().setLeaf(5);
  auto bytes = write_message(tree).value;
  auto [type, error] = find_message(*pool_, "Tree");
  ASSERT_FALSE(error) << error;
  auto [read, read_error] = read_message(*pool_, *type, bytes);
  ASSERT_FALSE(read_error) << read_error;
  EXPECT_EQ(&read.type(), &message_type<Tree>);
  EXPECT_EQ(print(*read.block()), "(left = (leaf = 5), leaf = 0)");
}

TEST(Foreign, AnExhaustedPoolIsAnError) {
  Pool* pool = Pool::create(1 << 20);
  {
    Bytes bytes = test::framed(std::vector<uint64_t>(1 << 18));
    auto [tree, error] = read_message<Tree>(*pool, bytes);
    EXPECT_EQ(error.code(), Code::pool_exhausted);
    EXPECT_FALSE(tree);
  }
  EXPECT_EQ(pool->stats().live, 0u);
  pool->close();
}

}  // namespace
}  // namespace isola
