// The project keeps its own rules of tidiness: layers, comments, lines, the sync seam, includes.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "rules.h"

namespace isola::tidy {
namespace {

const std::vector<File>& tree() {
  static const std::vector<File> files = read_tree(ISOLA_SOURCE_DIR);
  return files;
}

void expect_kept(const std::function<Findings(const File&)>& rule) {
  for (const File& file : tree()) {
    for (const std::string& finding : rule(file)) ADD_FAILURE() << finding;
  }
}

TEST(Tree, IsReadAsAWhole) {
  for (const char* path : {"serialization/sync.h", "tests/tidy/tree_test.cc", "tools/dev",
                           ".ci/run", "CMakeLists.txt", "LICENSE"}) {
    EXPECT_TRUE(std::any_of(tree().begin(), tree().end(), [&](const File& file) {
      return file.path == path;
    })) << path;
  }
  for (const char* folder : {"serialization/", "context/", "channels/", "actors/", "tools/"}) {
    EXPECT_TRUE(std::any_of(tree().begin(), tree().end(),
                            [&](const File& file) {
                              return file.path.starts_with(folder) && file.path.ends_with(".h");
                            }))
        << "no header in " << folder;
  }
  for (const File& file : tree()) EXPECT_FALSE(file.path.starts_with("build")) << file.path;
}

TEST(Tree, KeepsTheLawOfTheLayers) { expect_kept(check_layers); }

TEST(Tree, OpensItsFilesWithACommentAndItsHeadersWithPragmaOnce) { expect_kept(check_opening); }

TEST(Tree, HasNoLongLinesNoTabsAndNoTrailingBlanks) { expect_kept(check_lines); }

TEST(Tree, HasNoFilesTooLongToReadWithoutAReason) {
  expect_kept(check_length);
  for (const std::string& finding : check_length_exceptions(tree())) ADD_FAILURE() << finding;
}

TEST(Tree, NamesAtomicsAndLocksOnlyInTheSeam) { expect_kept(check_sync); }

TEST(Tree, NamesNoPrivateFolders) { expect_kept(check_private_paths); }

TEST(Tree, DefinesEachHelperOfTestsInOneHeader) {
  for (const std::string& finding : check_helpers_of_tests(tree())) ADD_FAILURE() << finding;
}

TEST(Tree, IncludesOwnHeadersFirst) {
  Paths paths;
  for (const File& file : tree()) paths.insert(file.path);
  expect_kept([&](const File& file) { return check_own_header(file, paths); });
}

}  // namespace
}  // namespace isola::tidy
