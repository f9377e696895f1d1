// The benchmark program runs all of its benchmarks, with very little work, and writes what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace isola::bench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::StartsWith;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A folder that is gone with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "isola-bench-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// The exit status of the program; what it prints goes to `output`.
int bench(const std::string& arguments, const std::string& output) {
  const std::string command = std::string(ISOLA_BENCH) + " " + arguments + " >" + output + " 2>&1";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Benchmarks, AllDoTheirWorkAndAreWrittenDown) {
  const Folder folder;
  const std::string json = folder.file("bench.json");
  const std::string svg = folder.file("bench.svg");
  ASSERT_EQ(bench("--scale 0.0005 --runs 1 --json " + json + " --svg " + svg, folder.file("out")),
            0)
      << read(folder.file("out"));
  EXPECT_THAT(read(folder.file("out")), HasSubstr("x goal"));
  EXPECT_THAT(read(folder.file("out")), HasSubstr("On independent pairs, 2 workers do "));
  EXPECT_THAT(read(folder.file("out")), ContainsRegex("\ncontext_hit: isola takes [0-9.]+ times "
                                                      "thread_local; at most 3: (yes|no)\n"));

  const std::string text = read(json);
  const std::regex list(R"(\[\n(  \{[^{}]*\},\n)*  \{[^{}]*\}\n\]\n)");
  EXPECT_TRUE(std::regex_match(text, list)) << text;
  const std::string number = R"(\d+\.\d{3})";
  const std::regex row(R"re(  \{"bench": "(\w+)", "system": "[\w .]+", "workers": [12], )re"
                       R"re("unit": "[^"]+", "median": )re" +
                       number + R"(, "min": )" + number + R"(, "max": )" + number +
                       R"re(, "runs": 1\},?)re");
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line == "[" || line == "]") continue;
    std::smatch parts;
    EXPECT_TRUE(std::regex_match(line, parts, row)) << line;
    names.insert(parts[1]);
  }
  EXPECT_THAT(names, IsSupersetOf({"floor",
                                   "pingpong",
                                   "counting",
                                   "thread_ring",
                                   "fork_join_create",
                                   "fork_join_throughput",
                                   "big",
                                   "chameneos",
                                   "ask",
                                   "payload",
                                   "idle_bytes",
                                   "blocked_bytes",
                                   "idle_cpu",
                                   "latency",
                                   "pairs",
                                   "channel",
                                   "recv",
                                   "select8",
                                   "blob",
                                   "thread_channel",
                                   "text_list"}));

  const std::string chart = read(svg);
  EXPECT_THAT(chart, StartsWith("<svg "));
  EXPECT_THAT(chart, HasSubstr(">fork_join_create</text>"));
  EXPECT_THAT(chart, HasSubstr("</svg>\n"));
}

TEST(Benchmarks, RunOnlyWhatIsNamed) {
  const Folder folder;
  ASSERT_EQ(bench("--scale 0.0005 --runs 2 floor pingpong", folder.file("out")), 0);
  const std::string table = read(folder.file("out"));
  EXPECT_THAT(table, HasSubstr("pingpong"));
  EXPECT_THAT(table, Not(HasSubstr("counting")));
  EXPECT_EQ(bench("pingpung", folder.file("out")), 2);
  EXPECT_THAT(read(folder.file("out")), HasSubstr("no benchmark \"pingpung\"; there are: floor "));
}

TEST(Benchmarks, SayWhenAFileCanNotBeWritten) {
  const Folder folder;
  EXPECT_EQ(
      bench("--scale 0.0005 --runs 1 floor --json " + folder.file("none/x"), folder.file("out")),
      1);
  EXPECT_THAT(read(folder.file("out")), HasSubstr("can't write "));
}

}  // namespace
}  // namespace isola::bench
