// Text from files and command lines is judged and shown without harm.
#include <isola/tools/topology/text.h>

#include <gtest/gtest.h>

#include <string>

namespace isola::topology {
namespace {

using std::string;

TEST(Text, FindsTheFirstByteThatIsNoUtf8) {
  EXPECT_EQ(first_invalid_byte(""), string::npos);
  EXPECT_EQ(first_invalid_byte("plain\r\n\ttext"), string::npos);
  EXPECT_EQ(first_invalid_byte("é€\U0001F600"), string::npos);
  EXPECT_EQ(first_invalid_byte(string("ab\0c", 4)), 2u);
  EXPECT_EQ(first_invalid_byte("é\xff"), 2u);
  EXPECT_EQ(first_invalid_byte("a\x80"), 1u) << "a continuation byte alone";
  EXPECT_EQ(first_invalid_byte("\xe2\x82"), 0u) << "cut short";
  EXPECT_EQ(first_invalid_byte("\xc0\xaf"), 0u) << "longer than needed";
  EXPECT_EQ(first_invalid_byte("\xe0\x80\x80"), 0u) << "longer than needed";
  EXPECT_EQ(first_invalid_byte("\xed\xa0\x80"), 0u) << "a surrogate";
  EXPECT_EQ(first_invalid_byte("\xf4\x90\x80\x80"), 0u) << "beyond Unicode";
}

TEST(Text, CountsColumnsByCodePoints) {
  EXPECT_EQ(columns_of(""), 0u);
  EXPECT_EQ(columns_of("abc"), 3u);
  EXPECT_EQ(columns_of("é€\U0001F600"), 3u);
  EXPECT_EQ(columns_of("\xff\xfe"), 2u);
}

TEST(Text, SpellsOutWhatATerminalWouldObey) {
  EXPECT_EQ(escaped("plain é"), "plain é");
  EXPECT_EQ(escaped("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(escaped("a\nb\tc\r"), "a\\nb\\tc\\x0d");
  EXPECT_EQ(escaped("\xc2\x9b"), "\\x9b") << "a control character of one byte in 8-bit codes";
  EXPECT_EQ(escaped("\u202e\u2066\ufeff"), "\\u202e\\u2066\\ufeff");
  EXPECT_EQ(escaped("\xff"), "\\xff");
}

TEST(Text, CutsLongQuotations) {
  EXPECT_EQ(in_quotes("x"), "\"x\"");
  EXPECT_EQ(in_quotes(string(5000, 'x')), '"' + string(100, 'x') + "…\"");
}

TEST(Text, ProposesTheNearestName) {
  EXPECT_EQ(did_you_mean("resutls", {"words", "results"}), "; did you mean \"results\"?");
  EXPECT_EQ(nearest("Words", {"words"}), "words") << "case hardly counts";
  EXPECT_EQ(nearest("wrds", {"words", "wards"}), "words") << "the first of two";
  EXPECT_EQ(nearest("tpo", {"top"}), "top") << "two letters changed places";
}

TEST(Text, ProposesNothingThatIsFar) {
  EXPECT_EQ(did_you_mean("resutls", {"words", "counts"}), "");
  EXPECT_EQ(did_you_mean("resutls", {}), "");
  EXPECT_EQ(nearest("ab", {"cd"}), "");
  EXPECT_EQ(nearest("", {"a", "b"}), "");
  EXPECT_EQ(nearest("x", {"y"}), "") << "one letter is like any other";
  EXPECT_EQ(nearest(string(100'000, 'x'), {string(100'000, 'x')}), "") << "too long to compare";
}

TEST(Text, ListsNames) {
  EXPECT_EQ(listed({"a"}), "\"a\"");
  EXPECT_EQ(listed({"a", "b", "c"}), "\"a\", \"b\" and \"c\"");
}

}  // namespace
}  // namespace isola::topology
