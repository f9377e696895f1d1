// What the tests of channels share: the bounds that they run over, and waiting for those who wait.
#pragma once

#include <isola/isola.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola::test {

inline constexpr std::array kCapacities{rendezvous, bounded(1), bounded(2), bounded(10),
                                        bounded(199)};

using CapacityBody = std::function<void(System&, const Capacity&)>;

// Runs `body` on every scheduler with each of these capacities.
template <class Capacities>
void for_each_capacity(const Capacities& capacities, uint64_t seeds, const CapacityBody& body) {
  for (const Capacity& capacity : capacities) {
    SCOPED_TRACE(capacity.to_string());
    on_every_scheduler([&](System& system) { body(system, capacity); }, seeds);
  }
}
inline void for_each_capacity(const CapacityBody& body, uint64_t seeds = 10) {
  for_each_capacity(kCapacities, seeds, body);
}

// How many messages wait in a channel at most that is not unbounded.
inline int64_t room_of(const Capacity& capacity) {
  return static_cast<int64_t>(capacity.items().value_or(0));
}

template <MessageStruct T = Number>
Message<T> with_value(System& system, int64_t v) {
  auto message = system.compose<T>();
  message->setValue(v);
  return message;
}

// The value that was received, or -1 after an error.
template <class T>
int64_t value_of(const Result<T>& result) {
  return result.err ? -1 : result.value->getValue();
}

inline size_t waiting(System& system, uint64_t channel, Side side) {
  const auto [info, err] = system.ledger().find(channel);
  return (side == Side::send ? info.send : info.receive).waiting.size();
}
// Waits until so many wait on a side of a channel.
inline bool so_many_wait(System& system, uint64_t channel, Side side, size_t count = 1) {
  return eventually([&] { return waiting(system, channel, side) == count; });
}

// Where two threads meet, again and again: both leave meet() at about the same moment.
class Meeting {
 public:
  void meet() {
    const int round = round_.load();
    if (arrived_.fetch_add(1) == 1) {
      arrived_.store(0);
      round_.fetch_add(1);
    } else {
      while (round_.load() == round) test::give_way();
    }
  }

 private:
  std::atomic<int> arrived_{0};
  std::atomic<int> round_{0};
};

}  // namespace isola::test
