// SignalWatch: ends actors when the user asks for it, by SIGINT or SIGTERM.
//
//   SignalWatch watch;                 // before any other thread is started
//   auto actors = start(system, plan);
//   watch.start(actors);
//   for (auto& actor : actors) actor.join();
//   int number = watch.finish();       // 0: no signal came
//
// The first signal kills the actors; a second one ends the process at once, should an actor not
// let itself be ended. Thread safety: one thread.
#pragma once

#include <isola/actors/address.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace isola::cli {

class SignalWatch {
 public:
  // From here on this thread, and those that it starts, leave the two signals to the watch.
  // Fails: throws std::system_error.
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Once.
  void start(std::vector<ActorRef> actors);
  // The signal that came, or 0. Any thread.
  int received() const { return received_.load(); }
  // Ends the watch; the signal that came, or 0. Idempotent.
  int finish();

 private:
  void watch(const std::vector<ActorRef>& actors);

  sigset_t before_;
  int signals_ = -1;   // signalfd
  int finished_ = -1;  // eventfd
  std::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace isola::cli
