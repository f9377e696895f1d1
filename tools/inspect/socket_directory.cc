// Making, finding and removing sockets of running programs.
#include "socket_directory.h"

#include <isola/tools/inspect/limits.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>

namespace isola::inspect {
namespace {

constexpr std::string_view kSocketEnding = ".sock";
// Of a directory's path: the rest of what a socket's address holds is for the longest name.
constexpr size_t kDirectoryBytesMax =
    sizeof(sockaddr_un::sun_path) - std::string_view("/4194304-64.sock").size() - 1;

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::system_error(error, std::generic_category(), what);
}

// Throws unless `path` is a directory that belongs to this user, is closed to others, and lies
// where nobody else can rename it.
void check_private_directory(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().native();
  struct stat status;
  if (::stat(parent.c_str(), &status) != 0) fail(parent, errno);
  const bool others_write = (status.st_mode & 022) != 0 && (status.st_mode & S_ISVTX) == 0;
  if (others_write || (status.st_uid != 0 && status.st_uid != ::geteuid()))
    fail(parent + " is open to other users", EPERM);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) fail(path, errno);  // a symbolic link: ELOOP or ENOTDIR
  if (::fstat(fd.get(), &status) != 0) fail(path, errno);
  if (status.st_uid != ::geteuid()) fail(path + " belongs to another user", EPERM);
  if ((status.st_mode & 077) != 0) fail(path + " is open to other users", EPERM);
}

// Held while sockets are made or removed, so that one that is bound but does not listen yet is
// not taken for a dead one.
class DirectoryLock {
 public:
  // Waits for at most `limit`; not locked after that.
  DirectoryLock(const std::string& directory, std::chrono::milliseconds limit) {
    const std::string path = directory + "/.lock";
    fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_) fail(path, errno);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) fail(path, errno);
      if (std::chrono::steady_clock::now() >= deadline) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    locked_ = true;
  }
  bool locked() const { return locked_; }

 private:
  Fd fd_;  // closing it unlocks
  bool locked_ = false;
};

// "4711.sock", "4711-2.sock"
std::string name_of(pid_t pid, uint32_t number) {
  std::string name = std::to_string(pid);
  if (number > 1) name += "-" + std::to_string(number);
  return name.append(kSocketEnding);
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return {};
  return number;
}

std::optional<FoundSocket> parse_name(std::string_view name) {
  if (!name.ends_with(kSocketEnding)) return {};
  name.remove_suffix(kSocketEnding.size());
  FoundSocket found;
  if (const size_t dash = name.find('-'); dash != std::string_view::npos) {
    const auto number = number_of<uint32_t>(name.substr(dash + 1));
    if (!number) return {};
    found.number = *number;
    name = name.substr(0, dash);
  }
  const auto pid = number_of<pid_t>(name);
  if (!pid) return {};
  found.pid = *pid;
  return found;
}

std::vector<FoundSocket> sockets_in(const std::string& directory) {
  std::vector<FoundSocket> found;
  std::error_code error;
  auto entry = std::filesystem::directory_iterator(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator() && found.size() < kSocketsMax;
       entry.increment(error)) {
    auto socket = parse_name(entry->path().filename().native());
    if (!socket) continue;
    socket->path = entry->path().native();
    found.push_back(*std::move(socket));
  }
  return found;
}

bool process_exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

}  // namespace

std::vector<std::string> socket_directories() {
  std::vector<std::string> directories;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/')
    directories.push_back((std::filesystem::path(runtime) / "isola").native());
  directories.push_back("/tmp/isola-" + std::to_string(::geteuid()));
  return directories;
}

void make_private_directory(const std::string& path) {
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) fail(path, errno);
  // The umask may have taken rights that the owner needs.
  if (made && ::chmod(path.c_str(), 0700) != 0) fail(path, errno);
  check_private_directory(path);
}

std::string usable_socket_directory() {
  std::string reasons;
  for (const std::string& directory : socket_directories()) {
    try {
      if (directory.size() > kDirectoryBytesMax) fail(directory, ENAMETOOLONG);
      make_private_directory(directory);
      return directory;
    } catch (const std::system_error& error) {
      reasons += (reasons.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  throw std::system_error(ENOENT, std::generic_category(), reasons);
}

BoundSocket::BoundSocket(const std::string& directory) {
  make_private_directory(directory);
  DirectoryLock lock(directory, std::chrono::seconds(1));
  if (!lock.locked()) fail(directory + "/.lock", EWOULDBLOCK);
  for (const FoundSocket& socket : sockets_in(directory)) {
    // What has this process's pid and is dead was left by another one that had it before.
    if ((socket.pid == ::getpid() || !process_exists(socket.pid)) && is_dead(socket.path))
      ::unlink(socket.path.c_str());
  }
  for (uint32_t number = 1; number <= kAgentsMax && !fd_; ++number) {
    path_ = directory + "/" + name_of(::getpid(), number);
    struct stat status;
    if (::lstat(path_.c_str(), &status) != 0) fd_ = listen_at(path_);
  }
  if (!fd_) fail(directory + " has too many sockets of this process", EADDRINUSE);
  struct stat status;
  if (::lstat(path_.c_str(), &status) != 0) fail(path_, errno);
  owner_ = ::getpid();
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

BoundSocket::~BoundSocket() {
  // Only if it is still this one: somebody may have emptied the directory, and a child process
  // that was forked off has a copy of this object.
  struct stat status;
  if (owner_ == ::getpid() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_)
    ::unlink(path_.c_str());
}

std::vector<FoundSocket> find_sockets(std::optional<pid_t> pid) {
  std::vector<FoundSocket> found;
  for (const std::string& directory : socket_directories()) {
    try {
      check_private_directory(directory);
    } catch (const std::system_error&) {
      continue;
    }
    for (FoundSocket& socket : sockets_in(directory))
      if (!pid || socket.pid == *pid) found.push_back(std::move(socket));
  }
  std::sort(found.begin(), found.end(), [](const FoundSocket& a, const FoundSocket& b) {
    return std::tie(a.pid, a.number, a.path) < std::tie(b.pid, b.number, b.path);
  });
  return found;
}

void remove_if_dead(const FoundSocket& socket) noexcept {
  try {
    const auto directory = std::filesystem::path(socket.path).parent_path().native();
    DirectoryLock lock(directory, std::chrono::milliseconds(0));
    if (lock.locked() && is_dead(socket.path)) ::unlink(socket.path.c_str());
  } catch (const std::exception&) {  // not worth a word
  }
}

}  // namespace isola::inspect
