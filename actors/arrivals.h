// What other threads have put there for one owner: a lock-free stack (Treiber, 1986) that the owner
// takes as a whole. `kNext` links an item to the next; it lies in at most one list at a time.
//
// Thread safety: push and take: any thread; the rest: the owner.
#pragma once

#include <isola/serialization/sync.h>

#include <utility>

namespace isola::detail {

template <class T, T* T::*kNext>
class Arrivals {
 public:
  // True if nothing was there: the caller has to wake the owner (sleep.h says why seq_cst).
  bool push(T& item) {
    T* head = head_.load(sync::memory_order_relaxed);
    do {
      item.*kNext = head;
    } while (!head_.compare_exchange_weak(head, &item, sync::memory_order_seq_cst,
                                          sync::memory_order_relaxed));
    return head == nullptr;
  }
  // A recent value.
  bool seems_empty() const { return head_.load(sync::memory_order_relaxed) == nullptr; }
  // The look before the owner sleeps.
  bool empty() const { return head_.load(sync::memory_order_seq_cst) == nullptr; }
  // All, oldest first. Acquire: with the push, what the pusher wrote before. Release: who pushes
  // later sees what the owner did before, that it has ended for example.
  T* take() {
    T* newest = head_.exchange(nullptr, sync::memory_order_acq_rel);
    T* oldest = nullptr;
    while (newest != nullptr) {
      T* next = std::exchange(newest->*kNext, oldest);
      oldest = std::exchange(newest, next);
    }
    return oldest;
  }

 private:
  sync::atomic<T*> head_{nullptr};
};

}  // namespace isola::detail
