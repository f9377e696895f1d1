// Messages to and from the program `capnp`: what it encodes is read, it decodes what is written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Bytes;
using test::Everything;
using test::Tree;

std::string schema() { return std::string(ISOLA_TEST_SCHEMAS) + "/foreign_test.capnp"; }

class CapnpProgramTest : public test::ForeignTest {
 protected:
  CapnpProgramTest() {
    std::string name = (std::filesystem::temp_directory_path() / "isola-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~CapnpProgramTest() override { std::filesystem::remove_all(folder_); }

  // Runs `capnp ARGUMENTS` with these bytes as its input, and gives its output.
  std::string capnp(const std::string& arguments, std::string_view input) {
    std::ofstream(folder_ / "in", std::ios::binary) << input;
    const std::string command = std::string("'") + ISOLA_CAPNP_PROGRAM + "' " + arguments + " <'" +
                                (folder_ / "in").string() + "' >'" + (folder_ / "out").string() +
                                "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::ifstream out(folder_ / "out", std::ios::binary);
    return {std::istreambuf_iterator<char>(out), {}};
  }

  static std::string_view chars(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static std::span<const std::byte> bytes(const std::string& chars) {
    return std::as_bytes(std::span(chars));
  }

  std::filesystem::path folder_;
};

TEST_F(CapnpProgramTest, DecodesWhatIsWritten) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    Bytes all;
    std::string expected;
    for (unsigned seed = 0; seed < 6; ++seed) {
      auto message = test::everything(*pool_, seed, static_cast<int>(seed % 4));
      expected += to_text(message).value + "\n";
      const Bytes one = write_message(message, framing).value;
      all.insert(all.end(), one.begin(), one.end());
    }
    const std::string packed = framing == Framing::packed ? "--packed " : "";
    EXPECT_EQ(capnp("decode --short " + packed + schema() + " Everything", chars(all)), expected);
  }
}

TEST_F(CapnpProgramTest, EncodesWhatIsRead) {
  std::string input;
  std::vector<std::string> texts;
  for (unsigned seed = 0; seed < 6; ++seed) {
    auto message = test::everything(*pool_, seed, static_cast<int>(seed % 4), false);
    texts.push_back(to_text(message).value);
    input += texts.back() + "\n";
  }
  for (const std::string packed : {"", "--packed "}) {
    for (const std::string segments :
         {"", "--segment-size=1 ", "--segment-size=7 ", "--segment-size=40 "}) {
      SCOPED_TRACE(packed + segments);
      const std::string out =
          capnp("encode " + packed + segments + schema() + " Everything", input);
      MessageStream stream(*pool_, bytes(out), {},
                           packed.empty() ? Framing::flat : Framing::packed);
      for (const std::string& text : texts) {
        auto next = stream.next<Everything>();
        ASSERT_TRUE(next.has_value());
        ASSERT_TRUE(next->ok()) << next->err;
        EXPECT_EQ(to_text(next->value).value, text);
      }
      EXPECT_FALSE(stream.next<Everything>().has_value());
    }
  }
}

TEST_F(CapnpProgramTest, MakesMessagesOfManySegmentsThatBecomeOne) {
  std::string text = "(leaf = 0)";
  for (int i = 1; i < 40; ++i) text = "(left = " + text + ", leaf = " + std::to_string(i) + ")";
  const std::string out = capnp("encode --segment-size=3 " + schema() + " Tree", text);
  uint32_t segments;
  std::memcpy(&segments, out.data(), 4);
  EXPECT_GE(segments, 30u);
  auto [tree, error] = read_message<Tree>(*pool_, bytes(out));
  ASSERT_FALSE(error) << error;
  EXPECT_EQ(tree.block()->more_segments, nullptr);
  EXPECT_EQ(to_text(tree).value, text);
}

}  // namespace
}  // namespace isola
