// What a file gives for an actor is written into its Cap'n Proto struct, or refused with a reason.
#include <isola/tools/topology/arguments.h>

#include <capnp/message.h>
#include <gtest/gtest.h>

#include <string>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using ArgsMessage = capnp::MallocMessageBuilder;

test::Args::Reader write(ArgsMessage& message, Faults& faults, const std::string& text) {
  auto args = message.initRoot<test::Args>();
  write_arguments(parse_toml(faults.add_source("t", text), faults), "Type", args, faults);
  return args;
}

std::string faults_in(const std::string& text) {
  ArgsMessage message;
  Faults faults;
  (void)write(message, faults, text);
  return faults.text();
}

// Only the message of the one fault.
std::string fault_in(const std::string& text) {
  const std::string all = faults_in(text);
  const size_t begin = all.find("error: ") + 7;
  return all.substr(begin, all.find('\n') - begin);
}

TEST(Arguments, OfEveryKindAreWritten) {
  ArgsMessage message;
  Faults faults;
  const auto args = write(message, faults, expected(R"(
text = "téxt"
int8 = -128
uint8 = 255
int64 = -9223372036854775808
uint64 = 9223372036854775807
float32 = 1.5
float64 = 3
boolean = true
colour = "darkBlue"
texts = ["a", "", "ccc"]
matrix = [[1, 2], [], [3]]
limits = { least = -5 }
parts = [{ least = 1 }, { most = 2 }]
data = "bytes"
colours = ["green", "red"]
port = 80
)"));
  EXPECT_EQ(faults.text(), "");
  EXPECT_STREQ(args.getText().cStr(), "téxt");
  EXPECT_EQ(args.getInt8(), -128);
  EXPECT_EQ(args.getUint8(), 255);
  EXPECT_EQ(args.getInt64(), INT64_MIN);
  EXPECT_EQ(args.getUint64(), uint64_t{INT64_MAX});
  EXPECT_EQ(args.getFloat32(), 1.5f);
  EXPECT_EQ(args.getFloat64(), 3.0);
  EXPECT_TRUE(args.getBoolean());
  EXPECT_EQ(args.getColour(), test::Colour::DARK_BLUE);
  ASSERT_EQ(args.getTexts().size(), 3u);
  EXPECT_STREQ(args.getTexts()[2].cStr(), "ccc");
  ASSERT_EQ(args.getMatrix().size(), 3u);
  EXPECT_EQ(args.getMatrix()[0][1], 2);
  EXPECT_EQ(args.getMatrix()[1].size(), 0u);
  EXPECT_EQ(args.getLimits().getLeast(), -5);
  EXPECT_EQ(args.getLimits().getMost(), 7) << "its default";
  ASSERT_EQ(args.getParts().size(), 2u);
  EXPECT_EQ(args.getParts()[1].getMost(), 2);
  EXPECT_EQ(args.getData().size(), 5u);
  EXPECT_EQ(args.getColours()[0], test::Colour::GREEN);
  ASSERT_TRUE(args.isPort());
  EXPECT_EQ(args.getPort(), 80);
}

TEST(Arguments, ThatAreUnknownAreFaults) {
  EXPECT_EQ(faults_in("txet = \"x\"\n[limits]\nmots = 3\n"), expected(R"(
t:1:1: error: type "Type" has no argument "txet"; did you mean "text"?
  txet = "x"
  ^~~~
t:3:1: error: argument "limits" has no argument "mots"; did you mean "most"?
  mots = 3
  ^~~~
)"));
  EXPECT_EQ(fault_in("limits = { a = 1 }"),
            "argument \"limits\" has no argument \"a\"; it has \"least\" and \"most\"");
  EXPECT_EQ(fault_in("parts = [{}, { a = 1 }]"),
            "argument \"parts[1]\" has no argument \"a\"; it has \"least\" and \"most\"");
  EXPECT_EQ(fault_in("\"text\\u0000\" = 1"),
            "type \"Type\" has no argument \"text\\x00\"; did you mean \"text\"?");
}

TEST(Arguments, OutOfRangeAreFaults) {
  EXPECT_EQ(faults_in("int8 = 128"), expected(R"(
t:1:8: error: argument "int8" must be an integer from -128 to 127, not 128
  int8 = 128
         ^~~
)"));
  EXPECT_EQ(fault_in("int8 = -129"),
            "argument \"int8\" must be an integer from -128 to 127, not -129");
  EXPECT_EQ(fault_in("uint8 = -1"), "argument \"uint8\" must be an integer from 0 to 255, not -1");
  EXPECT_EQ(fault_in("uint8 = 256"),
            "argument \"uint8\" must be an integer from 0 to 255, not 256");
  EXPECT_EQ(fault_in("uint64 = -1"),
            "argument \"uint64\" must be an integer from 0 to 9223372036854775807, not -1");
  EXPECT_EQ(fault_in("port = 65536"),
            "argument \"port\" must be an integer from 0 to 65535, not 65536");
  EXPECT_EQ(fault_in("float32 = 1e300"), "argument \"float32\" must be a number, not 1e+300");
  EXPECT_EQ(fault_in("matrix = [[1], [2, 300]]"),
            "argument \"matrix[1][1]\" must be an integer from 0 to 255, not 300");
  EXPECT_EQ(fault_in("parts = [{ least = 2147483648 }]"),
            "argument \"parts[0].least\" must be an integer from -2147483648 to 2147483647, not "
            "2147483648");
}

TEST(Arguments, OfAWrongKindAreFaults) {
  EXPECT_EQ(fault_in("text = 5"), "argument \"text\" must be text, not 5");
  EXPECT_EQ(fault_in("text = true"), "argument \"text\" must be text, not true");
  EXPECT_EQ(fault_in("int8 = \"5\""),
            "argument \"int8\" must be an integer from -128 to 127, not the text \"5\"");
  EXPECT_EQ(fault_in("int8 = 5.0"), "argument \"int8\" must be an integer from -128 to 127, not 5");
  EXPECT_EQ(fault_in("boolean = 1"), "argument \"boolean\" must be true or false, not 1");
  EXPECT_EQ(fault_in("float64 = 12:00:00"),
            "argument \"float64\" must be a number, not a date or time");
  EXPECT_EQ(fault_in("texts = \"a\""),
            "argument \"texts\" must be a list, each item text, not the text \"a\"");
  EXPECT_EQ(fault_in("texts = [\"a\", 5]"), "argument \"texts[1]\" must be text, not 5");
  EXPECT_EQ(fault_in("texts = {}"),
            "argument \"texts\" must be a list, each item text, not a table");
  EXPECT_EQ(fault_in("matrix = [1]"),
            "argument \"matrix[0]\" must be a list, each item an integer from 0 to 255, not 1");
  EXPECT_EQ(fault_in("limits = []"), "argument \"limits\" must be a table, not a list");
  EXPECT_EQ(fault_in("parts = [5]"), "argument \"parts[0]\" must be a table, not 5");
  EXPECT_EQ(fault_in("pointer = 5"),
            "argument \"pointer\" must be left out: a file can't give it, not 5");
  EXPECT_EQ(fault_in("text = \"a\\u0000b\""), "argument \"text\" has a zero character");
}

TEST(Arguments, ThatAreNoEnumerantAreFaults) {
  EXPECT_EQ(fault_in("colour = \"gren\""),
            "argument \"colour\" must be one of \"red\", \"green\" and \"darkBlue\", not the text "
            "\"gren\"; did you mean \"green\"?");
  EXPECT_EQ(fault_in("colour = 1"),
            "argument \"colour\" must be one of \"red\", \"green\" and \"darkBlue\", not 1");
  EXPECT_EQ(fault_in("colours = [\"red\", \"blue\"]"),
            "argument \"colours[1]\" must be one of \"red\", \"green\" and \"darkBlue\", not the "
            "text \"blue\"");
}

TEST(Arguments, OfOneUnionExcludeEachOther) {
  EXPECT_EQ(faults_in("path = \"a\"\nport = 5"), expected(R"(
t:2:1: error: argument "port" excludes "path": give one of them
  port = 5
  ^~~~
)"));
}

// As `--set a.KEY=TEXT` gives it.
std::string set(ArgsMessage& message, const std::string& key, const std::string& text) {
  Faults faults;
  Value table;
  table.kind = Value::Kind::table;
  const Place place{&faults.add_source("--set", text), 1, 1, 1};
  table.entries.push_back({key, place, parse_setting(text, place)});
  write_arguments(table, "Type", message.initRoot<test::Args>(), faults);
  return faults.text();
}

TEST(Arguments, OfTheCommandLineNeedNoQuotationMarksAndBrackets) {
  ArgsMessage message;
  EXPECT_EQ(set(message, "text", "5"), "");
  EXPECT_STREQ(message.getRoot<test::Args>().getText().cStr(), "5");
  ArgsMessage second;
  EXPECT_EQ(set(second, "texts", "/a/b"), "");
  ASSERT_EQ(second.getRoot<test::Args>().getTexts().size(), 1u);
  EXPECT_STREQ(second.getRoot<test::Args>().getTexts()[0].cStr(), "/a/b");
  ArgsMessage third;
  EXPECT_EQ(set(third, "texts", "[\"a\", \"b\"]"), "");
  EXPECT_EQ(third.getRoot<test::Args>().getTexts().size(), 2u);
  ArgsMessage fourth;
  EXPECT_EQ(set(fourth, "parts", "{least = 4}"), "");
  EXPECT_EQ(fourth.getRoot<test::Args>().getParts()[0].getLeast(), 4);
  ArgsMessage fifth;
  EXPECT_EQ(set(fifth, "int8", "x"),
            "--set:1:1: error: argument \"int8\" must be an integer from "
            "-128 to 127, not the text \"x\"\n  x\n  ^\n");
}

}  // namespace
}  // namespace isola::topology
