// Runs programs as a shell would, for tests of what they print and how they end.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace isola::test {

// A directory of its own for each test; also where the program puts its socket.
class Directory {
 public:
  Directory() {
    std::string name = testing::TempDir() + "isola-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string read(const std::string& name) const {
    std::ifstream stream(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  std::string path_;
};

// How a program ended and what it printed.
struct Ended {
  int status = -1;  // 128 + n for one that signal n has ended
  std::string out;
  std::string err;
};

// One program, started by the constructor.
class Program {
 public:
  // `out`: where its standard output goes; empty: into Ended.
  Program(const Directory& directory, std::vector<std::string> arguments, std::string out = {})
      : directory_(directory) {
    static int count = 0;
    name_ = ".program-" + std::to_string(++count);
    if (out.empty()) out = directory / (name_ + ".out");
    const std::string err = directory / (name_ + ".err");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1);
    setenv("LC_ALL", "C", 1);
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  ~Program() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  // Blocks until it has ended. Once.
  Ended wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            directory_.read(name_ + ".out"), directory_.read(name_ + ".err")};
  }

 private:
  static void redirect(const std::string& path, int flags, int to) {
    const int file = open(path.c_str(), flags, 0600);
    if (file < 0 || dup2(file, to) < 0) _exit(126);
  }

  const Directory& directory_;
  std::string name_;
  pid_t pid_ = -1;
};

inline Ended run(const Directory& directory, std::vector<std::string> arguments,
                 std::string out = {}) {
  return Program(directory, std::move(arguments), std::move(out)).wait();
}

}  // namespace isola::test
