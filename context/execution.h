// What runs right now: the call context, deadline, isolate and way of waiting of a piece of code.
//
// Each carrier has an Execution, and each plain thread; the runtime switches them when it switches
// stacks, so code reaches its own through current() wherever it runs.
//
// Thread safety: an Execution is used by the stack that it belongs to, never by two at a time.
#pragma once

#include <isola/context/clock.h>
#include <isola/serialization/block.h>
#include <isola/serialization/sync.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory_resource>

namespace isola {

class Parker;
class Pool;

namespace detail {

// What a blocked actor waits for, as the inspector shows it.
// `worker`: it was woken and waits for its turn.
enum class WaitsFor : uint8_t {
  nothing,
  reply,
  receive,
  send,
  select,
  inbox,
  sleep,
  end,
  offload,
  worker
};

// What the inspector reads of an isolate while it runs. Thread safety: one writer; any thread
// reads, relaxed: it takes what it finds.
struct Books {
  sync::atomic<WaitsFor> what{WaitsFor::nothing};
  sync::atomic<uint64_t> id{0};                  // of the actor or channel waited for
  std::array<sync::atomic<uint64_t>, 2> name{};  // the first 16 bytes of a channel's name
  sync::atomic<bool> has_limit{false};           // the wait ends at some time by itself
  sync::atomic<uint64_t> waits{0};               // how often it has waited
  sync::atomic<uint64_t> handled{0};             // messages handled or received

  void count_message() {
    handled.store(handled.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
  }
};

struct Binding;
class ResourceList;
class ActorCell;

// See count_step in channels/waiter.h. A few microseconds of sending.
inline constexpr uint32_t kStepsBeforeYield = 128;

struct Execution {
  const Binding* bindings = nullptr;  // the innermost Scope; the scopes own them
  Block* inherited = nullptr;         // record of whoever called; owned by message or isolate
  int64_t deadline_ns = kNoDeadline;  // of the call
  uint32_t steps_left = kStepsBeforeYield;
  uint64_t isolate_id = 0;            // 0: in no isolate
  uint64_t random_state = 0;          // for choices of this stack; the runtime seeds it
  const Clock* clock = &SteadyClock::instance();
  Parker* parker = nullptr;           // how to wait; nullptr: as a plain thread
  ResourceList* resources = nullptr;  // of the isolate: what must be released at its end
  Books* books = nullptr;             // of the isolate
  ActorCell* cell = nullptr;          // the actors' layer's own

  static Execution& current() { return current_ != nullptr ? *current_ : of_thread(); }
  // nullptr: the thread's own. Used by whoever switches stacks.
  static void set_current(Execution* execution) { current_ = execution; }
  static Execution* current_or_null() { return current_; }

 private:
  static Execution& of_thread();
  static constinit inline thread_local Execution* current_ = nullptr;
};

}  // namespace detail

// The clock of the running code as the standard library's clocks are: the System's in an actor
// (virtual time in one with a seed), the machine's steady clock elsewhere.
struct clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;
  static time_point now() {
    return time_point(duration(detail::Execution::current().clock->now_ns()));
  }
};

}  // namespace isola
