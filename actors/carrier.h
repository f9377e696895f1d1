// A carrier: a Boost.Fiber context on which actors take turns.
//
// All carriers of a worker are alike. One runs; those blocked in the middle of a turn are
// suspended with it; the idle ones wait to take over. Everything of a switch beyond the registers
// is here: the Execution, the exception state of the C++ runtime (it is kept per thread, so a
// handler that blocks inside a catch would otherwise rethrow somebody else's exception), and what
// the sanitizers want to know.
//
// Ownership: by its Boost context, which deletes it. Thread safety: its worker's thread, but
// unpark().
#pragma once

#include <isola/channels/waiter.h>
#include <isola/context/context.h>
#include <isola/context/exception_state.h>
#include <isola/context/execution.h>
#include <isola/serialization/error.h>
#include <isola/serialization/sanitizers.h>

#include <boost/fiber/context.hpp>
#include <boost/fiber/properties.hpp>

#include <memory>

namespace isola::detail {

class Worker;

class Carrier final : public boost::fibers::fiber_properties, public Parker {
 public:
  Carrier(boost::fibers::context* boost_context, Worker& its_worker)
      : fiber_properties(boost_context), context(boost_context), worker(its_worker) {
    execution.parker = this;
  }

  void park(Waiter& waiter, int64_t deadline_ns) override;
  void unpark(Waiter& waiter) override;
  void yield() override;
  // Wakes it with `cancelled`, now if it waits, and at every later suspension.
  void cancel();

  static Carrier* of(boost::fibers::context* context) {
    return static_cast<Carrier*>(context->get_properties());
  }

  boost::fibers::context* const context;
  Worker& worker;
  Execution execution;
  std::unique_ptr<RootContext> begins_with;  // of a fiber that somebody's code made
  // What is current on this stack: the above, or that of an actor which is being made or ended.
  Execution* current = &execution;
  Carrier* next = nullptr;    // in the idle list, or in the list of remote wake-ups
  Waiter* waiting = nullptr;  // while parked
  bool going_idle = false;
  Error failure;                              // of the handler that has just thrown
  const MessageType* message_type = nullptr;  // that its actor handles, while it is suspended
  ExceptionState exceptions;
  // Where it stands while it is suspended: on its own stack, or on that of a generator (see
  // fiber_generator.h) that blocks.
#ifdef ISOLA_TSAN
  void* tsan_fiber = nullptr;
#endif
#ifdef ISOLA_ASAN
  void* asan_fake_stack = nullptr;
  const void* stack_bottom = nullptr;
  size_t stack_bytes = 0;
#endif
};

}  // namespace isola::detail
