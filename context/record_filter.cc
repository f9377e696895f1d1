// Keeping one record and what is accepted of it.
#include "record_filter.h"

namespace isola::detail {

void RecordFilter::apply(Block*& record, Pool& pool) {
  if (record != source_) change_to(*record, pool);
  if (accepted_ == source_) return;
  if (accepted_ != nullptr) accepted_->pool->take_use(*accepted_);
  Block& before = *std::exchange(record, accepted_);
  before.pool->give_use(before);
}

void RecordFilter::change_to(Block& record, Pool& pool) {
  Block* const accepted = accepted_part(record, keys_, pool);
  forget();
  record.pool->take_use(record);
  source_ = &record;
  accepted_ = accepted;
}

void RecordFilter::forget() {
  Block* const source = std::exchange(source_, nullptr);
  Block* const accepted = std::exchange(accepted_, nullptr);
  if (accepted != nullptr && accepted != source) accepted->pool->give_use(*accepted);
  if (source != nullptr) source->pool->give_use(*source);
}

}  // namespace isola::detail
