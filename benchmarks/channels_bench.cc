// Receiving what is there already, and a channel between plain threads.
#include "channels_bench.h"

#include <isola/isola.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

// Fits into the channel, so that no send waits. 1,000 receives take longer than 10 µs, against
// which the two readings of the clock are nothing.
constexpr uint64_t kBatch = 1000;
constexpr uint64_t kCapacity = 1024;

void send_one(const Sender<Add>& out) {
  if (Error error = out.send([](Add::Builder add) { add.setAmount(1); })) error.raise();
}

// What an actor that measures itself answers: the sum of what it got, and the time it took.
struct Measured {
  int64_t sum = 0;
  std::chrono::steady_clock::duration taken{};
};

Measured receive_batches(const Channel<Add>& adds, uint64_t messages) {
  Measured measured;
  for (uint64_t left = messages; left > 0;) {
    const uint64_t batch = std::min(left, kBatch);
    for (uint64_t i = 0; i < batch; ++i) send_one(adds.sender);
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < batch; ++i)
      measured.sum += adds.receiver.recv().or_raise()->getAmount();
    measured.taken += std::chrono::steady_clock::now() - start;
    left -= batch;
  }
  return measured;
}

void expect_sum(int64_t sum, uint64_t messages, const char* what) {
  if (sum != static_cast<int64_t>(messages))
    throw std::runtime_error(std::string(what) + ": messages were lost");
}

}  // namespace

double run_recv(uint64_t messages) {
  System system({.workers = 1});
  Channel<Add> adds = system.channel<Add>(bounded(kCapacity));
  Channel<Total> totals = system.channel<Total>(bounded(2));
  system.spawn(
      [](Sender<Add> out, Receiver<Add> in, Sender<Total> results, uint64_t count) {
        const Measured measured = receive_batches({std::move(out), std::move(in)}, count);
        results.send([&](Total::Builder sum) { sum.setValue(measured.sum); });
        const std::chrono::nanoseconds taken = measured.taken;
        results.send([&](Total::Builder time) { time.setValue(taken.count()); });
      },
      std::move(adds.sender), std::move(adds.receiver), std::move(totals.sender), messages);
  expect_sum(totals.receiver.recv().or_raise()->getValue(), messages, "recv");
  const int64_t taken_ns = totals.receiver.recv().or_raise()->getValue();
  return static_cast<double>(taken_ns) / static_cast<double>(messages);
}

double run_thread_channel(uint64_t messages) {
  System system({.workers = 1});
  Channel<Add> adds = system.channel<Add>(bounded(kCapacity));
  int64_t sum = 0;
  const double each = nanoseconds_each(messages, [&] {
    std::thread consumer([&sum, in = std::move(adds.receiver)] {
      for (auto& add : in) sum += add->getAmount();
    });
    std::thread producer([messages, out = std::move(adds.sender)] {
      for (uint64_t i = 0; i < messages; ++i) send_one(out);
    });
    producer.join();  // the sender ends with its thread's function, and that closes the channel
    consumer.join();
  });
  expect_sum(sum, messages, "thread_channel");
  return each;
}

}  // namespace isola::bench
