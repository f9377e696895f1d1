// The memory of shared buffers.
#include "shared_buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace isola {
namespace {

class SharedMapping final : public detail::ByteStorage {
 public:
  SharedMapping(void* address, size_t size) : address_(address), size_(size) {}
  ~SharedMapping() override { munmap(address_, size_); }

 private:
  void* const address_;
  const size_t size_;
};

}  // namespace

Result<SharedBuffer> SharedBuffer::create(size_t size) {
  if (size == 0) return {SharedBuffer(), Error(Code::invalid_argument)};
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED)
    return {SharedBuffer(),
            detail::error_with_text(Code::io, "can't share " + std::to_string(size) + " bytes: " +
                                                  std::generic_category().message(errno))};
  SharedBuffer buffer;
  buffer.storage_ = detail::ByteStorageRef(new SharedMapping(address, size));
  buffer.bytes_ = {static_cast<std::byte*>(address), size};
  return {std::move(buffer), Error()};
}

}  // namespace isola
