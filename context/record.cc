// The records that travel with messages.
#include <isola/context/callers.h>
#include <isola/context/frame.h>
#include <isola/context/record_filter.h>
#include <isola/context/visible.h>

#include <algorithm>
#include <cstring>

namespace isola::detail {

namespace {

// A binding that doesn't travel leaves the record as it is.
bool changes_record(const Binding& binding) {
  if (binding.key != nullptr) return travels(binding.key->flow);
  return binding.kind != BindingKind::suppressed;
}

uint64_t words_of(const Visible& entry) {
  if (entry.entry) return entry.entry->totalSize().wordCount + 8;
  const Binding& binding = *entry.binding;
  return 8 + (entry.name.size() + binding.key->type->bytes(binding.value)) / 8;
}

// Leaves out what has no room, those of the lowest priority and then the outermost. Returns how
// many that are.
size_t fit(std::vector<Visible>& entries) {
  uint64_t words = 0;
  for (const Visible& entry : entries) words += words_of(entry);
  size_t left = 0;
  constexpr uint64_t kWordsMax = kContextBytesMax / 8;
  for (KeyPriority lowest : {KeyPriority::low, KeyPriority::normal, KeyPriority::high}) {
    for (size_t i = entries.size(); i-- > 0 && words > kWordsMax;) {
      if (entries[i].priority() != lowest) continue;
      words -= words_of(entries[i]);
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
      ++left;
    }
  }
  return left;
}

void write(ContextRecord::Entry::Builder into, const Visible& entry) {
  const Binding& binding = *entry.binding;
  into.setName(binding.key->name);
  binding.key->type->write(binding.value, into);
  into.setLocal(binding.key->flow == FlowKind::local);
  into.setPriority(static_cast<uint8_t>(binding.key->priority));
}

// This frame, and those that it runs on behalf of. In the middle some are left if there are many.
std::vector<Caller> callers_with_this(const Execution& execution) {
  std::vector<Caller> chain = callers();
  chain.insert(chain.begin(), {owner_here(execution), frame().id()});
  if (chain.size() > kCallersMax) chain.erase(chain.begin() + kCallersMax / 2);
  return chain;
}

Block* start_record(Pool& pool, uint64_t words, uint64_t logical_id, uint32_t left) {
  Block* block = pool.take(words);
  block->start<ContextRecord>();
  block->set_state(BlockState::shared);
  block->builder<ContextRecord>().setLogicalId(logical_id);
  block->builder<ContextRecord>().setLeft(left);
  return block;
}

Block* make_record(Pool& pool, const Execution& execution) {
  std::vector<Visible> entries = visible(execution.bindings, execution.inherited);
  std::erase_if(entries, [](const Visible& entry) { return !travels(entry.flow()); });
  const uint64_t logical_id = logical_id_of(execution.bindings, execution.inherited);
  const bool traced = names_callers(execution.bindings, execution.inherited);
  if (entries.empty() && logical_id == kRootLogicalId && !traced) return nullptr;
  const size_t left = fit(entries);
  std::vector<Caller> chain;
  if (traced) chain = callers_with_this(execution);
  // A record that outgrew its block would be slower to read for everybody: give it room.
  uint64_t words = 10 + 2 * chain.size();
  for (const Visible& entry : entries) words += words_of(entry);
  Block* block = start_record(pool, words, logical_id, static_cast<uint32_t>(left));
  auto record = block->builder<ContextRecord>();
  if (traced) {
    block->flags |= Block::kNamesCallers;
    auto callers = record.initCallers(static_cast<unsigned>(chain.size()));
    for (unsigned i = 0; i < callers.size(); ++i) {
      callers[i].setOwner(chain[i].owner);
      callers[i].setFrame(chain[i].frame);
    }
  }
  auto list = record.initEntries(static_cast<unsigned>(entries.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    if (entries[i].entry)
      list.setWithCaveats(i, *entries[i].entry);
    else
      write(list[i], entries[i]);
  }
  return block;
}

}  // namespace

uint64_t logical_id_of(const Binding* innermost, const Block* inherited) {
  for (const Binding* b = innermost; b != nullptr; b = b->outer)
    if (b->kind == BindingKind::isolated) return b->number;
  return inherited != nullptr ? inherited->read<ContextRecord>().getLogicalId() : kRootLogicalId;
}

Block* accepted_part(Block& record, const AcceptedKeys& keys, Pool& pool) {
  const auto all = record.read<ContextRecord>();
  const auto is_accepted = [&](ContextRecord::Entry::Reader entry) {
    return keys.has({entry.getName().cStr(), entry.getName().size()});
  };
  unsigned count = 0;
  uint64_t words = 10 + 2 * all.getCallers().size();
  for (auto entry : all.getEntries()) {
    if (!is_accepted(entry)) continue;
    ++count;
    words += entry.totalSize().wordCount + 8;
  }
  if (count == all.getEntries().size()) return &record;
  const auto traced = static_cast<uint16_t>(record.flags & Block::kNamesCallers);
  // As if nothing of it had been bound where it was sent.
  if (count == 0 && all.getLogicalId() == kRootLogicalId && traced == 0) return nullptr;
  Block* block = start_record(pool, words, all.getLogicalId(), all.getLeft());
  block->flags |= traced;
  auto accepted = block->builder<ContextRecord>();
  if (traced != 0) accepted.setCallers(all.getCallers());
  auto list = accepted.initEntries(count);
  unsigned i = 0;
  for (auto entry : all.getEntries())
    if (is_accepted(entry)) list.setWithCaveats(i++, entry);
  return block;
}

Block* wire_record(Pool& pool) {
  const Execution& execution = Execution::current();
  const Binding* top = execution.bindings;
  if (top != nullptr && top->suppressed) return nullptr;
  while (top != nullptr && !changes_record(*top)) top = top->outer;
  Block* record = execution.inherited;
  // Each frame is a caller of its own.
  if (record != nullptr && (record->flags & Block::kNamesCallers) != 0) [[unlikely]]
    return make_record(pool, execution);
  if (top != nullptr) {
    if (top->record == nullptr) top->record = make_record(pool, execution);
    record = top->record;
  }
  if (record != nullptr) record->pool->take_use(*record);
  return record;
}

}  // namespace isola::detail
