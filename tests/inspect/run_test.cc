// `isola ps` against `isola run`, both as the programs that users have.
#include <gmock/gmock.h>
#include <isola/tools/inspect/inspector.capnp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <capnp/compat/json.h>
#include <capnp/message.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <vector>

#include "tests/inspect/support.h"
#include "tests/support/schedules.h"

namespace isola::inspect {
namespace {

using isola::test::eventually;
using test::RuntimeDirectory;
using ::testing::HasSubstr;

struct Outcome {
  int status = -1;
  std::string out;
};

// Runs the program with `arguments`, for a shell, and takes what it says on both streams.
Outcome isola(const std::string& arguments) {
  Outcome outcome;
  FILE* pipe = ::popen((ISOLA_PROGRAM " " + arguments + " 2>&1").c_str(), "r");
  std::array<char, 4096> bytes{};
  while (const size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe))
    outcome.out.append(bytes.data(), count);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  return outcome;
}

// Of the words that LongRun has, those that can't wait in the four channels of 1024, or be on the
// way out, any more.
constexpr uint64_t kReceivedWords = 10'000 - 4 * (1024 + 1);

// The word count, with more to read than it will get through.
class LongRun {
 public:
  explicit LongRun(const std::string& directory) {
    // Words at the beginning, then a hole, which takes no room and is read as zeros.
    const std::string file = directory + "/long.txt";
    {
      std::ofstream words(file);
      for (int i = 0; i < 1000; ++i) words << "one two three four five six seven eight nine ten\n";
    }
    std::filesystem::resize_file(file, uintmax_t{8} << 40);
    const std::string paths = "reader.paths=[\"" + file + "\"]";
    pid_ = ::fork();
    if (pid_ == 0) {
      (void)!::freopen("/dev/null", "w", stdout);
      ::execl(ISOLA_PROGRAM, ISOLA_PROGRAM, "run", ISOLA_WORDCOUNT, "--set", paths.c_str(),
              nullptr);
      ::_exit(127);
    }
  }
  ~LongRun() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  LongRun(const LongRun&) = delete;
  LongRun& operator=(const LongRun&) = delete;

  pid_t pid() const { return pid_; }
  bool ended() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST(RunningProgram, ShowsItsReaderItsCountersAndItsReport) {
  const RuntimeDirectory runtime;
  LongRun run(runtime.path());
  const std::string pid = std::to_string(run.pid());
  Outcome table;
  const std::regex reader(" reader .* running ");
  const std::regex counter("counter/3 .* blocked +receive from words");
  ASSERT_TRUE(eventually([&] {
    table = isola("ps --pid " + pid);
    return run.ended() || (table.status == 0 && std::regex_search(table.out, reader) &&
                           std::regex_search(table.out, counter));
  })) << table.out;
  ASSERT_FALSE(run.ended()) << table.out;
  EXPECT_THAT(table.out, HasSubstr("isola (pid " + pid + "): system wordcount, "));
  EXPECT_THAT(table.out, HasSubstr(", 6 actors, started "));
  EXPECT_THAT(table.out, HasSubstr("ID  NAME"));
  for (const char* name : {" counter/0 ", " counter/1 ", " counter/2 ", " report "})
    EXPECT_THAT(table.out, HasSubstr(name));
}

TEST(RunningProgram, ShowsThemAsJson) {
  const RuntimeDirectory runtime;
  LongRun run(runtime.path());
  std::set<std::string> names;
  uint64_t handled = 0;
  ASSERT_TRUE(eventually([&] {
    const Outcome json = isola("ps --json --pid " + std::to_string(run.pid()));
    if (json.status != 0) return run.ended();
    capnp::MallocMessageBuilder message;
    capnp::JsonCodec().decode(kj::arrayPtr(json.out.data(), json.out.size()),
                              message.getRoot<rpc::Listing>());
    const auto listing = message.getRoot<rpc::Listing>().asReader();
    names.clear();
    handled = 0;
    for (const auto actor : listing.getPrograms()[0].getActors()) {
      names.insert(actor.getName().cStr());
      if (std::string_view(actor.getName().cStr()).starts_with("counter/"))
        handled += actor.getHandled();
    }
    return names.size() == 6 && handled >= kReceivedWords;
  })) << handled;
  EXPECT_EQ(names, (std::set<std::string>{"counter/0", "counter/1", "counter/2", "counter/3",
                                          "reader", "report"}));
}

TEST(RunningProgram, IsFoundWithoutAPidAndGoneWhenItHasEnded) {
  const RuntimeDirectory runtime;
  LongRun run(runtime.path());
  const std::string pid = std::to_string(run.pid());
  ASSERT_TRUE(eventually([&] {
    return run.ended() || isola("ps").out.find("(pid " + pid + ")") != std::string::npos;
  }));
  ASSERT_FALSE(run.ended());
  const std::string socket = runtime.sockets() + "/" + pid + ".sock";
  EXPECT_TRUE(std::filesystem::exists(socket));
  // Killed, it can't clean up: the next look does.
  ::kill(run.pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return run.ended(); }));
  EXPECT_TRUE(std::filesystem::exists(socket));
  const Outcome gone = isola("ps --pid " + pid);
  EXPECT_EQ(gone.status, 1);
  EXPECT_EQ(gone.out.find("isola ps: no process has the pid " + pid), 0u) << gone.out;
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST(RunningProgram, TakesItsSocketAlongWhenItEnds) {
  const RuntimeDirectory runtime;
  const Outcome run =
      isola("run " ISOLA_WORDCOUNT " --set reader.paths='[\"" ISOLA_WORDCOUNT "\"]'");
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(std::filesystem::is_directory(runtime.sockets()));
  for (const auto& entry : std::filesystem::directory_iterator(runtime.sockets()))
    EXPECT_NE(entry.path().extension(), ".sock") << entry.path();
}

TEST(RunningProgram, WrongUsageHasAStatusOfItsOwn) {
  for (const char* arguments : {"ps --pid x", "ps --pid 1 --socket y", "ps --nothing", "ps extra"})
    EXPECT_EQ(isola(arguments).status, 2) << arguments;
  const Outcome help = isola("ps --help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("--json"));
}

}  // namespace
}  // namespace isola::inspect
