// Frames: the pieces of a logical call that begin, may be suspended, and end: the turn of an actor,
// a generator, a captured call, a thread.
//
//   void on(Query::Reader query) {
//     isola::frame().at_end([] { log("done"); });               // also if the actor is killed
//     isola::frame().on_switch([] { fesetround(FE_TONEAREST); },   // while this turn waits
//                              [] { fesetround(FE_UPWARD); });     // and when it goes on
//
// Nobody pays for frames but who asks for one: a turn gets its frame with the first call of
// frame(). Cleanups run in reverse order when the frame ends, in its context, on every way out.
//
// Ownership: a FrameRef names the frame, which the code that runs owns. Lifetime: until that ends.
// Thread safety: the code that runs in the frame.
#pragma once

#include <isola/context/context_error.h>
#include <isola/context/execution.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace isola {

enum class FrameKind : uint8_t { thread, turn, generator, call };

namespace detail {

struct DeadlineBound;

struct FrameData {
  explicit FrameData(FrameKind kind) : kind(kind) {}
  FrameData(const FrameData&) = delete;
  FrameData& operator=(const FrameData&) = delete;

  struct Cleanup {
    std::function<void()> run;
    std::string holds;  // what it releases, for the diagnostic
  };
  struct Switch {
    std::function<void()> suspend;
    std::function<void()> resume;
  };

  // Of a generator that runs: to suspend it is more than to note its consumer's frame. Whatever it
  // opens stands on those bindings.
  void make_special(const Binding* innermost) {
    if (is_special) return;
    is_special = true;
    resumed_in = this;
    stands_on = innermost;
  }

  const FrameKind kind;
  bool is_special = false;
  uint64_t id = 0;  // given when it is asked for
  FrameData* outer = nullptr;
  FrameData* resumed_in = this;        // of a generator: as `outer`; itself if there is more to do
  const Binding* stands_on = nullptr;  // of a special one: what is its consumer's
  std::vector<Cleanup> cleanups;
  std::vector<Switch> switches;
  DeadlineBound* deadlines = nullptr;  // of a generator: those opened in it, the innermost
};

// No code runs in it, ever.
extern FrameData no_frame;
// The generator that this frame runs in, or is; nullptr: in none.
FrameData* generator_of(FrameData* innermost);

// Runs the cleanups of a frame, the last one first. One that throws is reported on stderr.
// `abandoned`: what is still held is named on stderr.
void end_frame(FrameData& frame, bool abandoned);
// Run the callbacks of a frame and of those outside it, up to `end`. What a callback throws is
// reported on stderr.
void suspend_frames(FrameData* innermost, const FrameData* end = nullptr);
void resume_frames(FrameData* innermost, const FrameData* end = nullptr);

// Throws ContextError cannot_suspend in a callback of a frame.
void require_may_suspend_slow();
inline void require_may_suspend(const Execution& execution) {
  if (execution.in_switch != 0) [[unlikely]]
    require_may_suspend_slow();
}

// The code that runs waits while this lives.
class Suspension {
 public:
  explicit Suspension(const Execution& execution) : frame_(execution.frame) {
    if (frame_ != nullptr) [[unlikely]]
      suspend_frames(frame_);
  }
  ~Suspension() {
    if (frame_ != nullptr) [[unlikely]]
      resume_frames(frame_);
  }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

 private:
  FrameData* const frame_;
};

// Ends the frame that a turn got, if it got one.
void end_turn_frame_slow(Execution& execution);
inline void end_turn_frame(Execution& execution) {
  if (execution.frame != nullptr) [[unlikely]]
    end_turn_frame_slow(execution);
}

// A frame on the stack of the code that makes it.
class CallFrame {
 public:
  CallFrame() : execution_(Execution::current()) {
    data_.outer = execution_.frame;
    execution_.frame = &data_;
  }
  ~CallFrame() {
    end_frame(data_, false);
    execution_.frame = data_.outer;
  }
  CallFrame(const CallFrame&) = delete;
  CallFrame& operator=(const CallFrame&) = delete;

 private:
  Execution& execution_;
  FrameData data_{FrameKind::call};
};

}  // namespace detail

class FrameRef final {
 public:
  explicit FrameRef(detail::FrameData& data) : data_(&data) {}
  FrameKind kind() const { return data_->kind; }
  // Never given again.
  uint64_t id() const;
  // The frame of the same actor or thread that this one runs in.
  std::optional<FrameRef> outer() const {
    return data_->outer != nullptr ? std::optional<FrameRef>(*data_->outer) : std::nullopt;
  }

  // Calls `cleanup` when the frame ends: the locals of its code are gone then.
  void at_end(std::function<void()> cleanup) {
    data_->cleanups.push_back({std::move(cleanup), {}});
  }
  // The same for a resource. If the frame is abandoned with it, a generator that is destroyed
  // before its end, that is said on stderr with this name.
  void holds(std::string name, std::function<void()> release) {
    data_->cleanups.push_back({std::move(release), std::move(name)});
  }
  // Calls `suspend` whenever the frame is suspended and `resume` when it goes on: the last ones
  // given suspend first and resume last. They can't wait for anything themselves: that throws
  // ContextError cannot_suspend. What they throw is reported on stderr.
  // Throws ContextError cannot_suspend if this frame can't be suspended: a plain thread's.
  void on_switch(std::function<void()> suspend, std::function<void()> resume);

 private:
  detail::FrameData* data_;
};

// The innermost frame of the code that runs.
FrameRef frame();

}  // namespace isola
