// The options of an actor in a topology file: those that there are, and what is wrong with others.
#include <isola/tools/topology/topology.h>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using test::faults_in;
using test::read;

TEST(TopologyOptions, SaysWhatAnActorMayUse) {
  Faults faults;
  const Topology topology = read(faults, expected(R"(
[actors.a]
type = "x"
heap_quota = 65536
inbox_max = 7
[actors.b]
type = "x"
)"));
  EXPECT_EQ(faults.text(), "");
  ASSERT_EQ(topology.actors.size(), 2u);
  EXPECT_EQ(topology.actors[0].heap_quota, 65536u);
  EXPECT_EQ(topology.actors[0].inbox_max, 7u);
  EXPECT_EQ(topology.actors[1].heap_quota, UINT64_MAX);
  EXPECT_EQ(topology.actors[1].inbox_max, 0u) << "the System's";
}

TEST(TopologyOptions, AnOptionIsNeitherMissingNorUnknown) {
  // Covers: API-153
  EXPECT_EQ(
      faults_in(expected(R"(
[actors.a]
pinned = true
[actors.b]
type = "x"
heap_qouta = 4096
handles_signals = true
)")),
      expected(R"(
t.toml:1:9: error: actor "a" has no type
  [actors.a]
          ^
t.toml:5:1: error: actor "b" has no key "heap_qouta"; did you mean "heap_quota"?
  heap_qouta = 4096
  ^~~~~~~~~~
t.toml:6:1: error: actor "b" has no key "handles_signals"; it has "type", )"
               R"("replicas", "dispatcher", "pinned", "priority", "heap_quota", "inbox_max", )"
               R"("accepts", "args" and "ports"
  handles_signals = true
  ^~~~~~~~~~~~~~~
)"));
}

// In lines of their own, so that each has its place.
std::string faults_of_option(const std::string& line) {
  return faults_in("[actors.a]\ntype = \"x\"\n" + line + "\n");
}

TEST(TopologyOptions, ABooleanIsTrueOrFalseAndNothingElse) {
  for (const auto& [value, what] :
       std::vector<std::pair<std::string, std::string>>{{"0", "an integer"},
                                                        {"1", "an integer"},
                                                        {"1.0", "a number"},
                                                        {"\"true\"", "text"},
                                                        {"[true]", "a list"}})
    EXPECT_TRUE(faults_of_option("pinned = " + value)
                    .starts_with("t.toml:3:10: error: \"pinned\" must be true or false, not " +
                                 what + "\n"))
        << faults_of_option("pinned = " + value);
  EXPECT_EQ(faults_of_option("pinned = false"), "");
  EXPECT_NE(faults_of_option("pinned = yes"), "");
}

TEST(TopologyOptions, APriorityIsOneOfThree) {
  EXPECT_EQ(faults_of_option("priority = 2"),
            "t.toml:3:12: error: \"priority\" must be text, not an integer\n"
            "  priority = 2\n             ^\n");
  EXPECT_TRUE(faults_of_option("priority = true")
                  .starts_with("t.toml:3:12: error: \"priority\" must be text, not true or f"));
  EXPECT_EQ(faults_of_option("priority = \"hihg\""),
            "t.toml:3:12: error: \"priority\" must be \"low\", \"normal\" or \"high\", not "
            "\"hihg\"; did you mean \"high\"?\n  priority = \"hihg\"\n             ^~~~~~\n");
  EXPECT_EQ(faults_of_option("priority = \"high\""), "");
}

TEST(TopologyOptions, AcceptedKeysAreAListOfNames) {
  Faults faults;
  const Topology topology = read(faults, expected(R"(
[actors.a]
type = "x"
accepts = ["app.locale", "app.tenant"]
[actors.b]
type = "x"
accepts = []
[actors.c]
type = "x"
)"));
  EXPECT_EQ(faults.text(), "");
  ASSERT_EQ(topology.actors.size(), 3u);
  EXPECT_EQ(topology.actors[0].accepts, AcceptedKeys::named({"app.locale", "app.tenant"}));
  EXPECT_EQ(topology.actors[1].accepts, AcceptedKeys::none());
  EXPECT_EQ(topology.actors[2].accepts, AcceptedKeys());
}

TEST(TopologyOptions, AcceptedKeysThatAreNoNamesAreFaults) {
  EXPECT_EQ(faults_of_option("accepts = \"app.locale\""),
            "t.toml:3:11: error: \"accepts\" must be a list, not text\n"
            "  accepts = \"app.locale\"\n            ^~~~~~~~~~~~\n");
  EXPECT_EQ(faults_of_option("accepts = [\"app.locale\", 7]"),
            "t.toml:3:26: error: \"accepts\" must have names of keys, not an integer\n"
            "  accepts = [\"app.locale\", 7]\n                           ^\n");
  EXPECT_TRUE(faults_of_option("accepts = [\"\"]")
                  .starts_with("t.toml:3:12: error: the name of a key in \"accepts\" is empty\n"));
  EXPECT_TRUE(faults_of_option("accepts = [\"a.b\", \"a.b\"]")
                  .starts_with("t.toml:3:19: error: the key \"a.b\" is in \"accepts\" twice\n"));
  std::string many = "accepts = [\"a\"";
  for (int i = 0; i < 256; ++i) many += ", \"k" + std::to_string(i) + "\"";
  EXPECT_TRUE(faults_of_option(many + "]")
                  .starts_with("t.toml:3:11: error: \"accepts\" has 257 keys; at most 256\n"));
}

TEST(TopologyOptions, ANumberBeyondItsEndsIsAFaultAndNeverWraps) {
  EXPECT_EQ(faults_of_option("inbox_max = 4294967303"),
            "t.toml:3:13: error: \"inbox_max\" must be 1 to 16777216, not 4294967303\n"
            "  inbox_max = 4294967303\n              ^~~~~~~~~~\n");
  EXPECT_TRUE(faults_of_option("inbox_max = 0")
                  .starts_with("t.toml:3:13: error: \"inbox_max\" must be 1 to 16777216,"));
  EXPECT_TRUE(faults_of_option("heap_quota = -1")
                  .starts_with("t.toml:3:14: error: \"heap_quota\" must be 1 to 2814"));
  // One beyond what TOML has at all.
  for (const char* number : {"9223372036854775808", "-9223372036854775809"})
    EXPECT_NE(faults_of_option("heap_quota = " + std::string(number)).find("not valid TOML"),
              std::string::npos);
}

}  // namespace
}  // namespace isola::topology
