// What is printed when a handler crashes: the actor, the message, the place.
#include <isola/actors/crash.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <csignal>
#include <cstdlib>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using test::GetTotal;
using test::Number;
using test::Total;

int* volatile nothing = nullptr;

[[gnu::noinline]] void store_through_null() { *nothing = 3; }

[[gnu::noinline]] int64_t never_ends(int64_t depth) {
  volatile char page[1024];
  page[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : never_ends(depth + 1) + page[0];
}

struct Crashes : Actor<Crashes, Number, Ask<GetTotal, Total>> {
  void on(Number::Reader number) {
    // Another actor runs on this worker in between.
    sleep_for(std::chrono::milliseconds(1));
    if (number.getValue() == 0) store_through_null();
    if (number.getValue() == 1) never_ends(0);
    if (number.getValue() == 2) std::raise(SIGFPE);
  }
  Message<Total> on(GetTotal::Reader) { return compose<Total>(); }
};

// In a process of its own.
void crash(int64_t how) {
  report_crashes();
  System system({.workers = 1});
  const auto crashes = system.spawn<Crashes>({.name = "fragile"});
  const auto other = system.spawn<Crashes>({.name = "other"});
  (void)crashes.send<Number>([&](Number::Builder number) { number.setValue(how); });
  for (;;) (void)other.ask<GetTotal>().get();
}

class CrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
    GTEST_SKIP() << "the sanitizers report crashes themselves";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

TEST_F(CrashTest, ANullPointerInAHandlerNamesActorMessageAndPlace) {
  EXPECT_EXIT(crash(0), ::testing::KilledBySignal(SIGSEGV),
              "isola: SIGSEGV, a null pointer \\(0x0\\): in actor fragile \\(#1\\), handling "
              "Number\n    .*store_through_null.*crash_test.cc:[0-9]+\\)\n(    .*\n)*"
              "    .*Crashes::on|on \\(");
}

TEST_F(CrashTest, AStackOverflowIsReportedFromAnotherStack) {
  EXPECT_EXIT(crash(1), ::testing::KilledBySignal(SIGSEGV),
              "isola: SIGSEGV, a stack overflow \\(SystemOptions::stack_bytes[^)]*\\) "
              "\\(0x[0-9a-f]+\\): in actor fragile \\(#1\\), handling Number\n    .*never_ends");
}

TEST_F(CrashTest, ASignalThatWasSentEndsTheProcessToo) {
  EXPECT_EXIT(crash(2), ::testing::KilledBySignal(SIGFPE),
              "isola: SIGFPE: in actor fragile \\(#1\\), handling Number\n");
}

TEST_F(CrashTest, OutsideOfActorsItSaysSo) {
  EXPECT_EXIT(
      {
        report_crashes();
        store_through_null();
      },
      ::testing::KilledBySignal(SIGSEGV),
      "isola: SIGSEGV, a null pointer \\(0x0\\): outside of actors\n    .*store_through_null");
}

TEST_F(CrashTest, WhoHandledItBeforeGetsTheSignal) {
  EXPECT_EXIT(
      {
        std::signal(SIGSEGV, [](int) { _exit(42); });
        report_crashes();
        store_through_null();
      },
      ::testing::ExitedWithCode(42), "isola: SIGSEGV, a null pointer");
}

TEST_F(CrashTest, NothingIsInstalledUnasked) {
  EXPECT_EXIT(
      {
        System system({.workers = 1});
        store_through_null();
      },
      ::testing::KilledBySignal(SIGSEGV), "^$");
}

}  // namespace
}  // namespace isola
