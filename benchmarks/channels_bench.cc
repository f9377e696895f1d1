// Receiving what is there already, and a channel between plain threads.
#include "channels_bench.h"

#include <isola/isola.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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

// As receive_batches, each message by a select over 8 channels that all hold some.
Measured select_batches(const std::vector<Channel<Add>>& all, uint64_t messages) {
  Measured measured;
  const auto add = [&](Add::Reader message) { measured.sum += message.getAmount(); };
  const auto from = [&](size_t i) -> const Receiver<Add>& { return all[i].receiver; };
  for (uint64_t left = messages; left > 0;) {
    const uint64_t batch = std::min(left, kBatch);
    for (uint64_t i = 0; i < batch; ++i) send_one(all[i % all.size()].sender);
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < batch; ++i) {
      const select chosen{receiving(from(0), add), receiving(from(1), add), receiving(from(2), add),
                          receiving(from(3), add), receiving(from(4), add), receiving(from(5), add),
                          receiving(from(6), add), receiving(from(7), add)};
      if (chosen.err) chosen.err.raise();
    }
    measured.taken += std::chrono::steady_clock::now() - start;
    left -= batch;
  }
  return measured;
}

void report(const Sender<Total>& results, const Measured& measured) {
  results.send([&](Total::Builder sum) { sum.setValue(measured.sum); });
  const std::chrono::nanoseconds taken = measured.taken;
  results.send([&](Total::Builder time) { time.setValue(taken.count()); });
}

void expect_sum(int64_t sum, uint64_t messages, const char* what) {
  if (sum != static_cast<int64_t>(messages))
    throw std::runtime_error(std::string(what) + ": messages were lost");
}

// What report() has sent, as nanoseconds a message.
double each_of(const Receiver<Total>& results, uint64_t messages, const char* what) {
  expect_sum(results.recv().or_raise()->getValue(), messages, what);
  const int64_t taken_ns = results.recv().or_raise()->getValue();
  return static_cast<double>(taken_ns) / static_cast<double>(messages);
}

}  // namespace

double run_recv(uint64_t messages) {
  System system({.workers = 1});
  Channel<Add> adds = system.channel<Add>(bounded(kCapacity));
  Channel<Total> totals = system.channel<Total>(bounded(2));
  system.spawn(
      [](Sender<Add> out, Receiver<Add> in, Sender<Total> results, uint64_t count) {
        report(results, receive_batches({std::move(out), std::move(in)}, count));
      },
      std::move(adds.sender), std::move(adds.receiver), std::move(totals.sender), messages);
  return each_of(totals.receiver, messages, "recv");
}

double run_select8(uint64_t messages) {
  System system({.workers = 1});
  Channel<Total> totals = system.channel<Total>(bounded(2));
  std::vector<Sender<Add>> senders;
  std::vector<Receiver<Add>> receivers;
  for (int i = 0; i < 8; ++i) {
    auto [out, in] = system.channel<Add>(bounded(kCapacity));
    senders.push_back(std::move(out));
    receivers.push_back(std::move(in));
  }
  system.spawn(
      [](std::vector<Sender<Add>> out, std::vector<Receiver<Add>> in, Sender<Total> results,
         uint64_t count) {
        std::vector<Channel<Add>> all;
        for (size_t i = 0; i < in.size(); ++i) all.push_back({std::move(out[i]), std::move(in[i])});
        report(results, select_batches(all, count));
      },
      std::move(senders), std::move(receivers), std::move(totals.sender), messages);
  return each_of(totals.receiver, messages, "select8");
}

double run_blob(uint64_t bytes, uint64_t messages) {
  System system({.workers = 1});
  Channel<Add> blobs = system.channel<Add>(bounded(kCapacity));
  Channel<Total> totals = system.channel<Total>(bounded(1));
  const Blob blob = Blob::take(std::string(bytes, 'x'));
  const double each = nanoseconds_each(messages, [&] {
    system.spawn(
        [](Sender<Add> out, Blob shared, uint64_t count) {
          for (uint64_t i = 0; i < count; ++i) {
            auto add = out.compose();
            add->setAmount(add.attach(Blob(shared)));
            out.send(std::move(add));
          }
        },
        std::move(blobs.sender), Blob(blob), messages);
    system.spawn(
        [](Receiver<Add> in, Sender<Total> out) {
          int64_t sum = 0;
          for (auto& add : in) {
            const auto handle = static_cast<uint32_t>(add->getAmount());
            sum += static_cast<int64_t>(add.attached<Blob>(handle).or_raise().size());
          }
          out.send([&](Total::Builder total) { total.setValue(sum); });
        },
        std::move(blobs.receiver), std::move(totals.sender));
    expect_sum(totals.receiver.recv().or_raise()->getValue(), bytes * messages, "blob");
  });
  return each;
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
