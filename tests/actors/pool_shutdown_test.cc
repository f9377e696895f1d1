// Pools of isolates: how they end, and futures that are cancelled or given up.
#include <isola/actors/isolate_pool.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/actors/pool_support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gates;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::workers_of;

TEST(PoolShutdown, WaitsUntilAllIsDoneAndTheWorkersAreGone) {
  // Covers: POOL-041
  on_every_scheduler([](System& system) {
    auto task = [](int n) {
      (void)sleep_for(1ms);
      return n;
    };
    std::vector<Future<int>> futures;
    IsolatePool waits(system, {.workers = 3, .name = "waits"});
    for (int i = 0; i < 10; ++i) futures.push_back(waits.submit(task, i));
    EXPECT_FALSE(waits.shutdown());
    EXPECT_TRUE(workers_of(system, "waits").empty());
    {
      IsolatePool scope(system, {.workers = 3, .name = "scope"});
      for (int i = 0; i < 10; ++i) futures.push_back(scope.submit(task, i));
    }
    EXPECT_TRUE(workers_of(system, "scope").empty());
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(futures[i].is_ready());
      EXPECT_EQ(futures[i].get().or_raise(), i % 10);
    }
    EXPECT_EQ(waits.submit(task, 1).get().err, Code::pool_shut_down);
    EXPECT_FALSE(waits.shutdown()) << "twice";
  });
}

TEST(PoolShutdown, ThatDoesNotWaitComputesAllTheSame) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 2, .name = "score"});
    std::vector<Future<int64_t>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(gates.submit_to(pool));
    gates.wait_until_ready();
    EXPECT_FALSE(pool.shutdown(Shutdown::no_wait));
    EXPECT_EQ(gates.submit_to(pool).get().err, Code::pool_shut_down);
    gates.release(5);
    for (auto& future : futures) EXPECT_TRUE(future.get());
    EXPECT_TRUE(eventually([&] { return workers_of(system, "score").empty(); }));
  });
}

TEST(PoolShutdown, OfOneTaskMoreThanThereAreWorkersDoesNotHang) {
  // Covers: POOL-037
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 3});
    auto results = pool.map([](int n) { return n + 1; }, std::vector<int>{0, 1, 2, 3});
    EXPECT_FALSE(pool.shutdown());
    int sum = 0;
    for (auto& [value, err] : results) sum += err ? 100 : value;
    EXPECT_EQ(sum, 10);
  });
}

TEST(PoolShutdown, WithCancelEndsWhatHasNotBegun) {
  // Covers: POOL-038
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 2});
    std::vector<Future<int64_t>> futures;
    for (int i = 0; i < 50; ++i) futures.push_back(gates.submit_to(pool));
    gates.release(5);
    gates.wait_until_ready(7);  // five are done, or about to be, and two run
    EXPECT_FALSE(pool.shutdown(Shutdown::no_wait, Pending::cancel));
    gates.release(2);
    EXPECT_FALSE(pool.shutdown(Shutdown::wait, Pending::cancel));
    int cancelled = 0;
    int done = 0;
    for (auto& future : futures) {
      EXPECT_TRUE(future.is_ready());
      const Error err = future.get().err;
      EXPECT_TRUE(!err || err == Code::cancelled) << err;
      ++(err ? cancelled : done);
    }
    EXPECT_EQ(cancelled, 43);
    EXPECT_EQ(done, 7);
  });
}

TEST(PoolShutdown, ReturnsAfterATaskWasCancelledAtOnce) {
  // Covers: POOL-040
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1, .name = "score"});
    auto future = pool.submit([] { return 1; });
    const bool cancelled = future.cancel();
    EXPECT_FALSE(pool.shutdown());
    EXPECT_TRUE(workers_of(system, "score").empty());
    const Result<int> result = future.get();
    EXPECT_EQ(result.err.code(), cancelled ? Code::cancelled : Code::ok);
  });
}

TEST(PoolFuture, IsCancelledOnlyBeforeItsTaskBegins) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto running = gates.submit_to(pool);
    gates.wait_until_ready();
    auto waiting = gates.submit_to(pool);
    EXPECT_FALSE(running.cancel());
    EXPECT_TRUE(waiting.cancel());
    EXPECT_FALSE(waiting.cancel()) << "once";
    EXPECT_TRUE(waiting.is_ready());
    EXPECT_EQ(waiting.get().err, Code::cancelled);
    gates.release();
    EXPECT_TRUE(running.get());
    EXPECT_FALSE(running.cancel());
    EXPECT_EQ(gates.ready.receiver.try_recv().err, Code::channel_empty);
    EXPECT_EQ(system.failures(), 0u);
  });
}

bool is_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

TEST(PoolFuture, IsWaitedForThroughADescriptor) {
  on_every_scheduler([](System& system) {
    Gates gates(system);
    IsolatePool pool(system, {.workers = 1});
    auto future = gates.submit_to(pool);
    const int fd = future.readable_fd().or_raise();
    EXPECT_EQ(future.readable_fd().or_raise(), fd) << "one for the future";
    EXPECT_FALSE(is_readable(fd));
    gates.wait_until_ready();
    gates.release();
    EXPECT_TRUE(eventually([&] { return is_readable(fd); }));
    EXPECT_TRUE(future.is_ready());
    auto done = pool.submit([] { return 1; });
    EXPECT_TRUE(eventually([&] { return done.is_ready(); }));
    EXPECT_TRUE(is_readable(done.readable_fd().or_raise())) << "asked for afterwards";
    EXPECT_TRUE(done.get());
    EXPECT_EQ(done.readable_fd().err, Code::invalid_argument) << "its result was taken";
  });
}

TEST(PoolFuture, ThatIsGivenUpLeavesItsDescriptorAlone) {
  // Covers: POOL-045
  on_every_scheduler(
      [](System& system) {
        Gates gates(system);
        IsolatePool pool(system, {.workers = 1});
        int fd;
        {
          auto future = gates.submit_to(pool);
          fd = future.readable_fd().or_raise();
          gates.wait_until_ready();
        }
        EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "it is closed at once";
        const int reused = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        EXPECT_EQ(reused, fd);
        gates.release();
        EXPECT_FALSE(pool.shutdown());
        EXPECT_FALSE(is_readable(reused));
        EXPECT_EQ(::close(reused), 0);
      },
      20);
}

TEST(PoolFuture, MayBeGivenUpWhileItsTaskEnds) {
  on_real_scheduler([](System& system) {
    for (int round = 0; round < (sync::kSimulated ? 2 : 200); ++round) {
      Gates gates(system);
      IsolatePool pool(system, {.workers = 1});
      auto future = gates.submit_to(pool);
      const int fd = future.readable_fd().or_raise();
      gates.wait_until_ready();
      gates.release();
      future = {};  // at any moment of its end
      EXPECT_FALSE(pool.shutdown());
      const int next = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      EXPECT_EQ(next, fd) << "closed once, and by nobody a second time";
      EXPECT_FALSE(is_readable(next));
      EXPECT_EQ(::close(next), 0);
    }
  });
}

}  // namespace
}  // namespace isola
