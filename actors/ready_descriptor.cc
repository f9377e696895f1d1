// The descriptor is an eventfd.
#include "ready_descriptor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace isola::detail {

int ReadyDescriptor::get(bool has_ended) {
  if (fd_ >= 0) return fd_;
  fd_ = ::eventfd(has_ended ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd_ < 0) return -1;
  int seen = kNone;
  if (!state_.compare_exchange_strong(seen, fd_, sync::memory_order_acq_rel)) {
    // The end was there before.
    (void)::eventfd_write(fd_, 1);
  }
  return fd_;
}

void ReadyDescriptor::write(int fd) {
  if (fd == kClosed || !state_.compare_exchange_strong(fd, kWriting, sync::memory_order_acq_rel))
    return;
  (void)::eventfd_write(fd, 1);
  int seen = kWriting;
  if (!state_.compare_exchange_strong(seen, kReady, sync::memory_order_acq_rel)) (void)::close(fd);
}

void ReadyDescriptor::give_up() {
  const int fd = std::exchange(fd_, -1);
  if (state_.exchange(kClosed, sync::memory_order_acq_rel) != kWriting) (void)::close(fd);
}

}  // namespace isola::detail
