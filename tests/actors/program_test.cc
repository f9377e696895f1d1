// Isolates in a process of their own: what it prints, what it sees, how it ends.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/topology/program.h"

namespace isola::test {
namespace {

class IsolateProgram : public testing::Test {
 protected:
  Ended program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ISOLA_ISOLATE_PROGRAM);
    return run(directory_, std::move(arguments));
  }
  // Starts a part, sends SIGINT each time that one more of these lines was printed, and gives how
  // it ended; `out` is all that it printed.
  Ended signalled(const std::string& part, const std::vector<std::string>& lines) {
    const std::string path = directory_ / "out";
    Program running(directory_, {ISOLA_ISOLATE_PROGRAM, part}, path);
    for (const std::string& line : lines) {
      EXPECT_TRUE(printed(line + "\n")) << line;
      running.signal(SIGINT);
    }
    Ended ended = running.wait();
    ended.out = directory_.read("out");
    return ended;
  }
  bool printed(const std::string& text) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (directory_.read("out").find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > limit) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Directory directory_;
};

TEST_F(IsolateProgram, HasAllOutputOfAFunctionWhenItHasRun) {
  // Covers: API-076
  const Ended ended = program({"output"});
  EXPECT_EQ(ended.status, 0);
  std::string out;
  std::string err;
  for (int round = 0; round < 3; ++round) {
    const std::string number = std::to_string(round);
    for (int i = 0; i < 1000; ++i) out += number + " " + std::to_string(i) + "\n";
    out += "through a stream " + number + "\nlast " + number + "\nmain " + number + "\n";
    err += "err " + number + "\nerr last " + number + "\nmain " + number + "\n";
  }
  EXPECT_EQ(ended.out, out);
  EXPECT_EQ(ended.err, err);
}

TEST_F(IsolateProgram, SeesInAnIsolateWhatItWasStartedWith) {
  // Covers: LC-001
  directory_.write("given.txt", "of the working directory");
  directory_.write("elsewhere/given.txt", "of the topology's directory");
  directory_.write(
      "elsewhere/settings.toml",
      "[actors.settings]\ntype = \"test.Settings\"\nargs = { text = \"given.txt\" }\n");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  setenv("ISOLA_TEST_SETTING", "a setting", 1);
  const Ended linked = program({"settings", "given.txt"});
  const Ended run = program({"run", "elsewhere/settings.toml"});
  unsetenv("ISOLA_TEST_SETTING");
  const Ended unset = program({"settings", "given.txt"});
  const std::string seen = std::filesystem::current_path().string();
  std::filesystem::current_path(before);
  const std::string both = seen + " a setting of the working directory\n";
  EXPECT_EQ(linked.out, "main: " + both + "isolate: " + both);
  EXPECT_EQ(run.out, "main: " + both + "isolate: " + both) << run.err;
  const std::string without = seen + " unset of the working directory\n";
  EXPECT_EQ(unset.out, "main: " + without + "isolate: " + without);
  for (const Ended& ended : {linked, run, unset}) EXPECT_EQ(ended.status, 0);
}

TEST_F(IsolateProgram, EndsWhileIsolatesAreOpen) {
  // Covers: LC-003
  const Ended ended = program({"open"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, "");
}

TEST_F(IsolateProgram, InterruptsWhatHandlesSignals) {
  // Covers: API-156
  const Ended ended = signalled("interrupted", {"started"});
  EXPECT_EQ(ended.out, "started\nrun: interrupted, 0\nrun: interrupted, 0\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(ended.status, 128 + SIGINT) << "it ended by the signal";
}

TEST_F(IsolateProgram, HoldsASignalUntilWhatDoesNotHandleItHasEnded) {
  // Covers: API-157
  const Ended ended = signalled("held", {"started"});
  EXPECT_EQ(ended.out, "started\nlast output\nrun: ok, 7\nrun: interrupted, 0\n");
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(ended.status, 128 + SIGINT);
}

TEST_F(IsolateProgram, EndsAtOnceByASecondSignal) {
  const Ended ended = signalled("second", {"started", "one came"});
  EXPECT_EQ(ended.out, "started\none came\n");
  EXPECT_EQ(ended.status, 128 + SIGINT);
}

}  // namespace
}  // namespace isola::test
