// Where the sockets of running programs lie: `isola/` in the user's runtime directory
// ($XDG_RUNTIME_DIR), or `/tmp/isola-UID/` where there is none that can be used.
//
//   4711.sock     the first agent of process 4711
//   4711-2.sock   the second, as one process may have several Systems
//   .lock         held while a socket is made or a dead one removed
//
// A directory is used only if it belongs to this user, is no symbolic link, is closed to everybody
// else, and lies where nobody else can put another in its place. Failures are std::system_error
// with the path and the reason. Thread safety: any thread, any process.
#pragma once

#include <isola/tools/inspect/unix_socket.h>

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace isola::inspect {

// The directories in which this user's sockets can be, the preferred one first.
std::vector<std::string> socket_directories();

// Makes `path` if it is missing, and throws unless only this user can use it.
void make_private_directory(const std::string& path);

// The first of socket_directories() that can be used. Fails: with the reasons of all of them.
std::string usable_socket_directory();

// A listening socket and its file, which is removed with it.
class BoundSocket {
 public:
  // In `directory`, under the first free name of this process. Removes what dead processes left.
  // Blocks: while another process does the same, for at most a second.
  explicit BoundSocket(const std::string& directory);
  ~BoundSocket();
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  Fd fd_;
  pid_t owner_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct FoundSocket {
  pid_t pid = 0;
  uint32_t number = 1;  // of the agent in its process
  std::string path;
};

// The sockets of `pid`, or of all programs of this user, by pid and number; some may be dead.
// Directories that are not private are passed over.
std::vector<FoundSocket> find_sockets(std::optional<pid_t> pid = std::nullopt);

// Removes `socket` if nobody listens there. Never fails: somebody else will notice it again.
void remove_if_dead(const FoundSocket& socket) noexcept;

}  // namespace isola::inspect
