// Words are found wherever the bytes are cut into pieces.
#include "wordcount/word_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wordcount {
namespace {

using Words = std::vector<std::string>;

Words split(const std::vector<std::string>& pieces, uint64_t* too_long = nullptr) {
  Words words;
  WordSplitter splitter;
  const auto use = [&](std::string_view word) { words.emplace_back(word); };
  for (const std::string& piece : pieces) splitter.feed(piece, use);
  splitter.finish(use);
  if (too_long != nullptr) *too_long = splitter.too_long();
  return words;
}

TEST(WordSplitter, FindsRunsOfLetters) {
  EXPECT_EQ(split({"the quick, Brown-fox's 2x"}),
            (Words{"the", "quick", "Brown", "fox", "s", "x"}));
  EXPECT_EQ(split({""}), Words());
  EXPECT_EQ(split({}), Words());
  EXPECT_EQ(split({" 123 \n"}), Words());
  EXPECT_EQ(split({"a"}), Words{"a"});
}

TEST(WordSplitter, TakesOnlyAsciiForLetters) {
  EXPECT_EQ(split({"na\xc3\xafve @[`{ zZaA\xff"}), (Words{"na", "ve", "zZaA"}));
  EXPECT_EQ(split({std::string("a\0b", 3)}), (Words{"a", "b"}));
  EXPECT_EQ(lower_letter('Z'), 'z');
  EXPECT_EQ(lower_letter('q'), 'q');
  for (const char c : {'@', '[', '`', '{', '\0', '\x7f', '\xe4'}) EXPECT_EQ(lower_letter(c), 0);
}

TEST(WordSplitter, JoinsWhatIsCutApart) {
  const std::string text = "ab, cde f";
  for (size_t i = 0; i <= text.size(); ++i)
    for (size_t j = i; j <= text.size(); ++j)
      EXPECT_EQ(split({text.substr(0, i), text.substr(i, j - i), text.substr(j)}),
                (Words{"ab", "cde", "f"}))
          << i << ' ' << j;
}

TEST(WordSplitter, EndsAWordAtTheEndOfAStream) {
  Words words;
  WordSplitter splitter;
  const auto use = [&](std::string_view word) { words.emplace_back(word); };
  splitter.feed("ab", use);
  splitter.finish(use);
  splitter.feed("cd", use);
  splitter.finish(use);
  EXPECT_EQ(words, (Words{"ab", "cd"}));
}

TEST(WordSplitter, LeavesOutWordsBeyondTheBound) {
  const std::string longest(kWordBytesMax, 'x');
  uint64_t too_long = 0;
  EXPECT_EQ(split({longest + " a"}, &too_long), (Words{longest, "a"}));
  EXPECT_EQ(too_long, 0u);
  EXPECT_EQ(split({longest + "x a"}, &too_long), Words{"a"});
  EXPECT_EQ(too_long, 1u);
  EXPECT_EQ(split({longest, "x", longest, " a"}, &too_long), Words{"a"});
  EXPECT_EQ(too_long, 1u);
  EXPECT_EQ(split({longest, "x"}, &too_long), Words());
  EXPECT_EQ(too_long, 1u);
  EXPECT_EQ(split({longest.substr(1), "x", " a"}, &too_long), (Words{longest, "a"}));
  EXPECT_EQ(too_long, 0u);
}

}  // namespace
}  // namespace wordcount
