// A dispatcher: workers with a name, and the actors that are at home on them.
//
//   isola::System system({.workers = 6, .dispatchers = {{.name = "io", .workers = 2, .cpus =
//   {1}}}}); system.spawn<Reader>({.dispatcher = "io"});
//
// Every worker belongs to one dispatcher, and an actor's home is always a worker of its own one. So
// what keeps the workers of one busy does not delay the actors of another. The one without a name
// of its own is called "default"; an actor that names none belongs to it, whoever spawns it.
#pragma once

#include <isola/serialization/sync.h>

#include <sched.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isola {

struct DispatcherOptions {
  std::string name{};
  // Threads of its own; 0: one for each of its processors, if `cpus` says which, else one.
  uint32_t workers = 0;
  // The processors that its workers may run on, as the operating system numbers them; empty: all.
  std::vector<uint32_t> cpus{};
};

namespace detail {

class Worker;

// The processors of the thread that makes it. For threads that bound ones start: else they would
// inherit the processors of those. Thread safety: any thread.
class Processors {
 public:
  Processors();
  void bind_thread() const;

 private:
  cpu_set_t cpus_;
  bool known_;
};

// Of a System, with its default one.
inline constexpr size_t kDispatchersMax = 256;
inline constexpr std::string_view kDefaultDispatcher = "default";

// Thread safety: any thread, once its workers have started.
class Dispatcher {
 public:
  explicit Dispatcher(const DispatcherOptions& options)
      : name_(options.name), cpus_(options.cpus) {}
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  const std::string& name() const { return name_; }
  void add(Worker& worker) { workers_.push_back(&worker); }
  const std::vector<Worker*>& workers() const { return workers_; }
  // Where an actor that comes from elsewhere is put: one worker after another.
  Worker& next_home() {
    return *workers_[next_home_.fetch_add(1, sync::memory_order_relaxed) % workers_.size()];
  }
  void worker_sleeps(int change) {
    sleeping_.fetch_add(static_cast<uint32_t>(change), sync::memory_order_relaxed);
  }
  uint32_t sleeping_workers() const { return sleeping_.load(sync::memory_order_relaxed); }
  // Binds the calling thread to its processors.
  void bind_thread() const;

 private:
  const std::string name_;
  const std::vector<uint32_t> cpus_;
  std::vector<Worker*> workers_;  // constant once they have started
  sync::atomic<uint32_t> next_home_{0};
  sync::atomic<uint32_t> sleeping_{0};
};

// Fills in how many workers each has. Throws std::invalid_argument for a name that is empty or
// used twice, or a processor that the calling thread may not use. REQUIRES: the first is the
// default one.
void complete(std::vector<DispatcherOptions>& dispatchers);

}  // namespace detail
}  // namespace isola
