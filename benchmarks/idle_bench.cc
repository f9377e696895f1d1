// Measured by what the kernel says of the whole process: resident pages, time of the processor.
#include "idle_bench.h"

#include <isola/isola.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"

namespace isola::bench {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages_all = 0;
  double pages_resident = 0;
  if (!(statm >> pages_all >> pages_resident))
    throw std::runtime_error("the kernel does not say how much memory there is in use");
  return pages_resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double processor_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Actors that have handled one message, and nothing waits for them.
std::vector<Address<Add>> idle_actors(System& system, uint64_t actors) {
  std::vector<Address<Add>> all;
  all.reserve(actors);
  for (uint64_t i = 0; i < actors; ++i) {
    const auto counter = system.spawn<Counter>();
    counter.send<Add>([](Add::Builder add) { add.setAmount(1); });
    // So that all have got theirs when this ends, and no queue of messages grows.
    if (i % 1024 == 0 || i + 1 == actors)
      expect_equal(counter.ask<GetTotal>().get().or_raise()->getValue(), 1, "idle actors");
    all.emplace_back(counter);
  }
  return all;
}

struct Blocking : Actor<Blocking, Start> {
  Blocking(Receiver<Add> never, Sender<Add> ready)
      : never_(std::move(never)), ready_(std::move(ready)) {}
  void on(Start::Reader) {
    ready_.send([](Add::Builder add) { add.setAmount(1); });
    (void)never_.recv();
  }

 private:
  Receiver<Add> never_;
  Sender<Add> ready_;
};

}  // namespace

double run_idle_bytes(unsigned workers, uint64_t actors) {
  System system({.workers = workers});
  const double before = resident_bytes();
  const auto all = idle_actors(system, actors);
  return std::max(resident_bytes() - before, 0.0) / static_cast<double>(all.size());
}

double run_blocked_bytes(unsigned workers, uint64_t actors) {
  System system({.workers = workers});
  const Channel<Add> never = system.channel<Add>(bounded(1));
  const Channel<Add> ready = system.channel<Add>(bounded(64));
  const double before = resident_bytes();
  std::vector<Address<Start>> all;
  for (uint64_t i = 0; i < actors; ++i) {
    all.push_back(system.spawn<Blocking>(never.receiver.clone(), ready.sender.clone()));
    all.back().send<Start>();
    ready.receiver.recv().or_raise();
  }
  const double after = resident_bytes();
  if (system.failures() != 0) throw std::runtime_error("blocked_bytes: an actor has failed");
  return std::max(after - before, 0.0) / static_cast<double>(actors);
}

double run_idle_cpu(unsigned workers, uint64_t actors) {
  System system({.workers = workers});
  const auto all = idle_actors(system, actors);
  const auto lasts = std::chrono::microseconds(std::max<uint64_t>(2 * actors, 20'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));  // what is under way comes to rest
  const double before = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(lasts);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return (processor_seconds() - before) / taken.count() * 100;
}

}  // namespace isola::bench
