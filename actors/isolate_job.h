// What an isolate executes for somebody who waits for it.
#pragma once

#include <isola/actors/cell.h>
#include <isola/actors/reply.h>

namespace isola::detail {

// Shared by the caller of Isolate::run and the isolate, so that a caller whose deadline passes can
// leave while the job still runs.
struct Job {
  explicit Job(ActorCell& cell) : done(new AskState(cell)) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() {
    if (context != nullptr) release(context);
  }
  // Executes it in the isolate, on a carrier of its own.
  virtual void run() = 0;

  AskState* const done;      // the caller's use and the isolate's
  Block* context = nullptr;  // what the caller's context lets cross
  int64_t deadline_ns = kNoDeadline;
};

// Runs the job of this isolate, whose turn the caller has, and tells who waits for it.
void run_job(ActorCell& cell);

}  // namespace isola::detail
