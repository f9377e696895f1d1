// The rules that every file of the project keeps, each as a function from a file to what is wrong
// with it. rules_test.cc shows that each rule catches what it should; tree_test.cc applies them.
//
// A finding is one line, `path:line: what is wrong`; no finding means that the rule is kept. A
// rule that does not apply to a kind of file finds nothing in it.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "source_text.h"

namespace isola::tidy {

using Findings = std::vector<std::string>;
using Paths = std::set<std::string>;

// A layer includes only layers to its left and itself, and nobody reaches another top folder by a
// relative path. Covers #include lines and imports of schemas.
Findings check_layers(const File& file);

// Headers have `#pragma once`; headers and sources open with a comment.
Findings check_opening(const File& file);

// Lines of code have at most 100 columns; no line has a tab or ends in blanks.
Findings check_lines(const File& file);

// Headers and sources have at most 400 lines, but for those on a list with reasons.
Findings check_length(const File& file);

// Entries of that list which no longer need to be there. `files` is the whole project.
Findings check_length_exceptions(const std::vector<File>& files);

// Atomics, locks and the futex are named only in serialization/sync.h and simulated_sync.h, within
// the runtime.
Findings check_sync(const File& file);

// No text names a folder of somebody's machine.
Findings check_private_paths(const File& file);

// x.cc includes x.h first, and so does its test x_test.cc. `paths` is the whole project.
Findings check_own_header(const File& file, const Paths& paths);

// No two headers of the tests define an inline function of one name: in a program that is linked
// from tests of both the linker would take one for the other. `files` is the whole project.
Findings check_helpers_of_tests(const std::vector<File>& files);

// All text files below `root`, without build folders and what git keeps. Binary files are left
// out. Fails: std::filesystem::filesystem_error when a file can't be read.
std::vector<File> read_tree(const std::filesystem::path& root);

}  // namespace isola::tidy
