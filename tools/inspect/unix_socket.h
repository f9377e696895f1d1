// Unix sockets: file descriptors that close themselves, and what kj does not do: bind with a mode,
// connect without waiting, ask who the peer is.
//
// Failures are std::system_error with the path. Thread safety: free functions, any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

namespace isola::inspect {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(-1); }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd);

 private:
  int fd_ = -1;
};

// A listening socket at `path`, which only this user can connect to from its first moment on.
// Fails: EADDRINUSE if the path is taken, ENAMETOOLONG, …
Fd listen_at(const std::string& path);

// Connects without waiting. Fails: ENOENT, ECONNREFUSED if nobody listens, ENOTSOCK, EACCES,
// EAGAIN if more wait there than the listener has room for.
Fd connect_to(const std::string& path);

// True if `path` is a socket at which nobody listens any more.
bool is_dead(const std::string& path);

// The user of the process at the other end, when it connected or listened.
uid_t peer_user(int socket);

}  // namespace isola::inspect
