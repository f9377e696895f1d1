// Pools of isolates: what is known of a task or an initialiser that throws. Compiled with line
// tables, so that records can name files and lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/actors/isolate_pool.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/actors/pool_support.h"

namespace isola {
namespace {

using test::on_every_scheduler;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct NoModel : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr int kThrowLine = __LINE__ + 2;
[[gnu::noinline]] double score(int n) {
  if (n > 0) throw std::out_of_range("no score for " + std::to_string(n));
  throw NoModel("nothing loaded");
}

TEST(PoolFailure, OfATaskIsARecordWithTypeMessageAndPlace) {
  // Covers: POOL-017
  on_every_scheduler([](System& system) {
    IsolatePool pool(system, {.workers = 1, .name = "score"});
    auto future = pool.submit(&score, 7);
    Error err;
    EXPECT_NO_THROW(err = future.get().err);
    EXPECT_EQ(err, Code::failed);
    EXPECT_EQ(err.type(), "std::out_of_range");
    EXPECT_EQ(err.short_type(), "out_of_range");
    EXPECT_EQ(err.message(), "no score for 7");
    EXPECT_EQ(err.actor(), "score-0");
    const std::vector<Frame> frames = err.frames();
    ASSERT_FALSE(frames.empty());
    EXPECT_THAT(frames[0].file, EndsWith("pool_failure_test.cc"));
    EXPECT_EQ(frames[0].line, static_cast<uint32_t>(kThrowLine));
    try {
      err.raise();
    } catch (const RemoteError& raised) {
      EXPECT_EQ(raised.error().record_block(), err.record_block()) << "the same record";
    }
    EXPECT_THROW(err.raise_as<std::out_of_range>(), std::out_of_range);
    EXPECT_THROW(err.raise_as<std::domain_error>(), RemoteError);
    const Error own = pool.submit(&score, 0).get().err;
    EXPECT_EQ(own.type(), "isola::(anonymous namespace)::NoModel");
    EXPECT_EQ(own.short_type(), "NoModel");
    EXPECT_THROW(own.raise_as<NoModel>(), NoModel);
  });
}

void load_model(std::string file) {
  try {
    throw std::out_of_range("no such entry");
  } catch (...) {
    std::throw_with_nested(std::domain_error("no model in " + file));
  }
}

TEST(PoolFailure, OfAnInitialiserIsTheCauseOfEveryResultAndIsLoggedOnce) {
  // Covers: POOL-008
  std::string log;
  ::testing::internal::CaptureStderr();
  {
    System system({.name = "app", .workers = 2});
    IsolatePool pool(
        system,
        {.workers = 2, .name = "score", .initialiser = {&load_model, std::string("model.bin")}});
    std::vector<Future<void>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(pool.submit([] { ADD_FAILURE() << "ran"; }));
    for (auto& future : futures) {
      const Error err = future.get().err;
      EXPECT_EQ(err, Code::broken_pool);
      ASSERT_THAT(err.causes(), SizeIs(2));
      EXPECT_EQ(err.causes()[0].type, "std::domain_error");
      EXPECT_EQ(err.causes()[0].message, "no model in model.bin");
      EXPECT_EQ(err.causes()[1].type, "std::out_of_range");
      EXPECT_EQ(err.causes()[1].message, "no such entry");
    }
    EXPECT_EQ(system.failures(), 1u);
  }
  log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("app: an actor failed: broken_pool: "));
  EXPECT_THAT(log, HasSubstr("\nraised inside isolate score-"));
  EXPECT_THAT(log, HasSubstr("\ncaused by std::domain_error: no model in model.bin"));
  EXPECT_THAT(log, HasSubstr("\ncaused by std::out_of_range: no such entry"));
  EXPECT_EQ(log.find("broken_pool"), log.rfind("broken_pool")) << "once";
}

}  // namespace
}  // namespace isola
