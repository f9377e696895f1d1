// Reading and writing baggage.
#include "baggage.h"

#include <isola/context/w3c_text.h>
#include <isola/serialization/utf8.h>

#include <algorithm>
#include <utility>

namespace isola {

using detail::HeaderText;
using detail::shown;
using detail::without_blanks;

namespace {

constexpr size_t npos = std::string_view::npos;

bool is_token(char c) {
  return detail::is_lower(c) || detail::is_digit(c) || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != npos;
}

// What a value may have as it is on the wire (baggage-octet).
bool is_octet(char c) { return c > ' ' && c <= '~' && std::string_view("\",;\\").find(c) == npos; }

bool is_encoded(char c) { return !is_octet(c) || c == '%'; }

std::optional<size_t> first_that_is_not(bool (*is)(char), std::string_view text) {
  const auto found = std::find_if_not(text.begin(), text.end(), is);
  if (found == text.end()) return std::nullopt;
  return static_cast<size_t>(found - text.begin());
}

// Where the first byte lies that is no part of UTF-8; zeros are allowed.
std::optional<size_t> first_that_is_not_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const detail::DecodedCharacter decoded = detail::decode_utf8(text.substr(at));
    if (decoded.character == detail::kNoCharacter) return at;
    at += decoded.bytes;
  }
  return std::nullopt;
}

int hex_digit(char c) {
  if (detail::is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string with_replacements(std::string text) {
  std::optional<size_t> bad = first_that_is_not_utf8(text);
  if (!bad) return text;
  std::string clean;
  for (std::string_view rest = text;; bad = first_that_is_not_utf8(rest)) {
    clean += rest.substr(0, bad.value_or(npos));
    if (!bad) return clean;
    clean += "\xef\xbf\xbd";  // U+FFFD
    rest.remove_prefix(*bad + 1);
  }
}

// REQUIRES: octets only.
std::string decoded(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool pair = text[i] == '%' && text.size() - i > 2;
    const int high = pair ? hex_digit(text[i + 1]) : -1;
    const int low = pair ? hex_digit(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      bytes += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return with_replacements(std::move(bytes));
}

void append_encoded(std::string& to, std::string_view value) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : value) {
    if (!is_encoded(c)) {
      to += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    to += '%';
    to += kDigits[byte >> 4];
    to += kDigits[byte & 15];
  }
}

void append_member(std::string& to, const Baggage::Member& member) {
  to += member.key;
  to += '=';
  append_encoded(to, member.value);
  for (const Baggage::Property& property : member.properties) {
    to += ';';
    to += property.key;
    if (!property.value) continue;
    to += '=';
    append_encoded(to, *property.value);
  }
}

size_t encoded_size(std::string_view value) {
  return value.size() +
         2 * static_cast<size_t>(std::count_if(value.begin(), value.end(), is_encoded));
}

// With a comma after it.
size_t written_size(const Baggage::Member& member) {
  size_t bytes = member.key.size() + 1 + encoded_size(member.value) + 1;
  for (const Baggage::Property& property : member.properties)
    bytes += 1 + property.key.size() + (property.value ? 1 + encoded_size(*property.value) : 0);
  return bytes;
}

bool is_full(size_t members, size_t bytes) {
  return members > kBaggageMembersMax || bytes > kBaggageBytesMax + 1;
}

// Reads one header.
class Reading {
 public:
  explicit Reading(std::string_view text) : header_{"baggage", text} {}

  bool read_member(std::string_view text, Baggage::Member& member) {
    std::string_view rest = text;
    std::optional<std::string> value;
    const std::string_view first = detail::take_piece(rest, ';');
    if (!read_pair(first, member.key, value)) return false;
    if (!value) return fail(first.data() + first.size(), "no '=' follows the key; write key=value");
    member.value = *std::move(value);
    while (rest.data() != nullptr) {
      Baggage::Property& property = member.properties.emplace_back();
      if (!read_pair(detail::take_piece(rest, ';'), property.key, property.value)) return false;
    }
    return true;
  }
  Error take_error() { return std::move(error_); }

 private:
  bool read_pair(std::string_view text, std::string& key, std::optional<std::string>& value) {
    const size_t equals = text.find('=');
    const std::string_view name = without_blanks(text.substr(0, equals));
    if (name.empty()) return fail(text.data(), "there is no key; write key=value");
    if (const auto bad = first_that_is_not(is_token, name))
      return fail(name.data() + *bad, shown(name[*bad]) + " can't be in a key; it takes letters, " +
                                          "digits and !#$%&'*+-.^_`|~");
    key = name;
    if (equals == npos) return true;
    const std::string_view encoded = without_blanks(text.substr(equals + 1));
    if (const auto bad = first_that_is_not(is_octet, encoded))
      return fail(encoded.data() + *bad,
                  shown(encoded[*bad]) + " can't be in a value; percent-encode it");
    value = decoded(encoded);
    return true;
  }
  bool fail(const char* at, const std::string& what) {
    error_ = header_.error(Code::bad_message, at, what);
    return false;
  }

  const HeaderText header_;
  Error error_;
};

Error no_member(std::string_view key, Code code, const std::string& what) {
  return detail::make_error(code, "baggage member " + std::string(key.substr(0, 64)) + ": " + what);
}

// Whether this can be written: the key of a member or property, and its value.
Error check_pair(std::string_view member, std::string_view key, std::string_view value) {
  if (key.empty()) return no_member(member, Code::invalid_argument, "there is no key");
  if (const auto bad = first_that_is_not(is_token, key))
    return no_member(
        member, Code::invalid_argument,
        shown(key[*bad]) + " can't be in a key; it takes letters, digits and " + "!#$%&'*+-.^_`|~");
  if (const auto bad = first_that_is_not_utf8(value))
    return no_member(member, Code::invalid_argument,
                     "the value is no UTF-8 at byte " + std::to_string(*bad) +
                         "; encode what is no text, in base64 for example");
  return {};
}

}  // namespace

Result<Baggage> Baggage::parse(std::string_view text) {
  if (Error error = HeaderText{"baggage", text}.check_size()) return {{}, std::move(error)};
  Reading reading(text);
  Baggage parsed;
  for (std::string_view rest = text; rest.data() != nullptr;) {
    const std::string_view piece = without_blanks(detail::take_piece(rest, ','));
    if (piece.empty()) continue;  // as of all lists in headers of HTTP
    Member member;
    if (!reading.read_member(piece, member)) return {{}, reading.take_error()};
    const size_t bytes = parsed.bytes_ + written_size(member);
    if (is_full(parsed.members_.size() + 1, bytes)) {
      ++parsed.dropped_;
      continue;
    }
    parsed.bytes_ = bytes;
    parsed.members_.push_back(std::move(member));
  }
  return {std::move(parsed), {}};
}

std::optional<std::string_view> Baggage::get(std::string_view key) const {
  for (const Member& member : members_)
    if (member.key == key) return member.value;
  return std::nullopt;
}

Result<void> Baggage::set(std::string_view key, std::string_view value,
                          std::vector<Property> properties) {
  if (Error error = check_pair(key, key, value)) return {std::move(error)};
  for (const Property& property : properties)
    if (Error error = check_pair(key, property.key, property.value.value_or(std::string())))
      return {std::move(error)};
  Member member{std::string(key), std::string(value), std::move(properties)};
  const auto same_key = [&](const Member& other) { return other.key == member.key; };
  size_t others = 0;
  size_t bytes = written_size(member);
  for (const Member& other : members_) {
    if (same_key(other)) continue;
    ++others;
    bytes += written_size(other);
  }
  if (is_full(others + 1, bytes))
    return {no_member(key, Code::message_too_large,
                      "there would be " + std::to_string(others + 1) + " members of " +
                          std::to_string(bytes - 1) + " bytes, and baggage has at most " +
                          std::to_string(kBaggageMembersMax) + " of " +
                          std::to_string(kBaggageBytesMax) + "; remove some")};
  const auto place = std::find_if(members_.begin(), members_.end(), same_key);
  if (place == members_.end()) {
    members_.push_back(std::move(member));
  } else {
    members_.erase(std::remove_if(place + 1, members_.end(), same_key), members_.end());
    *place = std::move(member);
  }
  bytes_ = bytes;
  return {};
}

bool Baggage::remove(std::string_view key) {
  const std::string name(key);  // it may lie in a member
  const auto removed = std::erase_if(members_, [&](const Member& m) { return m.key == name; });
  bytes_ = 0;
  for (const Member& member : members_) bytes_ += written_size(member);
  return removed != 0;
}

std::string Baggage::to_string() const {
  std::string text;
  for (const Member& member : members_) {
    if (!text.empty()) text += ',';
    append_member(text, member);
  }
  return text;
}

}  // namespace isola
