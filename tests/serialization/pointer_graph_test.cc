// Graphs of pointers that no honest program writes, one by one: what is said of each, and where.
#include <isola/serialization/pointer_graph.h>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Bytes;
using test::Corner;
using test::Everything;
using test::far_pointer;
using test::ForeignTest;
using test::framed;
using test::framed_segments;
using test::list_pointer;
using test::struct_pointer;
using test::Tree;

class PointerGraphTest : public ForeignTest {
 protected:
  template <class T>
  Error error_of(const Bytes& bytes, const ForeignLimits& limits = {}) {
    return read_message<T>(*pool_, bytes, limits).err;
  }
  template <class T>
  std::string refused(const Bytes& bytes, Code code = Code::bad_message) {
    const Error error = error_of<T>(bytes);
    EXPECT_EQ(error.code(), code) << error;
    return error ? error.message() : "";
  }
};

// A message whose root is an Everything with just this pointer.
std::vector<uint64_t> everything_with(unsigned pointer, uint64_t word,
                                      std::vector<uint64_t> behind = {}) {
  constexpr uint64_t kData = Everything::_capnpPrivate::dataWordSize;
  constexpr uint64_t kPointers = Everything::_capnpPrivate::pointerCount;
  std::vector<uint64_t> words(1 + kData + kPointers);
  words[0] = struct_pointer(0, kData, kPointers);
  words[1 + kData + pointer] = word;
  words.insert(words.end(), behind.begin(), behind.end());
  return words;
}
// From pointer field `pointer` to what lies behind the root.
int64_t behind_root(unsigned pointer) {
  return static_cast<int64_t>(Everything::_capnpPrivate::pointerCount) - pointer - 1;
}

TEST_F(PointerGraphTest, WhatLeavesItsSegmentIsRefused) {
  EXPECT_EQ(refused<Tree>(framed({struct_pointer(0, 1, 2), 1})),
            "Tree: the pointer at byte 8 leads to 3 words from word 1 of segment 0, which has 2");
  EXPECT_EQ(refused<Tree>(framed({struct_pointer(-2, 1, 0), 1})),
            "Tree: the pointer at byte 8 leads to 1 words from word -1 of segment 0, which has 2");
  EXPECT_EQ(refused<Tree>(framed({struct_pointer(0, 1, 1), 1, struct_pointer(9, 0, 0)})),
            "Tree: the pointer at byte 24 (Tree.left) leads to 0 words from word 12 of segment 0, "
            "which has 3");
  EXPECT_NE(refused<Tree>(framed({far_pointer(0, 7)})).find("leads to segment 7 of 1"),
            std::string::npos);
  EXPECT_EQ(refused<Tree>(framed({})), "Tree: there is no root pointer at byte 8");
}

TEST_F(PointerGraphTest, CapabilitiesAreRefused) {
  const Bytes bytes = framed({struct_pointer(0, 0, 1), 3});
  EXPECT_NE(refused<test::WithCapability>(bytes).find("is a capability"), std::string::npos);
  EXPECT_NE(refused<Tree>(bytes).find("is a capability"), std::string::npos);
  // Also where this program knows no field.
  EXPECT_NE(refused<Corner>(bytes).find("is a capability"), std::string::npos);
  EXPECT_NE(refused<Tree>(framed({struct_pointer(0, 0, 1), 7})).find("is of no known kind"),
            std::string::npos);
}

TEST_F(PointerGraphTest, FieldsLeadToWhatTheirSchemaSays) {
  // Pointer fields in the order of their numbers: text, data, child, children, flags, numbers …
  const struct {
    unsigned pointer;
    uint64_t word;
    std::vector<uint64_t> behind;
    const char* what;
  } cases[] = {
      {0, struct_pointer(behind_root(0), 1, 0), {1}, "to a text, but leads to a struct"},
      {0, list_pointer(behind_root(0), 2, 3), {0x616161}, "a text without its final zero"},
      {0, list_pointer(behind_root(0), 2, 0), {}, "a text without its final zero"},
      {0, list_pointer(behind_root(0), 3, 1), {0}, "should lead to a text"},
      {1, list_pointer(behind_root(1), 5, 1), {0}, "should lead to data"},
      {2, list_pointer(behind_root(2), 2, 1), {0}, "should lead to a struct, but leads to a list"},
      {3, list_pointer(behind_root(3), 1, 5), {0}, "but leads to a list of Bool"},
      {4, list_pointer(behind_root(4), 7, 1), {4, 0}, "but leads to a list of structs"},
      {5, list_pointer(behind_root(5), 3, 1), {0}, "but leads to a list of smaller elements"},
      {5, list_pointer(behind_root(5), 6, 1), {0}, "but leads to a list of smaller elements"},
      {6, list_pointer(behind_root(6), 5, 1), {0}, "but leads to a list without pointers"},
      {6, list_pointer(behind_root(6), 6, 1), {list_pointer(0, 5, 1), 0}, "should lead to a text"},
      {7, list_pointer(behind_root(7), 6, 1), {list_pointer(0, 2, 1), 0}, "smaller elements"},
      {3, list_pointer(behind_root(3), 7, 1), {list_pointer(1, 0, 0), 0}, "whose tag is no struct"},
      {3,
       list_pointer(behind_root(3), 7, 2),
       {struct_pointer(2, 1, 1), 0, 0},
       "a list of 2 structs of 2 words in 2 words"},
  };
  for (const auto& it : cases) {
    const std::string message =
        refused<Everything>(framed(everything_with(it.pointer, it.word, it.behind)));
    EXPECT_NE(message.find(it.what), std::string::npos) << message << " instead of " << it.what;
  }
}

TEST_F(PointerGraphTest, OnlyTheActiveMemberOfAUnionHasToFit) {
  // `note` and `shape.name` share a place.
  const unsigned note = 10;
  auto words = everything_with(note, struct_pointer(behind_root(note), 1, 0), {1});
  EXPECT_FALSE(error_of<Everything>(framed(words))) << "the first member is active: none";
  std::vector<uint64_t> data(words);
  auto with_note = compose<Everything>(*pool_);
  with_note->setNote("");
  std::memcpy(&data[1], with_note.block()->words + 1, Everything::_capnpPrivate::dataWordSize * 8);
  EXPECT_NE(refused<Everything>(framed(data)).find("(Everything.note) should lead to a text"),
            std::string::npos);
}

TEST_F(PointerGraphTest, DepthIsLimited) {
  auto nested = [](unsigned depth) {
    std::vector<uint64_t> words;
    for (unsigned i = 0; i < depth; ++i) words.push_back(struct_pointer(0, 0, 1));
    words.push_back(0);
    return framed(words);
  };
  EXPECT_FALSE(error_of<Tree>(nested(64)));
  const Error error = error_of<Tree>(nested(65));
  EXPECT_EQ(error.code(), Code::message_too_large);
  EXPECT_EQ(error.message(),
            "Tree: the pointer at byte 520 (Tree.left) is deeper than depth_max = 64");
  ForeignLimits limits;
  limits.depth_max = 3;
  EXPECT_FALSE(error_of<Tree>(nested(3), limits));
  EXPECT_EQ(error_of<Tree>(nested(4), limits).code(), Code::message_too_large);
  limits.depth_max = UINT32_MAX;
  EXPECT_FALSE(error_of<Tree>(nested(1 << 20), limits)) << "the check itself needs no stack";
}

TEST_F(PointerGraphTest, CyclesAreTooDeepOrTooMuch) {
  EXPECT_EQ(refused<Tree>(framed({struct_pointer(0, 0, 1), struct_pointer(-1, 0, 1)}),
                          Code::message_too_large),
            "Tree: the pointer at byte 16 (Tree.left) is deeper than depth_max = 64");
  // Each word of a node leads to the node again: 2^64 ways through it.
  EXPECT_NE(refused<Tree>(framed({struct_pointer(0, 0, 2), struct_pointer(-1, 0, 2),
                                  struct_pointer(-2, 0, 2)}),
                          Code::message_too_large)
                .find("depth_max"),
            std::string::npos);
  ForeignLimits limits;
  limits.depth_max = 1000;
  limits.traversal_words_max = 900;
  EXPECT_NE(error_of<Tree>(framed({struct_pointer(0, 0, 2), struct_pointer(-1, 0, 2),
                                   struct_pointer(-2, 0, 2)}),
                           limits)
                .message()
                .find("more than traversal_words_max = 900"),
            std::string::npos);
}

TEST_F(PointerGraphTest, LoopsOfFarPointersAreRefused) {
  EXPECT_NE(refused<Tree>(framed({far_pointer(0, 0)})).find("to another far pointer"),
            std::string::npos);
  EXPECT_NE(refused<Tree>(framed_segments({{far_pointer(0, 1)}, {far_pointer(0, 0)}}))
                .find("to another far pointer"),
            std::string::npos);
  EXPECT_NE(refused<Tree>(framed({far_pointer(1, 0, true), far_pointer(1, 0, true), 0}))
                .find("that is no far pointer"),
            std::string::npos);
  EXPECT_NE(refused<Tree>(framed({far_pointer(1, 0, true), far_pointer(1, 0), far_pointer(1, 0)}))
                .find("to another far pointer"),
            std::string::npos);
}

TEST_F(PointerGraphTest, ManyPointersToOneListAreTooMuch) {
  // 1,000 lists of texts, each of them the same list of 10,000 words.
  std::vector<uint64_t> words{struct_pointer(0, 0, 4), 0, 0, 0, list_pointer(0, 6, 1000)};
  for (int64_t i = 0; i < 1000; ++i) words.push_back(list_pointer(999 - i, 5, 10000));
  words.resize(words.size() + 10000);
  EXPECT_NE(refused<Corner>(framed(words), Code::message_too_large).find("traversal_words_max"),
            std::string::npos);
  // In more than one segment it would have to be copied as many times.
  words.assign({struct_pointer(0, 0, 4), 0, 0, 0, list_pointer(0, 6, 100)});
  for (int64_t i = 0; i < 100; ++i) words.push_back(list_pointer(99 - i, 5, 10000));
  words.resize(words.size() + 10000);
  EXPECT_FALSE(error_of<Corner>(framed(words)));
  EXPECT_NE(refused<Corner>(framed_segments({words, {0}}), Code::message_too_large)
                .find("share what they lead to"),
            std::string::npos);
}

TEST_F(PointerGraphTest, ElementsWithoutASizeCountAsWork) {
  const uint64_t many = 0x1fffffff;
  EXPECT_NE(refused<Corner>(framed({struct_pointer(0, 0, 1), list_pointer(0, 0, many)}),
                            Code::message_too_large)
                .find("traversal_words_max = 8388608"),
            std::string::npos);
  EXPECT_NE(refused<Corner>(framed({struct_pointer(0, 0, 1), list_pointer(0, 7, 0), many << 2}),
                            Code::message_too_large)
                .find("traversal_words_max"),
            std::string::npos);
}

}  // namespace
}  // namespace isola
