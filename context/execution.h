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

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory_resource>

namespace isola {

class Heap;
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
  sync::atomic<uint64_t> handled{0};  // messages handled or received; first, see ActorCell
  sync::atomic<uint64_t> id{0};       // of the actor or channel waited for
  std::array<sync::atomic<uint64_t>, 2> name{};  // the first 16 bytes of a channel's name
  sync::atomic<uint64_t> waits{0};               // how often it has waited
  sync::atomic<WaitsFor> what{WaitsFor::nothing};
  sync::atomic<bool> has_limit{false};  // the wait ends at some time by itself

  void count_message() {
    handled.store(handled.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
  }
};

struct Binding;
struct FrameData;
struct KeyBase;
class ResourceList;
class ActorCell;
class ReplyTarget;

// What the last look-up of a key gave, so that the next one costs a comparison. It holds as long as
// nothing changes what the key is bound to: whoever does that forgets it.
struct Remembered {
  enum class Found : uint32_t { value, nothing, elsewhere };
  // KeyBase::bound() or unbound(): which key it was, and whether there is a value. What is
  // elsewhere is not remembered.
  const void* mark = nullptr;
  uint64_t word = 0;  // the value, or where it is: as its type has it
  uint32_t size = 0;  // of a text
  Found found = Found::nothing;
};
// Two keys that share a place put each other out.
inline constexpr size_t kRememberedMax = 16;

// See count_step in channels/waiter.h. A few microseconds of sending.
inline constexpr uint32_t kStepsBeforeYield = 128;

struct Execution {
  const Binding* bindings = nullptr;  // the innermost Scope; the scopes own them
  Block* inherited = nullptr;         // record of whoever called; owned by message or isolate
  FrameData* frame = nullptr;         // the innermost, once somebody has asked for one: frame.h
  int64_t deadline_ns = kNoDeadline;  // of the call
  ReplyTarget* call = nullptr;        // whose answer is being worked at: see channels/call.h
  Block* kept_context = nullptr;      // of a message that its handler has taken: a use, or nothing
  uint32_t steps_left = kStepsBeforeYield;
  uint64_t isolate_id = 0;    // 0: in no isolate
  uint64_t thread_id = 0;     // of a plain thread: never given again; with the top bit
  uint64_t random_state = 0;  // for choices of this stack; the runtime seeds it
  const Clock* clock = &SteadyClock::instance();
  Parker* parker = nullptr;           // how to wait; nullptr: as a plain thread
  ResourceList* resources = nullptr;  // of the isolate: what must be released at its end
  Books* books = nullptr;             // of the isolate
  ActorCell* cell = nullptr;          // the actors' layer's own
  Heap* heap = nullptr;               // of the isolate, once it is used in this turn
  uint32_t outside = 0;               // open scopes of isola::Outside
  uint16_t in_switch = 0;             // callbacks of frames that run here
  uint16_t strict = 0;                // open scopes of isola::StrictYields
  uint16_t shields = 0;               // open scopes of isola::Shield
  uint16_t cancelled = 0;             // 1: the turn is being ended: Carrier::cancel
  // The heap of an isolate that is being ended: it is dropped whole, so what would only give memory
  // back to it need not run. nullptr: none.
  const std::pmr::memory_resource* dropped_heap = nullptr;

  std::array<Remembered, kRememberedMax> remembered{};
  uint32_t any_remembered = 0;  // places that may be taken, a bit for each

  // The record of who calls, from here on.
  void set_inherited(Block* record) {
    if (record == inherited) return;
    inherited = record;
    forget_all();
  }
  // A context from its root on: no scope is open, and there is no frame yet.
  void begin_context(Block* record) {
    bindings = nullptr;
    inherited = record;
    frame = nullptr;
    in_switch = strict = shields = 0;
    forget_all();
  }
  void forget_all() {
    for (; any_remembered != 0; any_remembered &= any_remembered - 1)
      remembered[static_cast<size_t>(std::countr_zero(any_remembered))].mark = nullptr;
  }

  // The deadline of the call as a time of another clock: what is left of it from now on.
  int64_t deadline_on(const Clock& other) const {
    if (deadline_ns == kNoDeadline || clock == &other) [[likely]]
      return deadline_ns;
    const int64_t now_ns = other.now_ns();
    const int64_t left_ns = std::max<int64_t>(deadline_ns - clock->now_ns(), 0);
    return left_ns >= kNoDeadline - now_ns ? kNoDeadline : now_ns + left_ns;
  }

  static Execution& current() { return current_ != &none_ ? *current_ : of_thread(); }
  // nullptr: the thread's own. Used by whoever switches stacks.
  static void set_current(Execution* execution) {
    current_ = execution != nullptr ? execution : &none_;
  }
  static Execution* current_or_null() { return current_ != &none_ ? current_ : nullptr; }
  // The heap of the isolate that runs here, if it is used in this turn.
  static Heap* heap_here() { return current_->heap; }  // none_ has none
  // What is remembered here. If the thread's own isn't known yet, nothing is: so a look-up needs no
  // branch for that.
  static const std::array<Remembered, kRememberedMax>& remembered_here() {
    return current_->remembered;
  }

  // As current(), but if the thread's own isn't known yet, one that is not to be written to: it has
  // nobody's frame and nobody's binding, by which it is known.
#ifdef ISOLA_SIMULATED
  static Execution& current_or_none() { return current(); }
#else
  static Execution& current_or_none() { return *current_; }
#endif

 private:
  static Execution& of_thread();
  static Execution none_;  // stays as it is
  static constinit inline thread_local Execution* current_ = &none_;
};
extern const Binding nobodys_binding;
extern FrameData nobodys_frame;
inline constinit Execution Execution::none_{.bindings = &nobodys_binding, .frame = &nobodys_frame};

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
