// A plain thread that polls a signalfd.
#include "signal_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace isola::cli {

SignalWatch::SignalWatch() {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  signals_ = signalfd(-1, &watched, SFD_CLOEXEC);
  finished_ = eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || finished_ < 0)
    throw std::system_error(errno, std::generic_category(), "watching for signals");
  pthread_sigmask(SIG_BLOCK, &watched, &before_);
}

SignalWatch::~SignalWatch() {
  finish();
  close(signals_);
  close(finished_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalWatch::start(std::vector<ActorRef> actors) {
  thread_ = std::thread([this, actors = std::move(actors)] { watch(actors); });
}

int SignalWatch::finish() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    (void)!write(finished_, &one, sizeof one);
    thread_.join();
  }
  return received();
}

void SignalWatch::watch(const std::vector<ActorRef>& actors) {
  pollfd files[] = {{signals_, POLLIN, 0}, {finished_, POLLIN, 0}};
  while (true) {
    if (poll(files, 2, -1) < 0) continue;  // EINTR
    if (files[1].revents != 0) return;
    signalfd_siginfo signal{};
    if (read(signals_, &signal, sizeof signal) != sizeof signal) continue;
    if (received() != 0) _exit(128 + received());
    received_.store(static_cast<int>(signal.ssi_signo));
    for (const ActorRef& actor : actors) actor.kill();
  }
}

}  // namespace isola::cli
