// Value: what a TOML file says, as a tree in which everything knows its place.
//
// Thread safety: as of any value. Lifetime: places refer to the Faults that the text was added to.
#pragma once

#include <isola/tools/topology/faults.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isola::topology {

struct Entry;

struct Value {
  enum class Kind { none, text, integer, real, boolean, time, list, table };

  Kind kind = Kind::none;  // none: there is no value
  Place place;
  std::string text;
  int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::vector<Value> items;    // of a list
  std::vector<Entry> entries;  // of a table, in the order of the file
  // Given on the command line, where quotation marks and brackets are a nuisance: `raw` is what
  // was written there, which may stand for a text or for a list of one.
  bool is_setting = false;
  std::string raw;

  explicit operator bool() const { return kind != Kind::none; }
};

struct Entry {
  std::string key;
  Place key_place;
  Value value;
};

// "text", "an integer", "a table" …
std::string_view describe(Value::Kind kind);

// A topology file beyond this is a mistake; it bounds time and memory too.
inline constexpr size_t kFileBytesMax = size_t{1} << 20;

// Reads a file. Fails: nullptr and a fault: no such file, a directory, not readable, too large, no
// text.
const Source* read_source(const std::string& path, Faults& faults);

// Reads TOML. Fails: no value and one fault, at the first place that is no TOML.
Value parse_toml(const Source& source, Faults& faults);

// The same for the value that is meant by `text`, which lies in `source` at `place`. What is no
// TOML is a text.
Value parse_setting(std::string_view text, const Place& place);

}  // namespace isola::topology
