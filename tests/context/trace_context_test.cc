// What is read and written as traceparent and tracestate. Examples are those of the specification.
#include <isola/context/trace_context.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isola/context/execution.h>

#include <regex>
#include <string>
#include <vector>

#include "w3c_rules.h"

namespace isola {
namespace {

using test::broken_rule;
using test::Header;
using ::testing::HasSubstr;

const std::string kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr uint64_t kSeed = 20261122;

TEST(TraceParent, IsReadFieldByField) {
  const auto [parent, err] = TraceParent::parse(kExample);
  ASSERT_FALSE(err) << err;
  EXPECT_EQ(parent.trace_id_high, 0x4bf92f3577b34da6u);
  EXPECT_EQ(parent.trace_id_low, 0xa3ce929d0e0e4736u);
  EXPECT_EQ(parent.parent_id, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(parent.sampled());
  EXPECT_EQ(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(parent.to_string(), kExample);
  const auto quiet = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  EXPECT_FALSE(quiet.value.sampled());
  EXPECT_TRUE(quiet.value.valid());
}

TEST(TraceParent, OfVersion00HasAllItsFlagsWrittenAgain) {
  for (const char* flags : {"00", "01", "02", "03", "09", "ff"}) {
    const std::string text = kExample.substr(0, 53) + flags;
    const auto [parent, err] = TraceParent::parse(text);
    ASSERT_FALSE(err) << err;
    EXPECT_EQ(parent.sampled(), (parent.flags & 1) != 0) << "a flag is a bit";
    EXPECT_EQ(parent.to_string(), text);
  }
}

TEST(TraceParent, OfALaterVersionIsReadAsFarAsItIsKnownAndWrittenAsVersion00) {
  const std::string ids = "-12345678901234567890123456789012-1234567890123456-";
  for (const std::string begin : {"cc", "01", "fe"})
    for (const std::string end : {"01", "01-", "01-what-the-future-will-be-like", "fd-\xc3"}) {
      const auto [parent, err] = TraceParent::parse(begin + ids + end);
      ASSERT_FALSE(err) << err;
      EXPECT_EQ(parent.to_string(), "00" + ids + "01") << "unknown flags are cleared";
    }
  for (const std::string end : {"01.", "01.what", "011", "0", ""})
    EXPECT_FALSE(TraceParent::parse("cc" + ids + end).ok()) << end;
}

TEST(TraceParent, SaysWhatIsWrongAndWhere) {
  struct Case {
    size_t at;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {0, "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "no version ff"},
      {1, "0.-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "'.' is no digit"},
      {2, "0004bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "follow the version"},
      {3, "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "names no trace"},
      {4, "00-4Bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "'B' is no digit"},
      {35, "00-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b-01", "follow the trace id"},
      {36, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "names no span"},
      {37, "00-4bf92f3577b34da6a3ce929d0e0e4736-0\n067aa0ba902b7-01", "byte 0x0a is no"},
      {52, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", "follow the parent id"},
      {54, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", "ends within the flags"},
      {55, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", "version 00 has 55"},
      {0, "", "ends within the version"},
  };
  for (const Case& c : cases) {
    const auto [parent, err] = TraceParent::parse(c.text);
    ASSERT_TRUE(err == Code::bad_message) << c.text;
    EXPECT_THAT(err.message(), HasSubstr("traceparent, byte " + std::to_string(c.at) + ": "));
    EXPECT_THAT(err.message(), HasSubstr(c.message));
    EXPECT_THAT(err.message(), HasSubstr("; begin a new trace"));
  }
}

TEST(TraceParent, IsReadIfAndOnlyIfTheGrammarHasIt) {
  const std::string fields = "-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}";
  const std::regex grammar("00" + fields + "|(?!00|ff)[0-9a-f]{2}" + fields + "(-[\\s\\S]*)?");
  int read = 0;
  const auto check = [&](const std::string& text) {
    const bool expected = std::regex_match(text, grammar);
    read += expected;
    ASSERT_EQ(TraceParent::parse(text).ok(), expected) << text;
    ASSERT_EQ(broken_rule(Header::traceparent, text), "") << text;
  };
  test::for_mutations(kExample, "0fF- ", check);
  test::for_mutations("cc" + kExample.substr(2) + "-x", "0fF- ", check);
  EXPECT_GT(read, 1000);
}

TEST(TraceParent, BeginsATraceAndGoesOnWithIt) {
  uint64_t next = 0x1111111111111111;
  const auto random = [&] { return next += 0x1111111111111111; };
  const TraceParent first = TraceParent::begin(true, random);
  EXPECT_EQ(first.to_string(), "00-22222222222222223333333333333333-4444444444444444-03");
  const TraceParent second = first.child(random);
  EXPECT_EQ(second.to_string(), "00-22222222222222223333333333333333-5555555555555555-03");
  EXPECT_EQ(TraceParent::begin(false, random).flags, TraceParent::kRandomTraceId);
  const TraceParent strange = TraceParent::parse(kExample.substr(0, 53) + "fd").value;
  EXPECT_EQ(strange.child(random).flags, 1) << "no flag is set that nobody knows, or that was not";
  EXPECT_TRUE(TraceParent::begin(false, [] { return 0; }).valid());
  EXPECT_TRUE(first.child([] { return 0; }).valid());
  EXPECT_THROW((void)TraceParent().child(random), std::logic_error);
  EXPECT_THROW((void)TraceParent().to_string(), std::logic_error);
}

// A clock that is not the machine's stands for a System with a seed.
struct StoppedClock final : Clock {
  int64_t now_ns() const override { return 0; }
};

TEST(RandomIdentifier, DiffersUnlessTheRunningCodeHasASeed) {
  EXPECT_NE(random_identifier(), random_identifier());
  const StoppedClock stopped;
  detail::Execution seeded;
  seeded.clock = &stopped;
  detail::Execution* outer = detail::Execution::current_or_null();
  detail::Execution::set_current(&seeded);
  const std::vector<uint64_t> drawn{random_identifier(), random_identifier()};
  seeded.random_state = 0;
  const std::vector<uint64_t> again{random_identifier(), random_identifier()};
  detail::Execution::set_current(outer);
  EXPECT_EQ(drawn, again);
  EXPECT_NE(drawn[0], drawn[1]);
}

TEST(TraceState, IsReadInItsOrder) {
  const auto [state, err] = TraceState::parse("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  ASSERT_FALSE(err) << err;
  ASSERT_EQ(state.members().size(), 2u);
  EXPECT_EQ(state.members()[0].key, "rojo");
  EXPECT_EQ(state.get("rojo"), "00f067aa0ba902b7");
  EXPECT_EQ(state.get("congo"), "t61rcWkgMzE");
  EXPECT_FALSE(state.get("Congo"));
  EXPECT_EQ(state.to_string(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
}

TEST(TraceState, HasBlanksAndEmptyMembersLeftOut) {
  for (const char* text : {"foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3",
                           "\t foo=1,bar=2,baz=3 \t", ",foo=1, ,\t,bar=2,baz=3,,"})
    EXPECT_EQ(TraceState::parse(text).value.to_string(), "foo=1,bar=2,baz=3") << text;
  EXPECT_EQ(TraceState::parse("foo=  1 2 ").value.get("foo"), "  1 2")
      << "those before belong to it";
  for (const char* text : {"", " ", "\t,,"}) EXPECT_TRUE(TraceState::parse(text).ok()) << text;
}

TEST(TraceState, TakesEveryByteThatTheGrammarAllows) {
  std::string value;
  for (char c = ' '; c <= '~'; ++c)
    if (c != ',' && c != '=') value += c;
  const std::string text = "0abcdefghijklmnopqrstuvwxyz123456789_-*/@=" + value;
  EXPECT_EQ(TraceState::parse(text).value.to_string(), text);
  for (const char* key : {"special@vendor", "special@", "special@@vendor", "1special", "a@b@c"})
    EXPECT_TRUE(TraceState().set(key, "abracadabra").ok()) << key;
}

TEST(TraceState, SaysWhatIsWrongAndWhere) {
  struct Case {
    size_t at;
    std::string text;
    const char* message;
  };
  const std::string long_key(257, 'z');
  const Case cases[] = {
      {3, "foo =1", "' ' can't be in a key"},
      {0, "FOO=1", "'F' can't begin a key"},
      {8, "foo=1, b.r=2", "'.' can't be in a key"},
      {6, "bar=2,@foo=1", "'@' can't begin a key"},
      {3, "foo", "no '=' follows"},
      {0, "=1", "there is no key"},
      {7, "foo=bar=baz", "'=' can't be in a value"},
      {4, "foo=,bar=3", "there is no value"},
      {4, "foo=\t1\t1", "byte 0x09 can't be in a value"},
      {256, long_key + "=1", "a key has at most 256 bytes"},
      {258, "a=" + long_key, "a value has at most 256 bytes"},
  };
  for (const Case& c : cases) {
    const auto [state, err] = TraceState::parse(c.text);
    ASSERT_TRUE(err == Code::bad_message) << c.text;
    EXPECT_THAT(err.message(), HasSubstr(c.message)) << c.text;
    EXPECT_THAT(err.message(), HasSubstr("tracestate, byte " + std::to_string(c.at) + ": "));
  }
  const std::string longest = std::string(256, 'z') + "=" + std::string(256, 'v');
  EXPECT_EQ(TraceState::parse(longest).value.to_string(4096), longest);
}

std::string numbered(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i)
    text += (i == 1 ? "bar" : ",bar") + std::to_string(i) + "=" + std::to_string(i);
  return text;
}

TEST(TraceState, HasAtMost32Members) {
  auto [state, err] = TraceState::parse(numbered(32));
  ASSERT_FALSE(err) << err;
  EXPECT_EQ(state.to_string(), numbered(32));
  EXPECT_TRUE(TraceState::parse(numbered(32) + ",,").ok()) << "empty ones do not count";
  EXPECT_TRUE(TraceState::parse(numbered(33)).err == Code::message_too_large);
  ASSERT_TRUE(state.set("new", "1").ok());
  EXPECT_EQ(state.members().size(), 32u);
  EXPECT_EQ(state.members()[0].key, "new");
  EXPECT_FALSE(state.get("bar32")) << "the last one falls off";
  EXPECT_TRUE(TraceState::parse(std::string(40'000, ',')).err == Code::message_too_large);
}

TEST(TraceState, ChangesAtTheFrontAndKeepsTheOrderOfTheRest) {
  TraceState state = TraceState::parse("a=1,b=2,c=3,b=4").value;
  EXPECT_EQ(state.to_string(), "a=1,b=2,c=3,b=4") << "a key that comes twice stays as it came";
  ASSERT_TRUE(state.set("b", "5").ok());
  EXPECT_EQ(state.to_string(), "b=5,a=1,c=3");
  ASSERT_TRUE(state.set("d", " 6").ok());
  EXPECT_EQ(state.to_string(), "d= 6,b=5,a=1,c=3");
  EXPECT_TRUE(state.remove(state.members()[2].key));
  EXPECT_FALSE(state.remove("a"));
  EXPECT_EQ(state.to_string(), "d= 6,b=5,c=3");
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"", "1"}, {"A", "1"}, {"a", ""}, {"a", "1 "}, {"a", "1,b=2"}, {"a", "\xc3\xa9"}})
    EXPECT_TRUE(state.set(key, value).err == Code::invalid_argument) << key << '=' << value;
  EXPECT_EQ(state.to_string(), "d= 6,b=5,c=3");
}

TEST(TraceState, OfMoreThan512BytesLosesItsLongMembersAndThenTheLastOnes) {
  const std::string long1 = "l1=" + std::string(126, 'x');  // 129 bytes
  const std::string long2 = "l2=" + std::string(126, 'x');
  const std::string middle = "m=" + std::string(126, 'x');  // 128: not long
  const auto cut = [](const std::string& text) {
    return TraceState::parse(text).value.to_string();
  };
  const std::string fits = long1 + "," + middle + "," + long2 + ",n=" + std::string(121, 'x');
  ASSERT_EQ(fits.size(), 512u);
  EXPECT_EQ(cut(fits), fits);
  EXPECT_EQ(cut(fits + "x"), long1 + "," + middle + ",n=" + std::string(122, 'x'))
      << "one long member is enough";
  const std::string many = middle + ",a=1," + middle + "," + middle + "," + middle + ",z=1";
  EXPECT_EQ(cut(long1 + "," + many), middle + ",a=1," + middle + "," + middle);
  EXPECT_EQ(TraceState::parse("a=1").value.to_string(2), "");
}

TEST(TraceState, IsReadIfAndOnlyIfTheGrammarHasIt) {
  const std::regex member(R"([ \t]*([a-z0-9][a-z0-9_*/@-]{0,255}=)"
                          R"([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255})"
                          R"([\x21-\x2b\x2d-\x3c\x3e-\x7e])?[ \t]*)");
  const auto expected = [&](const std::string& text) {
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find(',', at), text.size());
      if (!std::regex_match(text.substr(at, end - at), member)) return false;
      at = end + 1;
    }
    return true;
  };
  int read = 0;
  const auto check = [&](const std::string& text) {
    read += expected(text);
    ASSERT_EQ(TraceState::parse(text).ok(), expected(text)) << text;
    ASSERT_EQ(broken_rule(Header::tracestate, text), "") << text;
  };
  test::for_mutations("t@a*/_-= x!~ , \tfw529=1", "a@,= \t", check);
  EXPECT_GT(read, 1000);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  test::for_random_texts(kSeed, 3000, check);
}

}  // namespace
}  // namespace isola
