// Lookup of keys and the making of context records.
#include "key.h"

#include <cstring>
#include <vector>

namespace isola::detail {

Execution& Execution::of_thread() {
  struct Own : Execution {
    Own() { random_state = sync::begin_of_random(this); }  // differs from thread to thread
  };
  return sync::of_this_thread<Own>();
}

const Binding* find_binding(const KeyBase& key) {
  for (const Binding* b = Execution::current().bindings; b != nullptr; b = b->outer)
    if (b->key == &key) return b;
  return nullptr;
}

std::optional<ContextRecord::Entry::Reader> find_entry(const KeyBase& key) {
  const Block* inherited = Execution::current().inherited;
  if (inherited == nullptr) return std::nullopt;
  for (auto entry : inherited->read<ContextRecord>().getEntries())
    if (std::strcmp(entry.getName().cStr(), key.name) == 0) return entry;
  return std::nullopt;
}

namespace {

bool hidden(const Binding* from, const Binding* until, const char* name) {
  for (const Binding* b = from; b != until; b = b->outer)
    if (b->key->flow == Flow::wire && std::strcmp(b->key->name, name) == 0) return true;
  return false;
}

Block* make_record(Pool& pool, const Execution& execution) {
  std::vector<const Binding*> own;
  for (const Binding* b = execution.bindings; b != nullptr; b = b->outer)
    if (b->key->flow == Flow::wire && !hidden(execution.bindings, b, b->key->name))
      own.push_back(b);
  std::vector<ContextRecord::Entry::Reader> inherited;
  if (execution.inherited != nullptr)
    for (auto entry : execution.inherited->read<ContextRecord>().getEntries())
      if (!hidden(execution.bindings, nullptr, entry.getName().cStr())) inherited.push_back(entry);

  // A record that outgrew its block would be slower to read for everybody: give it room.
  uint64_t words = 8;
  for (const Binding* b : own) words += 8 + (std::strlen(b->key->name) + b->text_bytes) / 8;
  for (auto& entry : inherited) words += entry.totalSize().wordCount + 8;
  Block* block = pool.take(words);
  block->start<ContextRecord>();
  block->set_state(BlockState::shared);
  auto entries = block->builder<ContextRecord>().initEntries(
      static_cast<unsigned>(own.size() + inherited.size()));
  unsigned index = 0;
  for (const Binding* b : own) {
    entries[index].setName(b->key->name);
    b->write(b->value, entries[index++]);
  }
  for (auto& entry : inherited) entries.setWithCaveats(index++, entry);
  return block;
}

}  // namespace

Block* wire_record(Pool& pool) {
  const Execution& execution = Execution::current();
  const Binding* top = execution.bindings;
  // Bindings that don't travel change nothing: the record is that of the first one that does.
  while (top != nullptr && top->key->flow != Flow::wire) top = top->outer;
  Block* record = execution.inherited;
  if (top != nullptr) {
    if (top->record == nullptr) top->record = make_record(pool, execution);
    record = top->record;
  }
  if (record != nullptr) record->retain();
  return record;
}

}  // namespace isola::detail
