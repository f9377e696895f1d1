// Future: what a function that was started in an isolate will give.
//
//   auto future = isolate.run_async(&score_request, 7);
//   auto [score, err] = future.get(100ms);
//
// Thread safety: one thread (or actor) at a time; it may be waited for by a fiber and by a plain
// thread. If it is dropped, the function runs on, and an error of it is reported as a failure of
// an actor is (SystemOptions::on_failure).
#pragma once

#include <isola/actors/isolate_job.h>
#include <isola/actors/runtime.h>

#include <chrono>
#include <memory>
#include <utility>

namespace isola {

template <class T>
class Future {
 public:
  Future() = default;
  Future(std::shared_ptr<detail::ValueJob<T>> job, detail::RuntimeRef runtime)
      : job_(std::move(job)), runtime_(std::move(runtime)) {}
  explicit Future(Error error) : error_(std::move(error)) {}
  Future(Future&&) noexcept = default;
  Future& operator=(Future&& other) noexcept {
    std::swap(job_, other.job_);
    std::swap(runtime_, other.runtime_);
    std::swap(error_, other.error_);
    return *this;
  }
  ~Future() {
    if (job_ == nullptr) return;
    job_->ready.close();
    if (!is_ready() && detail::gives_up_what_it_asked()) detail::cancel(*job_->done);
    job_->abandon(*runtime_);
  }

  // Waits for the result, which can be taken once: what the function returned, or why there is
  // none: failed, isolate_running, isolate_not_found, timeout (it can be waited for again), …
  // Blocks.
  auto get() { return take(kNoDeadline); }
  template <class Rep, class Period>
  auto get(std::chrono::duration<Rep, Period> limit) {
    return take(deadline_in(*detail::Execution::current().clock, limit));
  }
  // True if get() would not wait.
  bool is_ready() const { return job_ == nullptr || job_->done->is_finished(); }
  // True if the function had not begun: then it never will, and get() gives Code::cancelled. What
  // runs is not stopped; an isolate's terminate() does that.
  bool cancel() {
    return job_ != nullptr && job_->end_unbegun(*runtime_, Error(Code::cancelled));
  }

  // A file descriptor that is readable (for poll, epoll and so on) once get() would not wait. For
  // programs with an event loop of their own: never read from it, nor close it. It belongs to the
  // future, and is closed when the result is taken and when the future is dropped; nothing is
  // written to it afterwards, whenever the function ends. Errors: io (out of descriptors),
  // invalid_argument (the result was taken).
  Result<int> readable_fd() {
    if (job_ == nullptr) return {-1, error_ ? error_ : Error(Code::invalid_argument)};
    const int fd = job_->ready.get(is_ready());
    return {fd, fd < 0 ? Error(Code::io) : Error()};
  }

 private:
  Result<typename detail::RunResult<T>::type> take(int64_t deadline_ns) {
    Result<typename detail::RunResult<T>::type> result;
    if (job_ == nullptr) {
      result.err = error_ ? error_ : Error(Code::invalid_argument);
      return result;
    }
    Error error;
    if (!job_->wait(deadline_ns, error)) {
      result.err = std::move(error);
      return result;
    }
    // Not abandoned: its failure is known now.
    const auto job = std::exchange(job_, nullptr);
    job->ready.close();
    return detail::result_of(*job, std::move(error));
  }

  std::shared_ptr<detail::ValueJob<T>> job_;
  detail::RuntimeRef runtime_;
  Error error_;  // why there was nothing to start
};

}  // namespace isola
