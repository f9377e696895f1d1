// A bound in bytes for what waits in an inbox. An actor without one counts no bytes.
//
// Who sends takes room for the message first, then pushes it; the home gives the room back when it
// takes the message from the queue. So what waits never exceeds the bound, but by answers, whose
// number the actor itself decides.
//
// Thread safety: any thread, unless said otherwise.
#pragma once

#include <isola/serialization/sync.h>

#include <algorithm>
#include <cstdint>

namespace isola::detail {

class InboxBytes {
 public:
  explicit InboxBytes(uint64_t max) : max_(max) {}

  uint64_t max() const { return max_; }
  // Bytes of the bodies and attachments that wait; a recent value.
  uint64_t waiting() const { return waiting_.load(sync::memory_order_relaxed); }

  // False, and nothing is taken, if that would exceed the bound. Relaxed: it is only a number, and
  // a sender that finds none left waits by the inbox's own protocol.
  bool take_room(uint64_t bytes) {
    uint64_t waiting = waiting_.load(sync::memory_order_relaxed);
    do {
      if (bytes > max_ || waiting > max_ - bytes) return false;
    } while (!waiting_.compare_exchange_weak(waiting, waiting + bytes, sync::memory_order_relaxed,
                                             sync::memory_order_relaxed));
    return true;
  }
  // For what may wait in any case.
  void take_reserved(uint64_t bytes) { waiting_.fetch_add(bytes, sync::memory_order_relaxed); }
  void give_room(uint64_t bytes) { waiting_.fetch_sub(bytes, sync::memory_order_relaxed); }

  // --- under the mutex of the actor's slot

  // A sender of so many bytes waits for room.
  void want(uint64_t bytes) { wanted_ = std::max(wanted_, bytes); }
  // True if it is time to wake all who wait: half is free, and room for the largest of them, who
  // would only come back otherwise.
  bool has_what_is_wanted() const { return waiting() <= std::min(max_ / 2, max_ - wanted_); }
  void want_nothing() { wanted_ = 0; }

 private:
  const uint64_t max_;
  sync::atomic<uint64_t> waiting_{0};
  uint64_t wanted_ = 0;
};

}  // namespace isola::detail
