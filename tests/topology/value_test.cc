// TOML becomes a tree with places; what is no TOML, or no text, is a fault with its place.
#include <isola/tools/topology/value.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace isola::topology {
namespace {

using Kind = Value::Kind;

Value parsed(const std::string& text) {
  static std::deque<Faults> all;  // places refer to them
  Faults& faults = all.emplace_back();
  Value value = parse_toml(faults.add_source("t", text), faults);
  EXPECT_EQ(faults.text(), "");
  return value;
}

std::string refused(const std::string& text) {
  Faults faults;
  EXPECT_FALSE(parse_toml(faults.add_source("t", text), faults)) << text;
  EXPECT_EQ(faults.size(), 1u) << faults.text();
  return faults.text();
}

std::string place(const Place& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column) + "+" +
         std::to_string(place.length);
}

TEST(Value, HasEveryKindOfToml) {
  const Value table =
      parsed("a = \"x\"\nb = -3\nc = 2.5\nd = true\ne = [1, \"y\"]\nf = { g = 1 }\nh = 12:00:00\n");
  ASSERT_EQ(table.kind, Kind::table);
  ASSERT_EQ(table.entries.size(), 7u);
  const auto& at = table.entries;
  EXPECT_EQ(at[0].value.text, "x");
  EXPECT_EQ(at[1].value.integer, -3);
  EXPECT_EQ(at[2].value.real, 2.5);
  EXPECT_TRUE(at[3].value.boolean);
  ASSERT_EQ(at[4].value.items.size(), 2u);
  EXPECT_EQ(at[4].value.items[0].integer, 1);
  EXPECT_EQ(at[4].value.items[1].text, "y");
  ASSERT_EQ(at[5].value.entries.size(), 1u);
  EXPECT_EQ(at[5].value.entries[0].key, "g");
  EXPECT_EQ(at[6].value.kind, Kind::time);
}

TEST(Value, KnowsItsPlace) {
  const Value table = parsed("[b]\n  \"ö\" = \"ä\"\n\"a b\" = [10, 200]\n[a.c]\n");
  ASSERT_EQ(table.entries.size(), 2u);
  EXPECT_EQ(table.entries[0].key, "b") << "in the order of the file";
  EXPECT_EQ(place(table.entries[0].key_place), "1:2+1");
  const auto& b = table.entries[0].value.entries;
  ASSERT_EQ(b.size(), 2u);
  EXPECT_EQ(place(b[0].key_place), "2:3+3");
  EXPECT_EQ(place(b[0].value.place), "2:9+3");
  EXPECT_EQ(place(b[1].key_place), "3:1+5");
  EXPECT_EQ(place(b[1].value.items[1].place), "3:14+3");
  EXPECT_EQ(place(table.entries[1].value.entries[0].key_place), "4:4+1");
}

TEST(Value, HasTextsInAnyLanguage) {
  // One of each 64 characters of Unicode, in keys, texts and comments.
  for (uint32_t c = 0xa1; c < 0x11000; c += c < 0x3100 ? 1 : 64) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string letter;
    if (c < 0x800) {
      letter = {static_cast<char>(0xc0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3f))};
    } else if (c < 0x10000) {
      letter = {static_cast<char>(0xe0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3f)),
                static_cast<char>(0x80 | (c & 0x3f))};
    } else {
      letter = {static_cast<char>(0xf0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3f)),
                static_cast<char>(0x80 | ((c >> 6) & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
    }
    Faults faults;
    const Source& source =
        faults.add_source("t", fmt::format("\"{0}\" = \"a{0}b\" # {0}\n", letter));
    const Value table = parse_toml(source, faults);
    ASSERT_EQ(faults.text(), "") << std::hex << c;
    EXPECT_EQ(table.entries.at(0).key, letter) << std::hex << c;
    EXPECT_EQ(table.entries.at(0).value.text, "a" + letter + "b") << std::hex << c;
    EXPECT_EQ(place(table.entries.at(0).value.place), "1:7+5") << std::hex << c;
  }
}

TEST(Value, IsNotMadeOfWhatIsNoToml) {
  EXPECT_EQ(refused("a = 1\nb = \n"),
            "t:2:5: error: not valid TOML: key-value pair: expected value, saw '\\n'\n"
            "  b = \n"
            "      ^\n");
  EXPECT_EQ(refused("[a\n"),
            "t:1:3: error: not valid TOML: table header: expected ']', saw '\\n'\n"
            "  [a\n"
            "    ^\n");
  EXPECT_EQ(refused("a = 1\na = 2"),
            "t:2:5: error: not valid TOML: key-value pair: cannot redefine existing integer 'a'\n"
            "  a = 2\n"
            "      ^\n");
  EXPECT_EQ(refused("a = 99999999999999999999"),
            "t:1:25: error: not valid TOML: decimal integer: '99999999999999999999' is not "
            "representable in 64 bits\n"
            "  a = 99999999999999999999\n"
            "                          ^\n");
  EXPECT_EQ(refused("[.a]"),
            "t:1:2: error: not valid TOML: key: expected bare key starting character or string "
            "delimiter, saw '.'\n"
            "  [.a]\n"
            "   ^\n");
  EXPECT_EQ(refused("a = [ }"),
            "t:1:7: error: not valid TOML: value: could not determine value type\n"
            "  a = [ }\n"
            "        ^\n");
  EXPECT_EQ(refused("a = \"\x1b[2J\""),
            "t:1:6: error: not valid TOML: string: unescaped control characters other than TAB "
            "(U+0009) are explicitly prohibited\n"
            "  a = \"\\x1b[2J\"\n"
            "       ^~~~\n");
}

TEST(Value, OfASettingIsTomlOrElseText) {
  const auto setting = [](const char* text) { return parse_setting(text, {}); };
  EXPECT_EQ(setting("5").integer, 5);
  EXPECT_EQ(setting("\"5\"").text, "5");
  EXPECT_EQ(setting("[1, 2]").items.size(), 2u);
  EXPECT_EQ(setting("{a = 1}").entries.size(), 1u);
  EXPECT_EQ(setting("/a/b c").text, "/a/b c");
  EXPECT_EQ(setting("[1, 2").text, "[1, 2");
  EXPECT_EQ(setting("").text, "");
  EXPECT_EQ(setting("").kind, Kind::text);
  EXPECT_EQ(setting("1\nb = 2").text, "1\nb = 2") << "two values are none";
  EXPECT_EQ(setting("\xff").text, "\xff");
  EXPECT_EQ(setting("5").raw, "5");
  EXPECT_TRUE(setting("5").is_setting);
}

class Files : public testing::Test {
 protected:
  Files() {
    std::string name = testing::TempDir() + "isola-value-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~Files() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& text) {
    std::ofstream(directory_ + "/f", std::ios::binary) << text;
    return directory_ + "/f";
  }
  // Without the directory's name.
  std::string refused(const std::string& path) {
    Faults faults;
    EXPECT_EQ(read_source(path, faults), nullptr);
    std::string text = faults.text();
    if (text.starts_with(directory_)) text.erase(0, directory_.size() + 1);
    return text;
  }

  std::string directory_;
};

TEST_F(Files, AreRead) {
  Faults faults;
  const Source* source = read_source(write("a = 1\n"), faults);
  ASSERT_NE(source, nullptr) << faults.text();
  EXPECT_EQ(source->text(), "a = 1\n");
  EXPECT_EQ(source->name(), directory_ + "/f");
  EXPECT_NE(read_source(write(std::string(kFileBytesMax, '#')), faults), nullptr);
}

TEST_F(Files, ThatCannotBeReadAreFaults) {
  EXPECT_EQ(refused(directory_ + "/none"), "none: error: No such file or directory\n");
  EXPECT_EQ(refused(directory_ + "/"), ": error: Is a directory\n");
  EXPECT_EQ(refused(""), ": error: No such file or directory\n");
  EXPECT_EQ(refused(write("x") + "/y"), "f/y: error: Not a directory\n");
  EXPECT_EQ(refused(directory_ + "/" + std::string(300, 'x')),
            std::string(300, 'x') + ": error: File name too long\n");
}

TEST_F(Files, WithoutPermissionAreFaults) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = write("x");
  chmod(path.c_str(), 0);
  EXPECT_EQ(refused(path), "f: error: Permission denied\n");
}

TEST_F(Files, ThatAreTooLargeAreFaults) {
  EXPECT_EQ(refused(write(std::string(kFileBytesMax + 1, '#'))),
            "f: error: too large: a topology file has at most 1048576 bytes\n");
  EXPECT_EQ(refused("/dev/zero"),
            "/dev/zero: error: too large: a topology file has at most 1048576 bytes\n");
}

TEST_F(Files, ThatAreBinaryAreFaults) {
  EXPECT_EQ(refused(write(std::string("a = 1\nb = \"x\0y\"\n", 16))),
            "f:2:7: error: a binary file: it has a zero byte\n"
            "  b = \"x\\x00y\"\n"
            "        ^~~~\n");
  EXPECT_EQ(refused(write("# é\xff\n")),
            "f:1:4: error: a binary file: the byte 0xff is no UTF-8\n"
            "  # é\\xff\n"
            "     ^~~~\n");
}

}  // namespace
}  // namespace isola::topology
