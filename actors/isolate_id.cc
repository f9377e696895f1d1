// Ids as text.
#include "isolate_id.h"

#include <charconv>

namespace isola {

std::string IsolateId::to_string() const { return *this ? std::to_string(value_) : "none"; }

Result<IsolateId> IsolateId::parse(std::string_view text) {
  uint64_t word = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, word);
  if (fault != std::errc() || stopped != end || text.empty() || word == UINT64_MAX)
    return {{}, Error(Code::invalid_argument)};
  return {from_word(word), Error()};
}

}  // namespace isola
