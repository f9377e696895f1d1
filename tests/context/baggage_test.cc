// What is read and written as baggage. Examples are those of the specification and of its tests.
#include <isola/context/baggage.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "w3c_rules.h"

namespace isola {
namespace {

using test::broken_rule;
using test::Header;
using ::testing::HasSubstr;
using Member = Baggage::Member;

constexpr uint64_t kSeed = 20261122;
const std::string kReplacement = "\xef\xbf\xbd";

std::vector<Member> read(std::string_view text) {
  auto [bag, err] = Baggage::parse(text);
  EXPECT_FALSE(err) << err;
  return bag.members();
}

TEST(Baggage, IsReadWithItsProperties) {
  const std::vector<Member> expected{
      {"key1", "value1", {{"property1"}, {"property2"}}},
      {"key2", "value2"},
      {"key3", "value3", {{"propertyKey", "propertyValue"}}},
  };
  EXPECT_EQ(read("key1=value1;property1;property2, key2 = value2, key3=value3; "
                 "propertyKey=propertyValue"),
            expected);
  EXPECT_EQ(read("key1 \t = \t value1 \t ; \t property1;property2 \t , \t key2 = value2\t,,"
                 "key3=value3;propertyKey \t = \t propertyValue \t "),
            expected);
  const std::vector<Member> repeated{{"k", "v", {{"p"}, {"p", "1"}, {"p", ""}, {"p", "2"}}}};
  EXPECT_EQ(read("k=v;p;p=1;p=;p=2"), repeated);
  const std::vector<Member> odd{{"k", "a=b=", {{"p%20%3D"}}}, {"k", ""}, {"k", "a=b=", {}}};
  EXPECT_EQ(read("k=a=b=;p%20%3D,k=,k=a=b="), odd) << "keys are not decoded";
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read(" ,\t,").empty());
}

TEST(Baggage, IsDecodedAndEncodedAgain) {
  const std::string text = "userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false";
  auto [bag, err] = Baggage::parse(text);
  ASSERT_FALSE(err) << err;
  EXPECT_EQ(bag.get("userId"), "Am\xc3\xa9lie");
  EXPECT_EQ(bag.get("serverNode"), "DF 28");
  EXPECT_EQ(bag.get("isProduction"), "false");
  EXPECT_FALSE(bag.get("userid")) << "keys are case-sensitive";
  EXPECT_EQ(bag.to_string(), text);
  EXPECT_EQ(read("k=%41%c3%A9").at(0).value, "A\xc3\xa9") << "more may be encoded than has to be";
  const Member rich = read("k=v;p=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29").at(0);
  EXPECT_EQ(rich.properties.at(0).value, "\t \"';=asdf!@#$%^&*()");
}

TEST(Baggage, CarriesEveryCharacterOfEveryValue) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80%41%";
  Baggage bag;
  ASSERT_TRUE(bag.set("!#$%&'*+-.^_`|~09azAZ", all, {{"p", all}, {"q"}, {"p", ""}}).ok());
  const std::string text = bag.to_string();
  EXPECT_THAT(text, HasSubstr("%00%01")) << "of a value, every byte goes";
  EXPECT_THAT(text, HasSubstr("!%22#$%25&'()*+%2C-./0123456789:%3B<=>?@"));
  EXPECT_EQ(read(text), bag.members());
}

TEST(Baggage, HasWhatIsNoUtf8Replaced) {
  const std::string r = kReplacement;
  EXPECT_EQ(read("k=%FF").at(0).value, r);
  EXPECT_EQ(read("k=a%C3b").at(0).value, "a" + r + "b");
  EXPECT_EQ(read("k=%C3%A9%C3").at(0).value, "\xc3\xa9" + r);
  EXPECT_EQ(read("k=%ED%A0%80").at(0).value, r + r + r) << "a surrogate";
  EXPECT_EQ(read("k=1;p=%80").at(0).properties.at(0).value, r);
  EXPECT_EQ(read("k=%").at(0).value, "%");
  EXPECT_EQ(read("k=100%,l=%4g%g4%4").at(1).value, "%4g%g4%4");
}

TEST(Baggage, SaysWhatIsWrongAndWhere) {
  struct Case {
    size_t at;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {1, "k", "no '=' follows"},
      {1, "k;p", "no '=' follows"},
      {0, "=v", "there is no key"},
      {8, "k=v, a=b c", "' ' can't be in a value"},
      {6, "k=v, a b=c", "' ' can't be in a key"},
      {2, "k=\xc3\xa9", "byte 0xc3 can't be in a value; percent-encode it"},
      {2, "k=\"v\"", "'\"' can't be in a value"},
      {3, "k=a\\b", "'\\' can't be in a value"},
      {4, "k=v;", "there is no key"},
      {6, "k=v;p=\n", "byte 0x0a can't be in a value"},
      {4, "k=v;(p)", "'(' can't be in a key"},
  };
  for (const Case& c : cases) {
    const auto [bag, err] = Baggage::parse(c.text);
    ASSERT_TRUE(err == Code::bad_message) << c.text;
    EXPECT_THAT(err.message(), HasSubstr(c.message)) << c.text;
    EXPECT_THAT(err.message(), HasSubstr("baggage, byte " + std::to_string(c.at) + ": ")) << c.text;
    EXPECT_TRUE(bag.members().empty());
  }
  EXPECT_TRUE(Baggage::parse(std::string(32 * 1024 + 1, ',')).err == Code::message_too_large);
}

std::string numbered(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "key" : ",key") + std::to_string(i) + "=value";
  return text;
}

TEST(Baggage, Has64MembersAnd8192BytesAndLosesWholeMembersBeyondThat) {
  EXPECT_EQ(Baggage::parse(numbered(64)).value.to_string(), numbered(64));
  const auto beyond = Baggage::parse(numbered(70)).value;
  EXPECT_EQ(beyond.to_string(), numbered(64));
  EXPECT_EQ(beyond.dropped(), 6u);

  const std::string full = "a=" + std::string(8190, 'x');
  EXPECT_EQ(Baggage::parse(full).value.to_string(), full);
  EXPECT_EQ(Baggage::parse(full).value.dropped(), 0u);
  EXPECT_TRUE(Baggage::parse(full + "x").value.members().empty());
  const auto mixed = Baggage::parse("b=1," + full + ",c=2").value;
  EXPECT_EQ(mixed.to_string(), "b=1,c=2") << "what fits goes on";
  EXPECT_EQ(mixed.dropped(), 1u);
  // With blanks, and with more encoded than has to be, it may be longer as it comes.
  std::string wide;
  for (int i = 0; i < 8190; ++i) wide += "%41";
  EXPECT_EQ(Baggage::parse("a = " + wide).value.to_string(), "a=" + std::string(8190, 'A'));
}

TEST(Baggage, IsChangedInItsPlace) {
  Baggage bag = Baggage::parse("a=1;p,b=2,a=3,c=4").value;
  EXPECT_EQ(bag.get("a"), "1");
  EXPECT_EQ(bag.to_string(), "a=1;p,b=2,a=3,c=4") << "a key that comes twice stays as it came";
  ASSERT_TRUE(bag.set("a", "5", {{"q", "r"}}).ok());
  EXPECT_EQ(bag.to_string(), "a=5;q=r,b=2,c=4");
  ASSERT_TRUE(bag.set("d", "").ok());
  EXPECT_TRUE(bag.remove(bag.members()[1].key));
  EXPECT_FALSE(bag.remove("b"));
  EXPECT_EQ(bag.to_string(), "a=5;q=r,c=4,d=");
}

TEST(Baggage, RefusesWhatItCouldNotWrite) {
  Baggage bag = Baggage::parse(numbered(63)).value;
  const auto refused = [&](Result<void> result, Code code, const std::string& message) {
    EXPECT_TRUE(result.err == code) << result.err;
    EXPECT_THAT(result.err.message(), HasSubstr(message));
    EXPECT_EQ(bag.to_string(), numbered(63));
  };
  refused(bag.set("", "v"), Code::invalid_argument, "there is no key");
  refused(bag.set("a b", "v"), Code::invalid_argument, "member a b: ' ' can't be in a key");
  refused(bag.set("k", "v\xff"), Code::invalid_argument,
          "member k: the value is no UTF-8 at byte 1");
  refused(bag.set("k", "v", {{"p", "\xff"}}), Code::invalid_argument, "no UTF-8 at byte 0");
  refused(bag.set("k", "v", {{"p;q"}}), Code::invalid_argument, "';' can't be in a key");
  refused(bag.set("k", std::string(8192, 'v')), Code::message_too_large, "at most 64 of 8192");
  refused(bag.set("k", std::string(2700, ' ')), Code::message_too_large, "remove some");
  ASSERT_TRUE(bag.set("last", "v").ok());
  EXPECT_TRUE(bag.set("one_more", "v").err == Code::message_too_large);
  EXPECT_TRUE(bag.set("last", "another").ok()) << "a change needs no room for one more";
}

TEST(Baggage, KeepsCountOfItsBytesThroughChanges) {
  Baggage bag;
  ASSERT_TRUE(bag.set("a", std::string(8190, 'x')).ok());
  EXPECT_TRUE(bag.set("b", "").err == Code::message_too_large);
  EXPECT_TRUE(bag.remove("a"));
  ASSERT_TRUE(bag.set("b", std::string(8186, 'x')).ok());
  ASSERT_TRUE(bag.set("c", "1").err == Code::ok);
  EXPECT_EQ(bag.to_string().size(), 8192u);
  EXPECT_TRUE(bag.set("c", "12").err == Code::message_too_large);
}

TEST(Baggage, IsReadIfAndOnlyIfTheGrammarHasIt) {
  const std::string token = "[ \\t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \\t]*";
  const std::string value = "=[ \\t]*[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*[ \\t]*";
  const std::regex grammar("[ \\t]*|" + token + value + "(;" + token + "(" + value + ")?)*");
  const auto expected = [&](const std::string& text) {
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find(',', at), text.size());
      if (!std::regex_match(text.substr(at, end - at), grammar)) return false;
      at = end + 1;
    }
    return true;
  };
  int read = 0;
  const auto check = [&](const std::string& text) {
    read += expected(text);
    ASSERT_EQ(Baggage::parse(text).ok(), expected(text)) << text;
    ASSERT_EQ(broken_rule(Header::baggage, text), "") << text;
  };
  test::for_mutations("a=%C3%A9;p;q = 1,,b\t=", "=;, %", check);
  EXPECT_GT(read, 1000);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  test::for_random_texts(kSeed, 3000, check);
}

}  // namespace
}  // namespace isola
