// The word count gives what the usual pipeline of tr, sort and uniq gives, and survives bad files.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/topology/program.h"

namespace wordcount {
namespace {

namespace fs = std::filesystem;
using isola::test::Ended;

uint64_t seed() {
  const char* given = std::getenv("ISOLA_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20240229;
}

class Wordcount : public testing::Test {
 protected:
  // Runs an example topology over these paths, for all the words.
  Ended count(const std::string& topology, const std::vector<std::string>& paths,
              std::vector<std::string> more = {}) {
    std::string list;
    for (const std::string& path : paths) list += "'" + path + "',";
    std::vector<std::string> arguments = {ISOLA_PROGRAM,
                                          "run",
                                          ISOLA_SOURCE_DIR "/examples/wordcount/" + topology,
                                          "--set",
                                          "reader.paths=[" + list + "]",
                                          "--set",
                                          "report.plain=true",
                                          "--set",
                                          "report.top=0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return isola::test::run(directory_, std::move(arguments));
  }

  // What the pipeline says about the regular files under a directory, each by itself.
  std::string pipeline(const std::string& directory) {
    const Ended ended = isola::test::run(
        directory_,
        {"sh", "-c",
         // A file may end without a newline.
         "find \"$1\" -type f -exec sh -c 'tr -cs A-Za-z \"\\n\" < \"$1\" | tr A-Z a-z; echo' "
         "sh {} \\; | grep . | sort | uniq -c | awk '{ print $1, $2 }' | sort -k1,1nr -k2,2",
         "sh", directory});
    EXPECT_EQ(ended.err, "");
    return ended.out;
  }

  void expect_both_equal(const std::string& directory) {
    const std::string expected = pipeline(directory);
    EXPECT_FALSE(expected.empty());
    for (const char* topology : {"wordcount.toml", "wordcount-1.toml"}) {
      const Ended ended = count(topology, {directory});
      EXPECT_EQ(ended.status, 0) << topology;
      EXPECT_EQ(ended.err, "") << topology;
      // Not EXPECT_EQ: a difference would be printed as a whole.
      EXPECT_TRUE(ended.out == expected)
          << topology << ": " << ended.out.size() << " bytes, expected " << expected.size();
    }
  }

  isola::test::Directory directory_;
};

TEST_F(Wordcount, EqualsThePipelineOnTexts) {
  const std::string licenses = "/usr/share/common-licenses";
  if (!fs::exists(licenses)) GTEST_SKIP() << "no " << licenses;
  expect_both_equal(licenses);
}

TEST_F(Wordcount, EqualsThePipelineOnAnyBytes) {
  std::mt19937_64 random(seed());
  SCOPED_TRACE("ISOLA_SEED=" + std::to_string(seed()));
  const auto bytes = [&](size_t size, bool letters) {
    std::string text(size, '\0');
    for (char& c : text)
      c = letters ? " \n-aeiouAEIOUtnsrTNSR"[random() % 21] : static_cast<char>(random());
    return text;
  };
  directory_.write("in/empty", "");
  directory_.write("in/one letter", "x");
  directory_.write("in/no newline", "the end");
  directory_.write("in/begins where the other ends", "the end");
  directory_.write("in/only other bytes", "1234 \n\n .");
  directory_.write("in/binary", bytes(600'000, false));
  directory_.write("in/sub/sub/letters", bytes(600'000, true));
  // Pieces are read 256 KiB at a time: this word lies in two.
  directory_.write("in/sub/cut", std::string(256 * 1024 - 3, ' ') + "together");
  directory_.write("in/sub/longest", std::string(64 * 1024, 'y') + " " + std::string(100, 'z'));
  fs::create_symlink(directory_ / "in/one letter", directory_ / "in/link");
  fs::create_directory_symlink(directory_ / "in", directory_ / "in/sub/loop");
  ASSERT_EQ(mkfifo((directory_ / "in/pipe").c_str(), 0600), 0);
  expect_both_equal(directory_ / "in");
}

TEST_F(Wordcount, ReadsFilesDirectoriesAndLinksThatAreNamed) {
  directory_.write("in/a", "one two");
  directory_.write("file", "two");
  fs::create_symlink("file", directory_ / "link");
  const Ended ended =
      count("wordcount.toml", {directory_ / "in", directory_ / "file", directory_ / "link"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "3 two\n1 one\n");
}

TEST_F(Wordcount, GoesOnWhenFilesCannotBeRead) {
  directory_.write("first", "a b");
  directory_.write("last", "b c");
  fs::create_symlink("nothing", directory_ / "dangling");
  ASSERT_EQ(mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  for (const char* topology : {"wordcount.toml", "wordcount-1.toml"}) {
    const Ended ended =
        count(topology, {directory_ / "first", directory_ / "missing", directory_ / "dangling",
                         directory_ / "pipe", "/dev/null", directory_ / "last"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "2 b\n1 a\n1 c\n");
    EXPECT_EQ(ended.err, "isola: error: io: " + directory_ / "missing" +
                             ": No such file or directory (in reader)\n"
                             "isola: error: io: " +
                             directory_ / "dangling" +
                             ": No such file or directory (in reader)\n"
                             "isola: error: io: " +
                             directory_ / "pipe" +
                             ": not a regular file (in reader)\n"
                             "isola: error: io: /dev/null: not a regular file (in reader)\n");
  }
}

TEST_F(Wordcount, CountsWhatFailsInTheTotals) {
  directory_.write("file", "a");
  const Ended ended = count("wordcount.toml", {directory_ / "file", directory_ / "missing"},
                            {"--set", "report.plain=false"});
  EXPECT_NE(ended.out.find("1 file, 1 word, 1 of them distinct, 1 byte\n"), std::string::npos);
  EXPECT_TRUE(ended.out.ends_with("\n1 further file could not be read as a whole\n")) << ended.out;
}

TEST_F(Wordcount, ReportsWhatCannotBeRead) {
  // Reading one's own memory at address 0 fails with EIO.
  const Ended ended = count("wordcount.toml", {"/proc/self/mem"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err, "isola: error: io: /proc/self/mem: Input/output error (in reader)\n");
}

TEST_F(Wordcount, ReportsFilesWithoutPermission) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  fs::permissions(directory_.write("in/file", "a"), fs::perms::none);
  fs::create_directory(directory_ / "in/sub");
  fs::permissions(directory_ / "in/sub", fs::perms::none);
  directory_.write("in/good", "b");
  const Ended ended = count("wordcount.toml", {directory_ / "in"});
  fs::permissions(directory_ / "in/sub", fs::perms::owner_all);
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "1 b\n");
  EXPECT_EQ(ended.err, "isola: error: io: " + directory_ / "in/file" +
                           ": Permission denied (in reader)\n"
                           "isola: error: io: " +
                           directory_ / "in/sub" + ": Permission denied (in reader)\n");
}

TEST_F(Wordcount, LeavesOutWordsThatAreTooLongAndSaysSo) {
  directory_.write("file", "a " + std::string(64 * 1024 + 1, 'x') + " b");
  const Ended ended = count("wordcount.toml", {directory_ / "file"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "1 a\n1 b\n");
  EXPECT_EQ(ended.err, "isola: error: io: " + directory_ / "file" +
                           ": words of more than 65536 letters were left out: 1 (in reader)\n");
}

TEST_F(Wordcount, NeedsPaths) {
  const Ended ended = count("wordcount.toml", {});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err,
            "isola: error: std::invalid_argument: no paths: give the argument "
            "\"paths\" (in reader)\n");
}

TEST_F(Wordcount, FailsWhenItsOutputIsLost) {
  const Ended ended = isola::test::run(
      directory_, {ISOLA_PROGRAM, "run", ISOLA_SOURCE_DIR "/examples/wordcount/wordcount.toml"},
      "/dev/full");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err,
            "isola: error: std::system_error: standard output: No space left on device "
            "(in report)\n");
}

}  // namespace
}  // namespace wordcount
