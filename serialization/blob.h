// A Blob: bytes that nobody changes any more, shared by counting. A gibibyte goes to another actor
// in the time of a pointer.
//
//   auto [film, err] = isola::Blob::map_file("film.mkv");
//   auto job = tx.compose();
//   job->setFilm(job.attach(film.slice(0, 1 << 20)));    // a UInt32 field
//   tx.send(std::move(job));
//   ...
//   Blob part = got.attached<Blob>(got->getFilm()).or_raise();    // the same bytes, not copied
//
// Ownership: all Blobs of the same bytes share them; the last one frees or unmaps them, on whatever
// thread it ends. Thread safety: the bytes and their count, any thread; one Blob object, as any
// value.
// Invariants: 1. data_ .. data_ + size_ lies within what storage_ keeps.
//             2. storage_ == nullptr exactly if there are no bytes.
#pragma once

#include <isola/serialization/attachment.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/result.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isola {

namespace detail {

// What keeps some bytes, and how many refer to it. Made with one reference.
class ByteStorage : public InProgramMemory {
 public:
  void retain() { references_.fetch_add(1, sync::memory_order_relaxed); }
  void drop() {
    // Release and acquire: whoever frees the bytes does so after the last look at them.
    if (references_.fetch_sub(1, sync::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  virtual ~ByteStorage() = default;

 private:
  sync::atomic<uint64_t> references_{1};
};

// One reference to a storage, or to nothing.
class ByteStorageRef {
 public:
  ByteStorageRef() = default;
  explicit ByteStorageRef(ByteStorage* storage) : storage_(storage) {}
  ByteStorageRef(const ByteStorageRef& other) : storage_(other.storage_) {
    if (storage_ != nullptr) storage_->retain();
  }
  ByteStorageRef(ByteStorageRef&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)) {}
  ByteStorageRef& operator=(ByteStorageRef other) noexcept {
    std::swap(storage_, other.storage_);
    return *this;
  }
  ~ByteStorageRef() {
    if (storage_ != nullptr) storage_->drop();
  }

 private:
  ByteStorage* storage_ = nullptr;
};

// An Error with a text, outside of any System. Rare, and so not cheap: the record has a pool of
// its own.
Error error_with_text(Code code, std::string_view text);

}  // namespace detail

class Blob {
 public:
  static constexpr size_t kToTheEnd = SIZE_MAX;

  // No bytes.
  Blob() = default;
  Blob(const Blob&) = default;
  Blob(Blob&& other) noexcept
      : storage_(std::move(other.storage_)), bytes_(std::exchange(other.bytes_, {})) {}
  Blob& operator=(Blob other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // The one way that copies. Fails: throws std::bad_alloc.
  static Blob copy_of(std::span<const std::byte> bytes);
  static Blob copy_of(std::string_view text);
  // Adopts a buffer: its bytes stay where they are (but for those of a short string).
  static Blob take(std::vector<std::byte>&& bytes);
  static Blob take(std::string&& text);

  // The bytes of a file, read from the disk when they are looked at. The file must stay as it is:
  // changes to it may be seen, and who reads beyond a new, nearer end is killed by SIGBUS; replace
  // a file by renaming another over it, or use read_file for one that you don't control.
  // Blocks: the thread, for the disk. Fails: io, with a text that names the file and the reason.
  static Result<Blob> map_file(const std::string& path);
  // Reads the whole file into memory. Also good for pipes and devices.
  // Blocks: the thread, until all is read. Fails: io; message_too_large beyond `bytes_max`.
  static Result<Blob> read_file(const std::string& path, uint64_t bytes_max);

  // Valid as long as this Blob or any other of the same bytes.
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  // A part of it, not copied; keeps all of the bytes. REQUIRES: within the bytes.
  Blob slice(size_t offset, size_t size = kToTheEnd) const;

 private:
  Blob(detail::ByteStorage* storage, std::span<const std::byte> bytes)
      : storage_(storage), bytes_(bytes) {}

  detail::ByteStorageRef storage_;
  std::span<const std::byte> bytes_;
};

// A message that carries a slice holds the bytes of the slice, for bounds in bytes.
template <>
struct AttachmentTraits<Blob> : detail::CopiedAttachment<Blob> {};

}  // namespace isola
