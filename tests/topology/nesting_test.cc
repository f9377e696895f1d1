// What is nested too deep is refused before anything recurses into it.
#include <isola/tools/topology/nesting.h>

#include <gtest/gtest.h>

#include <string>

namespace isola::topology {
namespace {

std::string faults_in(std::string text) {
  Faults faults;
  const bool passed = check_nesting(faults.add_source("t", std::move(text)), faults);
  EXPECT_EQ(passed, faults.empty());
  const std::string shown = faults.text();
  return shown.substr(0, shown.find('\n'));
}

// `part` so many times, between two other texts.
std::string repeated(const char* before, const char* part, int times, const char* after = "") {
  std::string out = before;
  for (int i = 0; i < times; ++i) out += part;
  return out += after;
}

TEST(Nesting, OfATopologyPasses) {
  EXPECT_EQ(faults_in("[actors.reader]\nargs.limits.most = [[1], [2.5]] # a.b.c.d\n"), "");
  EXPECT_EQ(faults_in(repeated("", "a.", 15, "a = 1")), "");
  EXPECT_EQ(faults_in(repeated("a = ", "[", 64)), "");
  EXPECT_EQ(faults_in(repeated("", "[a]\n", 1000)), "");
}

TEST(Nesting, OfDottedKeysIsBounded) {
  EXPECT_EQ(faults_in(repeated("x = 1\n", "a.", 16, "a = 1")),
            "t:2:32: error: a key of more than 16 parts");
  EXPECT_EQ(faults_in(repeated("[", "a . ", 500'000, "a]")),
            "t:1:64: error: a key of more than 16 parts");
  EXPECT_EQ(faults_in(repeated("", "\"a\".'b'.", 8, "a = 1")),
            "t:1:64: error: a key of more than 16 parts");
}

TEST(Nesting, OfBracketsIsBounded) {
  EXPECT_EQ(faults_in(repeated("a = ", "[", 65)),
            "t:1:69: error: more than 64 brackets in brackets");
  EXPECT_EQ(faults_in(repeated("a = ", "{a=[", 33)),
            "t:1:133: error: more than 64 brackets in brackets");
}

TEST(Nesting, CountsNothingInStringsAndComments) {
  const std::string dots = repeated("", "a.", 100);
  for (const char* mark : {"\"", "'", "\"\"\"", "'''"})
    EXPECT_EQ(faults_in(repeated("a = ", mark, 1, dots.c_str()) + mark), "") << mark;
  EXPECT_EQ(faults_in(repeated("a = \"\"\"\n", "a.\n\\\"\"\"", 100, "\"\"\"")), "");
  EXPECT_EQ(faults_in(repeated("# ", "a.[", 100)), "");
  EXPECT_EQ(faults_in(repeated("a = \"", "[\\\"[", 100, "\"")), "");
}

TEST(Nesting, GoesOnBehindStrings) {
  const std::string dots = repeated("", "a.", 16);
  // Two more marks may belong to a long string, before its end.
  for (const char* text :
       {"\"x\"", "''", "'x\\'", "\"\\\"\"", "\"\"\"\"\"\"", "\"\"\"x\"\"\"\"\"", "'''x''''"})
    EXPECT_NE(faults_in(std::string(text).append(", ").append(dots)), "") << text;
  EXPECT_NE(faults_in(repeated("a = \"no end\n", "a.", 16)), "");
}

}  // namespace
}  // namespace isola::topology
