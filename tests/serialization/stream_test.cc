// Many messages one after another, from memory and from file descriptors.
#include <isola/serialization/foreign.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "foreign_support.h"

namespace isola {
namespace {

using test::Bytes;
using test::Corner;
using test::Everything;
using test::ForeignTest;

class StreamTest : public ForeignTest {
 protected:
  // Some messages of growing size one after another.
  Bytes sequence(Framing framing) {
    Bytes all;
    for (unsigned seed = 0; seed < 12; ++seed) {
      auto message = test::everything(*pool_, seed, static_cast<int>(seed % 5));
      texts_.push_back(to_text(message).value);
      auto bytes = write_message(message, framing).value;
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  }

  void expect_all(MessageStream& stream) {
    for (const std::string& text : texts_) {
      auto next = stream.next<Everything>();
      ASSERT_TRUE(next.has_value());
      ASSERT_TRUE(next->ok()) << next->err;
      EXPECT_EQ(to_text(next->value).value, text);
    }
    EXPECT_FALSE(stream.next<Everything>().has_value());
    EXPECT_FALSE(stream.next<Everything>().has_value());
  }

  std::vector<std::string> texts_;
};

TEST_F(StreamTest, AllMessagesAreReadFromMemory) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    texts_.clear();
    const Bytes bytes = sequence(framing);
    MessageStream stream(*pool_, std::span<const std::byte>(bytes), {}, framing);
    expect_all(stream);
    EXPECT_EQ(stream.offset(), bytes.size());
  }
}

TEST_F(StreamTest, AllMessagesAreReadFromASocketThatGivesThemInPieces) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    for (const bool blocks : {true, false}) {
      texts_.clear();
      const Bytes bytes = sequence(framing);
      int ends[2];
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
      if (!blocks) fcntl(ends[1], F_SETFL, O_NONBLOCK);
      std::thread writer([&] {
        for (size_t at = 0, size = 1; at < bytes.size(); at += size, size = size * 7 % 5003 + 1) {
          size = std::min(size, bytes.size() - at);
          EXPECT_EQ(detail::write_all(ends[0], bytes.data() + at, size), 0);
        }
        close(ends[0]);
      });
      MessageStream stream(*pool_, ends[1], {}, framing);
      expect_all(stream);
      writer.join();
      close(ends[1]);
    }
  }
}

TEST_F(StreamTest, MessagesGoThroughAFile) {
  for (const Framing framing : {Framing::flat, Framing::packed}) {
    texts_.clear();
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
    const int fd = fileno(file.get());
    for (unsigned seed = 0; seed < 5; ++seed) {
      auto message = test::everything(*pool_, seed, 4);
      texts_.push_back(to_text(message).value);
      ASSERT_TRUE(write_message(message, fd, framing).ok());
    }
    lseek(fd, 0, SEEK_SET);
    MessageStream stream(*pool_, fd, {}, framing);
    expect_all(stream);
  }
}

TEST_F(StreamTest, AnEndWithinAMessageSaysWhere) {
  auto bytes = write_message(compose<Corner>(*pool_)).value;
  const size_t one = bytes.size();
  bytes.insert(bytes.end(), bytes.begin(), bytes.end());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(detail::write_all(ends[1], bytes.data(), one + 13), 0);
  close(ends[1]);
  MessageStream stream(*pool_, ends[0]);
  EXPECT_TRUE(stream.next<Corner>()->ok());
  for (int again = 0; again < 2; ++again) {
    auto next = stream.next<Corner>();
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->err.code(), Code::bad_message);
    EXPECT_EQ(next->err.message(),
              "Corner: the message at byte 24 ends at byte 37, in its segments, of 16 bytes");
  }
  close(ends[0]);
}

TEST_F(StreamTest, AMessageThatIsBadInItselfDoesNotHideTheNextOne) {
  Bytes bytes = test::framed({test::struct_pointer(5, 1, 0)});
  auto good = write_message(compose<Corner>(*pool_)).value;
  bytes.insert(bytes.end(), good.begin(), good.end());
  MessageStream stream(*pool_, std::span<const std::byte>(bytes));
  EXPECT_EQ(stream.next<Corner>()->err.code(), Code::bad_message);
  EXPECT_TRUE(stream.next<Corner>()->ok());
  EXPECT_FALSE(stream.next<Corner>().has_value());
}

TEST_F(StreamTest, WhatCanNotBeReadOrWrittenIsAnErrorOfTheSystem) {
  MessageStream stream(*pool_, open("/", O_RDONLY | O_DIRECTORY));
  auto next = stream.next<Corner>();
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->err.code(), Code::io);
  EXPECT_NE(next->err.message().find("Is a directory"), std::string::npos) << next->err;
  const int full = open("/dev/full", O_WRONLY);
  const Error error = write_message(compose<Corner>(*pool_), full).err;
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_NE(error.message().find("No space left"), std::string::npos) << error;
  close(full);
}

TEST_F(StreamTest, WhoAnnouncesMuchHasToSendItBeforeItTakesMemory) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const uint32_t head[2] = {0, (256u << 20) / 8};
  ASSERT_EQ(detail::write_all(ends[1], head, 8), 0);
  close(ends[1]);
  ForeignLimits limits;
  limits.bytes_max = 1ull << 40;
  const uint64_t before = pool_->stats().reserved;
  MessageStream stream(*pool_, ends[0], limits);
  EXPECT_EQ(stream.next<Corner>()->err.code(), Code::bad_message);
  // Slabs of the small classes that this needs, but no block of 256 MiB.
  EXPECT_LT(pool_->stats().reserved, before + (16 << 20));
  close(ends[0]);
}

}  // namespace
}  // namespace isola
