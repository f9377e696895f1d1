// Texts and numbers in messages, for tests in which actors tell what they see.
#pragma once

#include <isola/isola.h>

#include <cstdint>
#include <string>
#include <utility>

#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"

namespace isola::test {

inline auto line(const std::string& text) {
  return [text](Note::Builder builder) { builder.setText(text.c_str()); };
}
inline std::string line_of(Result<Note> note) {
  return std::move(note).or_raise()->getText().cStr();
}

}  // namespace isola::test
