// System calls around Unix sockets.
#include "unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace isola::inspect {
namespace {

// Inspectors that may wait until the agent takes their connection.
constexpr int kBacklog = 16;

[[noreturn]] void fail(const std::string& path, int error) {
  throw std::system_error(error, std::generic_category(), path);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) fail(path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Fd new_socket(const std::string& path) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail(path, errno);
  return fd;
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Fd listen_at(const std::string& path) {
  const sockaddr_un address = address_of(path);
  Fd fd = new_socket(path);
  // Linux gives the file the mode that the socket has when it is bound, less the umask; where
  // that is not so, or the umask takes too much, the second call sets it before anybody can
  // connect.
  if (::fchmod(fd.get(), 0600) != 0) fail(path, errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail(path, errno);
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    fail(path, error);
  }
  return fd;
}

Fd connect_to(const std::string& path) {
  const sockaddr_un address = address_of(path);
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) fail(path, errno);
  // For any other file connect says that nobody listens.
  if (!S_ISSOCK(status.st_mode)) fail(path, ENOTSOCK);
  Fd fd = new_socket(path);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail(path, errno);
  return fd;
}

bool is_dead(const std::string& path) {
  try {
    connect_to(path);
    return false;
  } catch (const std::system_error& error) {
    return error.code().value() == ECONNREFUSED;
  }
}

uid_t peer_user(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    throw std::system_error(errno, std::generic_category(), "SO_PEERCRED");
  return credentials.uid;
}

}  // namespace isola::inspect
