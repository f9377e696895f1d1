// Fields: reads the keys of one table of a topology file, and reports what is amiss with them.
//
//   Fields fields(table, "channel \"words\"", faults);
//   fields.integer("capacity", channel.capacity, 1, kCapacityMax);
//   fields.boolean("feedback", channel.feedback);
//   fields.finish();   // keys that nobody asked for are faults
//
// Thread safety: none.
#pragma once

#include <isola/tools/topology/faults.h>
#include <isola/tools/topology/topology.h>
#include <isola/tools/topology/value.h>

#include <cstdint>
#include <string>
#include <vector>

namespace isola::topology {

class Fields {
 public:
  // `owner`: whose keys they are, as a message names it. REQUIRES: `table` is a table.
  Fields(const Value& table, std::string owner, Faults& faults)
      : table_(table), owner_(std::move(owner)), faults_(faults) {}

  // Each returns the entry if there is one of the right kind, else nullptr; one of a wrong kind is
  // a fault. The typed ones fill `out` then.
  const Entry* find(const char* key, Value::Kind kind);
  const Entry* text(const char* key, Located<std::string>& out);
  const Entry* integer(const char* key, Located<uint64_t>& out, uint64_t least, uint64_t most);
  const Entry* boolean(const char* key, Located<bool>& out);

  // Is there a key that is probably meant to be `key`? It is reported by finish().
  bool has_misspelt(const char* key) const;
  void finish();

 private:
  const Entry* find_any(const char* key);

  const Value& table_;
  const std::string owner_;
  Faults& faults_;
  std::vector<std::string> known_;
};

}  // namespace isola::topology
