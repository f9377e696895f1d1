// Messages as JSON and as Cap'n Proto's own text.
#include <isola/serialization/schema_text.h>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Corner;
using test::Everything;
using test::Tree;

class SchemaTextTest : public test::ForeignTest {};

TEST_F(SchemaTextTest, AMessageIsPrintedAsItIsWritten) {
  auto tree = compose<Tree>(*pool_);
  tree->setLeaf(-7);
  tree->initRight().setLeaf(1);
  EXPECT_EQ(to_text(tree).value, "(right = (leaf = 1), leaf = -7)");
  EXPECT_EQ(to_json(tree).value, R"({"right":{"leaf":"1"},"leaf":"-7"})");
  auto large = test::everything(*pool_, 1, 1, false);
  for (const Layout layout : {Layout::one_line, Layout::pretty}) {
    EXPECT_EQ(to_text(large, layout).value.find('\n') != std::string::npos,
              layout == Layout::pretty);
    EXPECT_EQ(to_json(large, layout).value.find('\n') != std::string::npos,
              layout == Layout::pretty);
  }
  Delivery<Tree> delivery(std::move(tree));
  EXPECT_EQ(to_text(delivery).value, "(right = (leaf = 1), leaf = -7)");
  EXPECT_EQ(print(*delivery.block()), to_text(delivery).value);
}

TEST_F(SchemaTextTest, AMessageThatGrewIsPrintedWhole) {
  auto message = test::everything(*pool_, 5, 4);
  ASSERT_NE(message.block()->more_segments, nullptr);
  const std::string text = to_text(message).value;
  auto bytes = write_message(message).value;
  EXPECT_EQ(to_text(read_message<Everything>(*pool_, bytes).value).value, text);
}

TEST_F(SchemaTextTest, JsonBecomesAMessageAgain) {
  auto [tree, error] =
      from_json<Tree>(*pool_, R"({"left": {"leaf": "9007199254740993"}, "leaf": -7})");
  ASSERT_FALSE(error) << error;
  EXPECT_EQ(tree->getLeft().getLeaf(), 9007199254740993);
  EXPECT_EQ(tree->getLeaf(), -7);
  for (int round = 0; round < 3; ++round) {
    auto [corner, corner_error] = from_json<Corner>(*pool_, R"({"y": 2.5})");
    ASSERT_FALSE(corner_error) << corner_error;
    EXPECT_EQ(corner->getX(), 0);
    EXPECT_EQ(corner->getY(), 2.5);
    corner->setX(1);
  }
  for (unsigned seed = 0; seed < 20; ++seed) {
    auto message = test::everything(*pool_, seed, 1, false);
    const std::string json = to_json(message).or_raise();
    auto [again, again_error] = from_json<Everything>(*pool_, json);
    ASSERT_FALSE(again_error) << again_error << "\n" << json;
    EXPECT_EQ(to_json(again).value, json);
  }
}

TEST_F(SchemaTextTest, ATypeThatIsKnownByNameIsMadeFromJson) {
  register_message<Corner>();
  auto [type, unknown] = find_message(*pool_, "Corner");
  ASSERT_FALSE(unknown) << unknown;
  auto [corner, error] = from_json(*pool_, *type, R"({"x": 1})");
  ASSERT_FALSE(error) << error;
  EXPECT_EQ(print(*corner.block()), "(x = 1, y = 0)");
}

TEST_F(SchemaTextTest, WhatIsNoJsonForTheTypeIsAnError) {
  for (const char* json :
       {"", "{", "[]", "7", R"({"leaf": "x"})", R"({"leaf": 1)", R"({"leaf": 1}})", R"({"no": 1})",
        R"({"left": 5})", R"({"leaf": 1e400})", "{\"leaf\": \"\\ud800\"", "nul",
        R"({"leaf": 0x10})"}) {
    auto [tree, error] = from_json<Tree>(*pool_, json);
    EXPECT_EQ(error.code(), Code::bad_message) << json;
    EXPECT_FALSE(tree);
  }
  EXPECT_EQ(from_json<Tree>(*pool_, std::string(100000, '[')).err.code(), Code::bad_message);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += R"({"left":)";
  EXPECT_EQ(from_json<Tree>(*pool_, deep).err.code(), Code::bad_message);
  EXPECT_EQ(from_json<Tree>(*pool_, std::string(kJsonBytesMax + 1, ' ')).err.code(),
            Code::message_too_large);
}

TEST_F(SchemaTextTest, WhatHasNoJsonFormIsAnError) {
  auto message = compose<Everything>(*pool_);
  message->getAny().setAs<capnp::Text>("anything");
  auto [json, error] = to_json(message);
  EXPECT_EQ(error.code(), Code::invalid_argument);
  EXPECT_NE(error.message().find("AnyPointer"), std::string::npos) << error;
  EXPECT_NE(to_text(message).value.find("<opaque pointer>"), std::string::npos);
}

}  // namespace
}  // namespace isola
