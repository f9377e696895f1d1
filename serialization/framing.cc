// Reading from descriptors, and unpacking.
#include "framing.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace isola::detail {
namespace {

// Waits until a descriptor that doesn't block is ready. Returns 0 or errno.
int wait_for(int fd, short events) {
  pollfd waiting{fd, events, 0};
  while (poll(&waiting, 1, -1) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

size_t ByteSource::read_system(void* to, size_t bytes) {
  while (error_ == 0) {
    const ssize_t count = ::read(fd_, to, bytes);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      error_ = wait_for(fd_, POLLIN);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  return 0;
}

bool ByteSource::refill() {
  if (is_memory() || error_ != 0) return false;
  if (buffer_ == nullptr) buffer_ = std::make_unique<std::byte[]>(kBufferBytes);
  next_ = {buffer_.get(), read_system(buffer_.get(), kBufferBytes)};
  return !next_.empty();
}

size_t ByteSource::read(void* to, size_t bytes) {
  auto* out = static_cast<std::byte*>(to);
  size_t done = 0;
  while (done < bytes) {
    size_t count = std::min(bytes - done, next_.size());
    if (count > 0) {
      std::memcpy(out + done, next_.data(), count);
      next_ = next_.subspan(count);
    } else if (!is_memory() && bytes - done >= kBufferBytes) {
      count = read_system(out + done, bytes - done);  // large bodies go where they belong at once
      if (count == 0) break;
    } else if (!refill()) {
      break;
    }
    done += count;
  }
  offset_ += done;
  return done;
}

bool WordSource::may_follow(uint64_t words) const {
  if (!bytes_.is_memory()) return true;
  const uint64_t bytes = bytes_.left_in_memory();
  if (framing_ == Framing::flat) return words <= bytes / sizeof(capnp::word);
  // The best that packing can do: two bytes for 256 words of zeros.
  constexpr uint64_t kWordsPerPair = 256;
  return words <= zero_words_ + literal_words_ + (bytes / 2 + 1) * kWordsPerPair;
}

size_t WordSource::read(capnp::word* to, size_t words) {
  constexpr size_t kWord = sizeof(capnp::word);
  if (framing_ == Framing::flat) return bytes_.read(to, words * kWord) / kWord;
  size_t done = 0;
  while (done < words) {
    if (zero_words_ > 0) {
      const size_t count = std::min<size_t>(zero_words_, words - done);
      std::memset(static_cast<void*>(to + done), 0, count * kWord);
      zero_words_ -= static_cast<uint32_t>(count);
      done += count;
    } else if (literal_words_ > 0) {
      const size_t count = std::min<size_t>(literal_words_, words - done);
      literal_words_ -= static_cast<uint32_t>(count);
      const size_t got = bytes_.read(to + done, count * kWord) / kWord;
      done += got;
      if (got < count) break;
    } else if (unpack_word(to + done)) {
      ++done;
    } else {
      break;
    }
  }
  return done;
}

// A tag byte has one bit for each byte of the word that isn't zero; these bytes follow. Behind a
// word of zeros, and behind one without any zero, stands how many more of its kind there are.
bool WordSource::unpack_word(capnp::word* to) {
  uint8_t tag;
  if (bytes_.read(&tag, 1) == 0) return false;
  uint8_t packed[sizeof(capnp::word)];
  const auto count = static_cast<size_t>(std::popcount(tag));
  if (bytes_.read(packed, count) < count) return false;
  uint8_t word[sizeof(capnp::word)] = {};
  for (size_t i = 0, next = 0; i < sizeof word; ++i) {
    if ((tag >> i & 1) != 0) word[i] = packed[next++];
  }
  std::memcpy(static_cast<void*>(to), word, sizeof word);
  if (tag != 0 && tag != 0xff) return true;
  uint8_t more;
  if (bytes_.read(&more, 1) == 0) return false;
  (tag == 0 ? zero_words_ : literal_words_) = more;
  return true;
}

int write_all(int fd, const void* from, size_t bytes) {
  const auto* next = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t count = ::write(fd, next, bytes);
    if (count >= 0) {
      next += count;
      bytes -= static_cast<size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const int error = wait_for(fd, POLLOUT)) return error;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace isola::detail
