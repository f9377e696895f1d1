// The threads of offloaded calls: begun when there is work and no idle one, ended when idle.
#include "offload.h"

#include <isola/actors/runtime.h>
#include <isola/channels/call.h>
#include <isola/context/frame.h>
#include <isola/serialization/check.h>

#include <system_error>

namespace isola::detail {

OffloadPool::OffloadPool(uint32_t threads_max, uint32_t waiting_max, int64_t idle_ns)
    : threads_max_(threads_max), waiting_max_(waiting_max), idle_ns_(idle_ns) {
  ISOLA_REQUIRE(threads_max, >=, 1u);
}

Error OffloadPool::run(OffloadJob& job) {
  // Once it is in the queue, a thread may be quicker than the wait is to see these.
  Worker* worker = Worker::current();
  if (worker != nullptr && worker->running().execution.cancelled)
    return unsuccessful(Outcome::cancelled);
  if (call_cancelled()) return Error(Code::cancelled);
  if (job.has_limit() && job.execution.clock->now_ns() >= job.deadline_ns())
    return Error(Code::timeout);
  Thread* woken = nullptr;
  {
    sync::Lock lock(mutex_);
    // A job that comes while a thread is free for it does not wait.
    const bool served = find_thread(woken);
    if (live_.load(sync::memory_order_relaxed) == 0 || (!served && waiting_ >= waiting_max_))
      return Error(Code::too_many_offloads);
    queue_.push(job);
    ++waiting_;
  }
  if (woken != nullptr) sync::futex_wake(woken->woken);
  const Outcome outcome = job.wait(WaitsFor::offload);
  if (outcome == Outcome::completed) return Error();
  {
    sync::Lock lock(mutex_);
    queue_.remove(job);
    --waiting_;
  }
  return unsuccessful(outcome);
}

// True if a thread will look for a job at once: an idle one, whose futex the caller has to wake, or
// a new one. Under the lock.
bool OffloadPool::find_thread(Thread*& woken) {
  if (idle_ != nullptr) {
    woken = std::exchange(idle_, idle_->next_idle);
    woken->state = Thread::State::busy;
    woken->woken.store(1, sync::memory_order_relaxed);
    return true;
  }
  if (live_.load(sync::memory_order_relaxed) == threads_max_) return false;
  if (threads_ == nullptr) threads_ = std::make_unique<Thread[]>(threads_max_);
  Thread* next = threads_.get();
  while (next->state != Thread::State::free) ++next;
  // One that has ended before left the lock for the last time.
  if (next->thread.joinable()) next->thread.join();
  try {
    next->thread = sync::Thread([this, next] { serve(*next); });
  } catch (const std::system_error&) {
    return false;
  }
  next->state = Thread::State::busy;
  live_.fetch_add(1, sync::memory_order_relaxed);
  return true;
}

void OffloadPool::serve(Thread& self) {
  processors_.bind_thread();  // a worker may have started it that is bound to its own
  while (OffloadJob* job = next_job(self)) {
    {
      // As the actor that waits, but what waits here blocks this thread, and the inspector goes on
      // to see the actor's own wait.
      job->execution.parker = nullptr;
      job->execution.call = nullptr;  // the waits of what has begun are not cancelled
      job->execution.books = nullptr;
      job->execution.frame = nullptr;  // its own, which its caller's is not
      Execution::set_current(&job->execution);
      try {
        job->call(*job);
      } catch (...) {
        job->thrown = std::current_exception();
      }
      end_turn_frame(job->execution);
      Execution::set_current(nullptr);
    }
    job->wake();  // it may be gone now
  }
}

// nullptr: this thread ends.
OffloadJob* OffloadPool::next_job(Thread& self) {
  for (;;) {
    {
      sync::Lock lock(mutex_);
      if (WaitNode* node = queue_.claim_first(Outcome::completed)) {
        --waiting_;
        return static_cast<OffloadJob*>(node->waiter);
      }
      if (stopping_) return nullptr;
      self.woken.store(0, sync::memory_order_relaxed);
      self.state = Thread::State::idle;
      self.next_idle = std::exchange(idle_, &self);
    }
    wait_idle(self);
    sync::Lock lock(mutex_);
    if (self.state == Thread::State::busy) continue;  // somebody has work for it
    Thread** link = &idle_;
    while (*link != &self) link = &(*link)->next_idle;
    *link = self.next_idle;
    self.state = Thread::State::free;
    live_.fetch_sub(1, sync::memory_order_relaxed);
    return nullptr;
  }
}

// Until it is woken, or was idle for long enough.
void OffloadPool::wait_idle(Thread& self) {
  const int64_t until_ns = sync::now_ns() + idle_ns_;
  // Relaxed, here and at the stores: what counts is looked at under the lock.
  while (self.woken.load(sync::memory_order_relaxed) == 0) {
    const int64_t left_ns = until_ns - sync::now_ns();
    if (left_ns <= 0) return;
    sync::futex_wait(self.woken, 0, left_ns);
  }
}

void OffloadPool::stop() {
  {
    sync::Lock lock(mutex_);
    ISOLA_CHECK(waiting_, ==, 0u);
    stopping_ = true;
    for (; idle_ != nullptr; idle_ = idle_->next_idle) {
      idle_->state = Thread::State::busy;
      idle_->woken.store(1, sync::memory_order_relaxed);
      sync::futex_wake(idle_->woken);
    }
  }
  for (uint32_t i = 0; threads_ != nullptr && i < threads_max_; ++i)
    if (threads_[i].thread.joinable()) threads_[i].thread.join();
  live_.store(0, sync::memory_order_relaxed);
}

OffloadPool* offload_pool() {
  const Worker* worker = Worker::current();
  const Execution* execution = Execution::current_or_null();
  // A plain thread may block, and one of the pool has to.
  if (worker == nullptr || execution == nullptr || execution->cell == nullptr) return nullptr;
  // In destructors nothing could be thrown: neither a failure to begin, nor a cancellation.
  if (std::uncaught_exceptions() > 0 || execution->cell->inbox.closed()) return nullptr;
  return worker->runtime().offload();
}

}  // namespace isola::detail
