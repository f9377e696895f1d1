// The program `isola`: what it prints, and its exit status.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/topology/program.h"

namespace isola::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGood = R"([actors.reader]
type = "wordcount.Reader"
args = { paths = ["/nowhere/at/all"] }
ports = { words = "words", progress = "progress" }
[actors.counter]
type = "wordcount.Counter"
replicas = 2
ports = { words = "words", counts = "counts" }
[actors.report]
type = "wordcount.Report"
args = { plain = true }
ports = { progress = "progress", counts = "counts" }
[channels]
words = { partition_by = "text" }
counts = {}
progress = {}
)";

constexpr const char* kBad = R"([actors.reader]
type = "wordcount.Raeder"
ports = { words = "words" }
[channels.wrods]
)";

class Cli : public testing::Test {
 protected:
  Ended isola(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ISOLA_PROGRAM);
    return run(directory_, std::move(arguments));
  }
  void expect_usage_error(std::vector<std::string> arguments, const std::string& message) {
    const Ended ended = isola(std::move(arguments));
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.err, message + "\nRun with --help for more information.\n");
  }

  Directory directory_;
};

TEST_F(Cli, SaysHowItIsUsed) {
  const Ended ended = isola({"--help"});
  EXPECT_EQ(ended.status, 0);
  for (const char* command : {"check", "run", "ps"})
    EXPECT_NE(ended.out.find(std::string("\n  ") + command), std::string::npos) << ended.out;
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(isola({"run", "--help"}).status, 0);
  EXPECT_NE(isola({"run", "--help"}).out.find("--set"), std::string::npos);
  EXPECT_EQ(isola({"--version"}).out.substr(0, 6), "isola ");
}

TEST_F(Cli, RefusesWrongUsage) {
  expect_usage_error({}, "A subcommand is required");
  expect_usage_error({"chekc"}, "isola: no command \"chekc\"; did you mean \"check\"?");
  expect_usage_error({"\x1b[2J"}, "isola: no command \"\\x1b[2J\"");
  expect_usage_error({"check"}, "FILE is required");
  expect_usage_error({"run"}, "FILE is required");
  const std::string good = directory_.write("good.toml", kGood);
  expect_usage_error({"run", good, "--sett", "a"},
                     "The following arguments were not expected: a --sett");
  expect_usage_error({"run", good, good}, "The following argument was not expected: " + good);
  EXPECT_EQ(isola({"run", good, "--set"}).status, 2);
}

TEST_F(Cli, ChecksGoodFiles) {
  const std::string good = directory_.write("good.toml", kGood);
  const Ended ended = isola({"check", good, good});
  EXPECT_EQ(ended.status, 0);
  const std::string line = good + ": ok: 4 actors, 3 channels\n";
  EXPECT_EQ(ended.out, line + line);
  EXPECT_EQ(ended.err, "");
}

TEST_F(Cli, FindsAllFaultsOfAllFiles) {
  const std::string good = directory_.write("good.toml", kGood);
  const std::string bad = directory_.write("bad.toml", kBad);
  const std::string none = directory_ / "none.toml";
  const Ended ended = isola({"check", bad, none, good, directory_.path()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, good + ": ok: 4 actors, 3 channels\n");
  EXPECT_EQ(ended.err,
            bad + R"(:2:8: error: no type "wordcount.Raeder"; did you mean "wordcount.Reader"?
  type = "wordcount.Raeder"
         ^~~~~~~~~~~~~~~~~~
)" + bad + R"(:3:19: error: no channel "words"; did you mean "wrods"?
  ports = { words = "words" }
                    ^~~~~~~
)" + none + ": error: No such file or directory\n" +
                directory_.path() + ": error: Is a directory\n");
}

TEST_F(Cli, RefusesItsOwnProgramAsATopology) {
  const Ended ended = isola({"check", ISOLA_PROGRAM});
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(ended.err.starts_with(std::string(ISOLA_PROGRAM) + ":")) << ended.err;
}

TEST_F(Cli, StartsNothingThatHasAFault) {
  const std::string bad = directory_.write("bad.toml", kBad);
  const Ended ended = isola({"run", bad});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, isola({"check", bad}).err);
}

TEST_F(Cli, SetsArguments) {
  const std::string good = directory_.write("good.toml", kGood);
  const std::string text = directory_.write("text", "b a b");
  const Ended ended = isola({"run", good, "--set", "reader.paths=[\"" + text + "\"]"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "2 b\n1 a\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(isola({"run", good, "--set", "reader.paths=" + text, "--set", "report.top=1"}).out,
            "2 b\n");
}

TEST_F(Cli, FindsFaultsOfSettings) {
  const std::string good = directory_.write("good.toml", kGood);
  const Ended ended = isola({"run", good, "--set", "raeder.paths=x", "--set", "report.tpo=3",
                             "--set", "report.top=-1", "--set", "report"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, R"(--set:1:1: error: no actor "raeder"; did you mean "reader"?
  raeder.paths=x
  ^~~~~~
--set:1:8: error: type "wordcount.Report" has no argument "tpo"; did you mean "top"?
  report.tpo=3
         ^~~
--set:1:12: error: argument "top" must be an integer from 0 to 4294967295, not -1
  report.top=-1
             ^~
--set:1:1: error: must read ACTOR.ARGUMENT=VALUE
  report
  ^~~~~~
)");
}

TEST_F(Cli, SaysWhatFailed) {
  const std::string good = directory_.write("good.toml", kGood);
  const Ended ended = isola({"run", good});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err,
            "isola: error: io: /nowhere/at/all: No such file or directory (in reader)\n");
}

TEST_F(Cli, RefusesNumbersBeyondTheirEnds) {
  const std::string good = directory_.write("good.toml", kGood);
  for (const char* number : {"4294967296", "-1", "18446744073709551616"}) {
    const Ended ended = isola({"run", good, "--set", std::string("report.top=") + number});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find("argument \"top\" must be an integer from 0 to 4294967295, not "),
              std::string::npos)
        << ended.err;
    EXPECT_NE(ended.err.find(number), std::string::npos) << ended.err;
  }
  // One that would be 1 if it wrapped, which is a process that there is.
  for (const char* pid : {"4294967297", "-4294967295", "18446744073709551617"}) {
    const Ended ended = isola({"ps", "--pid", pid});
    EXPECT_EQ(ended.status, 2) << pid;
    EXPECT_NE(ended.err.find("--pid"), std::string::npos) << ended.err;
  }
}

TEST_F(Cli, AnIdIsANumberAndNothingElse) {
  // Covers: API-029
  for (const char* id : {"-1", "x", "1.5", "null", "", " 7", "7 ", "0x7", "18446744073709551615",
                         "18446744073709551623"}) {
    const Ended ended = isola({"ps", std::string("--id=") + id});
    EXPECT_EQ(ended.status, 2) << id;
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find("--id"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.err.find("no actor or isolate has"), std::string::npos) << ended.err;
  }
  expect_usage_error({"ps", "--id=-1"},
                     "--id: is no id of an actor or isolate: an id is a number like 7");
  EXPECT_EQ(isola({"ps", "--id", "-1"}).status, 2);
  EXPECT_EQ(isola({"ps", "--id"}).status, 2);
}

// A run that takes very long: a file of 1 TiB, all of it a hole.
class LongRun : public Cli {
 protected:
  void SetUp() override {
    const std::string hole = directory_.write("hole", "word ");
    fs::resize_file(hole, uint64_t{1} << 40);
    program_.emplace(directory_, std::vector<std::string>{ISOLA_PROGRAM, "run",
                                                          directory_.write("good.toml", kGood),
                                                          "--set", "reader.paths=" + hole});
    // Its socket is there once it runs; should it end before that, there would be none.
    while (!has_socket()) ASSERT_EQ(waitpid(program_->pid(), nullptr, WNOHANG), 0);
  }
  bool has_socket() const {
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path()))
      if (entry.is_socket()) return true;
    return false;
  }

  std::optional<Program> program_;
};

TEST_F(LongRun, IsSeenByTheInspector) {
  const Ended ended = isola({"ps", "--pid", std::to_string(program_->pid())});
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST_F(LongRun, IsAskedForOneOfItsActors) {
  const std::string pid = std::to_string(program_->pid());
  // The socket may be there before the actors are.
  Ended one;
  do {
    ASSERT_EQ(waitpid(program_->pid(), nullptr, WNOHANG), 0);
    one = isola({"ps", "--pid", pid, "--id", "1"});
  } while (one.status == 1);
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_NE(one.out.find("reader"), std::string::npos) << one.out;
  EXPECT_EQ(one.out.find("counter/0"), std::string::npos) << one.out;
  const Ended unknown = isola({"ps", "--pid", pid, "--id", "999999"});
  EXPECT_EQ(unknown.status, 1) << "another error than that for what is no id";
  EXPECT_EQ(unknown.out, "");
  EXPECT_EQ(unknown.err,
            "isola ps: no actor or isolate has the id 999999 in this program: `isola ps` lists "
            "those that live\n");
}

TEST_F(LongRun, EndsBySigint) {
  program_->signal(SIGINT);
  const Ended ended = program_->wait();
  EXPECT_EQ(ended.status, 130);
  EXPECT_EQ(ended.err, "isola: ended by SIGINT\n");
  EXPECT_FALSE(has_socket());
}

TEST_F(LongRun, EndsBySigterm) {
  program_->signal(SIGTERM);
  const Ended ended = program_->wait();
  EXPECT_EQ(ended.status, 143);
  EXPECT_EQ(ended.err, "isola: ended by SIGTERM\n");
}

}  // namespace
}  // namespace isola::test
