// A look at a TOML text before it is parsed, for what the parser does not survive.
//
// Deep nesting: reading it recurses, and could exhaust the stack. toml++ bounds brackets by itself,
// but not the parts of dotted keys. And a table header that does not begin with a key, `[.`: toml++
// 3.3 takes that for impossible, by an assertion or worse.
//
// Thread safety: pure function.
#pragma once

#include <isola/tools/topology/faults.h>

namespace isola::topology {

// A topology needs 4 parts and perhaps as many brackets.
inline constexpr int kKeyPartsMax = 16;
inline constexpr int kBracketsMax = 64;

// Fails: false and a fault. Other things that are no TOML pass.
bool check_nesting(const Source& source, Faults& faults);

}  // namespace isola::topology
