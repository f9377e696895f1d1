// Where the bytes of blobs come from: buffers, mappings, files.
#include "blob.h"

#include <fcntl.h>
#include <isola/serialization/check.h>
#include <isola/serialization/pool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace isola {
namespace {

template <class Buffer>
class BufferStorage final : public detail::ByteStorage {
 public:
  explicit BufferStorage(Buffer&& buffer) : buffer_(std::move(buffer)) {}
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(buffer_)); }

 private:
  const Buffer buffer_;
};

class Mapping final : public detail::ByteStorage {
 public:
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  ~Mapping() override { munmap(address_, size_); }

 private:
  void* const address_;
  const size_t size_;
};

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Result<Blob> failed(const char* what, const std::string& path, const std::string& reason,
                    Code code = Code::io) {
  return {Blob(), detail::error_with_text(
                      code, std::string("can't ") + what + " \"" + path + "\": " + reason)};
}

std::string reason_of(int error_number) { return std::generic_category().message(error_number); }

}  // namespace

Error detail::error_with_text(Code code, std::string_view text) {
  // The pool goes with the record.
  struct Closed {
    Pool* pool = Pool::create(0);
    ~Closed() { pool->close(); }
  } own;
  return make_error(*own.pool, code, name(code), text, {});
}

Blob Blob::copy_of(std::span<const std::byte> bytes) {
  const detail::ProgramMemory program;
  return take(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

Blob Blob::copy_of(std::string_view text) { return copy_of(std::as_bytes(std::span(text))); }

// Not inlined: g++ 12 would see a delete of something else in copy_of.
[[gnu::noinline]] Blob Blob::take(std::vector<std::byte>&& bytes) {
  if (bytes.empty()) return Blob();
  auto* storage = new BufferStorage<std::vector<std::byte>>(std::move(bytes));
  return Blob(storage, storage->bytes());
}

Blob Blob::take(std::string&& text) {
  if (text.empty()) return Blob();
  auto* storage = new BufferStorage<std::string>(std::move(text));
  return Blob(storage, storage->bytes());
}

Result<Blob> Blob::map_file(const std::string& path) {
  constexpr const char* kWhat = "map";
  const File file(path);
  if (file.fd() < 0) return failed(kWhat, path, reason_of(errno));
  struct stat status;
  if (fstat(file.fd(), &status) != 0) return failed(kWhat, path, reason_of(errno));
  if (!S_ISREG(status.st_mode)) return failed(kWhat, path, "not a regular file");
  if (status.st_size == 0) return {Blob(), Error()};
  const auto size = static_cast<size_t>(status.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (address == MAP_FAILED) return failed(kWhat, path, reason_of(errno));
  return {Blob(new Mapping(address, size), {static_cast<const std::byte*>(address), size}),
          Error()};
}

Result<Blob> Blob::read_file(const std::string& path, uint64_t bytes_max) {
  constexpr const char* kWhat = "read";
  constexpr size_t kStepBytes = 256 * 1024;
  const File file(path);
  if (file.fd() < 0) return failed(kWhat, path, reason_of(errno));
  struct stat status;
  std::vector<std::byte> bytes;
  // What the system says of the size is a hint: it is 0 for a pipe, and the file may grow.
  if (fstat(file.fd(), &status) == 0 && status.st_size > 0)
    bytes.reserve(std::min(static_cast<uint64_t>(status.st_size), bytes_max) + 1);
  for (;;) {
    // One byte beyond the limit tells a file of that size from a larger one.
    const uint64_t room = bytes_max - bytes.size();
    const size_t step = room >= kStepBytes ? kStepBytes : static_cast<size_t>(room) + 1;
    const size_t before = bytes.size();
    bytes.resize(before + step);
    const ssize_t got = read(file.fd(), bytes.data() + before, step);
    const int error_number = errno;
    bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error_number == EINTR) continue;
    if (got < 0) return failed(kWhat, path, reason_of(error_number));
    if (got == 0) return {take(std::move(bytes)), Error()};
    if (bytes.size() > bytes_max)
      return failed(kWhat, path, "it has more than " + std::to_string(bytes_max) + " bytes",
                    Code::message_too_large);
  }
}

Blob Blob::slice(size_t offset, size_t size) const {
  ISOLA_REQUIRE(offset, <=, bytes_.size());
  const size_t rest = bytes_.size() - offset;
  if (size == kToTheEnd) size = rest;
  ISOLA_REQUIRE(size, <=, rest);
  if (size == 0) return Blob();
  Blob part(*this);
  part.bytes_ = bytes_.subspan(offset, size);
  return part;
}

}  // namespace isola
