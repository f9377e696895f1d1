// Bytes that are no messages: each is an Error, or a message that can be read without harm.
#include <capnp/serialize.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Bytes;
using test::Corner;
using test::Everything;
using test::ForeignTest;
using test::Tree;

class RubbishTest : public ForeignTest {
 protected:
  // Small, so that a message which only just passes is not long to print.
  static ForeignLimits small_limits() {
    ForeignLimits limits;
    limits.bytes_max = 1 << 20;
    limits.traversal_words_max = 1 << 12;
    return limits;
  }

  // True if the bytes were a message.
  bool try_read(std::span<const std::byte> bytes, Framing framing) {
    auto [read, error] = read_message<Everything>(*pool_, bytes, small_limits(), framing);
    if (error) {
      EXPECT_TRUE(error == Code::bad_message || error == Code::message_too_large) << error;
      EXPECT_TRUE(error.has_record());
      EXPECT_NE(error.message().find("byte "), std::string::npos) << error;
      EXPECT_FALSE(read);
      return false;
    }
    auto [text, text_error] = to_text(read, Layout::pretty);
    EXPECT_FALSE(text_error) << text_error << "\nwhat was checked can be printed";
    (void)to_json(read);  // has no form for AnyPointer
    auto [bytes_again, write_error] = write_message(read, framing);
    EXPECT_FALSE(write_error) << write_error;
    auto [again, again_error] =
        read_message<Everything>(*pool_, bytes_again, small_limits(), framing);
    EXPECT_FALSE(again_error) << again_error;
    EXPECT_EQ(to_text(again, Layout::pretty).value, text);
    return true;
  }
};

TEST_F(RubbishTest, AMessageThatEndsTooSoonIsAnErrorWhereverItEnds) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    for (unsigned seed = 0; seed < 3; ++seed) {
      const Bytes bytes = write_message(test::everything(*pool_, seed, 1), framing).value;
      for (size_t size = 0; size < bytes.size(); ++size) {
        auto [read, error] = read_message<Everything>(
            *pool_, std::span<const std::byte>(bytes).first(size), {}, framing);
        ASSERT_EQ(error.code(), Code::bad_message) << size << " of " << bytes.size();
        ASSERT_NE(error.message().find("ends at byte " + std::to_string(size)), std::string::npos)
            << error;
        // From a copy that ends there, so that the address sanitizer sees who reads beyond.
        ASSERT_FALSE(
            try_read(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)), framing));
      }
      EXPECT_TRUE(try_read(bytes, framing));
    }
  }
}

TEST_F(RubbishTest, FlippedBitsMakeAnErrorOrAnotherMessage) {
  unsigned read = 0;
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    for (unsigned seed = 0; seed < 800; ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937 random(seed);
      Bytes bytes = write_message(test::everything(*pool_, seed % 40, seed % 2), framing).value;
      for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
        bytes[random() % bytes.size()] ^= std::byte(1u << random() % 8);
      }
      read += try_read(bytes, framing);
    }
  }
  EXPECT_GT(read, 100u) << "many bits are only data";
}

TEST_F(RubbishTest, FlippedBitsOfAMessageInManySegments) {
  // capnp writes such messages with --segment-size; here each list of a tree has its own.
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    capnp::MallocMessageBuilder builder(1 + seed % 30, capnp::AllocationStrategy::FIXED_SIZE);
    test::fill(builder.initRoot<Everything>(), random, 1);
    const auto words = capnp::messageToFlatArray(builder);
    const auto chars = words.asBytes();
    Bytes bytes(chars.size());
    std::memcpy(bytes.data(), chars.begin(), bytes.size());
    EXPECT_TRUE(try_read(bytes, Framing::flat));
    for (unsigned round = 0; round < 4; ++round) {
      bytes[random() % bytes.size()] ^= std::byte(1u << random() % 8);
      try_read(bytes, Framing::flat);
    }
  }
}

TEST_F(RubbishTest, RandomBytesAreNoMessages) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Bytes bytes(random() % 200);
    for (std::byte& byte : bytes) byte = std::byte(random());
    if (seed % 2 == 0 && bytes.size() > 8) {  // a header that announces just what is there
      const uint32_t head[2] = {0, static_cast<uint32_t>(bytes.size() / 8 - 1)};
      std::memcpy(bytes.data(), head, 8);
      bytes.resize(bytes.size() / 8 * 8);
    }
    try_read(bytes, seed % 4 < 2 ? Framing::flat : Framing::packed);
  }
}

TEST_F(RubbishTest, RandomPointersAreNoMessagesOrSmallOnes) {
  unsigned read = 0;
  for (unsigned seed = 0; seed < 8000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::vector<uint64_t>> segments(1 + random() % 3);
    for (auto& segment : segments) {
      segment.resize(1 + random() % 24);
      for (uint64_t& word : segment) {
        const int64_t offset = static_cast<int64_t>(random() % 20) - 4;
        switch (random() % 6) {
          case 0:
            word = test::struct_pointer(offset, random() % 4, random() % 20);
            break;
          case 1:
            word = test::list_pointer(offset, random() % 8, random() % 20);
            break;
          case 2:
            word = test::far_pointer(random() % 20, random() % 4, random() % 2 == 0);
            break;
          case 3:
            word = random() % 8;
            break;
          default:
            word = 0;
        }
      }
    }
    read += try_read(test::framed_segments(segments), Framing::flat);
  }
  EXPECT_GT(read, 400u) << "that is what this test is for";
}

TEST_F(RubbishTest, AHugeHeaderTakesNoMemory) {
  const uint64_t before = pool_->stats().reserved;
  ForeignLimits limits;
  limits.bytes_max = UINT64_MAX;
  limits.segments_max = UINT32_MAX;
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    for (const uint32_t count : {0u, 1u, 511u, 0x7ffffffeu, 0xfffffffeu, 0xffffffffu}) {
      for (const uint32_t words : {1u << 20, 0x1fffffffu, 0xffffffffu}) {
        const uint32_t head[4] = {count, words, words, words};
        Bytes bytes(sizeof head);
        std::memcpy(bytes.data(), head, sizeof head);
        EXPECT_FALSE(try_read(bytes, framing));
        auto [read, error] = read_message<Corner>(*pool_, bytes, limits, framing);
        // More than 65,536 segments are never allowed. Unpacked it is some other header.
        const bool too_many = count >= 1u << 16 || framing == Framing::packed;
        EXPECT_TRUE(error == Code::bad_message || (too_many && error == Code::message_too_large))
            << error;
      }
    }
  }
  EXPECT_LT(pool_->stats().reserved, before + (16 << 20));
}

TEST_F(RubbishTest, PackedZerosAreUnpackedNoFurtherThanTheLimit) {
  const uint32_t head[2] = {0, 1 << 27};  // 1 GiB of words that are all zero
  Bytes packed{std::byte{0xff}};
  packed.resize(9);
  std::memcpy(packed.data() + 1, head, 8);
  packed.push_back(std::byte{0});
  for (int i = 0; i < 1 << 19; ++i) {
    packed.push_back(std::byte{0});
    packed.push_back(std::byte{0xff});
  }
  auto [read, error] = read_message<Corner>(*pool_, packed, {}, Framing::packed);
  EXPECT_EQ(error.code(), Code::message_too_large);
  EXPECT_EQ(error.message(),
            "Corner: the message at byte 0 is too large: it announces 1073741824 bytes; "
            "bytes_max = 67108864");
}

}  // namespace
}  // namespace isola
