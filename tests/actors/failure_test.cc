// What is known of a failure in an isolate or an actor: causes, places, context.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int kThrowLine = __LINE__ + 2;
[[noreturn, gnu::noinline]] void fail_deep_inside(int depth) {
  if (depth == 0) throw std::range_error("at the bottom");
  try {
    fail_deep_inside(depth - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error("level " + std::to_string(depth)));
  }
}

TEST(Failure, NestedExceptionsArriveTheOuterOneFirst) {
  // Covers: API-100
  on_every_scheduler([](System& system) {
    const Error error = system.create().run([] { fail_deep_inside(3); }).err;
    EXPECT_EQ(error, Code::failed);
    EXPECT_EQ(error.to_string(), "std::runtime_error: level 3 (in isolate#" +
                                     std::to_string(error.record().getActorId()) + ")");
    const std::vector<Cause> causes = error.causes();
    ASSERT_THAT(causes, SizeIs(3));
    EXPECT_EQ(causes[0].type + ": " + causes[0].message, "std::runtime_error: level 2");
    EXPECT_EQ(causes[1].type + ": " + causes[1].message, "std::runtime_error: level 1");
    EXPECT_EQ(causes[2].type + ": " + causes[2].message, "std::range_error: at the bottom");
  });
}

struct OnlyHere : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST(Failure, ATypeThatOnlyThisSourceKnowsArrivesByItsName) {
  // Covers: API-101
  on_every_scheduler([](System& system) {
    const Error error = system.create().run([] { throw OnlyHere("unheard of"); }).err;
    EXPECT_EQ(error.type(), "isola::(anonymous namespace)::OnlyHere");
    EXPECT_EQ(error.message(), "unheard of");
  });
}

TEST(Failure, WhatIsMadeFromARecordThatCameInHasItAmongItsCauses) {
  // Covers: API-124
  on_every_scheduler([](System& system) {
    Isolate first = system.create({.name = "first"});
    const Error plain = first.run([] { throw std::invalid_argument("no such square"); }).err;
    EXPECT_EQ(plain.type(), "std::invalid_argument");
    Isolate second = system.create({.name = "second"});
    const Error rebuilt =
        second.run([](Error given) { given.raise_as<std::invalid_argument>(); }, plain).err;
    EXPECT_EQ(rebuilt.type(), "std::invalid_argument");
    EXPECT_EQ(rebuilt.message(), "no such square");
    EXPECT_EQ(rebuilt.actor(), "second");
    ASSERT_THAT(rebuilt.causes(), SizeIs(1));
    EXPECT_EQ(rebuilt.causes()[0].type, "std::invalid_argument");
    EXPECT_EQ(rebuilt.causes()[0].actor, "first");
    const auto wrap = [](Error given) {
      try {
        given.raise();
      } catch (...) {
        std::throw_with_nested(std::invalid_argument("bad move"));
      }
    };
    const Error wrapped = second.run(wrap, plain).err;
    EXPECT_EQ(wrapped.type(), "std::invalid_argument");
    EXPECT_EQ(wrapped.message(), "bad move");
    ASSERT_THAT(wrapped.causes(), SizeIs(1));
    EXPECT_EQ(wrapped.causes()[0].message, "no such square");
  });
}

TEST(Failure, ThePrintedErrorShowsBothSides) {
  // Covers: API-078
  on_real_scheduler([](System& system) {
    Isolate score = system.create({.name = "score"});
    ::testing::internal::CaptureStdout();
    const int here = __LINE__ + 2;
    try {
      score.run([] { fail_deep_inside(0); }).or_raise();
      FAIL() << "nothing was raised";
    } catch (const RemoteError& error) {
      const std::string printed = error.what();
      EXPECT_THAT(printed, StartsWith("std::range_error: at the bottom (in score)"));
      EXPECT_THAT(printed, HasSubstr("failure_test.cc:" + std::to_string(here) + ", by:"));
      const size_t origin = printed.find("raised inside isolate score (#");
      ASSERT_NE(origin, std::string::npos) << printed;
      EXPECT_THAT(printed.substr(origin), HasSubstr("fail_deep_inside(int) ("));
      EXPECT_THAT(printed.substr(origin),
                  HasSubstr("failure_test.cc:" + std::to_string(kThrowLine) + ")"));
      EXPECT_THAT(printed, Not(HasSubstr("isola::detail::Worker")));
    }
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  });
}

constexpr Key<text> locale{"app.locale", Flow::wire};
constexpr Key<int> attempt{"app.attempt", Flow::wire};
constexpr Key<std::string> password{"app.password", Flow::actor};

struct Fails : Actor<Fails, Number> {
  void on(Number::Reader number) {
    const Scope tries(attempt, static_cast<int>(number.getValue()));
    const Scope hidden(password, std::string("xyzzy"));
    throw std::runtime_error("no more");
  }
};

TEST(Failure, ARecordHasTheContextOfTheCallAndOfTheThrow) {
  on_real_scheduler([](System& system) {
    auto fails = system.spawn<Fails>({.name = "fails", .heap_quota = 1 << 20});
    {
      const Scope german(locale, "de_DE");
      EXPECT_FALSE(fails.send<Number>([](Number::Builder number) { number.setValue(3); }));
    }
    const Error error = fails.join();
    const std::vector<ErrorContext> context = error.context();
    ASSERT_THAT(context, SizeIs(3));
    EXPECT_EQ(context[0].name, "app.password");
    EXPECT_EQ(context[0].value, "<stays in its actor>");
    EXPECT_EQ(context[1].name + "=" + context[1].value, "app.attempt=3");
    EXPECT_EQ(context[2].name + "=" + context[2].value, "app.locale=de_DE");
    EXPECT_THAT(error.display(), Not(HasSubstr("xyzzy")));
    EXPECT_THAT(error.to_json(), Not(HasSubstr("xyzzy")));
    EXPECT_THAT(error.frames(), Contains(Field(&Frame::file, HasSubstr("failure_test.cc"))));
    EXPECT_EQ(error.record().getHeapQuotaBytes(), uint64_t{1} << 20);
    EXPECT_EQ(error.message_type(), "Number");
    EXPECT_GT(error.record().getTimeNs(), int64_t{1'700'000'000} * 1'000'000'000);
  });
}

TEST(Failure, InASystemWithASeedRecordsHaveItsTime) {
  System system(test::quiet({.seed = 1}));
  const Error error = test::run_as_actor(system, [](System&) {
    EXPECT_FALSE(sleep_for(std::chrono::seconds(5)));
    throw std::runtime_error("late");
  });
  EXPECT_EQ(error.record().getTimeNs(), 5'000'000'000);
}

TEST(Failure, AThrowThatIsCaughtCostsNoRecord) {
  on_every_scheduler([](System& system) {
    const auto survive = [] {
      for (int i = 0; i < 100; ++i) {
        try {
          fail_deep_inside(2);
        } catch (const std::runtime_error&) {
        }
      }
      return 7;
    };
    EXPECT_EQ(system.create().run(survive).or_raise(), 7);
    EXPECT_THAT(system.failures(), 0u);
  });
}

}  // namespace
}  // namespace isola
