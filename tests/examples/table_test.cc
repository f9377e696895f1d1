// The table of the most frequent words.
#include "wordcount/table.h"

#include <gtest/gtest.h>

namespace wordcount {
namespace {

Tally tally() {
  Tally tally;
  add(tally, "b", 2);
  add(tally, "the", 1'234'566);
  add(tally, "a", 2);
  add(tally, "the", 1);
  add(tally, "c", 3);
  return tally;
}

TEST(Table, IsSortedByCountAndThenByWord) {
  EXPECT_EQ(plain_table(tally(), 0), "1234567 the\n3 c\n2 a\n2 b\n");
  EXPECT_EQ(plain_table(Tally(), 0), "");
}

TEST(Table, HasAsManyRowsAsAskedFor) {
  EXPECT_EQ(plain_table(tally(), 3), "1234567 the\n3 c\n2 a\n");
  EXPECT_EQ(plain_table(tally(), 100), plain_table(tally(), 0));
}

TEST(Table, EndsWithTheTotals) {
  EXPECT_EQ(table(tally(), 2, {.files = 2, .words = 5000, .bytes = 1'000'000, .seconds = 0.5}),
            "       count  word\n"
            "   1,234,567  the\n"
            "           3  c\n"
            "\n"
            "2 files, 5,000 words, 4 of them distinct, 1,000,000 bytes\n"
            "0.500 s: 2.00 MB/s, 10,000 words/s\n");
}

TEST(Table, SaysWhatIsMissing) {
  const std::string text = table(Tally(), 2, {.files = 1, .failed = 1});
  EXPECT_TRUE(text.ends_with("\n1 further file could not be read as a whole\n")) << text;
}

TEST(Table, HasAProgressLine) {
  EXPECT_EQ(progress_line({.files = 1, .words = 1'000, .bytes = 2'500'000}),
            "1 file, 1,000 words, 2.5 MB");
}

}  // namespace
}  // namespace wordcount
