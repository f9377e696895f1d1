// The ends of frames, and their suspension.
#include "frame.h"

#include <isola/context/binding.h>
#include <isola/serialization/program_memory.h>

#include <cstdio>
#include <exception>
#include <utility>

namespace isola {

namespace detail {

namespace {

// Whether a callback of a frame runs on this stack.
class InCallback {
 public:
  InCallback() : execution_(Execution::current()) { ++execution_.in_switch; }
  ~InCallback() { --execution_.in_switch; }
  InCallback(const InCallback&) = delete;
  InCallback& operator=(const InCallback&) = delete;

 private:
  Execution& execution_;
};

const char* kind_name(FrameKind kind) {
  constexpr const char* kNames[] = {"thread", "turn", "generator", "call"};
  return kNames[static_cast<size_t>(kind)];
}

// Nobody is there who could catch it.
void run_reported(const FrameData& frame, const char* what, const std::function<void()>& callback) {
  try {
    callback();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "isola: a %s of a %s threw: %s\n", what, kind_name(frame.kind),
                 error.what());
  } catch (...) {
    std::fprintf(stderr, "isola: a %s of a %s threw what is no std::exception\n", what,
                 kind_name(frame.kind));
  }
}

}  // namespace

const Binding nobodys_binding;
FrameData nobodys_frame{FrameKind::thread};
FrameData no_frame{FrameKind::thread};

FrameData* generator_of(FrameData* innermost) {
  while (innermost != nullptr && innermost->kind != FrameKind::generator)
    innermost = innermost->outer;
  return innermost;
}

void note_open(const Execution& execution) {
  for (FrameData* frame = generator_of(execution.frame); frame != nullptr;
       frame = generator_of(frame->outer))
    frame->make_special(execution.bindings);
}

void end_frame(FrameData& frame, bool abandoned) {
  while (!frame.cleanups.empty()) {
    const FrameData::Cleanup cleanup = std::move(frame.cleanups.back());
    frame.cleanups.pop_back();
    if (abandoned && !cleanup.holds.empty())
      std::fprintf(stderr, "isola: a %s was abandoned while it held %s\n", kind_name(frame.kind),
                   cleanup.holds.c_str());
    run_reported(frame, "cleanup", cleanup.run);
  }
}

void suspend_frames(FrameData* innermost, const FrameData* end) {
  for (FrameData* frame = innermost; frame != end; frame = frame->outer) {
    const InCallback callback;
    for (size_t i = frame->switches.size(); i-- > 0;)
      run_reported(*frame, "suspend callback", frame->switches[i].suspend);
  }
}

void resume_frames(FrameData* innermost, const FrameData* end) {
  if (innermost == end) return;
  resume_frames(innermost->outer, end);  // from the outside in
  const InCallback callback;
  for (const FrameData::Switch& one : innermost->switches)
    run_reported(*innermost, "resume callback", one.resume);
}

void require_may_suspend_slow() {
  throw ContextError(ContextFault::cannot_suspend,
                     "a suspend or resume callback of a frame must not wait for anything");
}

void end_turn_frame_slow(Execution& execution) {
  FrameData* frame = execution.frame;
  end_frame(*frame, false);
  execution.frame = nullptr;
  delete frame;
}

}  // namespace detail

uint64_t FrameRef::id() const {
  if (data_->id == 0) data_->id = detail::new_id();
  return data_->id;
}

void FrameRef::on_switch(std::function<void()> suspend, std::function<void()> resume) {
  const detail::Execution& execution = detail::Execution::current();
  detail::FrameData* generator = detail::generator_of(data_);
  bool can = generator != nullptr || execution.isolate_id != 0;
  for (const detail::FrameData* f = data_; f != nullptr && !can; f = f->outer)
    can = f->kind == FrameKind::turn;
  if (!can)
    throw ContextError(ContextFault::cannot_suspend,
                       "the frame of a plain thread is never suspended: it takes no callbacks");
  if (generator != nullptr) generator->make_special(execution.bindings);
  data_->switches.push_back({std::move(suspend), std::move(resume)});
}

FrameRef frame() {
  detail::Execution& execution = detail::Execution::current();
  if (execution.frame == nullptr) {
    const detail::ProgramMemory runtime_keeps_it;
    execution.frame =
        new detail::FrameData(execution.isolate_id != 0 ? FrameKind::turn : FrameKind::thread);
  }
  return FrameRef(*execution.frame);
}

}  // namespace isola
