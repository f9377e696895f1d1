// Blobs: where their bytes come from, how they are shared, and the end of them.
#include <isola/serialization/blob.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::on_every_scheduler;
using test::Total;

// A file that goes with it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text, uint64_t size = 0) {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    if (size > 0) {
      EXPECT_EQ(ftruncate(fd, static_cast<off_t>(size)), 0);
    }
    close(fd);
    std::fstream(path_, std::ios::in | std::ios::out) << text;
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = ::testing::TempDir() + "isola_blob_XXXXXX";
};

uint64_t mapped_bytes() {
  // The first number of statm is the size of the address space, in pages.
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

constexpr uint64_t kGibibyte = 1ull << 30;

TEST(Blob, CopiesOrAdoptsItsBytes) {
  const std::string text(1000, 'x');
  const Blob copy = Blob::copy_of(text);
  EXPECT_EQ(copy.text(), text);
  EXPECT_NE(copy.text().data(), text.data());
  std::string given(1000, 'y');
  const char* place = given.data();
  EXPECT_EQ(Blob::take(std::move(given)).text().data(), place);
  std::vector<std::byte> bytes(1000, std::byte{7});
  const std::byte* there = bytes.data();
  const Blob taken = Blob::take(std::move(bytes));
  EXPECT_EQ(taken.bytes().data(), there);
  EXPECT_EQ(taken.size(), 1000u);
  EXPECT_EQ(taken.bytes()[999], std::byte{7});
}

TEST(Blob, MayBeEmpty) {
  EXPECT_TRUE(Blob().empty());
  EXPECT_TRUE(Blob::copy_of("").empty());
  EXPECT_TRUE(Blob::take(std::string()).empty());
  EXPECT_TRUE(Blob::copy_of("abc").slice(3).empty());
  EXPECT_EQ(Blob().slice(0, 0).text(), "");
}

TEST(Blob, ASliceSharesTheBytesAndKeepsThem) {
  Blob middle;
  const char* place;
  {
    const Blob whole = Blob::copy_of("0123456789");
    place = whole.text().data();
    middle = whole.slice(2, 6).slice(1);
  }
  EXPECT_EQ(middle.text(), "34567");
  EXPECT_EQ(middle.text().data(), place + 3);
  EXPECT_THROW((void)middle.slice(6), std::logic_error);
  EXPECT_THROW((void)middle.slice(1, 5), std::logic_error);
  EXPECT_THROW((void)middle.slice(1, SIZE_MAX - 1), std::logic_error);
}

TEST(Blob, MapsAndReadsFiles) {
  const TemporaryFile file("hello, blob");
  EXPECT_EQ(Blob::map_file(file.path()).or_raise().text(), "hello, blob");
  EXPECT_EQ(Blob::read_file(file.path(), 11).or_raise().text(), "hello, blob");
  EXPECT_EQ(Blob::read_file(file.path(), UINT64_MAX).or_raise().text(), "hello, blob");
  const TemporaryFile empty("");
  EXPECT_TRUE(Blob::map_file(empty.path()).or_raise().empty());
  EXPECT_TRUE(Blob::read_file(empty.path(), 0).or_raise().empty());
  const std::string long_text(1'000'000, 'z');
  const TemporaryFile large(long_text);
  EXPECT_EQ(Blob::read_file(large.path(), 1'000'000).or_raise().text(), long_text);
  EXPECT_EQ(Blob::read_file("/proc/self/stat", 1 << 20).or_raise().text().find("("),
            std::to_string(getpid()).size() + 1)
      << "a file whose size nobody knows before";
}

TEST(Blob, WhatGoesWrongNamesTheFileAndTheReason) {
  const Error missing = Blob::map_file("/no/such/file").err;
  EXPECT_EQ(missing, Code::io);
  EXPECT_EQ(missing.message(), "can't map \"/no/such/file\": No such file or directory");
  EXPECT_EQ(missing.type(), "io");
  EXPECT_EQ(Blob::read_file("/no/such/file", 1).err.message(),
            "can't read \"/no/such/file\": No such file or directory");
  EXPECT_EQ(Blob::map_file("/dev/null").err.message(),
            "can't map \"/dev/null\": not a regular file");
  EXPECT_EQ(Blob::read_file("/", 100).err.message(), "can't read \"/\": Is a directory");
  const TemporaryFile file("hello, blob");
  const Error too_large = Blob::read_file(file.path(), 10).err;
  EXPECT_EQ(too_large, Code::message_too_large);
  EXPECT_NE(too_large.message().find("it has more than 10 bytes"), std::string::npos);
}

TEST(Blob, AMessageCarriesAGibibyteWithoutCopyingIt) {
  const TemporaryFile file("first", kGibibyte);
  on_every_scheduler(
      [&](System& system) {
        const Blob blob = Blob::map_file(file.path()).or_raise();
        ASSERT_EQ(blob.size(), kGibibyte);
        auto [tx, rx] = system.channel<Number>(bounded(1));
        auto [onward_tx, onward_rx] = system.channel<Number>(bounded(1));
        auto number = tx.compose();
        const uint64_t body = number.block()->held_bytes();
        number->setValue(number.attach(Blob(blob)));
        EXPECT_EQ(number.block()->held_bytes(), body + kGibibyte);
        EXPECT_FALSE(tx.send(std::move(number)));
        system.spawn([](Receiver<Number> in, Sender<Number> out) {
          for (auto& got : in) out.send(std::move(got));
        }, std::move(rx), std::move(onward_tx));
        auto got = onward_rx.recv().or_raise();
        const Blob same = got.attached<Blob>(static_cast<uint32_t>(got->getValue())).or_raise();
        EXPECT_EQ(same.bytes().data(), blob.bytes().data());
        EXPECT_EQ(same.size(), kGibibyte);
        EXPECT_EQ(same.text().substr(0, 5), "first");
        EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
      },
      10);
}

TEST(Blob, TheLastOneUnmaps) {
  const TemporaryFile file("first", kGibibyte);
  const uint64_t before = mapped_bytes();
  Blob last;
  {
    const Blob blob = Blob::map_file(file.path()).or_raise();
    EXPECT_GE(mapped_bytes(), before + kGibibyte);
    last = blob.slice(kGibibyte - 1);
  }
  EXPECT_GE(mapped_bytes(), before + kGibibyte);
  EXPECT_EQ(last.bytes()[0], std::byte{0});
  last = Blob();
  EXPECT_LT(mapped_bytes(), before + kGibibyte);
}

TEST(Blob, IsSharedByThreads) {
  for (int round = 0; round < 20; ++round) {
    Blob blob = Blob::take(std::string(10'000, 'b'));
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 4; ++i) {
      threads.emplace_back([own = blob, i] {
        for (size_t at = 0; at < 1000; ++at) {
          const Blob part = own.slice(at + i, 3);
          EXPECT_EQ(part.text(), "bbb");
        }
      });
    }
    blob = Blob();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Blob, IsAnArgumentOfAnActor) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Total>(bounded(1));
        system.spawn([](Blob blob, Sender<Total> out) {
          const auto size = static_cast<int64_t>(blob.size());
          out.send([&](Total::Builder total) { total.setValue(size); });
        }, Blob::copy_of("four"), std::move(tx));
        EXPECT_EQ(rx.recv().or_raise()->getValue(), 4);
      },
      3);
}

}  // namespace
}  // namespace isola
