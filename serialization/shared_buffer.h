// A SharedBuffer: the one explicit exception to "actors share nothing": memory that all who have it
// may write (PEP 554's send_buffer). Use a Blob wherever nobody has to write.
//
//   SharedBuffer frame = SharedBuffer::create(1 << 20).or_raise();
//   job->setFrame(job.attach(SharedBuffer(frame)));       // both sides have the same memory now
//
// **Races are the user's to avoid.** isola orders nothing here but what messages order: what was
// written before a message was sent is seen by whoever received it. Two actors that touch the same
// bytes without a message between them have a data race, as two threads would.
//
// Ownership: shared by counting; the last one frees the memory, on whatever thread. Thread safety:
// the count, any thread; the bytes: see above.
#pragma once

#include <isola/serialization/blob.h>

namespace isola {

class SharedBuffer {
 public:
  // None.
  SharedBuffer() = default;
  SharedBuffer(const SharedBuffer&) = default;
  SharedBuffer(SharedBuffer&& other) noexcept
      : storage_(std::move(other.storage_)), bytes_(std::exchange(other.bytes_, {})) {}
  SharedBuffer& operator=(SharedBuffer other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // `size` bytes, all zero, on pages of their own, which cost nothing until they are touched.
  // Fails: invalid_argument if size is 0; io with the system's reason.
  static Result<SharedBuffer> create(size_t size);

  // Writable, also of a const SharedBuffer: it is a handle. Valid as long as any handle.
  std::span<std::byte> bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  // False when default-made or moved from.
  explicit operator bool() const { return !bytes_.empty(); }

 private:
  detail::ByteStorageRef storage_;
  std::span<std::byte> bytes_;
};

template <>
struct AttachmentTraits<SharedBuffer> : detail::CopiedAttachment<SharedBuffer> {};

}  // namespace isola
