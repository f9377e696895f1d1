// Whatever is in a file, reading it ends with a fault that has a place, and never otherwise.
#include <isola/tools/topology/check.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "behaviours.h"

namespace isola::topology {
namespace {

constexpr const char* kGood = R"(# A good one.
[topology]
name = "farm"
[actors.source]
type = "test.Source"
args = { int64 = 3, texts = ["a", 'b'], limits = { least = -1 }, text = """
x""" }
ports = { out = "items" }
[actors.drain]
type = "test.Drain"
replicas = 2
ports.in = "items"
[channels.items]
message = "Item"
capacity = 1_000
partition_by = "text"
feedback = false
)";

uint64_t seed() {
  const char* given = std::getenv("ISOLA_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20240229;
}

// Reads `text` as a file would be, for its faults.
std::string faults_of_bytes(const std::string& text) {
  Faults faults;
  Topology topology;
  // As read_source does, without the disk.
  static const std::string path = testing::TempDir() + "isola-rubbish-" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary) << text;
  const Source* source = read_source(path, faults);
  if (source != nullptr) topology = read_topology(parse_toml(*source, faults), faults);
  (void)check(topology, test::registry(), faults);
  std::remove(path.c_str());
  std::string shown = faults.text();
  for (size_t at = shown.find(path); at != std::string::npos; at = shown.find(path, at))
    shown.replace(at, path.size(), "t");
  return shown;
}

// "t:LINE:COLUMN: error: "
bool begins_with_place(const std::string& shown) {
  unsigned line = 0;
  unsigned column = 0;
  int end = 0;
  const int read = std::sscanf(shown.c_str(), "t:%u:%u: error: %n", &line, &column, &end);
  return read == 2 && end > 0 && line > 0 && column > 0;
}

// Every fault has its place, and nothing that a terminal would obey.
void expect_faults(const std::string& text, const std::string& what) {
  const std::string shown = faults_of_bytes(text);
  EXPECT_TRUE(begins_with_place(shown)) << what << '\n' << shown;
  for (const char c : shown)
    ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << what << '\n' << shown;
}

TEST(Rubbish, StartsFromAGoodTopology) { EXPECT_EQ(faults_of_bytes(kGood), ""); }

TEST(Rubbish, OfRandomBytesIsAFault) {
  std::mt19937_64 random(seed());
  SCOPED_TRACE("ISOLA_SEED=" + std::to_string(seed()));
  for (int round = 0; round < 300; ++round) {
    std::string text(1 + random() % 500, '\0');
    for (char& c : text) c = static_cast<char>(random());
    text[0] = '=';  // random bytes that begin a comment may be good
    expect_faults(text, fmt::format("round {}", round));
  }
}

TEST(Rubbish, OfRandomTomlIsAFault) {
  constexpr const char* kParts[] = {
      "[",          "]",    "{",   "}",      "=",        ".",    ",",    "\n",    "\"",
      "'",          "\\",   "#",   "actors", "channels", "type", "args", "ports", "a",
      "1",          "-",    "e5",  "0x",     "\"\"\"",   "'''",  " ",    "\t",    "\r",
      "1979-05-27", "true", "inf", "é",      "\\u12",    "[[",   "]]",   "_",     ":"};
  std::mt19937_64 random(seed());
  SCOPED_TRACE("ISOLA_SEED=" + std::to_string(seed()));
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t parts = 1 + random() % 60; parts > 0; --parts)
      text += kParts[random() % std::size(kParts)];
    expect_faults(text, text);
  }
}

TEST(Rubbish, OfAFileThatIsCutAnywhereIsAFault) {
  const std::string good = kGood;
  const size_t complete = good.find("\nmessage") + 1;
  for (size_t bytes = 0; bytes < complete; ++bytes) {
    // Up to here the channel, and with it the whole, is not there or not whole.
    if (good.substr(0, bytes).ends_with("[channels.items]")) continue;
    expect_faults(good.substr(0, bytes), fmt::format("cut at {}", bytes));
  }
  // From here on it is whole, or ends within a value; both may be read.
  for (size_t bytes = complete; bytes < good.size(); ++bytes)
    (void)faults_of_bytes(good.substr(0, bytes));
}

TEST(Rubbish, OfOneChangedByteIsReadToTheEnd) {
  const std::string good = kGood;
  std::mt19937_64 random(seed());
  SCOPED_TRACE("ISOLA_SEED=" + std::to_string(seed()));
  for (size_t at = 0; at < good.size(); ++at) {
    std::string text = good;
    text[at] = static_cast<char>(random());
    (void)faults_of_bytes(text);
    text[at] = "[]{}=.,\"'#\n\\"[random() % 12];
    (void)faults_of_bytes(text);
  }
}

TEST(Rubbish, OfDeepNestingIsAFault) {
  for (const char* part : {"[", "{", "[[", "{a=", "[{a=", "a.", "\"a\".", "a . ", "'a'.[", "(("}) {
    for (const char* before : {"a = ", "", "["}) {
      std::string text = before;
      while (text.size() < 900'000) text += part;
      expect_faults(text, part);
    }
  }
}

TEST(Rubbish, OfHugeNumbersIsAFault) {
  for (const char* key : {"capacity", "feedback", "message"})
    for (const char* number : {"99999999999999999999", "-99999999999999999999", "1e999999", "inf",
                               "9223372036854775807", "0xffffffffffffffffffff", "nan", "-0"})
      for (const size_t digits : {0, 1, 100, 100'000}) {
        const std::string line = fmt::format("{} = {}{}\n", key, number, std::string(digits, '1'));
        expect_faults(fmt::format("{}[channels.more]\n{}", kGood, line), line);
      }
}

TEST(Rubbish, OfManyFaultsIsReadInTime) {
  std::string unknown_keys;
  for (int i = 0; unknown_keys.size() < 300'000; ++i) unknown_keys += fmt::format("key{}=1\n", i);
  expect_faults(unknown_keys, "unknown keys");
  std::string one_line = "actors = { ";
  for (int i = 0; one_line.size() < 300'000; ++i) one_line += fmt::format("a{} = 1, ", i);
  expect_faults(one_line + "z = 1 }", "faults in one line");
  std::string names;
  for (int i = 0; names.size() < 300'000; ++i)
    names += fmt::format(
        "actors.a{0} = {{ type = \"test.Drain\", ports.in = \"x{0}\" }}\n"
        "channels.y{0} = {{}}\n",
        i);
  expect_faults(names, "unknown channels");
}

}  // namespace
}  // namespace isola::topology
