// A fault is printed with its place, its line, and a caret.
#include <isola/tools/topology/faults.h>

#include <gtest/gtest.h>

#include <string>

namespace isola::topology {
namespace {

std::string shown(std::string text, uint32_t line, uint32_t column, uint32_t length) {
  Faults faults;
  const Source& source = faults.add_source("t", std::move(text));
  faults.add({&source, line, column, length}, "wrong");
  return faults.text();
}

TEST(Faults, PointAtTheirPlaceInTheLine) {
  EXPECT_EQ(shown("one\ntwo three\n", 2, 5, 5), "t:2:5: error: wrong\n  two three\n      ^~~~~\n");
  EXPECT_EQ(shown("one", 1, 1, 1), "t:1:1: error: wrong\n  one\n  ^\n");
  EXPECT_EQ(shown("one\r\ntwo\r\n", 1, 2, 1), "t:1:2: error: wrong\n  one\n   ^\n");
}

TEST(Faults, PointBehindTheLineWhereSomethingIsMissing) {
  EXPECT_EQ(shown("a =", 1, 4, 1), "t:1:4: error: wrong\n  a =\n     ^\n");
}

TEST(Faults, ShowNoLineWhereThereIsNone) {
  EXPECT_EQ(shown("a\n\nb", 2, 1, 1), "t:2:1: error: wrong\n");
  EXPECT_EQ(shown("a", 7, 1, 1), "t:7:1: error: wrong\n");
  EXPECT_EQ(shown("a", 0, 0, 1), "t: error: wrong\n");
}

TEST(Faults, CountColumnsInCodePoints) {
  EXPECT_EQ(shown("ö = \"é\"", 1, 5, 3), "t:1:5: error: wrong\n  ö = \"é\"\n      ^~~\n");
  EXPECT_EQ(shown("\xef\xbb\xbf"
                  "ab",
                  1, 2, 1),
            "t:1:2: error: wrong\n  ab\n   ^\n");
}

TEST(Faults, SpellOutControlCharactersOfTheLineAndMarkThemWhole) {
  EXPECT_EQ(shown("a\x1b[m = \tx", 1, 2, 1), "t:1:2: error: wrong\n  a\\x1b[m =  x\n   ^~~~\n");
  EXPECT_EQ(shown("a\x1b[m = \tx", 1, 9, 1),
            "t:1:9: error: wrong\n  a\\x1b[m =  x\n             ^\n");
}

TEST(Faults, SpellOutControlCharactersOfTheFileName) {
  Faults faults;
  faults.add({&faults.add_source("a\x1b\nb", "")}, "wrong");
  EXPECT_EQ(faults.text(), "a\\x1b\\nb: error: wrong\n");
}

TEST(Faults, ShowPartOfALongLine) {
  const std::string text = shown(std::string(500, 'a') + "b" + std::string(500, 'c'), 1, 501, 1);
  EXPECT_EQ(text, "t:1:501: error: wrong\n  …" + std::string(60, 'a') + "b" + std::string(99, 'c') +
                      "…\n   " + std::string(60, ' ') + "^\n");
}

TEST(Faults, StandInTheOrderOfTheText) {
  Faults faults;
  const Source& first = faults.add_source("first", "");
  const Source& second = faults.add_source("second", "");
  faults.add({&second, 1, 1, 1}, "f");
  faults.add({&first, 3, 1, 1}, "d");
  faults.add({&first, 2, 9, 1}, "b");
  faults.add({&first, 2, 9, 1}, "c");
  faults.add({&first, 10, 1, 1}, "e");
  faults.add({&first, 2, 1, 1}, "a");
  EXPECT_EQ(faults.text(),
            "first:2:1: error: a\nfirst:2:9: error: b\nfirst:2:9: error: c\n"
            "first:3:1: error: d\nfirst:10:1: error: e\nsecond:1:1: error: f\n");
  EXPECT_EQ(faults.size(), 6u);
  EXPECT_FALSE(faults.empty());
}

TEST(Faults, AreCountedWhenThereAreTooManyToRead) {
  Faults faults;
  const Source& source = faults.add_source("t", "");
  for (int i = 0; i < 205; ++i) faults.add({&source}, "wrong");
  const std::string text = faults.text();
  EXPECT_TRUE(text.ends_with("t: error: wrong\n… and 5 more faults\n")) << text;
}

}  // namespace
}  // namespace isola::topology
