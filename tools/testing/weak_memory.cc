// The rules of the model. In comments: A is cob-before B if A is coherence-ordered before B.
#include "weak_memory.h"

#include <algorithm>

namespace isola::testing {
namespace {

using std::memory_order;

bool acquires(memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst || order == std::memory_order_consume;
}
bool releases(memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}
bool is_ordered(memory_order order) { return order == std::memory_order_seq_cst; }

constexpr size_t kSlotsMin = 256;
// How often a load that could see an older store does, and a compare fails without need: one in.
constexpr uint64_t kStaleOneIn = 2;
constexpr uint64_t kFailOneIn = 8;

}  // namespace

void WeakMemory::begin(Random& random) {
  random_ = &random;
  if (slots_.empty()) slots_.resize(kSlotsMin);
  ++run_;
  used_ = 0;
  threads_ = 1;
  order_ = 0;
  race_ = false;
  staleness_ = 0;
  before_fences_ = before_heavy_ = before_light_ = {};
  views_[0] = {};
  pass_time(0);  // 0 stands for never
}

void WeakMemory::thread_begins(uint32_t thread, uint32_t parent) {
  threads_ = std::max(threads_, thread + 1);
  views_[thread] = {};
  views_[thread].clock = views_[parent].clock;
  pass_time(thread);
  pass_time(parent);
}

// --- where the history of an atomic lies ---------------------------------------------------------

WeakMemory::Slot& WeakMemory::slot_of(const void* word) {
  const size_t mask = slots_.size() - 1;
  size_t at = (reinterpret_cast<uintptr_t>(word) * 0x9e3779b97f4a7c15u) >> 32;
  for (;; ++at) {
    Slot& slot = slots_[at & mask];
    if (slot.run != run_ || slot.word == word) return slot;
  }
}

void WeakMemory::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.run == run_) slot_of(slot.word) = slot;
}

WeakMemory::Location& WeakMemory::make(Slot& slot, const void* word, uint64_t value,
                                       uint32_t maker, uint32_t made) {
  if (slot.run != run_) {  // else: what was there before is gone
    slot = {word, run_, used_++};
    if (slot.location == locations_.size()) locations_.push_back(std::make_unique<Location>());
  }
  Location& location = *locations_[slot.location];
  location.first = 0;
  location.last = 0;
  location.maker = maker;
  location.made = made;
  Store& store = location.at(0);
  store.value = value;
  store.publishes = false;
  store.in_order = 0;
  store.seen = {};
  store.seen[maker] = made;
  if (used_ * 2 > slots_.size()) grow();
  return location;
}

WeakMemory::Location& WeakMemory::find(uint32_t thread, const void* word, uint64_t newest) {
  Slot& slot = slot_of(word);
  // One that was made before the run: everybody knows it.
  if (slot.run != run_) return make(slot, word, newest, 0, 0);
  Location& location = *locations_[slot.location];
  // Its construction is no atomic operation.
  if (!knows(thread, location.maker, location.made)) race_ = true;
  return location;
}

void WeakMemory::constructed(uint32_t thread, const void* word, uint64_t value) {
  make(slot_of(word), word, value, thread, now(thread));
}

// --- what a load may see -------------------------------------------------------------------------

// True if whoever has `clock` can't see what is older than `store`. `ordered`: a seq_cst operation.
bool WeakMemory::is_known(const Store& store, const Clock& clock, bool ordered) const {
  if (store.in_order != 0) {
    // A seq_cst operation X saw it. A seq_cst load that sees an older one would be cob-before X,
    // so before it in S; and so would a seq_cst fence that happens before this load.
    if (ordered || store.in_order < clock.last_fence) return true;
  }
  for (uint32_t i = 0; i < threads_; ++i) {
    const uint32_t time = store.seen[i];
    if (time == 0) continue;
    // The store, or a load that saw it, happens before; or before a fence that comes before, in
    // S, a fence that happens before this load.
    if (time <= clock.view[i]) return true;
    // Or it happens before a fence that comes, in S, before this seq_cst load.
    if (ordered && time <= before_fences_[i]) return true;
  }
  return false;
}

uint64_t WeakMemory::oldest_visible(Location& location, const Clock& clock, bool ordered) {
  uint64_t index = location.last;
  while (index > location.first && !is_known(location.at(index), clock, ordered)) --index;
  return index;
}

void WeakMemory::receive(Store& store, uint32_t thread, memory_order order) {
  View& view = views_[thread];
  if (store.seen[thread] == 0) store.seen[thread] = view.clock.seen[thread];
  if (store.publishes) (acquires(order) ? view.clock : view.to_acquire).join(store.clock);
  if (is_ordered(order)) {
    ++order_;
    if (store.in_order == 0) store.in_order = order_;
  }
}

uint64_t WeakMemory::load(uint32_t thread, const void* word, uint64_t newest, memory_order order) {
  Location& location = find(thread, word, newest);
  uint64_t index = location.last;
  const uint64_t oldest =
      oldest_visible(location, views_[thread].clock, is_ordered(order));
  if (oldest < index && random_->one_in(kStaleOneIn))
    index = oldest + random_->below(index - oldest);
  staleness_ = static_cast<uint32_t>(location.last - index);
  Store& store = location.at(index);
  receive(store, thread, order);
  pass_time(thread);
  return store.value;
}

WeakMemory::Store& WeakMemory::append(Location& location, uint32_t thread, uint64_t value) {
  ++location.last;
  if (location.last - location.first == kHistory) ++location.first;
  Store& store = location.at(location.last);
  store.value = value;
  store.publishes = false;
  store.in_order = 0;
  store.seen = {};
  store.seen[thread] = now(thread);
  staleness_ = 0;
  return store;
}

void WeakMemory::publish(Store& store, const View& view, memory_order order) {
  const bool release = releases(order);
  if (release || view.has_released) {
    const Clock& own = release ? view.clock : view.at_release;
    if (store.publishes)
      store.clock.join(own);
    else
      store.clock = own;
    store.publishes = true;
  }
  if (is_ordered(order)) store.in_order = ++order_;
}

void WeakMemory::store(uint32_t thread, const void* word, uint64_t newest, uint64_t value,
                       memory_order order) {
  Store& store = append(find(thread, word, newest), thread, value);
  publish(store, views_[thread], order);
  pass_time(thread);
}

void WeakMemory::modify(uint32_t thread, const void* word, uint64_t newest, uint64_t value,
                        memory_order order) {
  Location& location = find(thread, word, newest);
  Store& old = location.at(location.last);
  receive(old, thread, order);
  // It goes on with the release sequence of the store that it replaces. (With a history of more
  // than one store, that one is not overwritten yet.)
  static_assert(kHistory > 1);
  Store& store = append(location, thread, value);
  if (old.publishes) {
    store.publishes = true;
    store.clock = old.clock;
  }
  publish(store, views_[thread], order);
  pass_time(thread);
}

std::optional<uint64_t> WeakMemory::compare(uint32_t thread, const void* word, uint64_t newest,
                                            uint64_t expected, uint64_t value, memory_order order,
                                            memory_order on_failure, bool weak) {
  Location& location = find(thread, word, newest);
  const Store& last = location.at(location.last);
  const bool equal = last.value == expected;
  // A failure is a load like others: it may see an older value. With the expected one, only a
  // weak exchange fails.
  uint64_t index = location.last;
  if (!equal || random_->one_in(kFailOneIn)) {
    const uint64_t oldest =
        oldest_visible(location, views_[thread].clock, is_ordered(on_failure));
    if (oldest < index && random_->one_in(kStaleOneIn))
      index = oldest + random_->below(index - oldest);
    if (!weak && location.at(index).value == expected) index = location.last;
    if (index != location.last || weak || !equal) {
      staleness_ = static_cast<uint32_t>(location.last - index);
      Store& store = location.at(index);
      receive(store, thread, on_failure);
      pass_time(thread);
      return store.value;
    }
  }
  modify(thread, word, newest, value, order);
  return std::nullopt;
}

// --- fences --------------------------------------------------------------------------------------

void WeakMemory::enter_order(View& view) {
  Clock::join(view.clock.view, before_fences_);
  view.clock.last_fence = ++order_;
  Clock::join(before_fences_, view.clock.seen);
}

void WeakMemory::fence(uint32_t thread, memory_order order) {
  View& view = views_[thread];
  if (acquires(order)) view.clock.join(view.to_acquire);
  if (is_ordered(order)) enter_order(view);
  if (releases(order)) {
    view.at_release = view.clock;
    view.has_released = true;
  }
  pass_time(thread);
}

void WeakMemory::light_fence(uint32_t thread) {
  View& view = views_[thread];
  Clock::join(view.clock.view, before_heavy_);
  Clock::join(before_light_, view.clock.seen);
  pass_time(thread);
}

void WeakMemory::heavy_fence(uint32_t thread) {
  View& view = views_[thread];
  Clock::join(view.clock.view, before_light_);
  fence(thread, std::memory_order_seq_cst);
  // The fence has passed the time, but what came before it is what counts.
  Clock::join(before_heavy_, view.at_release.seen);
}

void WeakMemory::system_call(uint32_t thread) {
  enter_order(views_[thread]);
  pass_time(thread);
}

}  // namespace isola::testing
