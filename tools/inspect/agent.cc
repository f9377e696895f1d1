// An agent's socket and thread; what is said on the socket is in server.cc.
#include "agent.h"

#include <isola/tools/inspect/limits.h>
#include <isola/tools/inspect/server.h>
#include <isola/tools/inspect/socket_directory.h>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <future>
#include <system_error>
#include <thread>

namespace isola::inspect {
namespace {

Fd new_event() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

// A thread on which no signal is handled, but for those that mean a bug in what it does.
template <class Function>
std::thread thread_without_signals(Function&& function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
    sigdelset(&all, signal);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::forward<Function>(function));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace

class Agent::Impl {
 public:
  Impl(const System& system, AgentOptions options)
      : socket_(options.directory.empty() ? usable_socket_directory() : options.directory),
        stop_(new_event()) {
    if (options.idle_max.count() <= 0) options.idle_max = kIdleMax;
    std::promise<void> promise;
    std::future<void> started = promise.get_future();
    thread_ = thread_without_signals(
        [this, &system, idle_max = options.idle_max, promise = std::move(promise)]() mutable {
          pthread_setname_np(pthread_self(), "isola-inspect");
          serve(system, {socket_.fd(), stop_.get(), idle_max}, std::move(promise));
        });
    try {
      started.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  ~Impl() {
    const uint64_t one = 1;
    // Room for it is there: the counter of a fresh eventfd is zero.
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
    thread_.join();
  }
  const std::string& path() const { return socket_.path(); }

 private:
  BoundSocket socket_;
  Fd stop_;  // becomes readable when the thread is to end
  std::thread thread_;
};

Agent::Agent(const System& system, AgentOptions options)
    : impl_(std::make_unique<Impl>(system, std::move(options))) {}

Agent::~Agent() = default;

const std::string& Agent::path() const { return impl_->path(); }

}  // namespace isola::inspect
