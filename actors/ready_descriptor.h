// ReadyDescriptor: a file descriptor that becomes readable once, for whoever waits with poll for
// something that ends on another thread. There is none until somebody asks.
//
// It has two sides: who waits (get, close) and who ends it (set). They may run at the same time.
// Thread safety: each side, one thread at a time.
// Invariants: 1. It is closed once. Between the begin of a write and its end it is not closed.
#pragma once

#include <isola/serialization/sync.h>

namespace isola::detail {

class ReadyDescriptor {
 public:
  ReadyDescriptor() = default;
  ReadyDescriptor(const ReadyDescriptor&) = delete;
  ReadyDescriptor& operator=(const ReadyDescriptor&) = delete;
  ~ReadyDescriptor() { close(); }

  // The descriptor, made now if there was none; -1: it could not be made. Stays ours. `has_ended`:
  // the caller knows that it has, whether or not set() has been called. REQUIRES: not closed.
  int get(bool has_ended);
  // Nobody waits any more. Idempotent.
  void close() {
    if (fd_ >= 0) give_up();
  }

  // Makes it readable. Once.
  void set() {
    int seen = kNone;
    // Release, and acquire in get(): what has ended is seen by who finds it ready.
    if (!state_.compare_exchange_strong(seen, kReady, sync::memory_order_acq_rel)) write(seen);
  }

 private:
  // What state_ is, if not the descriptor:
  //   kNone      nobody has asked, nothing has ended
  //   kWriting   set() writes to the descriptor
  //   kReady     it has ended; the descriptor, if there is one, is readable
  //   kClosed    nobody waits; the descriptor was closed, or is by who writes
  // kNone -> descriptor -> kWriting -> kReady by set, kNone -> kReady, any -> kClosed by close.
  static constexpr int kNone = -1;
  static constexpr int kReady = -2;
  static constexpr int kWriting = -3;
  static constexpr int kClosed = -4;

  void write(int fd);
  void give_up();

  sync::atomic<int> state_{kNone};
  int fd_ = -1;  // of who waits
};

}  // namespace isola::detail
