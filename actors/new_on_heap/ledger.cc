// Blocks of actors: where they come from, who gives them back, and what is left at the end.
#include "ledger.h"

#include <isola/actors/cell.h>
#include <isola/actors/new_on_heap/new_on_heap.h>
#include <isola/actors/outside.h>
#include <isola/channels/resource.h>
#include <isola/context/execution.h>
#include <isola/serialization/check.h>
#include <isola/serialization/frames.h>
#include <isola/serialization/program_memory.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace isola {

namespace detail {

class EndOfLedger final : public Resource {
 public:
  explicit EndOfLedger(Ledger& ledger) : ledger_(ledger) {}
  void release_resource() override { ledger_.end(); }

 private:
  Ledger& ledger_;
};

namespace {

// Of the program: the operators are, too.
struct Everybody {
  sync::Mutex mutex;
  std::map<std::pair<const ActorCell*, uint64_t>, Ledger*> ledgers;  // of actors that live
  Ledger* free = nullptr;
  std::shared_ptr<const std::function<void(const Unfreed&)>> on_unfreed;
  std::shared_ptr<const std::function<void(const ForeignDelete&)>> on_foreign_delete;
  sync::atomic<bool> drops{false};
};

// Never destroyed: blocks are given back until the very end of the program.
Everybody& everybody() {
  static Everybody& all = *new Everybody;
  return all;
}

// Which ledgers this thread has used last, by the number of their isolate.
struct Seen {
  const ActorCell* cell;
  uint64_t isolate;
  Ledger* ledger;
};
constexpr size_t kSeen = 64;  // as many actors take turns on a worker before one is looked up again
constinit thread_local std::array<Seen, kSeen> seen{};

// An actor that has a ledger has them: see find_or_make.
HeapFigures& figures_of(const ActorCell& cell) { return cell.extras()->heap_figures; }

void set_charged(ActorCell& cell, uint64_t bytes) {
  HeapFigures& figures = figures_of(cell);
  figures.other_bytes.store(bytes, sync::memory_order_relaxed);
  figures.note_peak();
  if (cell.heap != nullptr) cell.heap->set_limit();
}

// On the books of the actor, beside its own heap. False if its quota does not suffice.
bool charge(ActorCell& cell, size_t bytes) {
  const HeapFigures& figures = figures_of(cell);
  const uint64_t quota = cell.heap_quota();
  if (bytes > quota || figures.live_bytes() > quota - bytes) return false;
  set_charged(cell, figures.other_bytes.load(sync::memory_order_relaxed) + bytes);
  return true;
}

void discharge(ActorCell& cell, uint64_t bytes) {
  set_charged(cell, figures_of(cell).other_bytes.load(sync::memory_order_relaxed) - bytes);
}

constexpr size_t kBytesMax = size_t{1} << 40;  // what a Head has room for
constexpr size_t kAlignmentMax = size_t{1} << 27;

// Of all of a block. Those that others give back are linked through the caller's bytes.
size_t block_bytes(size_t bytes, size_t alignment) {
  return sizeof(Owned) + std::max(bytes, sizeof(Owned*)) +
         (alignment > alignof(Owned) ? alignment : 0);
}

std::string name_of(const void* site) {
  const std::vector<Frame> frames = look_up(reinterpret_cast<uintptr_t>(site));
  return frames.empty() ? std::string("?") : frames.front().to_string();
}

}  // namespace

Ledger* Ledger::current() {
  Execution* execution = Execution::current_or_null();
  if (execution == nullptr || execution->cell == nullptr || execution->outside > 0 ||
      ProgramMemory::is_open())
    return nullptr;
  Seen& last = seen[execution->isolate_id % kSeen];
  if (last.cell != execution->cell || last.isolate != execution->isolate_id ||
      !last.ledger->is_current() || last.ledger->ended_.load(sync::memory_order_relaxed))
    last = {execution->cell, execution->isolate_id, find_or_make(*execution)};
  return last.ledger;
}

bool Ledger::is_current() const {
  const Execution* execution = Execution::current_or_null();
  // Relaxed: whoever runs as the owner has set them, or comes after who did.
  return execution != nullptr && execution->cell != nullptr &&
         execution->cell == cell_.load(sync::memory_order_relaxed) &&
         execution->isolate_id == isolate_.load(sync::memory_order_relaxed);
}

Ledger* Ledger::find_or_make(Execution& execution) {
  const Outside outside;  // what follows allocates
  execution.cell->own_extras();
  Everybody& all = everybody();
  Ledger* ledger;
  {
    sync::Lock lock(all.mutex);
    Ledger*& place = all.ledgers[{execution.cell, execution.isolate_id}];
    if (place != nullptr) return place;
    ledger = all.free != nullptr ? std::exchange(all.free, all.free->next_free_) : new Ledger;
    place = ledger;
  }
  ledger->cell_.store(execution.cell, sync::memory_order_relaxed);
  ledger->isolate_.store(execution.isolate_id, sync::memory_order_relaxed);
  execution.resources->add(*new EndOfLedger(*ledger));
  return ledger;
}

void* Ledger::take(size_t bytes, size_t alignment, const void* site) {
  void* memory = try_take(bytes, alignment, site);
  if (memory != nullptr) [[likely]]
    return memory;
  const ActorCell& cell = *Execution::current().cell;
  const uint64_t live = figures_of(cell).live_bytes();
  const uint64_t quota = cell.heap_quota();
  const uint64_t room = quota - std::min(live, quota);
  if (bytes >= kBytesMax || room >= block_bytes(bytes, alignment)) throw std::bad_alloc();
  throw HeapQuotaExceeded(bytes, live, quota);
}

void* Ledger::try_take(size_t bytes, size_t alignment, const void* site) noexcept {
  if (bytes >= kBytesMax || alignment > kAlignmentMax) return nullptr;
  if (returned_.load(sync::memory_order_relaxed) != nullptr) {
    sync::Lock lock(mutex_);
    take_returned();
  }
  const size_t total = block_bytes(bytes, alignment);
  ActorCell& cell = *Execution::current().cell;
  if (!charge(cell, total)) return nullptr;
  void* raw;
  try {
    raw = heap_.allocate(total);
  } catch (const std::bad_alloc&) {
    discharge(cell, total);
    return nullptr;
  }
  const auto begin = reinterpret_cast<uintptr_t>(raw);
  uintptr_t at = begin + sizeof(Owned);
  if (alignment > alignof(Owned)) at = (at + alignment - 1) & -alignment;
  auto* block = reinterpret_cast<Owned*>(at) - 1;
  *block = {blocks_, nullptr, site, total, {this, uint64_t{bytes} << 24 | (at - begin) / 16}};
  if (blocks_ != nullptr) blocks_->previous = block;
  blocks_ = block;
  ++count_;
  charged_bytes_ += total;
  return reinterpret_cast<void*>(at);
}

void Ledger::unlink(Owned& block) {
  (block.previous != nullptr ? block.previous->next : blocks_) = block.next;
  if (block.next != nullptr) block.next->previous = block.previous;
  --count_;
}

// Of the owner in its turn.
void Ledger::give_back(Owned& block) {
  unlink(block);
  const size_t total = block.total;
  charged_bytes_ -= total;
  discharge(*Execution::current().cell, total);
  heap_.deallocate(reinterpret_cast<char*>(&block + 1) - block.head.offset(), total);
}

void Ledger::take_returned() {
  Owned* block = returned_.exchange(nullptr, sync::memory_order_relaxed);
  while (block != nullptr) {
    Owned* next = *reinterpret_cast<Owned**>(block + 1);
    give_back(*block);
    block = next;
  }
}

void Ledger::give(void* memory) {
  Owned& block = *(static_cast<Owned*>(memory) - 1);
  const bool own = is_current();
  if (own && !ended_.load(sync::memory_order_relaxed)) [[likely]]
    return give_back(block);
  if (!own) report_foreign(block);
  sync::Lock lock(mutex_);
  if (!ended_.load(sync::memory_order_relaxed)) {
    *static_cast<Owned**>(memory) = returned_.load(sync::memory_order_relaxed);
    returned_.store(&block, sync::memory_order_relaxed);
    return;
  }
  unlink(block);
  if (count_ == 0) recycle();
}

void Ledger::end() {
  const Outside outside;
  Everybody& all = everybody();
  ActorCell& cell = *Execution::current().cell;
  {
    sync::Lock lock(all.mutex);
    all.ledgers.erase({&cell, isolate_.load(sync::memory_order_relaxed)});
  }
  std::string name = cell.label();
  uint64_t left;
  {
    sync::Lock lock(mutex_);
    take_returned();
    discharge(cell, std::exchange(charged_bytes_, 0));
    left = count_;
    if (left == 0) return recycle();
    name_ = std::move(name);
    // The blocks may go from now on, but one, so that the list is there to be looked at.
    ++count_;
    ended_.store(true, sync::memory_order_relaxed);
  }
  report_unfreed(left);
  sync::Lock lock(mutex_);
  if (--count_ == 0 || all.drops.load(sync::memory_order_relaxed)) recycle();
}

void Ledger::recycle() {
  heap_.release();
  blocks_ = nullptr;
  count_ = 0;
  cell_.store(nullptr, sync::memory_order_relaxed);
  ended_.store(false, sync::memory_order_relaxed);
  Everybody& all = everybody();
  sync::Lock lock(all.mutex);
  next_free_ = all.free;
  all.free = this;
}

void Ledger::report_unfreed(uint64_t blocks) const {
  std::shared_ptr<const std::function<void(const Unfreed&)>> callback;
  {
    sync::Lock lock(everybody().mutex);
    callback = everybody().on_unfreed;
  }
  if (callback == nullptr || !*callback) return;
  Unfreed left{isolate_.load(sync::memory_order_relaxed), name_, blocks, 0, {}};
  std::map<const void*, UnfreedSite> sites;
  {
    sync::Lock lock(const_cast<sync::Mutex&>(mutex_));
    for (const Owned* block = blocks_; block != nullptr; block = block->next) {
      UnfreedSite& site = sites[block->site];
      site.address = block->site;
      ++site.blocks;
      site.bytes += block->head.bytes();
      left.bytes += block->head.bytes();
    }
  }
  for (auto& [address, site] : sites) left.sites.push_back(std::move(site));
  std::sort(left.sites.begin(), left.sites.end(),
            [](const UnfreedSite& a, const UnfreedSite& b) { return a.bytes > b.bytes; });
  if (left.sites.size() > Unfreed::kSitesMax) left.sites.resize(Unfreed::kSitesMax);
  for (UnfreedSite& site : left.sites) site.function = name_of(site.address);
  (*callback)(left);
}

void Ledger::report_foreign(const Owned& block) const {
  const Outside outside;
  std::shared_ptr<const std::function<void(const ForeignDelete&)>> callback;
  {
    sync::Lock lock(everybody().mutex);
    callback = everybody().on_foreign_delete;
  }
  if (callback == nullptr || !*callback) return;
  ForeignDelete what{{}, "a plain thread", block.head.bytes(), name_of(block.site)};
  {
    sync::Lock lock(const_cast<sync::Mutex&>(mutex_));
    const ActorCell* owner = cell_.load(sync::memory_order_relaxed);
    what.owner = ended_.load(sync::memory_order_relaxed) ? name_ : owner->label();
  }
  if (const ActorCell* runs = Execution::current().cell) what.by = runs->label();
  (*callback)(what);
}

}  // namespace detail

std::string Unfreed::to_string() const {
  std::string text =
      name + " left " + std::to_string(blocks) + " blocks, " + std::to_string(bytes) + " bytes\n";
  for (const UnfreedSite& site : sites)
    text += "  " + std::to_string(site.bytes) + " bytes in " + std::to_string(site.blocks) +
            " by " + site.function + "\n";
  return text;
}

void on_unfreed(std::function<void(const Unfreed&)> callback) {
  const Outside outside;
  auto given = std::make_shared<const std::function<void(const Unfreed&)>>(std::move(callback));
  sync::Lock lock(detail::everybody().mutex);
  detail::everybody().on_unfreed = std::move(given);
}

void on_foreign_delete(std::function<void(const ForeignDelete&)> callback) {
  const Outside outside;
  auto given =
      std::make_shared<const std::function<void(const ForeignDelete&)>>(std::move(callback));
  sync::Lock lock(detail::everybody().mutex);
  detail::everybody().on_foreign_delete = std::move(given);
}

void drop_unfreed(bool drop) { detail::everybody().drops.store(drop, sync::memory_order_relaxed); }

}  // namespace isola
