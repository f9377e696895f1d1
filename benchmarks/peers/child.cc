// Runs a program as a child process and reads its figure from a pipe.
#include "child.h"

#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

namespace isola::bench {
namespace {

// A figure takes some 20 bytes; whatever else a program says is cut off here.
constexpr size_t kOutputBytesMax = 4096;

[[noreturn]] void fail(const std::string& program, const std::string& why) {
  throw std::runtime_error(fmt::format("{} {}", program, why));
}

// All that can be read from `descriptor` until its end, up to the limit. Nothing if that takes too
// long.
std::optional<std::string> read_all(int descriptor) {
  const auto end = std::chrono::steady_clock::now() + kChildLimit;
  std::string text;
  std::array<char, 512> part{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd readable{descriptor, POLLIN, 0};
    const int ready = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return std::nullopt;
    const ssize_t got = read(descriptor, part.data(), part.size());
    if (got <= 0) return text;
    if (text.size() < kOutputBytesMax) text.append(part.data(), static_cast<size_t>(got));
  }
}

// What `command` prints. Its first word is looked up in $PATH; `program` is its name in errors.
std::string output_of(const std::string& program, std::vector<std::string> command) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) fail(program, std::string("gets no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::optional<std::string> text = error == 0 ? read_all(ends[0]) : std::string();
  close(ends[0]);
  if (error != 0) fail(program, std::string("can't be started: ") + std::strerror(error));
  if (!text) kill(child, SIGKILL);
  int status = 0;
  if (!text && waitpid(child, &status, 0) == child) throw TookTooLong(program);
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) fail(program, "was killed");
  if (WEXITSTATUS(status) != 0)
    fail(program, fmt::format("failed with status {}", WEXITSTATUS(status)));
  return *text;
}

std::filesystem::path self() { return std::filesystem::read_symlink("/proc/self/exe"); }

std::string path_of(const Peer& peer) {
  return (self().parent_path() / "peers" / peer.program).string();
}

bool is_there(const Peer& peer) { return access(path_of(peer).c_str(), X_OK) == 0; }

std::string program_of(const Peer& peer) {
  std::string program = path_of(peer);
  if (!is_there(peer))
    fail(program, "is not there; `tools/dev bench --peers` installs what it needs and builds it");
  return program;
}

double figure_of(const std::string& program, const std::vector<std::string>& command) {
  const std::string text = output_of(program, command);
  char* end = nullptr;
  const double figure = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || std::string(end) != "\n" || !(figure >= 0))
    fail(program, "printed no figure but \"" + text + "\"");
  return figure;
}

}  // namespace

const std::vector<Peer>& all_peers() {
  static const std::vector<Peer> peers = [] {
    std::vector<Peer> all = {{"caf", "caf_peer"}, {"go", "go_peer"}, {"erlang", "erlang_peer"}};
    for (const Peer& peer : {Peer{"caf 1.1", "caf1_peer"}, Peer{"sobjectizer", "sobjectizer_peer"}})
      if (is_there(peer)) all.push_back(peer);
    return all;
  }();
  return peers;
}

double run_peer(const Peer& peer, const std::string& name, unsigned workers, uint64_t count) {
  const std::string program = program_of(peer);
  return figure_of(program, {program, name, fmt::format("{}", workers), fmt::format("{}", count)});
}

std::string version_of(const Peer& peer) {
  const std::string program = program_of(peer);
  std::string version = output_of(program, {program, "version"});
  while (!version.empty() && version.back() == '\n') version.pop_back();
  return version;
}

double run_self_alone(const std::string& name, unsigned workers, uint64_t count) {
  const std::string program = self().string();
  return figure_of("isola_bench", {program, "--alone", name, fmt::format("{}", workers),
                                   fmt::format("{}", count)});
}

}  // namespace isola::bench
