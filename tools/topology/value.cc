// Reading files, and what toml++ makes of them. The only file that knows toml++.
#include "value.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <isola/tools/topology/nesting.h>
#include <isola/tools/topology/text.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace isola::topology {
namespace {

Place place_of(const toml::source_region& region, const Source* source) {
  Place place{source, region.begin.line, region.begin.column, 1};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column)
    place.length = region.end.column - region.begin.column;
  return place;
}

Value convert(const toml::node& node, const Source* source);

void convert_table(const toml::table& table, const Source* source, Value& out) {
  out.kind = Value::Kind::table;
  for (const auto& [key, node] : table)
    out.entries.push_back(
        {std::string(key.str()), place_of(key.source(), source), convert(node, source)});
  // toml++ sorts by name.
  std::stable_sort(out.entries.begin(), out.entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.key_place.line, a.key_place.column) <
           std::tie(b.key_place.line, b.key_place.column);
  });
}

// Recursion is bounded by check_nesting.
Value convert(const toml::node& node, const Source* source) {
  Value out;
  out.place = place_of(node.source(), source);
  switch (node.type()) {
    case toml::node_type::none:
      break;
    case toml::node_type::table:
      convert_table(*node.as_table(), source, out);
      break;
    case toml::node_type::array:
      out.kind = Value::Kind::list;
      for (const toml::node& item : *node.as_array()) out.items.push_back(convert(item, source));
      break;
    case toml::node_type::string:
      out.kind = Value::Kind::text;
      out.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      out.kind = Value::Kind::integer;
      out.integer = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      out.kind = Value::Kind::real;
      out.real = node.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      out.kind = Value::Kind::boolean;
      out.boolean = node.as_boolean()->get();
      break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      out.kind = Value::Kind::time;
      break;
  }
  return out;
}

// "Error while parsing table header: expected ']', saw '\n'" in our words.
std::string reason_of(const toml::parse_error& error) {
  std::string_view text = error.description();
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  return "not valid TOML: " + escaped(text);
}

bool check_is_text(const Source& source, Faults& faults) {
  const size_t at = first_invalid_byte(source.text());
  if (at == std::string_view::npos) return true;
  const std::string_view before = std::string_view(source.text()).substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const size_t column = columns_of(before.substr(line_start)) + 1;
  const auto byte = static_cast<unsigned char>(source.text()[at]);
  faults.add({&source, static_cast<uint32_t>(line), static_cast<uint32_t>(column), 1},
             byte == 0 ? "a binary file: it has a zero byte"
                       : fmt::format("a binary file: the byte 0x{:02x} is no UTF-8", byte));
  return false;
}

}  // namespace

std::string_view describe(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::none:
      return "nothing";
    case Value::Kind::text:
      return "text";
    case Value::Kind::integer:
      return "an integer";
    case Value::Kind::real:
      return "a number";
    case Value::Kind::boolean:
      return "true or false";
    case Value::Kind::time:
      return "a date or time";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::table:
      return "a table";
  }
  return "?";
}

const Source* read_source(const std::string& path, Faults& faults) {
  std::string text;
  std::string problem;
  // Without O_NONBLOCK, so that the output of a command may be given: <(generate).
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) {
    problem = std::strerror(errno);
  } else {
    ssize_t count = 0;
    do {
      const size_t size = text.size();
      text.resize(size + 65536);
      count = read(file, text.data() + size, 65536);
      text.resize(size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    } while ((count > 0 && text.size() <= kFileBytesMax) || (count < 0 && errno == EINTR));
    if (count < 0) problem = std::strerror(errno);
    if (text.size() > kFileBytesMax)
      problem = fmt::format("too large: a topology file has at most {} bytes", kFileBytesMax);
    close(file);
  }
  const Source& source = faults.add_source(path, problem.empty() ? std::move(text) : "");
  if (!problem.empty()) {
    faults.add({&source}, problem);
    return nullptr;
  }
  return check_is_text(source, faults) ? &source : nullptr;
}

Value parse_toml(const Source& source, Faults& faults) {
  if (!check_nesting(source, faults)) return {};
  try {
    return convert(toml::parse(source.text()), &source);
  } catch (const toml::parse_error& error) {
    faults.add(place_of(error.source(), &source), reason_of(error));
    return {};
  }
}

namespace {

// Everything in a setting has the place of the setting.
void settle(Value& value, const Place& place) {
  value.place = place;
  for (Value& item : value.items) settle(item, place);
  for (Entry& entry : value.entries) {
    entry.key_place = place;
    settle(entry.value, place);
  }
}

}  // namespace

Value parse_setting(std::string_view text, const Place& place) {
  Faults ignored;
  const Source& source = ignored.add_source("", "value = " + std::string(text));
  const Value table = parse_toml(source, ignored);
  Value value;
  // `1\nother = 2` would be two values.
  if (table.entries.size() == 1) {
    value = table.entries[0].value;
  } else {
    value.kind = Value::Kind::text;
    value.text = text;
  }
  settle(value, place);
  value.is_setting = true;
  value.raw = text;
  return value;
}

}  // namespace isola::topology
