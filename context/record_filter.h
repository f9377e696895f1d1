// RecordFilter: what an isolate that does not accept all keys sees of the records that come to it.
//
// It keeps the last record that came and what was made of it. So of the messages that are sent
// under one context the first one costs a copy of what is accepted, and the others a comparison.
//
// Thread safety: whoever has the turn of the isolate, or makes or ends it; keys(): any thread.
#pragma once

#include <isola/context/accepted_keys.h>

#include <utility>

namespace isola::detail {

class RecordFilter {
 public:
  explicit RecordFilter(AcceptedKeys keys) : keys_(std::move(keys)) {}
  ~RecordFilter() { forget(); }
  RecordFilter(const RecordFilter&) = delete;
  RecordFilter& operator=(const RecordFilter&) = delete;

  const AcceptedKeys& keys() const { return keys_; }

  // Puts what is accepted of a record in its place, or nullptr if that is a record of nothing. The
  // caller has one use of what was there, and then one of what is there.
  // Fails: throws PoolExhausted; then all is as it was.
  void apply(Block*& record, Pool& pool);
  // Gives back what it keeps.
  void forget();

 private:
  void change_to(Block& record, Pool& pool);

  const AcceptedKeys keys_;
  Block* source_ = nullptr;    // one use
  Block* accepted_ = nullptr;  // of the source; one use, unless it is the source
};

// What is accepted of a record: itself if that is all, nullptr if there is nothing to be told, or
// else a new one, of which the caller has the use. Logical id, callers, and the number of those
// that had no room stay. Fails: throws PoolExhausted.
Block* accepted_part(Block& record, const AcceptedKeys& keys, Pool& pool);

}  // namespace isola::detail
