// Interrupts: lets SIGINT and SIGTERM end a program in order, instead of at once. Only a program
// that has one is touched.
//
//   int main() {
//     isola::Interrupts interrupts;      // from here on
//     isola::System system;
//     interrupts.watch(system);
//     auto [score, err] = system.create().run(&slow_score);   // Code::interrupted, within moments
//     …
//   }                                    // the program ends by the signal
//
// When the first signal comes:
//  1. A function that runs in an isolate with IsolateOptions::handles_signals is cancelled at its
//     next suspension, and fails with Code::interrupted; code behind it does not run. The isolate
//     stays.
//  2. One that runs in an isolate without it goes on to its end: whoever waits for it is not
//     disturbed until then.
//  3. From then on run() and run_async() fail with Code::interrupted outside of isolates, so what
//     waits there comes to its end. Actors go on; their System ends them.
//  4. The destructor gives the signals back to whoever had them and raises the one that came: the
//     program ends as it would have, with the status that a shell expects (130 after SIGINT), but
//     with its Systems stopped and its files written.
// A second signal does 4 at once. A signal that was ignored when the program started stays so.
// Thread safety: received(), watch(): any thread. One at a time in a process.
#pragma once

#include <isola/actors/isolate.h>
#include <isola/serialization/sync.h>

#include <csignal>
#include <thread>
#include <vector>

namespace isola {

class System;

class Interrupts {
 public:
  // Fails: throws std::logic_error if there is one already, std::system_error without a descriptor.
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Interrupts what runs in this System, too. It may end before or after this.
  void watch(System& system);
  // The signal that came, or 0.
  int received() const { return received_.load(sync::memory_order_acquire); }

 private:
  struct Watched {
    int number;
    struct sigaction before;
  };
  void take_over(int number);
  void give_back();
  void serve();
  void end_process(int number);
  void interrupt_all(int number);
  void interrupt(detail::Runtime& runtime);

  sync::Mutex mutex_;  // guards the one below
  std::vector<detail::RuntimeRef> systems_;
  std::vector<Watched> watched_;
  sync::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace isola
