// Checks what dispatchers are made of, and binds threads to processors.
#include "dispatcher.h"

#include <algorithm>
#include <stdexcept>

namespace isola::detail {

namespace {

[[noreturn]] void refuse(const DispatcherOptions& dispatcher, const std::string& why) {
  throw std::invalid_argument("dispatcher \"" + dispatcher.name + "\": " + why);
}

// "0-2, 5"
std::string listed(const cpu_set_t& cpus) {
  std::string text;
  for (uint32_t first = 0; first < CPU_SETSIZE; ++first) {
    if (!CPU_ISSET(first, &cpus)) continue;
    uint32_t last = first;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &cpus)) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last > first) text += "-" + std::to_string(last);
    first = last;
  }
  return text;
}

void check_cpus(const DispatcherOptions& dispatcher) {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  // On machines with more processors than the set holds it fails: then the numbers go unchecked.
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return;
  for (uint32_t cpu : dispatcher.cpus) {
    if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &usable))
      refuse(dispatcher, "processor " + std::to_string(cpu) +
                             " is not one of those that this thread may use: " + listed(usable));
  }
}

}  // namespace

Processors::Processors() : known_(sched_getaffinity(0, sizeof cpus_, &cpus_) == 0) {}

void Processors::bind_thread() const {
  if (known_) (void)sched_setaffinity(0, sizeof cpus_, &cpus_);
}

void complete(std::vector<DispatcherOptions>& dispatchers) {
  if (dispatchers.size() > kDispatchersMax)
    throw std::invalid_argument("at most " + std::to_string(kDispatchersMax) + " dispatchers");
  for (size_t i = 0; i < dispatchers.size(); ++i) {
    DispatcherOptions& dispatcher = dispatchers[i];
    if (dispatcher.name.empty()) refuse(dispatcher, "has no name");
    for (size_t other = 0; other < i; ++other)
      if (dispatchers[other].name == dispatcher.name) refuse(dispatcher, "there are two of them");
    check_cpus(dispatcher);
    if (dispatcher.workers == 0)
      dispatcher.workers = static_cast<uint32_t>(std::max<size_t>(dispatcher.cpus.size(), 1));
  }
}

void Dispatcher::bind_thread() const {
  if (cpus_.empty()) return;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (uint32_t cpu : cpus_) CPU_SET(cpu, &cpus);
  // It was possible when the System was made. Without it the worker is only slower.
  (void)sched_setaffinity(0, sizeof cpus, &cpus);
}

}  // namespace isola::detail
