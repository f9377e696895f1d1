// Isolates that keep ends of a channel from one run to the next, and what else the tests of
// channels share.
#pragma once

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola::test {

using Ids = std::vector<uint64_t>;

// The isolate that is running; 0 outside of isolates.
inline uint64_t own_id() { return isola::detail::Execution::current().isolate_id; }

// What a receive gave, or how many items a close dropped; and how it ended.
using Got = std::pair<int64_t, Code>;

inline Got got(Result<Number> result) {
  return {result.err ? 0 : result.value->getValue(), result.err.code()};
}
inline Got dropped(Result<uint64_t> result) {
  return {static_cast<int64_t>(result.value), result.err.code()};
}

inline const Got kClosed{0, Code::channel_closed};
inline const Got kEmpty{0, Code::channel_empty};
inline Got item(int64_t value) { return {value, Code::ok}; }

// Waits until this many wait on that side of a channel.
inline bool wait_until_waiting(System& system, uint64_t channel, Side side, size_t count) {
  return eventually([&] {
    const ChannelInfo info = system.ledger().find(channel).or_raise();
    return (side == Side::send ? info.send : info.receive).waiting.size() == count;
  });
}

// An isolate that keeps the ends which it is given on its heap, and uses them when it is told to.
class Member {
  struct Ends {
    Sender<Number> tx;
    Receiver<Number> rx;
  };
  static Ends& at(uintptr_t place) { return *reinterpret_cast<Ends*>(place); }
  template <class F, class... Args>
  auto run(F function, Args... args) {
    return isolate_.run(function, uintptr_t{place_}, Args(args)...).or_raise();
  }

 public:
  explicit Member(System& system, Sender<Number> tx = {}, Receiver<Number> rx = {})
      : isolate_(system.create()),
        place_(isolate_
                   .run(
                       [](Sender<Number> tx, Receiver<Number> rx) {
                         void* memory = heap().allocate(sizeof(Ends), alignof(Ends));
                         auto* ends = new (memory) Ends{std::move(tx), std::move(rx)};
                         return reinterpret_cast<uintptr_t>(ends);
                       },
                       std::move(tx), std::move(rx))
                   .or_raise()) {}

  uint64_t id() const { return isolate_.id().word(); }
  Isolate& isolate() { return isolate_; }

  Code send(int64_t value) {
    return run(
        [](uintptr_t place, int64_t value) { return at(place).tx.send(number(value)).code(); },
        value);
  }
  Code send(int64_t value, OwnerGone policy) {
    return run(
        [](uintptr_t place, int64_t value, OwnerGone policy) {
          auto message = at(place).tx.compose();
          message->setValue(value);
          return at(place).tx.send(std::move(message), policy).code();
        },
        value, policy);
  }
  Code try_send(int64_t value) {
    return run(
        [](uintptr_t place, int64_t value) {
          const Sender<Number>& tx = at(place).tx;
          if (!tx) return tx.why_broken().code();
          auto message = tx.compose();
          message->setValue(value);
          return tx.try_send(std::move(message)).code();
        },
        value);
  }
  Got recv() {
    return run([](uintptr_t place) { return got(at(place).rx.recv()); });
  }
  Got try_recv() {
    return run([](uintptr_t place) { return got(at(place).rx.try_recv()); });
  }
  // Receives one and sends it on as it is.
  Code forward(OwnerGone policy) {
    return run(
        [](uintptr_t place, OwnerGone policy) {
          return at(place).tx.send(at(place).rx.recv().or_raise(), policy).code();
        },
        policy);
  }
  Code close_sender() {
    return run([](uintptr_t place) { return at(place).tx.close().code(); });
  }
  Got close_receiver(Force force) {
    return run([](uintptr_t place, Force force) { return dropped(at(place).rx.close(force)); },
               force);
  }
  void release_sender() {
    run([](uintptr_t place) { return at(place).tx.release(), true; });
  }
  void release_receiver() {
    run([](uintptr_t place) { return at(place).rx.release(), true; });
  }
  // The end of the isolate. No destructor of its objects runs.
  Code destroy() { return isolate_.close().code(); }

 private:
  Isolate isolate_;
  uintptr_t place_;
};

}  // namespace isola::test
