// Error records: what they keep of an exception, and their bounds.
#include <isola/serialization/error.h>

#include <gtest/gtest.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/result.h>

#include <sstream>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

class ErrorTest : public ::testing::Test {
 protected:
  ~ErrorTest() override { pool_->close(); }

  template <class E>
  Error capture(E&& exception) {
    try {
      throw std::forward<E>(exception);
    } catch (...) {
      return detail::capture_exception(*pool_, {"counter", 7, &message_type<test::GetTotal>});
    }
  }

  Pool* pool_ = Pool::create(1 << 20);
};

TEST_F(ErrorTest, ARecordKeepsTypeMessageActorAndMessageType) {
  const Error error = capture(std::out_of_range("no such word"));
  EXPECT_EQ(error.code(), Code::failed);
  EXPECT_EQ(error.type(), "std::out_of_range");
  EXPECT_EQ(error.message(), "no such word");
  EXPECT_EQ(error.actor(), "counter");
  EXPECT_EQ(error.message_type(), "GetTotal");
  EXPECT_EQ(error.record().getActorId(), 7u);
  std::ostringstream out;
  out << error;
  EXPECT_EQ(out.str(), "std::out_of_range: no such word (in counter, handling GetTotal)");
}

TEST_F(ErrorTest, WhatIsNoStdExceptionIsCapturedToo) {
  EXPECT_EQ(capture(std::string("plain text")).message(), "plain text");
  EXPECT_EQ(capture("a literal").message(), "a literal");
  EXPECT_EQ(capture(42).type(), "int");
}

TEST_F(ErrorTest, RaiseThrowsALocalExceptionThatCarriesTheRecord) {
  const Error error = capture(std::out_of_range("no such word"));
  try {
    error.raise();
  } catch (const std::out_of_range&) {
    FAIL() << "a foreign failure must not match a local catch";
  } catch (const RemoteError& remote) {
    EXPECT_EQ(remote.error().type(), "std::out_of_range");
    // Passed on by the one who got it, it stays the first one's failure.
    EXPECT_EQ(capture(remote).actor(), "counter");
  }
  EXPECT_THROW(Error().raise(), std::logic_error);
}

TEST_F(ErrorTest, ALongMessageIsCutAtItsBoundBetweenCharacters) {
  std::string text(kErrorMessageBytesMax - 4, 'a');
  for (int i = 0; i < 10; ++i) text += "ü";
  const std::string message = capture(std::runtime_error(text)).message();
  EXPECT_LE(message.size(), kErrorMessageBytesMax);
  EXPECT_EQ(message.substr(message.size() - 3), "…");
  EXPECT_EQ(message[message.size() - 4], 'a');
  const std::string whole(128 * 1024, 'b');
  EXPECT_EQ(capture(std::runtime_error(whole)).message(), whole);
}

TEST_F(ErrorTest, ARecordIsMadeAlsoWhenThePoolIsExhausted) {
  std::vector<Message<test::Number>> held;
  EXPECT_THROW(for (;;) held.push_back(compose<test::Number>(*pool_)), PoolExhausted);
  EXPECT_EQ(capture(std::runtime_error("still told")).message(), "still told");
  held.clear();
}

TEST_F(ErrorTest, ARecordOutlivesItsPoolsOwner) {
  Error error;
  Pool* other = Pool::create(1 << 20);
  error = detail::make_error(*other, Code::io, "std::system_error", "gone", {});
  other->close();
  EXPECT_EQ(error.message(), "gone");
}

TEST(Result, IsAPairOfValueAndError) {
  Result<int> good{7, {}};
  auto [value, err] = good;
  EXPECT_EQ(value, 7);
  EXPECT_FALSE(err);
  Result<int> bad{0, Error(Code::timeout)};
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(Result<int>(bad).value_or(3), 3);
  EXPECT_THROW(std::move(bad).or_raise(), RemoteError);
}

TEST(Result, IsMappedAndChained) {
  const auto twice = [](int value) { return value * 2; };
  const auto half = [](int value) {
    return value % 2 == 0 ? Result<int>{value / 2, {}} : Result<int>{0, Error(Code::io)};
  };
  EXPECT_EQ((Result<int>{3, {}}).map(twice).value, 6);
  EXPECT_EQ((Result<int>{0, Error(Code::timeout)}).map(twice).err, Code::timeout);
  EXPECT_EQ((Result<int>{6, {}}).and_then(half).map(twice).value, 6);
  EXPECT_EQ((Result<int>{3, {}}).and_then(half).map(twice).err, Code::io);
  EXPECT_EQ((Result<int>{0, Error(Code::timeout)}).and_then(half).err, Code::timeout);
  const auto seven = [](const Error&) { return Result<int>{7, {}}; };
  EXPECT_EQ((Result<int>{0, Error(Code::io)}).or_else(seven).value, 7);
  EXPECT_EQ((Result<int>{3, {}}).or_else(seven).value, 3);
  EXPECT_EQ(Result<void>{}.map([] { return 5; }).value, 5);
  EXPECT_FALSE(Result<void>{}.map([] {}).err);
  EXPECT_EQ((Result<void>{Error(Code::io)}).and_then([] { return Result<int>{1, {}}; }).err,
            Code::io);
}

TEST(Code, EachHasANameAndAnExplanation) {
  for (uint16_t code = 0; code <= static_cast<uint16_t>(Code::interrupted); ++code) {
    EXPECT_NE(name(static_cast<Code>(code)), "unknown") << code;
    EXPECT_NE(Error(static_cast<Code>(code)).message(), "unknown error") << code;
  }
}

}  // namespace
}  // namespace isola
