// `isola ps`: what it finds, what it says when it can't, and its exit status.
#include <isola/tools/inspect/command.h>

#include <capnp/compat/json.h>
#include <gmock/gmock.h>
#include <isola/isola.h>
#include <isola/tools/inspect/agent.h>
#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/socket_directory.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/inspect/support.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola::inspect {
namespace {

using namespace std::chrono_literals;
using isola::test::Number;
using isola::test::quiet;
using test::closed_by_peer;
using test::FakeProgram;
using test::kDeadline;
using test::RuntimeDirectory;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Idle : public Actor<Idle, Number> {
 public:
  void on(Number::Reader) {}
};

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

Outcome run(PsOptions options, std::chrono::milliseconds answer_max = kDeadline) {
  options.answer_max = answer_max;
  std::ostringstream out;
  std::ostringstream err;
  const int status = ps(options, out, err);
  return {status, out.str(), err.str()};
}

void expect_one_error(const Outcome& outcome, const std::string& what) {
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("isola ps: "));
  EXPECT_THAT(outcome.err, HasSubstr(what));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

pid_t dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(Ps, ListsEveryRunningProgramUnderItsHeading) {
  const RuntimeDirectory runtime;
  System first(quiet({.name = "first", .workers = 1}));
  System second(quiet({.name = "second", .workers = 1}));
  first.spawn<Idle>({.name = "alpha"});
  second.spawn<Idle>({.name = "beta"});
  const Agent of_first(first);
  const Agent of_second(second);
  const Outcome outcome = run({.pid = ::getpid()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const size_t alpha = outcome.out.find("alpha");
  const size_t heading = outcome.out.find("system second, 1 worker, 1 actor, started ");
  const size_t beta = outcome.out.find("beta");
  EXPECT_NE(outcome.out.find("system first"), std::string::npos);
  EXPECT_LT(alpha, heading);
  EXPECT_LT(heading, beta);
  EXPECT_LT(beta, outcome.out.size());
}

TEST(Ps, JsonIsOneObjectWithAllPrograms) {
  const RuntimeDirectory runtime;
  System system(quiet({.name = "only", .workers = 1}));
  system.spawn<Idle>({.name = "alpha"});
  const Agent agent(system);
  const Outcome outcome = run({.socket = agent.path(), .json = true});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  capnp::JsonCodec codec;
  capnp::MallocMessageBuilder message;
  codec.decode(kj::arrayPtr(outcome.out.data(), outcome.out.size()),
               message.getRoot<rpc::Listing>());
  const auto listing = message.getRoot<rpc::Listing>().asReader();
  ASSERT_EQ(listing.getPrograms().size(), 1u);
  EXPECT_STREQ(listing.getPrograms()[0].getActors()[0].getName().cStr(), "alpha");
}

TEST(Ps, SaysThatNoProgramRuns) {
  const RuntimeDirectory runtime;
  const Outcome outcome = run({});
  // Programs that really run may have their sockets in the other directory.
  if (!outcome.out.empty()) GTEST_SKIP() << "some program of this user is inspectable";
  expect_one_error(outcome, "no running program found in " + runtime.sockets() + " or /tmp/isola-");
}

TEST(Ps, SaysThatNoProcessHasThePid) {
  const RuntimeDirectory runtime;
  const pid_t pid = dead_pid();
  expect_one_error(run({.pid = pid}), "no process has the pid " + std::to_string(pid));
}

TEST(Ps, SaysThatTheProcessCannotBeInspected) {
  const RuntimeDirectory runtime;
  expect_one_error(run({.pid = ::getpid()}),
                   "process " + std::to_string(::getpid()) + " has no socket in ");
}

TEST(Ps, PassesOverAndRemovesWhatDeadProgramsLeft) {
  const RuntimeDirectory runtime;
  const std::string directory = usable_socket_directory();
  const std::string dead = directory + "/" + std::to_string(dead_pid()) + ".sock";
  listen_at(dead);
  System system(quiet({.workers = 1}));
  // The agent removes what it finds when it starts, so this one comes later.
  const Agent agent(system);
  const std::string later = directory + "/" + std::to_string(dead_pid()) + "-2.sock";
  listen_at(later);
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("(pid " + std::to_string(::getpid()) + ")"));
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_FALSE(std::filesystem::exists(later));
}

TEST(Ps, SaysWhatIsWrongWithASocket) {
  const RuntimeDirectory runtime;
  const std::string path = runtime.path() + "/socket";
  expect_one_error(run({.socket = path}), path + ": there is no such socket");
  std::ofstream(path) << "a file";
  expect_one_error(run({.socket = path}), path + ": is not a socket");
  std::filesystem::remove(path);
  listen_at(path);
  expect_one_error(run({.socket = path}), path + ": nobody listens there");
  expect_one_error(run({.socket = runtime.path() + "/" + std::string(200, 'x')}), "too long");
  std::filesystem::remove(path);
  const FakeProgram silent(path, [](int socket) { closed_by_peer(socket); });
  expect_one_error(run({.socket = path}, 50ms), path + ": no answer for 50 ms");
}

TEST(Ps, SaysThatASocketIsNotOursToOpen) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const RuntimeDirectory runtime;
  const std::string path = runtime.path() + "/socket";
  const Fd listening = listen_at(path);
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDERR_FILENO);
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(13);
    const Outcome outcome = run({.socket = path});
    (void)!::write(pipe_ends[1], outcome.err.data(), outcome.err.size());
    ::_exit(outcome.status);
  }
  ::close(pipe_ends[1]);
  char said[1000] = {};
  const ssize_t count = ::read(pipe_ends[0], said, sizeof(said) - 1);
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_GT(count, 0);
  EXPECT_THAT(said, HasSubstr("permission denied"));
}

TEST(Ps, ListsTheOthersWhenOneProgramDoesNotAnswer) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  system.spawn<Idle>({.name = "alpha"});
  const Agent agent(system);
  const std::string silent_path = runtime.sockets() + "/1.sock";
  const FakeProgram silent(silent_path, [](int socket) { closed_by_peer(socket); });
  const Outcome outcome = run({}, 1s);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr(silent_path + ": no answer for 1000 ms"));
  EXPECT_THAT(outcome.out, HasSubstr("alpha"));
}

TEST(Ps, SaysWhenItsOutputCannotBeWritten) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  const Agent agent(system);
  std::ofstream full("/dev/full");
  std::ostringstream err;
  EXPECT_EQ(ps({.socket = agent.path()}, full, err), 1);
  EXPECT_EQ(err.str(), "isola ps: could not write the list\n");
}

// ---- the command line ------------------------------------------------------------------------

// The status of `isola ARGUMENTS…`; 2 stands for wrong usage, as in the program.
int status_of(const std::string& arguments) {
  CLI::App app;
  int status = 0;
  add_ps(app, status);
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError&) {
    return 2;
  }
  return status;
}

TEST(PsCommand, RunsWhatTheArgumentsSay) {
  const RuntimeDirectory runtime;
  System system(quiet({.name = "told", .workers = 1}));
  const Agent agent(system);
  ::testing::internal::CaptureStdout();
  const int status = status_of("ps --socket " + agent.path() + " --timeout 60");
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("system told"));
  EXPECT_EQ(status, 0);
  ::testing::internal::CaptureStdout();
  const int json_status = status_of("ps --json --pid " + std::to_string(::getpid()));
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), StartsWith("{\"programs\":["));
  EXPECT_EQ(json_status, 0);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(status_of("ps --socket " + runtime.path() + "/missing"), 1);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), StartsWith("isola ps: "));
}

TEST(PsCommand, RefusesWhatItDoesNotKnow) {
  for (const char* arguments :
       {"ps --pid", "ps --pid many", "ps --pid -4", "ps --pid 0", "ps --pid 1 --socket x",
        "ps --timeout 0", "ps --timeout never", "ps --yaml", "ps extra"})
    EXPECT_EQ(status_of(arguments), 2) << arguments;
}

}  // namespace
}  // namespace isola::inspect
