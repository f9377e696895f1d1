// A thread that is woken by the handler of the signals.
#include "interrupts.h"

#include <isola/actors/system.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

namespace isola {

namespace {

// What is added to the eventfd: signals of one kind that come together add up to one of these.
constexpr uint64_t kEnd = 1;
constexpr uint64_t kInt = uint64_t{1} << 16;
constexpr uint64_t kTerm = uint64_t{1} << 32;

// Of the one Interrupts of the process. A handler can be given nothing else.
// It stays open for ever, since a handler may still be at it on some thread.
volatile std::sig_atomic_t wake_of_process = -1;
sync::atomic<bool> there_is_one{false};

void add(int file, uint64_t what) {
  const int error = errno;
  (void)!write(file, &what, sizeof what);
  errno = error;
}

void on_signal(int number) { add(wake_of_process, number == SIGINT ? kInt : kTerm); }

}  // namespace

Interrupts::Interrupts() {
  if (there_is_one.exchange(true, sync::memory_order_acq_rel))
    throw std::logic_error("isola: a process has one isola::Interrupts at a time");
  if (wake_of_process < 0) {
    wake_of_process = eventfd(0, EFD_CLOEXEC);
    if (wake_of_process < 0) {
      const int error = errno;
      there_is_one.store(false, sync::memory_order_release);
      throw std::system_error(error, std::generic_category(), "isola: watching for signals");
    }
  }
  thread_ = std::thread([this] { serve(); });
  take_over(SIGINT);
  take_over(SIGTERM);
}

Interrupts::~Interrupts() {
  give_back();
  add(wake_of_process, kEnd);
  thread_.join();
  there_is_one.store(false, sync::memory_order_release);
  if (received() == 0) return;
  // Whoever the signal ends does not flush.
  std::fflush(nullptr);
  (void)raise(received());
}

void Interrupts::take_over(int number) {
  struct sigaction action {};
  action.sa_handler = &on_signal;
  action.sa_flags = SA_RESTART;
  Watched watched{number, {}};
  sigaction(number, nullptr, &watched.before);
  // What was started with nohup, say, is not to be ended so.
  if (watched.before.sa_handler == SIG_IGN) return;
  sigaction(number, &action, nullptr);
  watched_.push_back(watched);
}

void Interrupts::give_back() {
  for (const Watched& each : watched_) sigaction(each.number, &each.before, nullptr);
}

void Interrupts::watch(System& system) {
  detail::Runtime& runtime = system.runtime();
  {
    sync::Lock lock(mutex_);
    systems_.emplace_back(runtime);
  }
  if (received() != 0) interrupt(runtime);
}

void Interrupts::serve() {
  for (;;) {
    uint64_t what = 0;
    if (read(wake_of_process, &what, sizeof what) != sizeof what) continue;  // EINTR
    const uint64_t signals = what / kInt;
    if (signals == 0) return;
    const bool is_second = received() != 0 || (signals != 1 && signals != kTerm / kInt);
    const int number = (what & (kTerm - kInt)) != 0 ? SIGINT : SIGTERM;
    if (is_second)
      end_process(number);
    else
      interrupt_all(number);
    if (what % kInt != 0) return;
  }
}

void Interrupts::end_process(int number) {
  give_back();
  std::fflush(nullptr);
  // To the process, as the first one was: this thread's own mask does not matter.
  kill(getpid(), number);
}

void Interrupts::interrupt_all(int number) {
  received_.store(number, sync::memory_order_release);
  std::vector<detail::RuntimeRef> systems;
  {
    sync::Lock lock(mutex_);
    systems = systems_;
  }
  for (const detail::RuntimeRef& system : systems) interrupt(*system.get());
}

void Interrupts::interrupt(detail::Runtime& runtime) {
  runtime.set_interrupted();
  if (runtime.stopping()) return;
  for (const detail::CellRef& cell : runtime.slots().living<detail::CellRef>()) {
    if (cell->type.load(sync::memory_order_relaxed) == &detail::kIsolateType &&
        cell->interruptible && cell->job_claimed.load(sync::memory_order_acquire))
      cell->signal(detail::kInterrupt);
  }
}

}  // namespace isola
