// Foreign texts, sizes and times as people see them.
#include <gtest/gtest.h>
#include <isola/tools/inspect/text.h>

namespace isola::inspect {
namespace {

TEST(Text, ControlCharactersLoseTheirPower) {
  EXPECT_EQ(printable("plain"), "plain");
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\t"), "a\\x1b[2Jb\\x0d\\x0a\\x09");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m")
      << "the 8-bit form of ESC [";
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "gpj.exe"),
            "\\xe2\\x80\\xaegpj.exe")
      << "right to left";
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\xe2\\x80\\xa8") << "a line separator";
  EXPECT_EQ(printable("C:\\n"), "C:\\\\n") << "so that an escape is known from what looks like it";
}

TEST(Text, CharactersOfAllLanguagesStay) {
  EXPECT_EQ(printable("isola è un'isola, 島"), "isola è un'isola, 島");
  EXPECT_EQ(columns("è島"), 2u);
  EXPECT_EQ(printable("\xF0\x9F\x8F\x9D"), "\xF0\x9F\x8F\x9D");
}

TEST(Text, BytesThatAreNoUtf8AreShownAsBytes) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\xC3"), "\\xc3") << "cut";
  EXPECT_EQ(printable("\xE5\xB3"), "\\xe5\\xb3") << "cut";
  EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "past U+10FFFF";
  EXPECT_EQ(valid_utf8("a\xff"
                       "b\xC3\xA8"),
            "a\xEF\xBF\xBD"
            "b\xC3\xA8");
}

TEST(Text, JsonKeepsItsMeaningWithoutHarm) {
  EXPECT_EQ(printable_json("{\"name\":\"\xC2\x9B\x7f\xE2\x80\xAE"
                           "è\"}"),
            "{\"name\":\"\\u009b\\u007f\\u202eè\"}");
}

TEST(Text, SizesHaveAboutTwoDigits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(10 * 1024 - 1), "10 KiB");
  EXPECT_EQ(human_bytes(12 << 20), "12 MiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16 EiB");
}

TEST(Text, TimesHaveOneUnit) {
  EXPECT_EQ(human_duration(999), "0 s");
  EXPECT_EQ(human_duration(119'999), "119 s");
  EXPECT_EQ(human_duration(120'000), "2 min");
  EXPECT_EQ(human_duration(3 * 60 * 60 * 1000), "3 h");
  EXPECT_EQ(human_duration(uint64_t{9} * 24 * 60 * 60 * 1000), "9 d");
}

}  // namespace
}  // namespace isola::inspect
