// Pools of isolates and the end of their System: whole programs, and handles that outlive it.
#include <isola/actors/isolate_pool.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/actors/pool_support.h"
#include "tests/topology/program.h"

namespace isola {
namespace {

using test::Gates;
using test::on_real_scheduler;

TEST(PoolProgram, AfterItsSystemHasStoppedNothingIsScheduled) {
  // Covers: POOL-035
  IsolatePool used{IsolatePool(*std::make_unique<System>())};
  EXPECT_EQ(used.error(), Code::pool_shut_down);
  const auto check = [](IsolatePool& pool) {
    const Error err = pool.submit([] {}).get().err;
    EXPECT_EQ(err, Code::pool_shut_down);
    EXPECT_NE(err.message().find("cannot schedule new work"), std::string::npos) << err;
    for (auto& [value, map_err] : pool.map([](int n) { return n; }, std::vector<int>{1}))
      EXPECT_EQ(map_err, Code::pool_shut_down);
  };
  check(used);
  on_real_scheduler([&](System& system) {
    Gates gates(system);
    IsolatePool idle(system, {.workers = 2});
    EXPECT_TRUE(idle.submit([] {}).get());
    IsolatePool busy(system, {.workers = 1});
    auto running = gates.submit_to(busy);
    gates.wait_until_ready();
    auto waiting = gates.submit_to(busy);
    system.stop();
    EXPECT_EQ(running.get().err, Code::cancelled);
    EXPECT_EQ(waiting.get().err, Code::pool_shut_down);
    check(idle);
    check(busy);
  });
  const test::Directory directory;
  const test::Ended ended = test::run(directory, {ISOLA_POOL_PROGRAM, "exit_hook"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_NE(ended.out.find("in the hook: pool_shut_down: cannot schedule new work"),
            std::string::npos)
      << ended.out;
  EXPECT_EQ(ended.err, "");
}

TEST(PoolProgram, MainMayReturnRightAfterSubmit) {
  // Covers: POOL-034
  const test::Directory directory;
  const test::Ended ended = test::run(directory, {ISOLA_POOL_PROGRAM, "return"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "begun\ndone\n");
  EXPECT_EQ(ended.err, "");
}

TEST(PoolProgram, ADroppedPoolAndOneThatIsNotWaitedForComputeWhatTheyHave) {
  // Covers: POOL-042
  const test::Directory directory;
  for (const char* how : {"drop", "no_wait"}) {
    const test::Ended ended = test::run(directory, {ISOLA_POOL_PROGRAM, how});
    EXPECT_EQ(ended.status, 0) << how;
    EXPECT_EQ(ended.out, "done 0\ndone 1\ndone 2\ndone 3\ndone 4\nworkers left: 0\n") << how;
    EXPECT_EQ(ended.err, "") << how;
  }
}

TEST(PoolProgram, CancellingRightBeforeMainReturnsLeavesNoTaskHalfDone) {
  // Covers: POOL-043
  const test::Directory directory;
  for (int round = 0; round < 5; ++round) {
    const test::Ended ended = test::run(directory, {ISOLA_POOL_PROGRAM, "cancel"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.err, "");
    // Each that has begun has ended.
    std::vector<bool> begun(20);
    std::istringstream lines(ended.out);
    std::string what;
    for (size_t task; lines >> what >> task;) {
      ASSERT_LT(task, begun.size());
      EXPECT_EQ(begun[task], what == "end") << ended.out;
      begun[task] = what == "begin";
    }
    for (size_t task = 0; task < begun.size(); ++task) EXPECT_FALSE(begun[task]) << task;
  }
}

}  // namespace
}  // namespace isola
