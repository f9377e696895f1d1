// What was running when the process crashes.
//
//   int main() {
//     isola::report_crashes();
//     …
//
// A stack overflow or a null pointer in a handler ends the process: no actor can be isolated from
// that. But it says which actor it was, which message it handled and where it was, first:
//   isola: SIGSEGV, a null pointer (0x0): in actor counter (#7), handling messages.capnp:GetTotal
//       Counter::on(GetTotal::Reader) (counter.cc:12)
#pragma once

namespace isola {

// Handles SIGSEGV, SIGBUS, SIGILL and SIGFPE, for the whole process: prints to stderr, and lets the
// process die by the signal as it would have, or gives it to who handled it before. Nothing else
// installs handlers of signals. Idempotent; any thread. In programs built with the address or
// thread sanitizer, which report crashes themselves, it does nothing.
void report_crashes();

namespace detail {

// A stack for the handlers of signals of this thread, on which also the overflow of another one can
// be reported. A thread that has one keeps that.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_ = nullptr;
};

}  // namespace detail
}  // namespace isola
