// Names, and what is in a slot's extras at first.
#include "cell_extras.h"

#include <isola/actors/background.h>
#include <isola/actors/incarnation.h>
#include <isola/actors/isolate_job.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/utf8.h>

#include <cstring>

namespace isola::detail {

CellExtras::CellExtras() = default;
CellExtras::~CellExtras() = default;

void CellExtras::set_name(std::string_view name) {
  std::array<char, kNameBytesMax + 1> bytes{};
  const size_t size = whole_characters(name, kNameBytesMax);
  if (size > 0) std::memcpy(bytes.data(), name.data(), size);
  for (size_t i = 0; i < name_words.size(); ++i) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i * 8, 8);
    name_words[i].store(word, sync::memory_order_relaxed);
  }
}

}  // namespace isola::detail
