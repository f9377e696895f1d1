// The handle's part of a pool of isolates.
#include "isolate_pool.h"

namespace isola {

void detail::argument_unreadable(size_t index) {
  std::string cause = "an exception without a message";
  try {
    throw;
  } catch (const std::exception& error) {
    cause = error.what();
  } catch (...) {
  }
  std::throw_with_nested(UnreadableArgument("argument " + std::to_string(index + 1) +
                                            " can't be read in the worker: " + cause));
}

IsolatePool::IsolatePool(System& system, IsolatePoolOptions options)
    : core_(std::make_shared<detail::PoolCore>(system.runtime(), std::move(options))) {}

IsolatePool::IsolatePool(IsolatePoolOptions options)
    : core_(std::make_shared<detail::PoolCore>(detail::current_runtime(), std::move(options))) {}

IsolatePool& IsolatePool::operator=(IsolatePool&& other) noexcept {
  IsolatePool old(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

IsolatePool::~IsolatePool() {
  if (core_ == nullptr) return;
  try {
    (void)core_->shutdown(true, false);
  } catch (const Cancelled&) {
    // The actor that drops it is being ended, and does not wait.
  }
}

Error IsolatePool::shutdown(Shutdown how, Pending pending) {
  if (core_ == nullptr) return Error();
  return core_->shutdown(how == Shutdown::wait, pending == Pending::cancel);
}

Error IsolatePool::error() const {
  return core_ == nullptr ? Error(Code::pool_shut_down) : core_->error();
}

std::vector<Isolate> IsolatePool::workers() const {
  return core_ == nullptr ? std::vector<Isolate>() : core_->workers();
}

size_t IsolatePool::pending() const { return core_ == nullptr ? 0 : core_->pending(); }

std::string IsolatePool::name() const { return core_ == nullptr ? std::string() : core_->name(); }

}  // namespace isola
