// What the README shows is what is there: its program is the example, its topology file the demo's.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace isola::tidy {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(std::string(ISOLA_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The fenced blocks of this language, in order.
std::vector<std::string> blocks(const std::string& text, const std::string& language) {
  std::vector<std::string> found;
  const std::string open = "\n```" + language + "\n";
  for (size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    at += open.size();
    const size_t end = text.find("\n```", at);
    if (end == std::string::npos) break;
    found.push_back(text.substr(at, end + 1 - at));
    at = end;
  }
  return found;
}

TEST(Readme, ItsFirstProgramIsTheExampleToTheLetter) {
  const auto programs = blocks(read("README.md"), "cpp");
  ASSERT_FALSE(programs.empty());
  EXPECT_NE(read("examples/counter/main.cc").find(programs[0]), std::string::npos)
      << "README.md and examples/counter/main.cc differ:\n"
      << programs[0];
}

TEST(Readme, ItsTopologyFileIsTheDemosToTheLetter) {
  const auto files = blocks(read("README.md"), "toml");
  ASSERT_FALSE(files.empty());
  EXPECT_NE(read("examples/wordcount/wordcount.toml").find(files[0]), std::string::npos)
      << "README.md and examples/wordcount/wordcount.toml differ:\n"
      << files[0];
}

TEST(Readme, EveryFileThatItNamesIsThere) {
  const std::string readme = read("README.md");
  for (const char* path :
       {"docs/how_it_works.md", "docs/performance.md", "examples/counter/main.cc",
        "tests/install/consumer/main.cc", "tools/dev", "LICENSE"}) {
    EXPECT_FALSE(read(path).empty()) << path;
  }
}

}  // namespace
}  // namespace isola::tidy
