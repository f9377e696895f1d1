// The call context in the records of errors.
#pragma once

#include <isola/serialization/error.h>

#include <vector>

namespace isola::detail {

// The entries of the running code's context, innermost first, as texts; of keys that never leave
// their actor only the names.
void read_error_context(std::vector<ErrorContext>& into) noexcept;

}  // namespace isola::detail
