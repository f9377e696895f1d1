// Giving things to the running isolate.
#include "own.h"

#include <isola/serialization/blob.h>

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace isola {

void detail::give_to_isolate(Resource& resource) {
  if (ResourceList* list = Execution::current().resources) list->add(resource);
}

Error File::close() {
  if (!descriptor_) return detail::error_with_text(Code::io, "can't close a File without a file");
  // Linux has released the descriptor whatever ::close returns, so it is never tried again.
  if (::close(descriptor_.take()) == 0 || errno == EINTR) return Error();
  return detail::error_with_text(
      Code::io, "can't close a file: " + std::generic_category().message(errno) +
                    "; what was written to it last may be lost");
}

File own_file(int descriptor) {
  if (descriptor < 0) return File();
  return File(own(descriptor, [](int fd) { ::close(fd); }));
}

}  // namespace isola
