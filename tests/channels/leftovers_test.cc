// What a program leaves in its channels is cleaned up with its System, and told in debug builds.
#include <isola/channels/table.h>

#include <gtest/gtest.h>
#include <isola/isola.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::Member;
using test::number;
using test::Number;

struct Ended {
  int status = -1;  // of wait
  std::string out;
  std::string err;
};

std::string read_all(int fd) {
  std::string text;
  char bytes[4096];
  for (ssize_t count; (count = ::read(fd, bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<size_t>(count));
  ::close(fd);
  return text;
}

// Runs `main` as a process of its own, which exits with 0 after it. What it prints is short enough
// for a pipe.
template <class Main>
Ended run_as_process(Main main) {
  int out[2];
  int err[2];
  EXPECT_EQ(::pipe(out), 0);
  EXPECT_EQ(::pipe(err), 0);
  std::fflush(nullptr);  // the child would print it again
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    for (const int fd : {out[0], out[1], err[0], err[1]}) ::close(fd);
    main();
    std::exit(0);
  }
  ::close(out[1]);
  ::close(err[1]);
  Ended ended;
  ended.out = read_all(out[0]);
  ended.err = read_all(err[0]);
  EXPECT_EQ(::waitpid(child, &ended.status, 0), child);
  return ended;
}

void expect_clean(const Ended& ended, const std::string& told_in_debug_builds) {
  EXPECT_TRUE(WIFEXITED(ended.status)) << ended.status;
  EXPECT_EQ(WEXITSTATUS(ended.status), 0);
  EXPECT_EQ(ended.out, "");
#ifdef NDEBUG
  EXPECT_EQ(ended.err, "");
  (void)told_in_debug_builds;
#else
  EXPECT_EQ(ended.err, told_in_debug_builds);
#endif
}

TEST(Leftovers, InAChannelThatIsHeldWhenItsSystemEnds) {
  // Covers: QU-016
  for (const Capacity& capacity : {bounded(4), unbounded}) {
    const Ended ended = run_as_process([&] {
      Channel<Number> jobs;  // outlives the System
      System system({.workers = 1});
      jobs = system.channel<Number>(capacity, {.name = "jobs"});
      for (int i = 0; i < 3; ++i) (void)jobs.sender.send(number(i));
    });
    expect_clean(ended, "isola: channel \"jobs\" held 3 messages when its System ended\n");
  }
}

TEST(Leftovers, InAChannelThatAnIsolateHolds) {
  // Covers: QU-016
  const Ended ended = run_as_process([] {
    System system({.workers = 1});
    auto [tx, rx] = system.channel<Number>(bounded(4));
    Member member(system, std::move(tx), std::move(rx));
    (void)member.send(1);
    (void)member.send(2);
    system.stop();  // while the isolate is still there
  });
  expect_clean(ended, "isola: channel #1 held 2 messages when its System ended\n");
}

TEST(Leftovers, InAChannelWhoseEndsGoFirst) {
  const Ended ended = run_as_process([] {
    System system({.workers = 1});
    auto [tx, rx] = system.channel<Number>(bounded(4), {.name = "jobs"});
    (void)tx.send(number(1));
  });
  expect_clean(ended, "");
}

TEST(Leftovers, GoBackToThePoolWithTheSystem) {
  Channel<Number> jobs;
  System system(test::quiet({.workers = 1}));
  jobs = system.channel<Number>(bounded(4), {.name = "jobs"});
  EXPECT_FALSE(jobs.sender.send(number(1)));
  EXPECT_EQ(system.pool_stats().live, 1u);
  system.stop();
  EXPECT_EQ(system.pool_stats().live, 0u);
  EXPECT_EQ(jobs.receiver.recv().err, Code::channel_closed);
}

}  // namespace
}  // namespace isola
