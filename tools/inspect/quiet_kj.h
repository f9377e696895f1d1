// What kj does to the process that it is used in, and how it is kept from that: an agent must not
// change how somebody's program treats a signal, nor write to its stderr.
#pragma once

#include <kj/async-io.h>
#include <kj/exception.h>

#include <csignal>
#include <ctime>
#include <mutex>

namespace isola::inspect {

// An event loop for this thread. kj's makes the process ignore SIGPIPE; this one leaves it as it
// was. REQUIRES: a SigpipeGuard as long as the loop, and no other loop on this thread.
inline kj::AsyncIoContext make_event_loop() {
  static std::mutex mutex;  // two loops that are made at once would restore each other's change
  const std::lock_guard lock(mutex);
  struct sigaction before {};
  sigaction(SIGPIPE, nullptr, &before);
  kj::AsyncIoContext io = kj::setupAsyncIo();
  sigaction(SIGPIPE, &before, nullptr);
  return io;
}

// While it lives, a write of this thread to a closed socket fails instead of raising SIGPIPE.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    const sigset_t mask = sigpipe();
    pthread_sigmask(SIG_BLOCK, &mask, &outer_mask_);
  }
  ~SigpipeGuard() {
    if (sigismember(&outer_mask_, SIGPIPE) == 1) return;
    // One that is pending was raised by us, and must not come when it is let through again.
    const sigset_t mask = sigpipe();
    const timespec at_once{};
    while (sigtimedwait(&mask, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &outer_mask_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  static sigset_t sigpipe() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    return mask;
  }
  sigset_t outer_mask_{};
};

// Where kj would log, or collect a stack trace (which can start another program to read it).
class QuietKj final : public kj::ExceptionCallback {
 public:
  void logMessage(kj::LogSeverity, const char*, int, int, kj::String&&) override {}
  StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }
};

// Runs `function` with a silent kj. kj insists that the callback lies on the stack; the address
// sanitizer would put it elsewhere.
template <class Function>
__attribute__((no_sanitize("address"), noinline)) void quietly(Function&& function) {
  QuietKj quiet;
  function();
}

}  // namespace isola::inspect
