// What a record keeps of nested, foreign and coded failures, where they were thrown, and how all of
// that is shown, raised again and written as JSON.
#include <isola/serialization/error.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/result.h>
#include <isola/serialization/throw_trace.h>

#include <boost/throw_exception.hpp>
#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <kj/exception.h>

#include <filesystem>
#include <functional>
#include <future>
#include <system_error>
#include <thread>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ErrorRecordTest : public ::testing::Test {
 protected:
  ~ErrorRecordTest() override { pool_->close(); }

  Error capture(auto&& throws, detail::FailedAt at = {.actor = "counter", .actor_id = 7}) {
    const detail::TraceThrows traces;
    try {
      throws();
    } catch (...) {
      return detail::capture_exception(*pool_, at);
    }
    return Error();
  }
  Error out_of_range() {
    return capture([] { throw std::out_of_range("no such word"); });
  }

  Pool* pool_ = Pool::create(1 << 20);
};

[[noreturn, gnu::noinline]] void innermost() { throw std::runtime_error("the disk is full"); }

[[noreturn, gnu::noinline]] void inner() {
  try {
    innermost();
  } catch (...) {
    std::throw_with_nested(std::system_error(EIO, std::generic_category(), "can't save"));
  }
}

[[gnu::noinline]] void outer() {
  try {
    inner();
  } catch (...) {
    std::throw_with_nested(std::logic_error("the game is lost"));
  }
}

TEST_F(ErrorRecordTest, NestedExceptionsAreTheCausesTheNearestFirst) {
  const Error error = capture(outer);
  EXPECT_EQ(error.type(), "std::logic_error");
  EXPECT_EQ(error.message(), "the game is lost");
  const std::vector<Cause> causes = error.causes();
  ASSERT_THAT(causes, SizeIs(2));
  EXPECT_EQ(causes[0].type, "std::system_error");
  EXPECT_EQ(causes[0].message, "can't save: Input/output error");
  EXPECT_EQ(causes[0].category, "generic");
  EXPECT_EQ(causes[0].value, EIO);
  EXPECT_EQ(causes[1].type, "std::runtime_error");
  EXPECT_EQ(causes[1].message, "the disk is full");
}

TEST_F(ErrorRecordTest, EachExceptionOfANestHasItsOwnPlace) {
  const Error error = capture(outer);
  const auto in = [](const char* function) {
    return Field(&Frame::function, HasSubstr(function));
  };
  EXPECT_THAT(error.frames(), ::testing::Contains(in("outer()")));
  EXPECT_THAT(error.frames(), Not(::testing::Contains(in("inner()"))));
  EXPECT_THAT(error.causes()[0].frames, ::testing::Contains(in("inner()")));
  ASSERT_THAT(error.causes()[1].frames, Not(IsEmpty()));
  const Frame thrown = error.causes()[1].frames[0];
  EXPECT_THAT(thrown.function, HasSubstr("innermost()"));
  // This file is compiled with -g1.
  EXPECT_EQ(std::filesystem::path(thrown.file).filename(), "error_record_test.cc");
  EXPECT_GT(thrown.line, 50u);
  EXPECT_LT(thrown.line, 70u);
}

TEST_F(ErrorRecordTest, ANestHasABound) {
  std::function<void(int)> nest = [&](int depth) {
    try {
      if (depth == 0) throw std::runtime_error("at the bottom");
      nest(depth - 1);
    } catch (...) {
      std::throw_with_nested(std::runtime_error("level " + std::to_string(depth)));
    }
  };
  const Error error = capture([&] { nest(40); });
  EXPECT_EQ(error.message(), "level 40");
  ASSERT_THAT(error.causes(), SizeIs(16));
  EXPECT_EQ(error.causes()[15].message, "level 24");
}

TEST_F(ErrorRecordTest, CodesOfTheSystemAreKept) {
  const Error error = capture([] {
    throw std::system_error(ENOENT, std::system_category(), "farm.toml");
  });
  EXPECT_EQ(error.record().getValue(), ENOENT);
  EXPECT_STREQ(error.record().getCategory().cStr(), "system");
  EXPECT_THAT(error.display(), HasSubstr("[system:2]"));
}

TEST_F(ErrorRecordTest, ACapnpExceptionSaysWhereItWasThrownAndOfWhichKind) {
  const Error error = capture([] {
    kj::throwFatalException(
        kj::Exception(kj::Exception::Type::OVERLOADED, "model.cc", 31, kj::heapString("too much")));
  });
  EXPECT_EQ(error.type(), "kj::Exception");
  EXPECT_EQ(error.message(), "too much");
  EXPECT_STREQ(error.record().getCategory().cStr(), "kj");
  EXPECT_EQ(error.record().getValue(), static_cast<int64_t>(kj::Exception::Type::OVERLOADED));
  ASSERT_THAT(error.frames(), Not(IsEmpty()));
  EXPECT_EQ(error.frames()[0].to_string(), "model.cc:31");
}

TEST_F(ErrorRecordTest, ABoostExceptionSaysWhereItWasThrown) {
  const Error error = capture([] { BOOST_THROW_EXCEPTION(std::range_error("too far")); });
  EXPECT_EQ(error.message(), "too far");
  ASSERT_THAT(error.frames(), Not(IsEmpty()));
  EXPECT_THAT(error.frames()[0].to_string(), HasSubstr("error_record_test.cc:"));
  struct Plain : boost::exception {};
  EXPECT_THAT(capture([] { throw Plain(); }).type(), HasSubstr("Plain"));
}

TEST_F(ErrorRecordTest, WhatWasMadeFromAForeignFailureHasItAmongItsCauses) {
  const Error foreign = out_of_range();
  const Error passed_on = capture([&] { foreign.raise(); }, {.actor = "other"});
  EXPECT_EQ(passed_on.actor(), "counter") << "the first origin is the one to know";

  const Error nested = capture(
      [&] {
        try {
          foreign.raise();
        } catch (const RemoteError&) {
          std::throw_with_nested(std::invalid_argument("bad request"));
        }
      },
      {.actor = "other"});
  EXPECT_EQ(nested.type(), "std::invalid_argument");
  EXPECT_EQ(nested.actor(), "other");
  ASSERT_THAT(nested.causes(), SizeIs(1));
  EXPECT_EQ(nested.causes()[0].type, "std::out_of_range");
  EXPECT_EQ(nested.causes()[0].actor, "counter");
  EXPECT_THAT(nested.causes()[0].frames, Not(IsEmpty()));

  const Error rebuilt = capture([&] { foreign.raise_as<std::out_of_range>(); }, {.actor = "other"});
  EXPECT_EQ(rebuilt.type(), "std::out_of_range");
  EXPECT_EQ(rebuilt.actor(), "other");
  ASSERT_THAT(rebuilt.causes(), SizeIs(1));
  EXPECT_EQ(rebuilt.causes()[0].actor, "counter");
}

TEST_F(ErrorRecordTest, AnErrorIsMadeWithACauseAndThoseOfThat) {
  const Error cause = capture(outer);
  const Error error =
      detail::make_error(*pool_, Code::io, name(Code::io), "no pool", {}, cause);
  ASSERT_THAT(error.causes(), SizeIs(3));
  EXPECT_EQ(error.causes()[0].message, "the game is lost");
  EXPECT_EQ(error.causes()[2].message, "the disk is full");
  const Error coded = detail::make_error(*pool_, Code::io, "io", "why", {}, Error(Code::timeout));
  EXPECT_EQ(coded.causes()[0].type, "timeout");
}

TEST_F(ErrorRecordTest, RaiseAsRebuildsTheTypesThatItIsGivenAndNoOthers) {
  const Error error = out_of_range();
  try {
    error.raise_as<std::invalid_argument, std::out_of_range>();
  } catch (const std::out_of_range& rebuilt) {
    EXPECT_STREQ(rebuilt.what(), "no such word");
    const auto* carrier = dynamic_cast<const detail::CarriesError*>(&rebuilt);
    ASSERT_NE(carrier, nullptr);
    EXPECT_EQ(carrier->error().actor(), "counter");
  }
  EXPECT_THROW(error.raise_as<std::logic_error>(), RemoteError) << "a base is another type";
  const Error no_memory = capture([] { throw std::bad_alloc(); });
  EXPECT_THROW(no_memory.raise_as<std::bad_alloc>(), std::bad_alloc);
  EXPECT_THROW(Error(Code::timeout).raise_as<std::out_of_range>(), RemoteError);
  try {
    capture([] {
      throw std::system_error(ENOENT, std::system_category(), "farm.toml");
    }).raise_as<std::system_error>();
  } catch (const std::system_error& rebuilt) {
    EXPECT_EQ(rebuilt.code(), std::error_code(ENOENT, std::system_category()));
    EXPECT_STREQ(rebuilt.what(), "farm.toml: No such file or directory");
  }
}

class BadMove : public std::runtime_error {
 public:
  BadMove(std::string text, int square) : runtime_error(std::move(text)), square(square) {}
  int square;
};

}  // namespace

template <>
struct RebuildTrait<BadMove> {
  static BadMove rebuild(const Error& error) {
    return {error.message(), std::stoi(error.message().substr(7))};
  }
};

namespace {

TEST_F(ErrorRecordTest, ATypeOfTheUsersIsRebuiltAsItsTraitSays) {
  const Error error = capture([] { throw BadMove("square 12", 12); });
  try {
    error.raise_as<BadMove>();
  } catch (const BadMove& rebuilt) {
    EXPECT_EQ(rebuilt.square, 12);
  }
}

TEST_F(ErrorRecordTest, WhatIsPrintedHasTheLocalPlaceFirstThenTheOriginThenTheCauses) {
  const Error error = capture(outer);
  std::string shown;
  const int line = __LINE__ + 2;
  try {
    error.raise();
  } catch (const RemoteError& remote) {
    shown = remote.what();
    const RemoteError copy = remote;  // NOLINT: its text is the same one
    EXPECT_EQ(copy.what(), remote.what());
  }
  const size_t type = shown.find("std::logic_error: the game is lost");
  const size_t here = shown.find("error_record_test.cc:" + std::to_string(line));
  const size_t origin = shown.find("raised inside isolate counter (#7):");
  const size_t thrower = shown.find("outer()");
  const size_t cause = shown.find("caused by std::system_error: can't save");
  const size_t last = shown.find("caused by std::runtime_error: the disk is full");
  ASSERT_NE(last, std::string::npos) << shown;
  EXPECT_EQ(type, 0u) << shown;
  EXPECT_LT(type, here) << shown;
  EXPECT_LT(here, origin) << shown;
  EXPECT_LT(origin, thrower) << shown;
  EXPECT_LT(thrower, cause) << shown;
  EXPECT_LT(cause, last) << shown;
  EXPECT_EQ(error.to_string(), "std::logic_error: the game is lost (in counter)");
  EXPECT_THAT(Error(Code::timeout).display(), StartsWith("timeout: "));
}

TEST_F(ErrorRecordTest, ARecordSaysAllThatIsKnownOfTheActor) {
  const Error error = capture([] { throw std::bad_alloc(); },
                              {.actor = "crunch",
                               .actor_id = 9,
                               .message = &message_type<test::GetTotal>,
                               .path = "farm/crunch",
                               .context = {{"app.locale", "de_DE"}, {"app.session", "<secret>"}},
                               .restarts = 3,
                               .time_ns = 12,
                               .heap_bytes = 100,
                               .heap_peak_bytes = 200,
                               .heap_quota_bytes = 150});
  const ErrorRecord::Reader record = error.record();
  EXPECT_EQ(record.getMessageTypeId(), message_type<test::GetTotal>.id);
  EXPECT_EQ(record.getRestarts(), 3u);
  EXPECT_EQ(record.getTimeNs(), 12);
  EXPECT_EQ(record.getHeapBytes(), 100u);
  EXPECT_EQ(record.getHeapPeakBytes(), 200u);
  EXPECT_EQ(record.getHeapQuotaBytes(), 150u);
  EXPECT_THAT(error.context(),
              ElementsAre(Field(&ErrorContext::value, "de_DE"),
                          Field(&ErrorContext::name, "app.session")));
  EXPECT_THAT(error.display(), HasSubstr("raised inside isolate farm/crunch (#9, restarts: 3):"));
  EXPECT_THAT(error.display(), HasSubstr("\n  with app.locale = de_DE"));
}

TEST_F(ErrorRecordTest, TheSameRecordAsJson) {
  const Error error = capture(outer);
  const std::string json = error.to_json();
  EXPECT_EQ(json.find('\n'), std::string::npos);
  capnp::MallocMessageBuilder message;
  auto record = message.initRoot<ErrorRecord>();
  capnp::JsonCodec().decode(kj::arrayPtr(json.data(), json.size()), record);
  EXPECT_STREQ(record.getType().cStr(), "std::logic_error");
  EXPECT_STREQ(record.getCauses()[1].getMessage().cStr(), "the disk is full");
  EXPECT_THAT(record.getCauses()[1].getFrames()[0].getFunction().cStr(), HasSubstr("innermost"));
  EXPECT_THAT(Error(Code::timeout).to_json(), HasSubstr("\"type\":\"timeout\""));
}

TEST_F(ErrorRecordTest, NamesCanBeMadePartOfTheRecord) {
  const Error error = capture(outer);
  EXPECT_FALSE(error.record().getFrames()[0].hasFunction());
  const Error named = error.with_names();
  ASSERT_GT(named.record().getFrames().size(), 0u);
  EXPECT_TRUE(named.record().getFrames()[0].hasFunction());
  EXPECT_EQ(named.display(), error.display());
  EXPECT_EQ(Error(Code::timeout).with_names().code(), Code::timeout);
}

TEST_F(ErrorRecordTest, ALargeNestIsBoundedInBytes) {
  const std::string text(1 << 20, 'x');
  const Error error = capture([&] {
    try {
      throw std::runtime_error(text);
    } catch (...) {
      std::throw_with_nested(std::runtime_error(text));
    }
  });
  EXPECT_LT(error.record().totalSize().wordCount * 8, 300u * 1024);
  EXPECT_TRUE(error.causes()[0].message.ends_with("…"));
}

TEST(ThrowTrace, IsTakenOnlyWhereItIsAskedForAndLivesAsLongAsTheException) {
  std::exception_ptr kept;
  try {
    throw std::runtime_error("not noted");
  } catch (...) {
    EXPECT_EQ(detail::thrown_at(std::current_exception()).trace.size, 0u);
  }
  const detail::TraceThrows traces;
  try {
    throw std::runtime_error("noted");
  } catch (...) {
    kept = std::current_exception();
  }
  {
    const detail::TraceThrows silent(false);
    EXPECT_THROW(throw 3, int);
  }
  EXPECT_GT(detail::thrown_at(kept).trace.size, 0u);
  // Thrown once more, by another thread, it was thrown where it was.
  std::thread([kept] {
    try {
      std::rethrow_exception(kept);
    } catch (...) {
      EXPECT_GT(detail::thrown_at(std::current_exception()).trace.size, 0u);
    }
  }).join();
}

TEST(ThrowTrace, ManyThreadsThrowAtOnce) {
  struct Counted {
    explicit Counted(sync::atomic<int>* live) : live(live) { ++*live; }
    Counted(const Counted& other) : live(other.live) { ++*live; }
    ~Counted() { --*live; }
    sync::atomic<int>* live;
  };
  sync::atomic<int> live{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const detail::TraceThrows traces;
      for (int round = 0; round < 200; ++round) {
        try {
          throw Counted(&live);
        } catch (const Counted&) {
          EXPECT_GT(detail::thrown_at(std::current_exception()).trace.size, 0u);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(live, 0) << "each exception was destroyed by its own destructor";
}

}  // namespace
}  // namespace isola
