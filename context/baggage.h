// The W3C's baggage as a value: entries of the application that travel with a call.
//
//   auto [bag, err] = isola::Baggage::parse("userId=Am%C3%A9lie,serverNode=DF%2028;rack=7");
//   bag.get("userId");                              // "Amélie"
//   bag.set("isProduction", "false").or_raise();
//   bag.to_string();
//
// How it comes with a call: w3c.h. Thread safety: as of any value.
#pragma once

#include <isola/serialization/result.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isola {

// What everybody has to pass on, and all that we do.
inline constexpr size_t kBaggageMembersMax = 64;
inline constexpr size_t kBaggageBytesMax = 8192;

// Invariants: 1. At most kBaggageMembersMax members, and kBaggageBytesMax as written. 2. Keys are
// tokens of HTTP; those of several members may be the same. 3. Values are UTF-8.
class Baggage {
 public:
  struct Property {
    std::string key;
    std::optional<std::string> value{};
    bool operator==(const Property&) const = default;
  };
  struct Member {
    std::string key;
    std::string value;
    std::vector<Property> properties{};
    bool operator==(const Member&) const = default;
  };

  // Reads the text of one header, or of several with a comma between each. Values are decoded; what
  // is no UTF-8 in them then becomes U+FFFD, and a % without two digits stands for itself. Members
  // are left out whole where a bound would be exceeded: dropped() says how many.
  // Fails: bad_message, or message_too_large; all of it is to be ignored then.
  static Result<Baggage> parse(std::string_view text);

  // The value of the first member with this key. Valid until the next change.
  std::optional<std::string_view> get(std::string_view key) const;
  // Adds a member at the end, or puts this one in the place of the first with its key and removes
  // the others. Fails: invalid_argument if the key is no token, or a value no UTF-8;
  // message_too_large beyond the bounds; then nothing changes.
  Result<void> set(std::string_view key, std::string_view value,
                   std::vector<Property> properties = {});
  // Removes all members with this key; false if there is none.
  bool remove(std::string_view key);

  const std::vector<Member>& members() const { return members_; }
  size_t dropped() const { return dropped_; }
  // Lossless: parse gives the same members. Values are percent-encoded where they have to be.
  std::string to_string() const;
  // The same members.
  bool operator==(const Baggage& other) const { return members_ == other.members_; }

 private:
  std::vector<Member> members_;
  size_t bytes_ = 0;  // as written, with a comma after each member
  size_t dropped_ = 0;
};

}  // namespace isola
