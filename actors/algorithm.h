// isola's scheduling algorithm, as Boost.Fiber wants it: everything is passed on to the worker.
//
// Thread safety: as Boost calls it: its thread, but notify(). Lifetime: the Boost scheduler's,
// which may outlive the worker by a little at the end of the thread; `worker` is null by then.
#pragma once

#include <isola/actors/worker.h>

#include <boost/fiber/algo/algorithm.hpp>

#include <chrono>

namespace isola::detail {

class Algorithm final : public boost::fibers::algo::algorithm {
 public:
  explicit Algorithm(Worker& its_worker) : worker(&its_worker) {}

  void awakened(boost::fibers::context* context) noexcept override;
  boost::fibers::context* pick_next() noexcept override;
  bool has_ready_fibers() const noexcept override;
  void suspend_until(std::chrono::steady_clock::time_point const& deadline) noexcept override;
  void notify() noexcept override;

  Worker* worker;
  boost::fibers::context* dispatcher = nullptr;  // once the worker is gone
};

}  // namespace isola::detail
