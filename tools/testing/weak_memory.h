// A model of C++'s memory: what a load may return, and which accesses are ordered.
//
// Each atomic keeps the newest kHistory of its stores, each with the clock that it publishes; each
// virtual thread has a vector clock. A load may return every store but those that the standard
// excludes (C++20, [intro.races] and [atomics.order]): one that is older in modification order
// than a store that happens before the load, than one that was seen by a load that happens before
// it, or than one that the order of seq_cst operations puts before it.
//
// It never shows what C++20 rules out. It shows less than C++20 allows: modification order and the
// order S of seq_cst operations are those of execution, so cycles through the future don't occur
// (load buffering, and 2+2W whose stores end in the order against both programs), and
// stores older than the history are never returned.
// After Norris and Demsky, "CDSChecker" (2013), and the seq_cst fences of C++20 (P0668), light and
// heavy fences after P1202. A futex call counts as a seq_cst fence that publishes and receives
// nothing: waiter and waker can't both miss each other (the kernel's own guarantee), no more.
//
// Thread safety: one thread. Invariants: 1. The newest store of an atomic is the last of its
// history. 2. A clock's `view` is nowhere behind its `seen`.
#pragma once

#include <isola/serialization/sync.h>
#include <isola/tools/testing/random.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace isola::testing {

// Virtual threads of one run under weak memory. Clocks have one number for each.
inline constexpr uint32_t kWeakThreadsMax = 16;
// How many stores a load can choose from: races of more than this many are not what tests need.
inline constexpr uint32_t kHistory = 8;

struct Clock {
  using Numbers = std::array<uint32_t, kWeakThreadsMax>;
  static void join(Numbers& into, const Numbers& from) {
    for (uint32_t i = 0; i < kWeakThreadsMax; ++i)
      into[i] = into[i] < from[i] ? from[i] : into[i];
  }
  void join(const Clock& other) {
    join(seen, other.seen);
    join(view, other.view);
    last_fence = last_fence < other.last_fence ? other.last_fence : last_fence;
  }

  Numbers seen{};           // what happens before
  Numbers view{};           // and what a fence puts before later loads
  uint32_t last_fence = 0;  // place in S of the last seq_cst fence that happens before
};

class WeakMemory {
 public:
  // Forgets everything. `random` chooses what loads see.
  void begin(Random& random);

  // Virtual threads. The first is 0, and begins by itself.
  void thread_begins(uint32_t thread, uint32_t parent);
  void thread_joined(uint32_t thread, uint32_t by) { views_[by].clock.join(views_[thread].clock); }

  // The accesses of `thread`. `order` is the one that the operation really has.
  uint64_t load(uint32_t thread, const void* word, uint64_t newest, std::memory_order order);
  void store(uint32_t thread, const void* word, uint64_t newest, uint64_t value,
             std::memory_order order);
  void modify(uint32_t thread, const void* word, uint64_t newest, uint64_t value,
              std::memory_order order);
  std::optional<uint64_t> compare(uint32_t thread, const void* word, uint64_t newest,
                                  uint64_t expected, uint64_t value, std::memory_order order,
                                  std::memory_order on_failure, bool weak);
  void constructed(uint32_t thread, const void* word, uint64_t value);
  void fence(uint32_t thread, std::memory_order order);
  void light_fence(uint32_t thread);
  void heavy_fence(uint32_t thread);
  void system_call(uint32_t thread);  // a futex's

  // Plain data: the present of a thread, and whether it knows of another's.
  uint32_t now(uint32_t thread) const { return views_[thread].clock.seen[thread]; }
  bool knows(uint32_t thread, uint32_t of, uint32_t time) const {
    return views_[thread].clock.seen[of] >= time;
  }

  // True, once, if an access was not ordered after the construction of its atomic.
  bool take_race() { return std::exchange(race_, false); }
  // How many stores were newer than the one that the last load saw.
  uint32_t staleness() const { return staleness_; }

 private:
  struct Store {
    uint64_t value;
    bool publishes;
    uint32_t in_order;      // place in S of the first seq_cst operation that saw it; 0: none
    Clock::Numbers seen;    // when each thread first saw it; 0: never
    Clock clock;            // what an acquire load of it receives, if it publishes
  };
  struct Location {
    uint64_t first;  // the oldest store that is kept, counted in modification order
    uint64_t last;
    uint32_t maker;  // who constructed it, and when
    uint32_t made;
    std::array<Store, kHistory> stores;
    Store& at(uint64_t index) { return stores[index % kHistory]; }
  };
  struct View {
    Clock clock;
    Clock to_acquire;    // by the next acquire fence
    Clock at_release;    // of the last release fence
    bool has_released = false;
  };
  struct Slot {
    const void* word = nullptr;
    uint32_t run = 0;
    uint32_t location = 0;
  };

  Location& find(uint32_t thread, const void* word, uint64_t newest);
  Slot& slot_of(const void* word);
  void grow();
  Location& make(Slot& slot, const void* word, uint64_t value, uint32_t maker, uint32_t made);
  uint64_t oldest_visible(Location& location, const Clock& clock, bool ordered);
  bool is_known(const Store& store, const Clock& clock, bool ordered) const;
  Store& append(Location& location, uint32_t thread, uint64_t value);
  void publish(Store& store, const View& view, std::memory_order order);
  void receive(Store& store, uint32_t thread, std::memory_order order);
  void pass_time(uint32_t thread) { ++views_[thread].clock.seen[thread], keep_view(thread); }
  void keep_view(uint32_t thread) {
    views_[thread].clock.view[thread] = views_[thread].clock.seen[thread];
  }
  void enter_order(View& view);

  Random* random_ = nullptr;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Location>> locations_;  // kept from run to run
  uint32_t used_ = 0;
  uint32_t run_ = 0;
  uint32_t threads_ = 1;
  uint32_t order_ = 0;  // the last place in S
  uint32_t staleness_ = 0;
  bool race_ = false;
  std::array<View, kWeakThreadsMax> views_;
  // What happens before the fences so far: seq_cst and heavy ones, heavy ones, light ones.
  Clock::Numbers before_fences_{};
  Clock::Numbers before_heavy_{};
  Clock::Numbers before_light_{};
};

}  // namespace isola::testing
