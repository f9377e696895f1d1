// A look at a TOML text before it is parsed: is anything nested so deep that reading it, which
// recurses, could exhaust the stack? The parser bounds brackets by itself, but not dotted keys.
//
// Thread safety: pure function.
#pragma once

#include <isola/tools/topology/faults.h>

namespace isola::topology {

// A topology needs 4 parts and perhaps as many brackets.
inline constexpr int kKeyPartsMax = 16;
inline constexpr int kBracketsMax = 64;

// Fails: false and a fault. What is no TOML at all may pass.
bool check_nesting(const Source& source, Faults& faults);

}  // namespace isola::topology
