// Helpers of the tidiness check that look at the text of a source file: its lines, its code
// without comments and strings, and what it includes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isola::tidy {

// A file of the project. The path is relative to the project's root, with '/' between folders.
struct File {
  std::string path;
  std::string text;
};

// The lines of `text` without their line ends. A last line without a line end counts.
// The result points into `text`.
std::vector<std::string_view> lines_of(std::string_view text);

// The C++ source `text` with every character of its comments and literals replaced by a space.
// Line ends stay, so line numbers and columns stay too.
std::string code_of(std::string_view text);

struct Include {
  int line;          // counted from 1
  std::string name;  // without its quotes
  bool angle;        // <name>, not "name"
};

// The #include lines of a C++ source, in order; those in comments and strings don't count.
std::vector<Include> includes_of(std::string_view text);

// The imports of a Cap'n Proto schema. A name that begins with '/' counts as an angle include,
// without its '/'.
std::vector<Include> imports_of(std::string_view text);

}  // namespace isola::tidy
