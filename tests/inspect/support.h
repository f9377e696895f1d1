// What the inspector's tests share: a runtime directory of their own, raw sockets, and programs
// that are none.
#pragma once

#include <gtest/gtest.h>
#include <isola/tools/inspect/unix_socket.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace isola::inspect::test {

// What must happen happens in this time, also on a slow machine under a sanitizer.
inline constexpr std::chrono::milliseconds kDeadline{60'000};

// An empty directory, and this process's runtime directory while it lives.
class RuntimeDirectory {
 public:
  RuntimeDirectory() {
    std::string name = "/tmp/isola-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    ::setenv("XDG_RUNTIME_DIR", name.c_str(), 1);
  }
  ~RuntimeDirectory() {
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::remove_all(path_);
  }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string sockets() const { return path_ + "/isola"; }

 private:
  std::string path_;
};

// True once `socket` has something to read, or its end.
inline bool readable(int socket, std::chrono::milliseconds limit = kDeadline) {
  pollfd wanted{socket, POLLIN, 0};
  return ::poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
}

// Reads until the other end closes; false if it does not.
inline bool closed_by_peer(int socket) {
  char bytes[4096];
  while (readable(socket)) {
    const ssize_t count = ::read(socket, bytes, sizeof(bytes));
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return true;
    if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
  }
  return false;
}

// Sends all of it, if the other end takes it; false if that closed the connection.
inline bool send_all(int socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      pollfd wanted{socket, POLLOUT, 0};
      if (::poll(&wanted, 1, static_cast<int>(kDeadline.count())) != 1) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// The head of a Cap'n Proto message that claims to have one segment of `words`, or more segments.
inline std::string header(uint32_t segments_less_one, uint32_t words) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &segments_less_one, 4);
  std::memcpy(bytes.data() + 4, &words, 4);
  return bytes;
}

// Listens at `path` and treats each connection by `behaviour`, one after the other.
class FakeProgram {
 public:
  FakeProgram(const std::string& path, std::function<void(int)> behaviour)
      : listening_(listen_at(path)), behaviour_(std::move(behaviour)), thread_([this] { run(); }) {}
  ~FakeProgram() {
    ::shutdown(listening_.get(), SHUT_RDWR);  // which wakes the thread
    thread_.join();
  }
  FakeProgram(const FakeProgram&) = delete;
  FakeProgram& operator=(const FakeProgram&) = delete;

 private:
  void run() {
    while (readable(listening_.get())) {
      const Fd connection(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      behaviour_(connection.get());
    }
  }

  Fd listening_;
  std::function<void(int)> behaviour_;
  std::thread thread_;
};

}  // namespace isola::inspect::test
