// What the tests of foreign bytes share: a pool that must be empty in the end, and messages that
// have something of everything.
#pragma once

#include <gtest/gtest.h>
#include <isola/serialization/foreign.h>
#include <isola/serialization/schema_text.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/serialization/schemas/foreign_test.capnp.h"

namespace isola::test {

using Bytes = std::vector<std::byte>;

class ForeignTest : public ::testing::Test {
 protected:
  ~ForeignTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }
  Pool* pool_ = Pool::create(256 << 20);
};

// Fills all fields; `random` chooses which member of the union is there, and how much of the rest.
// What may be anything has no notation as text, so some messages are made without it.
inline void fill(Everything::Builder out, std::mt19937& random, int depth, bool with_any = true) {
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  out.setFlag(below(2) == 0);
  out.setSmall(static_cast<int8_t>(random()));
  out.setWide(uint64_t{random()} << 32);
  out.setReal(below(1000) / 8.0);
  out.setColour(Colour::GREEN);
  out.setText(std::string(below(20), 'a'));
  const uint8_t data[] = {0, 1, 2, 255};
  out.setData(kj::arrayPtr(data, below(5)));
  for (unsigned i = 0, n = below(70); i < n; ++i) {
    if (i == 0) out.initFlags(n);
    out.getFlags().set(i, below(2) == 0);
  }
  auto numbers = out.initNumbers(below(9));
  for (unsigned i = 0; i < numbers.size(); ++i) numbers.set(i, static_cast<int32_t>(random()));
  auto texts = out.initTexts(below(4));
  for (unsigned i = 0; i < texts.size(); ++i) texts.set(i, std::to_string(random()));
  auto rows = out.initRows(below(3));
  for (unsigned i = 0; i < rows.size(); ++i) rows.init(i, i + 1).set(i, 7);
  out.initVoids(below(5));
  out.initColours(2).set(1, Colour::GREEN);
  switch (below(4)) {
    case 0:
      out.setNone();
      break;
    case 1:
      out.setNote("a note");
      break;
    case 2: {
      auto shape = out.initShape();
      shape.setName("triangle");
      shape.initCorners(3)[2].setX(1.5);
      break;
    }
    case 3:
      out.setAmount(-5);
      break;
  }
  if (with_any) {
    out.getAny().setAs<capnp::Text>("anything");
    out.setAnyStruct(out.asReader().getChild());
    out.setAnyList(out.asReader().getTexts());
  }
  if (depth == 0) return;
  fill(out.initChild(), random, depth - 1, with_any);
  auto children = out.initChildren(2);
  for (auto child : children) fill(child, random, depth - 1, with_any);
}

inline Message<Everything> everything(Pool& pool, unsigned seed, int depth = 2,
                                      bool with_any = true) {
  std::mt19937 random(seed);
  auto message = compose<Everything>(pool);
  fill(*message, random, depth, with_any);
  return message;
}

// One segment as a message in flat framing.
inline Bytes framed(const std::vector<uint64_t>& words) {
  Bytes bytes(8 + words.size() * 8);
  const uint32_t head[2] = {0, static_cast<uint32_t>(words.size())};
  std::memcpy(bytes.data(), head, 8);
  if (!words.empty()) std::memcpy(bytes.data() + 8, words.data(), words.size() * 8);
  return bytes;
}
// Several segments.
inline Bytes framed_segments(const std::vector<std::vector<uint64_t>>& segments) {
  std::vector<uint32_t> table{static_cast<uint32_t>(segments.size() - 1)};
  for (const auto& segment : segments) table.push_back(static_cast<uint32_t>(segment.size()));
  if (table.size() % 2 != 0) table.push_back(0);
  Bytes bytes(table.size() * 4);
  std::memcpy(bytes.data(), table.data(), bytes.size());
  for (const auto& segment : segments) {
    const auto* from = reinterpret_cast<const std::byte*>(segment.data());
    bytes.insert(bytes.end(), from, from + segment.size() * 8);
  }
  return bytes;
}

// Pointers as the encoding has them.
inline uint64_t struct_pointer(int64_t offset, uint64_t data, uint64_t pointers) {
  return (static_cast<uint64_t>(offset) << 2 & 0xfffffffc) | data << 32 | pointers << 48;
}
inline uint64_t list_pointer(int64_t offset, uint64_t element, uint64_t count) {
  return 1 | (static_cast<uint64_t>(offset) << 2 & 0xfffffffc) | element << 32 | count << 35;
}
inline uint64_t far_pointer(uint64_t word, uint64_t segment, bool is_double = false) {
  return 2 | uint64_t{is_double} << 2 | word << 3 | segment << 32;
}

}  // namespace isola::test
