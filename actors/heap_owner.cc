// Whose heap it is: the current one, what its owner has, and uses by others.
#include <isola/actors/cell.h>
#include <isola/actors/heap.h>
#include <isola/actors/runtime.h>
#include <isola/serialization/error.h>

#include <string>

namespace isola {

using detail::ActorCell;
using detail::Execution;

namespace {

// Who runs here, for a report.
std::string runner() {
  const ActorCell* cell = Execution::current().cell;
  return cell != nullptr ? "\"" + cell->label() + "\"" : "a plain thread";
}

}  // namespace

bool Heap::used_by_owner() {
  if (owner_ == nullptr) return true;
  Execution& execution = Execution::current();
  if (execution.cell != owner_) return false;
  if (execution.outside == 0) execution.heap = this;
  return true;
}

void Heap::require_owner() {
  if (used_by_owner()) [[likely]]
    return;
  throw ForeignHeap(runner() + " allocates from the heap of \"" + owner_->label() +
                    "\": give it a container of its own, or send a message");
}

void Heap::report_foreign_deallocation(size_t bytes) {
  const detail::Runtime& runtime = *owner_->runtime;
  const ActorCell* cell = Execution::current().cell;
  const std::string text = runner() + " frees " + std::to_string(bytes) +
                           " bytes of the heap of \"" + owner_->label() +
                           "\"; they stay until that heap goes";
  owner_->runtime->report(detail::make_error(
      runtime.pool(), Code::failed, "isola::ForeignHeap", text,
      {cell != nullptr ? cell->label() : std::string(),
       cell != nullptr ? cell->id.load(sync::memory_order_relaxed) : 0, nullptr}));
}

std::pmr::memory_resource& heap() {
  Execution& execution = Execution::current();
  if (execution.cell == nullptr || execution.outside > 0) return *std::pmr::new_delete_resource();
  execution.heap = &execution.cell->own_heap();
  return *execution.heap;
}

HeapStats heap_stats() {
  const ActorCell* cell = Execution::current().cell;
  if (cell == nullptr) return {};
  HeapStats stats = cell->heap_stats();
  stats.inbox_bytes = cell->inbox.waiting_bytes();
  return stats;
}

HeapStats ActorCell::heap_stats() const {
  const auto relaxed = sync::memory_order_relaxed;
  HeapStats stats;
  if (const CellExtras* own = extras()) {
    const HeapFigures& figures = own->heap_figures;
    stats.live_bytes = figures.live_bytes();
    stats.peak_bytes = figures.peak_bytes.load(relaxed);
    stats.chunk_bytes = figures.chunk_bytes.load(relaxed);
  }
  stats.quota_bytes = heap_quota();
  stats.inbox_messages = inbox.depth();
  if (const InboxBytes* bound = inbox_bytes()) stats.inbox_bytes = bound->waiting();
  return stats;
}

}  // namespace isola
