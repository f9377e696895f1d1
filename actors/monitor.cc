// The looks of the monitor.
#include "monitor.h"

#include <isola/actors/runtime.h>

namespace isola::detail {

void Monitor::start() {
  thread_ = sync::Thread([this] { main(); });
}

void Monitor::stop() {
  if (!thread_.joinable()) return;
  stop_.store(1, sync::memory_order_release);
  sync::futex_wake(stop_);
  rouse();
  thread_.join();
}

void Monitor::rouse() {
  idle_.exchange(0, sync::memory_order_seq_cst);
  sync::futex_wake(idle_);
}

bool Monitor::all_asleep() const {
  return runtime_.sleeping_workers() == runtime_.workers().size();
}

void Monitor::main() {
  std::vector<Seen> seen(runtime_.workers().size());
  while (stop_.load(sync::memory_order_acquire) == 0) {
    if (all_asleep()) {
      // An exchange: if stop() was first, what it stored before is seen below.
      idle_.exchange(1, sync::memory_order_seq_cst);
      if (all_asleep() && stop_.load(sync::memory_order_seq_cst) == 0)
        while (idle_.load(sync::memory_order_acquire) == 1) sync::futex_wait(idle_, 1, -1);
      idle_.store(0, sync::memory_order_relaxed);
    }
    sync::futex_wait(stop_, 0, kMonitorTickNs);
    const int64_t now_ns = SteadyClock::instance().now_ns();
    for (size_t i = 0; i < seen.size(); ++i) look_at(*runtime_.workers()[i], seen[i], now_ns);
  }
}

void Monitor::look_at(Worker& worker, Seen& seen, int64_t now_ns) {
  const Worker::Progress progress = worker.progress();
  if (progress.actor == 0 || progress.actor != seen.progress.actor ||
      progress.turns != seen.progress.turns) {
    seen = {progress, now_ns, false};
    return;
  }
  worker.relieve();
  if (progress.messages != seen.progress.messages) {
    seen = {progress, now_ns, false};
    return;
  }
  const int64_t lasts_ns = now_ns - seen.since_ns;
  if (seen.reported || lasts_ns < runtime_.options().long_turn_ms * 1'000'000) return;
  seen.reported = true;
  report(progress, lasts_ns);
}

void Monitor::report(const Worker::Progress& progress, int64_t lasts_ns) {
  const auto& listener = runtime_.options().on_long_turn;
  if (!listener) return;
  LongTurn turn;
  turn.actor = progress.actor;
  turn.name = runtime_.name_of(progress.actor);
  if (progress.message_type != nullptr) turn.message = progress.message_type->name();
  turn.lasts_ms = lasts_ns / 1'000'000;
  listener(turn);
}

}  // namespace isola::detail
