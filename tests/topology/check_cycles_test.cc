// Actors that wait for each other to end are found, unless the file says that it is meant.
#include <isola/tools/topology/check.h>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using test::faults_of;

// Actors of type test.Loop, each with the channels that it receives from and sends to.
struct Loop {
  const char* name;
  const char* in;
  const char* out;
};

std::string faults_of_loops(const std::vector<Loop>& loops, const std::string& channels) {
  std::string text;
  for (const auto& [name, in, out] : loops)
    text += "actors." + std::string(name) + " = { type = \"test.Loop\", ports = { in = \"" + in +
            "\", out = \"" + out + "\" } }\n";
  return faults_of(text + channels);
}

// Only the chains.
std::vector<std::string> chains_of(const std::vector<Loop>& loops, const std::string& channels) {
  const std::string text = faults_of_loops(loops, channels);
  std::vector<std::string> chains;
  const std::string mark = "error: cycle: ";
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    at += mark.size();
    chains.push_back(text.substr(at, text.find(';', at) - at));
  }
  return chains;
}

using Chains = std::vector<std::string>;

TEST(Cycles, OfOneActorAreFound) {
  EXPECT_EQ(faults_of_loops({{"x", "a", "a"}}, "channels.a = {}\n"), expected(R"(
t.toml:1:60: error: cycle: x -> x; a channel that leads back must say feedback = true
  actors.x = { type = "test.Loop", ports = { in = "a", out = "a" } }
                                                             ^~~
)"));
}

TEST(Cycles, AreFoundBehindTheirEntry) {
  // A source feeds x, which feeds y, which feeds x.
  const std::string source = "actors.s = { type = \"test.Source\", ports.out = \"a\" }\n";
  EXPECT_EQ(
      chains_of({{"x", "a", "b"}, {"y", "b", "a"}}, source + "channels.a = {}\nchannels.b = {}\n"),
      (Chains{"x -> y -> x"}));
}

TEST(Cycles, AreFoundWhenTheSinkIsElsewhere) {
  const std::string rest =
      "actors.d = { type = \"test.Drain\", ports.in = \"b\" }\n"
      "channels.a = {}\nchannels.b = {}\nchannels.c = {}\n";
  const std::vector<Loop> loops = {{"x", "a", "b"}, {"y", "b", "c"}, {"z", "c", "a"}};
  EXPECT_EQ(chains_of(loops, rest), (Chains{"x -> y -> z -> x"}));
  EXPECT_EQ(chains_of(loops, rest), chains_of(loops, rest));
}

TEST(Cycles, AreAllFound) {
  EXPECT_EQ(chains_of({{"x", "a", "b"}, {"y", "b", "a"}, {"v", "c", "d"}, {"w", "d", "c"}},
                      "channels = { a = {}, b = {}, c = {}, d = {} }\n"),
            (Chains{"x -> y -> x", "v -> w -> v"}));
}

TEST(Cycles, ThatSayFeedbackAreMeant) {
  const std::vector<Loop> loops = {{"x", "a", "b"}, {"y", "b", "a"}};
  EXPECT_EQ(chains_of(loops, "channels = { a = { feedback = true }, b = {} }\n"), Chains());
  EXPECT_EQ(chains_of(loops, "channels = { a = {}, b = { feedback = true } }\n"), Chains());
  EXPECT_EQ(chains_of(loops, "channels = { a = {}, b = { feedback = false } }\n"),
            (Chains{"x -> y -> x"}));
}

TEST(Cycles, AreNoPathsThatPartAndJoinAgain) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "a" }
actors.x = { type = "test.Middle", ports = { in = "a", out = "b" } }
actors.y = { type = "test.Middle", ports = { in = "a", out = "b" } }
actors.z = { type = "test.Middle", ports = { in = "b", out = "c" } }
actors.d = { type = "test.Drain", ports.in = "c" }
channels = { a = {}, b = {}, c = {} }
)"),
            "");
}

TEST(Cycles, ThatAreLongAreShownInPart) {
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += "actors.a" + std::to_string(i) + " = { type = \"test.Loop\", ports = { in = \"c" +
            std::to_string(i) + "\", out = \"c" + std::to_string((i + 1) % 3000) +
            "\" } }\nchannels.c" + std::to_string(i) + " = {}\n";
  const std::string shown = faults_of(text);
  EXPECT_TRUE(shown.starts_with(
      "t.toml:5999:68: error: cycle: a0 -> a1 -> a2 -> a3 -> a4 -> a5 -> a6 -> a7 -> a8 -> a9 -> "
      "… -> a2990 -> a2991 -> a2992 -> a2993 -> a2994 -> a2995 -> a2996 -> a2997 -> a2998 -> "
      "a2999 -> a0; a channel that leads back must say feedback = true\n"))
      << shown;
}

}  // namespace
}  // namespace isola::topology
