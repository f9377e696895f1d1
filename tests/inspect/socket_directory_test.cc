// Where sockets lie, who may use them, and that dead ones go.
#include <isola/tools/inspect/socket_directory.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/inspect/support.h"

namespace isola::inspect {
namespace {

using test::RuntimeDirectory;
using ::testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::string own_name(const char* rest) { return "/" + std::to_string(::getpid()) + rest; }

// The pid of a process that has ended.
pid_t dead_pid() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

void leave_dead_socket(const std::string& path) { listen_at(path); }

std::string why_not(const std::string& directory) {
  try {
    make_private_directory(directory);
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "";
}

TEST(SocketDirectory, SocketAndDirectoryAreForThisUserOnly) {
  const RuntimeDirectory runtime;
  const mode_t before = ::umask(0);
  {
    const BoundSocket socket(usable_socket_directory());
    ::umask(before);
    EXPECT_EQ(socket.path(), runtime.sockets() + own_name(".sock"));
    EXPECT_EQ(mode_of(socket.path()), 0600u);
    EXPECT_EQ(mode_of(runtime.sockets()), 0700u);
  }
}

TEST(SocketDirectory, AnOddUmaskTakesNoRightsFromTheOwner) {
  const RuntimeDirectory runtime;
  const mode_t before = ::umask(0777);
  const BoundSocket socket(usable_socket_directory());
  ::umask(before);
  EXPECT_EQ(mode_of(socket.path()), 0600u);
  EXPECT_EQ(mode_of(runtime.sockets()), 0700u);
}

TEST(SocketDirectory, TheSocketGoesWithItsOwner) {
  const RuntimeDirectory runtime;
  std::string path;
  {
    const BoundSocket socket(usable_socket_directory());
    path = socket.path();
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SocketDirectory, WhatTookThePlaceOfASocketStays) {
  const RuntimeDirectory runtime;
  std::string path;
  {
    const BoundSocket socket(usable_socket_directory());
    path = socket.path();
    std::filesystem::remove(path);
    std::ofstream(path) << "somebody's";
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(SocketDirectory, SeveralSocketsOfAProcessHaveTheirOwnNames) {
  const RuntimeDirectory runtime;
  const std::string directory = usable_socket_directory();
  const BoundSocket first(directory);
  {
    const BoundSocket second(directory);
    EXPECT_EQ(second.path(), directory + own_name("-2.sock"));
  }
  const BoundSocket second_again(directory);
  const BoundSocket third(directory);
  EXPECT_EQ(second_again.path(), directory + own_name("-2.sock"));
  EXPECT_EQ(third.path(), directory + own_name("-3.sock"));
  const auto found = find_sockets(::getpid());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].path, first.path());
  EXPECT_EQ(found[2].number, 3u);
}

TEST(SocketDirectory, WithoutARuntimeDirectoryATemporaryOneServes) {
  const RuntimeDirectory runtime;
  const std::string fallback = "/tmp/isola-" + std::to_string(::geteuid());
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(usable_socket_directory(), fallback);
  EXPECT_EQ(mode_of(fallback), 0700u);
  ::setenv("XDG_RUNTIME_DIR", (runtime.path() + "/missing").c_str(), 1);
  EXPECT_EQ(usable_socket_directory(), fallback) << "set, but not there";
  ::setenv("XDG_RUNTIME_DIR", "relative", 1);
  EXPECT_EQ(usable_socket_directory(), fallback) << "relative paths are to be ignored";
  const std::string deep = runtime.path() + "/" + std::string(80, 'x');
  std::filesystem::create_directory(deep);
  ::setenv("XDG_RUNTIME_DIR", deep.c_str(), 1);
  EXPECT_EQ(usable_socket_directory(), fallback) << "too long for the address of a socket";
}

TEST(SocketDirectory, ADirectoryThatOthersCouldUseIsRefused) {
  const RuntimeDirectory runtime;
  const std::string directory = runtime.path() + "/private";
  std::filesystem::create_directory(directory);
  ::chmod(directory.c_str(), 0755);
  EXPECT_THAT(why_not(directory), HasSubstr(directory + " is open to other users"));
  EXPECT_THROW(BoundSocket{directory}, std::system_error);
  ::chmod(directory.c_str(), 0700);
  EXPECT_EQ(why_not(directory), "");
  const std::string link = runtime.path() + "/link";
  std::filesystem::create_symlink(directory, link);
  EXPECT_THAT(why_not(link), HasSubstr(link)) << "a symbolic link";
  const std::string file = runtime.path() + "/file";
  std::ofstream(file) << "no directory";
  EXPECT_THAT(why_not(file), HasSubstr(file));
  // Where others write, they could rename it and put theirs in its place.
  ::chmod(runtime.path().c_str(), 0777);
  EXPECT_THAT(why_not(directory), HasSubstr("is open to other users"));
  if (::geteuid() == 0) {
    ::chmod(runtime.path().c_str(), 0700);
    ASSERT_EQ(::chown(directory.c_str(), 65534, 65534), 0);
    EXPECT_THAT(why_not(directory), HasSubstr("belongs to another user"));
  }
}

TEST(SocketDirectory, WhatDeadProcessesLeftGoes) {
  const RuntimeDirectory runtime;
  const std::string directory = usable_socket_directory();
  const std::string dead = directory + "/" + std::to_string(dead_pid()) + ".sock";
  const std::string own = directory + own_name(".sock");  // of another process with this pid
  const std::string strange = directory + "/strange.sock";
  for (const std::string& path : {dead, own, strange}) leave_dead_socket(path);
  const BoundSocket socket(directory);
  EXPECT_EQ(socket.path(), own);
  EXPECT_FALSE(is_dead(own));
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(strange)) << "not ours";
}

TEST(SocketDirectory, OnlyDeadSocketsAreRemoved) {
  const RuntimeDirectory runtime;
  const std::string directory = usable_socket_directory();
  const BoundSocket alive(directory);
  const std::string dead = directory + own_name("-2.sock");
  leave_dead_socket(dead);
  const auto found = find_sockets();
  ASSERT_EQ(found.size(), 2u);
  for (const FoundSocket& socket : found) remove_if_dead(socket);
  EXPECT_TRUE(std::filesystem::exists(alive.path()));
  EXPECT_FALSE(std::filesystem::exists(dead));
}

TEST(SocketDirectory, OtherFilesAreNoSockets) {
  const RuntimeDirectory runtime;
  const std::string directory = usable_socket_directory();
  for (const char* name : {"sock", ".sock", "a.sock", "-1.sock", "0.sock", "1-.sock", "1-0.sock",
                           "1-2-3.sock", "99999999999999.sock", "1.socket"})
    std::ofstream(directory + "/" + name) << "";
  EXPECT_TRUE(find_sockets().empty());
}

TEST(SocketDirectory, TooLongAPathIsAnErrorAndNotCut) {
  const RuntimeDirectory runtime;
  const std::string directory = runtime.path() + "/" + std::string(100, 'x');
  try {
    const BoundSocket socket(directory);
    ADD_FAILURE() << socket.path();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENAMETOOLONG);
    EXPECT_THAT(error.what(), HasSubstr(directory));
  }
}

}  // namespace
}  // namespace isola::inspect
