// Frames of threads, calls and generators: cleanups, callbacks, and what is refused.
#include <isola/context/frame.h>

#include <gtest/gtest.h>
#include <isola/context/generator.h>

#include <cfenv>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/context/expect.h"

namespace isola {
namespace {

using test::fault_of;

using Log = std::vector<std::string>;

auto note(Log& log, const char* what) {
  return [&log, what] { log.emplace_back(what); };
}

TEST(Frame, OfACapturedCallRunsItsCleanupsInReverseOrder) {
  Log log;
  const Context context = capture();
  context.run([&] {
    EXPECT_EQ(frame().kind(), FrameKind::call);
    frame().at_end(note(log, "first"));
    frame().at_end(note(log, "second"));
    Context().run([&] { frame().at_end(note(log, "inner")); });
    log.emplace_back("body");
  });
  EXPECT_EQ(log, (Log{"inner", "body", "second", "first"}));
  EXPECT_THROW(context.run([&] {
    frame().at_end(note(log, "after a throw"));
    throw std::runtime_error("out");
  }),
               std::runtime_error);
  EXPECT_EQ(log.back(), "after a throw");
}

TEST(Frame, HasAnIdThatIsNeverGivenAgain) {
  uint64_t outer_id = 0;
  uint64_t inner_id = 0;
  Context().run([&] {
    outer_id = frame().id();
    Context().run([&] {
      inner_id = frame().id();
      ASSERT_TRUE(frame().outer());
      EXPECT_EQ(frame().outer()->id(), outer_id);
    });
    EXPECT_EQ(frame().id(), outer_id);
  });
  EXPECT_NE(outer_id, inner_id);
  uint64_t again = 0;
  Context().run([&] { again = frame().id(); });
  EXPECT_NE(again, outer_id);
  EXPECT_NE(again, inner_id);
}

TEST(Frame, OfAThreadEndsWithIt) {
  Log log;
  std::thread([&] {
    EXPECT_EQ(frame().kind(), FrameKind::thread);
    frame().at_end(note(log, "end"));
    log.emplace_back("body");
  }).join();
  EXPECT_EQ(log, (Log{"body", "end"}));
}

TEST(Frame, ACleanupThatThrowsIsReportedAndTheOthersRun) {
  Log log;
  ::testing::internal::CaptureStderr();
  Context().run([&] {
    frame().at_end(note(log, "first"));
    frame().at_end([] { throw std::runtime_error("no database"); });
  });
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("a cleanup of a call threw: no database"),
            std::string::npos);
  EXPECT_EQ(log, (Log{"first"}));
}

TEST(Frame, ACleanupMayThrowAnything) {
  Log log;
  ::testing::internal::CaptureStderr();
  Context().run([&] {
    frame().at_end(note(log, "first"));
    frame().at_end([] { throw 3; });
  });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "isola: a cleanup of a call threw what is no std::exception\n");
  EXPECT_EQ(log, (Log{"first"}));
}

TEST(Frame, ThatCannotBeSuspendedTakesNoCallbacks) {
  EXPECT_EQ(fault_of([] { frame().on_switch([] {}, [] {}); }), ContextFault::cannot_suspend);
  Context().run([] {
    EXPECT_EQ(fault_of([] { frame().on_switch([] {}, [] {}); }), ContextFault::cannot_suspend);
  });
}

generator<int> logged(Log& log, std::string name, generator<int> inner) {
  frame().on_switch([&log, name] { log.push_back(name + " suspends"); },
                    [&log, name] { log.push_back(name + " resumes"); });
  for (int value : inner) co_yield value;
}

generator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

TEST(Frame, NestedCallbacksRunFromTheInsideOutAndBack) {
  Log log;
  auto all = logged(log, "outer", logged(log, "inner", count_to(2)));
  EXPECT_EQ(all.next(), 1);
  EXPECT_EQ(log, (Log{"inner suspends", "outer suspends"}));
  log.clear();
  EXPECT_EQ(all.next(), 2);
  EXPECT_EQ(log, (Log{"outer resumes", "inner resumes", "inner suspends", "outer suspends"}));
}

generator<int> yields_in_callback(bool& refused) {
  frame().on_switch(
      [&refused] {
        try {
          detail::require_may_suspend(detail::Execution::current());
        } catch (const ContextError& error) {
          refused = error.fault() == ContextFault::cannot_suspend;
        }
      },
      [] {});
  co_yield 1;
}

TEST(Frame, ACallbackCannotSuspend) {
  bool refused = false;
  auto one = yields_in_callback(refused);
  EXPECT_EQ(one.next(), 1);
  EXPECT_TRUE(refused);
  one.close();
  EXPECT_NO_THROW(detail::require_may_suspend(detail::Execution::current()));
}

// Divides when it is called.
[[gnu::noinline]] double third() {
  static volatile double three = 3;
  volatile double result = 1 / three;
  return result;
}

// The rounding mode of the floating-point unit is a thread's: a frame that changes it gives it back
// whenever it is suspended.
generator<double> thirds_rounded(int mode) {
  const int consumers = std::fegetround();
  std::fesetround(mode);
  frame().on_switch([consumers] { std::fesetround(consumers); }, [mode] { std::fesetround(mode); });
  frame().at_end([consumers] { std::fesetround(consumers); });
  for (;;) {
    co_yield third();
  }
}

TEST(Frame, KeepsARoundingModeToItself) {
  ASSERT_EQ(std::fegetround(), FE_TONEAREST);
  auto up = thirds_rounded(FE_UPWARD);
  auto down = thirds_rounded(FE_DOWNWARD);
  for (int i = 0; i < 3; ++i) {
    const double above = *up.next();
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    const double below = *down.next();
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    EXPECT_GT(above, below);
  }
  up.close();
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

}  // namespace
}  // namespace isola
