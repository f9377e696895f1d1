// Message types by name and by id, and generic ones that share an id.
#include <isola/serialization/registry.h>

#include <algorithm>
#include <thread>

#include "foreign_support.h"

namespace isola {
namespace {

using capnp::Data;
using capnp::List;
using capnp::Text;
using test::Box;
using test::Corner;
using test::ForeignTest;
using test::Tree;

const std::string kFile = "tests/serialization/schemas/foreign_test.capnp:";

TEST(MessageType, NamesWhatItsParametersAreBoundTo) {
  EXPECT_EQ(message_type<Corner>.name(), "Corner");
  EXPECT_EQ(message_type<Box<Text>>.name(), "Box(Text)");
  EXPECT_EQ(message_type<Box<Data>>.name(), "Box(Data)");
  EXPECT_EQ(message_type<Box<List<int32_t>>>.name(), "Box(List(Int32))");
  EXPECT_EQ(message_type<Box<Box<Corner>>>.name(), "Box(Box(Corner))");
  EXPECT_EQ(message_type<Box<Text>::Lid>.name(), "Lid(Text)");
  EXPECT_EQ(message_type<Box<Text>>.full_name(), kFile + "Box(Text)");
  EXPECT_EQ(message_type<Box<Text>::Lid>.full_name(), kFile + "Box.Lid(Text)");
  EXPECT_NE(&message_type<Box<Text>>, &message_type<Box<Data>>);
  EXPECT_EQ(message_type<Box<Text>>.id, message_type<Box<Data>>.id);
}

class RegistryTest : public ForeignTest {};

TEST_F(RegistryTest, ATypeIsFoundByItsNamesAndItsId) {
  const MessageType& tree = register_message<Tree>();
  EXPECT_EQ(&tree, &message_type<Tree>);
  EXPECT_EQ(find_message(*pool_, "Tree").value, &tree);
  EXPECT_EQ(find_message(*pool_, kFile + "Tree").value, &tree);
  EXPECT_EQ(find_message(*pool_, message_type<Tree>.id).value, &tree);
  const Error error = find_message(*pool_, "NoSuchType").err;
  EXPECT_EQ(error.code(), Code::unknown_type);
  EXPECT_EQ(error.message(), "no message type is registered with the name 'NoSuchType'");
  EXPECT_EQ(find_message(*pool_, uint64_t{1}).err.message(),
            "no message type is registered with the id 0x0000000000000001");
}

TEST_F(RegistryTest, InstancesOfAGenericStructAreDistinct) {
  register_message<Box<Text>>();
  register_message<Box<Data>>();
  register_message<Box<Text>>();
  EXPECT_EQ(find_message(*pool_, "Box(Text)").value, &message_type<Box<Text>>);
  EXPECT_EQ(find_message(*pool_, "Box(Data)").value, &message_type<Box<Data>>);
  EXPECT_EQ(
      find_message(*pool_, message_type<Box<Text>>.id).err.message(),
      "several message types have the id 0x" +
          [] {
            char hex[17];
            std::snprintf(hex, sizeof hex, "%016llx",
                          static_cast<unsigned long long>(message_type<Box<Text>>.id));
            return std::string(hex);
          }() +
          ": " + kFile + "Box(Data), " + kFile + "Box(Text)");
  const auto all = registered_messages();
  EXPECT_EQ(std::count(all.begin(), all.end(), &message_type<Box<Text>>), 1);
}

TEST_F(RegistryTest, InstancesOfAGenericStructAreCheckedAsWhatTheyAre) {
  auto box = compose<Box<Data>>(*pool_);
  const uint8_t data[] = {'a', 'b'};
  box->setContent(kj::arrayPtr(data, 2));
  auto bytes = write_message(box).value;
  EXPECT_TRUE(read_message<Box<Data>>(*pool_, bytes).ok());
  EXPECT_EQ(read_message<Box<Text>>(*pool_, bytes).err.message(),
            "Box(Text): the pointer at byte 16 (Box.content) leads to a text without its final "
            "zero");
  EXPECT_EQ(print(*read_message<Box<Data>>(*pool_, bytes).value.block()), "(content = \"ab\")");
}

TEST_F(RegistryTest, KeptBlocksOfGenericTypesAreKeptApart) {
  // They share one id of a schema, so their blocks are told apart by the MessageType.
  static_assert(message_type<Box<Text>>.id == message_type<Box<Corner>>.id);
  for (int round = 0; round < 20; ++round) {
    auto text = compose<Box<Text>>(*pool_);
    EXPECT_FALSE(text->hasContent());
    text->setContent("text");
    auto number = compose<Box<Corner>>(*pool_);
    EXPECT_FALSE(number->hasContent());
    number->initContent().setX(2);
    EXPECT_EQ(print(*text.block()), "(content = \"text\")");
    EXPECT_EQ(print(*number.block()), "(content = (x = 2, y = 0))");
  }
}

TEST_F(RegistryTest, ManyThreadsRegisterAndLook) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 50; ++round) {
        register_message<Tree>();
        register_message<Corner>();
        // What register_message does only once in a program.
        const auto& tree = detail::add_message(message_type<Tree>, nullptr, nullptr);
        EXPECT_EQ(&tree, &detail::registered_message<Tree>());
        EXPECT_EQ(find_message(*pool_, "Tree").value, &message_type<Tree>);
        EXPECT_FALSE(registered_messages().empty());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto all = registered_messages();
  EXPECT_EQ(std::count(all.begin(), all.end(), &message_type<Corner>), 1);
}

TEST_F(RegistryTest, WhatIsNotRegisteredIsNotRead) {
  static constexpr MessageType copy = message_type<Tree>;
  const Error error = read_message(*pool_, copy, test::framed({0})).err;
  EXPECT_EQ(error.code(), Code::unknown_type);
  EXPECT_EQ(from_json(*pool_, copy, "{}").err.code(), Code::unknown_type);
}

}  // namespace
}  // namespace isola
