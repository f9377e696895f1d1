// The rules, and the lists that they go by.
#include "rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace isola::tidy {
namespace {

using std::string;
using std::string_view;

// From the bottom up: a folder may include those before it.
constexpr std::array<string_view, 5> kLayers = {"serialization", "context", "channels", "actors",
                                                "tools"};

constexpr size_t kColumnsMax = 100;
constexpr size_t kFileLinesMax = 400;

struct LengthException {
  string_view path;
  string_view reason;
};
// Sources that may be longer than kFileLinesMax.
constexpr std::array<LengthException, 0> kLengthExceptions = {};

// What only sync.h and what it includes may name. A name here stands for all names that it begins.
constexpr std::array<string_view, 14> kSyncNames = {"std::atomic",
                                                    "std::mutex",
                                                    "std::shared_mutex",
                                                    "std::recursive_mutex",
                                                    "std::timed_mutex",
                                                    "std::shared_timed_mutex",
                                                    "std::recursive_timed",
                                                    "std::condition_variable",
                                                    "std::latch",
                                                    "std::barrier",
                                                    "std::binary_semaphore",
                                                    "std::counting_semaphore",
                                                    "SYS_futex",
                                                    "__NR_futex"};

constexpr std::array<string_view, 3> kPrivateFolders = {"work", "root", "home"};

string at(const File& file, int line, const string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

bool ends_with_one_of(string_view path, std::initializer_list<string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](string_view end) { return path.ends_with(end); });
}

bool is_header(const File& file) { return file.path.ends_with(".h"); }
bool is_source(const File& file) { return file.path.ends_with(".cc"); }
bool is_cxx(const File& file) { return is_header(file) || is_source(file); }
bool is_schema(const File& file) { return file.path.ends_with(".capnp"); }
bool is_code(const File& file) {
  return is_cxx(file) || is_schema(file) ||
         ends_with_one_of(file.path, {"CMakeLists.txt", ".cmake", ".toml", "tools/dev", ".ci/run",
                                      "conformance/report", "conformance/report_test"});
}
bool is_prose(const File& file) { return ends_with_one_of(file.path, {".md", ".json"}); }

string_view top_folder(string_view path) {
  size_t end = path.find('/');
  return end == string_view::npos ? string_view{} : path.substr(0, end);
}

// The layer's place in `layers`, or nothing for tests, examples and the like.
std::optional<size_t> layer_of(string_view folder) {
  const auto* found = std::find(kLayers.begin(), kLayers.end(), folder);
  if (found == kLayers.end()) return std::nullopt;
  return found - kLayers.begin();
}

// `name` as seen from the folder of `path`, with its '..' resolved.
string resolve(const string& path, const string& name) {
  return (std::filesystem::path(path).parent_path() / name).lexically_normal().generic_string();
}

// The project's file that is meant by `include`; empty for a file of somebody else.
string target_of(const File& file, const Include& include) {
  constexpr string_view prefix = "isola/";
  if (include.name == "isola/isola.h") return "actors/isola.h";
  if (include.name.starts_with(prefix)) return include.name.substr(prefix.size());
  return include.angle ? string() : resolve(file.path, include.name);
}

string allowed_for(size_t layer) {
  if (layer == 0) return "no other folder";
  string list = "only ";
  for (size_t i = 0; i < layer; ++i) list += (i == 0 ? "" : ", ") + string(kLayers[i]);
  return list;
}

string written(const Include& include) {
  return include.angle ? "<" + include.name + ">" : "\"" + include.name + "\"";
}

size_t columns_of(string_view line) {
  // Every byte of UTF-8 begins a character but for those that read 10xxxxxx.
  return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where `name` begins in `line` as a whole word or the beginning of one.
bool has_name(string_view line, string_view name) {
  for (size_t at = line.find(name); at != string_view::npos; at = line.find(name, at + 1)) {
    if (at == 0 || !is_word(line[at - 1])) return true;
  }
  return false;
}

// True if `line` has an absolute path that begins with `folder`.
bool has_absolute_path(string_view line, string_view folder) {
  const string path = string("/").append(folder);
  for (size_t at = line.find(path); at != string_view::npos; at = line.find(path, at + 1)) {
    // What stands before tells a/x, ../x, ~/x and ${y}/x from the absolute path; an option like
    // -I may stand directly before one.
    const string_view before = line.substr(0, at);
    const bool begins =
        before.empty() || before.ends_with("-I") || before.ends_with("-L") ||
        (!is_word(before.back()) && string_view(".~/})").find(before.back()) == string_view::npos);
    const size_t end = at + path.size();
    if (begins && (end == line.size() || (!is_word(line[end]) && line[end] != '-'))) return true;
  }
  return false;
}

}  // namespace

Findings check_layers(const File& file) {
  Findings findings;
  if (!is_cxx(file) && !is_schema(file)) return findings;
  const string_view folder = top_folder(file.path);
  const auto layer = layer_of(folder);
  for (const Include& include : is_cxx(file) ? includes_of(file.text) : imports_of(file.text)) {
    const string target = target_of(file, include);
    if (target.empty()) continue;
    const bool by_name = include.name.starts_with("isola/");
    if (!by_name && (top_folder(target) != folder || layer_of(top_folder(include.name)))) {
      findings.push_back(
          at(file, include.line,
             "includes " + written(include) + " by a relative path: write <isola/...>"));
    } else if (layer && top_folder(target) != folder) {
      const auto target_layer = layer_of(top_folder(target));
      if (target_layer && *target_layer < *layer) continue;
      findings.push_back(at(file, include.line,
                            "includes " + written(include) + ": " + string(folder) +
                                " may include " + allowed_for(*layer)));
    }
  }
  return findings;
}

Findings check_opening(const File& file) {
  Findings findings;
  if (!is_cxx(file)) return findings;
  if (!file.text.starts_with("//") && !file.text.starts_with("/*")) {
    findings.push_back(at(file, 1, "does not open with a comment that says what it is"));
  }
  if (is_header(file)) {
    const string code = code_of(file.text);
    const auto lines = lines_of(code);
    if (std::none_of(lines.begin(), lines.end(),
                     [](string_view line) { return line.starts_with("#pragma once"); })) {
      findings.push_back(at(file, 1, "has no #pragma once"));
    }
  }
  return findings;
}

Findings check_lines(const File& file) {
  Findings findings;
  if (!is_code(file) && !is_prose(file)) return findings;
  int number = 0;
  for (string_view line : lines_of(file.text)) {
    ++number;
    const size_t columns = columns_of(line);
    if (is_code(file) && columns > kColumnsMax) {
      findings.push_back(at(
          file, number,
          "has " + std::to_string(columns) + " columns; at most " + std::to_string(kColumnsMax)));
    }
    if (line.find('\t') != string_view::npos) findings.push_back(at(file, number, "has a tab"));
    if (!line.empty() && string_view(" \t\r").find(line.back()) != string_view::npos) {
      findings.push_back(at(file, number, "ends in blanks"));
    }
  }
  return findings;
}

Findings check_length(const File& file) {
  if (!is_cxx(file)) return {};
  const size_t lines = lines_of(file.text).size();
  const bool excepted =
      std::any_of(kLengthExceptions.begin(), kLengthExceptions.end(),
                  [&](const LengthException& exception) { return exception.path == file.path; });
  if (lines <= kFileLinesMax || excepted) return {};
  return {at(file, 1,
             "has " + std::to_string(lines) + " lines; past " + std::to_string(kFileLinesMax) +
                 " split it, or say why not in tests/tidy/rules.cc")};
}

Findings check_length_exceptions(const std::vector<File>& files) {
  Findings findings;
  for (const LengthException& exception : kLengthExceptions) {
    const bool needed = std::any_of(files.begin(), files.end(), [&](const File& file) {
      return file.path == exception.path && lines_of(file.text).size() > kFileLinesMax;
    });
    if (!needed) {
      findings.push_back(string(exception.path) + ":1: needs no exception from its length");
    }
    if (exception.reason.empty()) {
      findings.push_back(string(exception.path) + ":1: its exception has no reason");
    }
  }
  return findings;
}

Findings check_sync(const File& file) {
  Findings findings;
  if (!is_cxx(file) || !layer_of(top_folder(file.path)) || file.path == "serialization/sync.h" ||
      file.path == "serialization/simulated_sync.h" || file.path.starts_with("tools/inspect/") ||
      file.path.starts_with("tools/isola/")) {
    return findings;
  }
  const string code = code_of(file.text);
  int number = 0;
  for (string_view line : lines_of(code)) {
    ++number;
    for (string_view name : kSyncNames) {
      if (!has_name(line, name)) continue;
      findings.push_back(
          at(file, number,
             "names " + string(name) + ": only serialization/sync.h may; use isola::sync"));
    }
  }
  return findings;
}

Findings check_private_paths(const File& file) {
  Findings findings;
  int number = 0;
  for (string_view line : lines_of(file.text)) {
    ++number;
    for (string_view folder : kPrivateFolders) {
      if (!has_absolute_path(line, folder)) continue;
      findings.push_back(at(file, number, "names a private folder, /" + string(folder)));
    }
  }
  return findings;
}

Findings check_own_header(const File& file, const Paths& paths) {
  if (!is_source(file)) return {};
  string stem = file.path.substr(0, file.path.size() - string_view(".cc").size());
  string header;
  if (paths.contains(stem + ".h")) {
    header = stem + ".h";
  } else if (stem.ends_with("_test")) {
    stem.resize(stem.size() - string_view("_test").size());
    const string below_tests = stem.starts_with("tests/") ? stem.substr(6) : stem;
    for (const string& candidate : {stem + ".h", below_tests + ".h"}) {
      if (header.empty() && paths.contains(candidate)) header = candidate;
    }
  }
  if (header.empty()) return {};
  const auto includes = includes_of(file.text);
  if (includes.empty()) return {at(file, 1, "does not include its own header, " + header)};
  if (target_of(file, includes[0]) == header) return {};
  return {at(file, includes[0].line,
             "includes " + written(includes[0]) + " before its own header, " + header)};
}

Findings check_helpers_of_tests(const std::vector<File>& files) {
  Findings findings;
  std::map<string, string> header_of;  // by the function's name
  for (const File& file : files) {
    if (!is_header(file) || !file.path.starts_with("tests/")) continue;
    const string code = code_of(file.text);
    int number = 0;
    for (string_view line : lines_of(code)) {
      ++number;
      const size_t end = line.find('(');
      if (!line.starts_with("inline ") || end == string_view::npos) continue;
      size_t begin = end;
      while (is_word(line[begin - 1])) --begin;
      const string name(line.substr(begin, end - begin));
      const auto [entry, is_new] = header_of.emplace(name, file.path);
      if (is_new || entry->second == file.path) continue;
      findings.push_back(at(file, number, "defines " + name + ", as " + entry->second + " does"));
    }
  }
  return findings;
}

std::vector<File> read_tree(const std::filesystem::path& root) {
  std::vector<File> files;
  for (auto entry = std::filesystem::recursive_directory_iterator(root);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    const string name = entry->path().filename().string();
    if (entry->is_directory()) {
      if (name == ".git" || name == ".cache" || (entry.depth() == 0 && name.starts_with("build"))) {
        entry.disable_recursion_pending();
      }
      continue;
    }
    if (entry->is_symlink() || !entry->is_regular_file()) continue;
    std::ifstream stream;
    stream.exceptions(std::ifstream::badbit | std::ifstream::failbit);
    stream.open(entry->path(), std::ios::binary);
    string text{std::istreambuf_iterator<char>(stream), {}};
    if (text.find('\0') != string::npos) continue;
    files.push_back({entry->path().lexically_relative(root).generic_string(), std::move(text)});
  }
  return files;
}

}  // namespace isola::tidy
