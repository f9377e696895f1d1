// An asker lets others go first until its next ask is due; it does not sleep, as a timer of the
// kernel is late by more than what is measured here.
#include "latency_bench.h"

#include <isola/isola.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

constexpr uint64_t kAskers = 4;
// Asks that are late because the machine did something else make only those of their part late. A
// part lasts some milliseconds, less than what the kernel gives to one thread before another's
// turn.
constexpr uint64_t kParts = 100;
constexpr auto kPause = std::chrono::milliseconds(2);

using Asked = Address<Ask<GetTotal, Total>>;

int64_t now_ns() {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

void ask_fast(const Asked& counter, Sender<Total> results, uint64_t asks) {
  int64_t answers = 0;
  for (uint64_t i = 0; i < asks; ++i)
    if (counter.ask<GetTotal>().get()) ++answers;
  results.send([&](Total::Builder total) { total.setValue(answers); });
}

// One ask is due at `first_ns`, and one each `gap_ns` from then on.
void ask_evenly(const Asked& counter, Sender<Latencies> results, uint64_t asks, int64_t first_ns,
                double gap_ns) {
  auto latencies = results.compose();
  auto list = latencies->initNanoseconds(static_cast<unsigned>(asks));
  for (unsigned i = 0; i < asks; ++i) {
    const int64_t due_ns = first_ns + static_cast<int64_t>(gap_ns * i);
    while (now_ns() < due_ns) yield();
    counter.ask<GetTotal>().get().or_raise();
    const int64_t taken_ns = std::min<int64_t>(now_ns() - due_ns, UINT32_MAX);
    list.set(i, static_cast<uint32_t>(taken_ns));
  }
  results.send(std::move(latencies));
}

// Of the sorted list, the value that this share of all is not above; in microseconds.
double quantile(const std::vector<uint32_t>& sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1] / 1000.0;
}

// Nanoseconds for each of `each * kAskers` asks, all askers at their fastest.
double fastest(System& system, const Asked& counter, uint64_t each) {
  const Channel<Total> totals = system.channel<Total>(bounded(kAskers));
  int64_t answers = 0;
  const double ns = nanoseconds_each(each * kAskers, [&] {
    for (uint64_t i = 0; i < kAskers; ++i)
      system.spawn(ask_fast, Asked(counter), totals.sender.clone(), each);
    for (uint64_t i = 0; i < kAskers; ++i) answers += totals.receiver.recv().or_raise()->getValue();
  });
  expect_equal(answers, each * kAskers, "latency");
  return ns;
}

// All askers ask at even times, `each` times each; adds the latencies to `all`.
void measure(System& system, const Asked& counter, uint64_t each, double ns_between,
             std::vector<uint32_t>& all) {
  auto [sender, receiver] = system.channel<Latencies>(bounded(kAskers));
  // All are started before the first ask is due, and take turns.
  const int64_t first_ns = now_ns() + 200'000;
  for (uint64_t i = 0; i < kAskers; ++i)
    system.spawn(ask_evenly, Asked(counter), sender.clone(), each,
                 first_ns + static_cast<int64_t>(ns_between * static_cast<double>(i)),
                 ns_between * kAskers);
  sender = {};  // the channel closes with the last asker, also where one has failed
  for (auto& latencies : receiver)
    for (const uint32_t ns : latencies->getNanoseconds()) all.push_back(ns);
}

}  // namespace

Latency run_latency(unsigned workers, uint64_t asks) {
  const uint64_t each = std::max<uint64_t>(asks / kAskers / kParts, 1);
  System system({.workers = workers});
  const auto counter = system.spawn<Counter>();
  const double ns_between = 2 * fastest(system, counter, each * kParts);
  std::vector<uint32_t> all;
  for (uint64_t i = 0; i < kParts; ++i) {
    std::this_thread::sleep_for(kPause);
    measure(system, counter, each, ns_between, all);
  }
  expect_equal(static_cast<int64_t>(all.size()), each * kAskers * kParts, "latency");
  std::sort(all.begin(), all.end());
  return {quantile(all, 0.5), quantile(all, 0.99), quantile(all, 0.999), 1e6 / ns_between};
}

}  // namespace isola::bench
