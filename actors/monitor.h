// The monitor: a thread that looks at the workers of a System every kMonitorTickNs.
//
// A worker that is stuck in one turn from one look to the next can't give its ready actors away, so
// the monitor does it, if another worker sleeps. A message that is handled for too long is
// reported. While all workers sleep, the monitor sleeps too, and costs nothing.
//
// Thread safety: start and stop: the Runtime's. worker_wakes: any thread.
#pragma once

#include <isola/actors/worker.h>
#include <isola/serialization/sync.h>

#include <cstdint>
#include <vector>

namespace isola::detail {

class Runtime;

// How often the monitor looks: long for a turn, short for a person.
inline constexpr int64_t kMonitorTickNs = 10'000'000;

class Monitor {
 public:
  explicit Monitor(Runtime& runtime) : runtime_(runtime) {}

  void start();
  // Ends the thread and waits for it. Without start: no effect.
  void stop();
  void worker_wakes() {
    // Sequentially consistent, with the store before the last look at the workers: one of both
    // sees the other.
    if (idle_.load(sync::memory_order_seq_cst) != 0) rouse();
  }

 private:
  // What was seen of a worker at the last look.
  struct Seen {
    Worker::Progress progress;
    int64_t since_ns = 0;  // of the message
    bool reported = false;
  };

  void main();
  // True if all workers sleep.
  bool all_asleep() const;
  void look_at(Worker& worker, Seen& seen, int64_t now_ns);
  void report(const Worker::Progress& progress, int64_t lasts_ns);
  void rouse();

  Runtime& runtime_;
  sync::atomic<uint32_t> idle_{0};  // 1: sleeps without limit
  sync::atomic<uint32_t> stop_{0};  // 1: it ends; also what it sleeps on
  sync::Thread thread_;
};

}  // namespace isola::detail
