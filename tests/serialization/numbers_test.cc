// Numbers that come in as text: each integer type has its ends, and nothing wraps.
#include <isola/serialization/schema_text.h>

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using test::Every;

class NumbersTest : public testing::Test {
 protected:
  NumbersTest() : pool_(Pool::create(1 << 20)) {}
  ~NumbersTest() override { pool_->close(); }
  Result<Message<Every>> read(const std::string& field, const std::string& number) {
    return from_json<Every>(*pool_, "{\"" + field + "\": " + number + "}");
  }

  Pool* pool_;
};

TEST_F(NumbersTest, OfJsonFitOrAreRefused) {
  using Ends = std::tuple<const char*, const char*, const char*, const char*, const char*>;
  for (const auto& [field, below, least, most, above] : {
           Ends{"int8", "-129", "-128", "127", "128"},
           Ends{"int16", "-32769", "-32768", "32767", "32768"},
           Ends{"int32", "-2147483649", "-2147483648", "2147483647", "2147483648"},
           Ends{"int64", "\"-9223372036854775809\"", "\"-9223372036854775808\"",
                "\"9223372036854775807\"", "\"9223372036854775808\""},
           Ends{"uint8", "-1", "0", "255", "256"},
           Ends{"uint16", "-1", "0", "65535", "65536"},
           Ends{"uint32", "-1", "0", "4294967295", "4294967296"},
           Ends{"uint64", "\"-1\"", "0", "\"18446744073709551615\"", "\"18446744073709551616\""},
       }) {
    for (const char* beyond : {below, above}) {
      const Error error = read(field, beyond).err;
      EXPECT_EQ(error, Code::bad_message) << field << " " << beyond;
      EXPECT_NE(error.message(), "") << field << " " << beyond;
    }
    for (const char* end : {least, most}) {
      auto [message, error] = read(field, end);
      ASSERT_FALSE(error) << error << " " << field << " " << end;
      // Read back as the same text.
      std::string text = to_json(message).or_raise();
      EXPECT_NE(text.find(end), std::string::npos) << text;
    }
  }
  // As numbers, where the nearest double is beyond the end.
  EXPECT_EQ(read("int64", "9223372036854775808").err, Code::bad_message);
  EXPECT_EQ(read("int64", "1e30").err, Code::bad_message);
  EXPECT_EQ(read("uint64", "-1").err, Code::bad_message);
  EXPECT_EQ(read("uint64", "18446744073709551616").err, Code::bad_message);
  EXPECT_EQ(read("int8", "1.5").err, Code::bad_message);
}

}  // namespace
}  // namespace isola
