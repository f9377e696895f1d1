// How the text of a source file is taken apart.
#include "source_text.h"

#include <cctype>
#include <utility>

namespace isola::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// A walk through C++ source that copies code and blanks everything else.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string run() && {
    while (at_ < text_.size()) {
      if (starts_with("//")) {
        blank_to(text_.find('\n', at_));
      } else if (starts_with("/*")) {
        size_t end = text_.find("*/", at_ + 2);
        blank_to(end == std::string_view::npos ? end : end + 2);
      } else if (text_[at_] == '"') {
        is_raw() ? blank_raw_string() : blank_quoted('"');
      } else if (text_[at_] == '\'') {
        blank_quoted('\'');
      } else {
        skip_token();
      }
    }
    return std::move(code_);
  }

 private:
  bool starts_with(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  // The word in front of a quote decides whether a raw string begins: R"( or u8R"(.
  bool is_raw() const { return !word_.empty() && word_.back() == 'R' && word_.size() <= 3; }

  // A name, a number with its digit separators (1'000), or a single character.
  void skip_token() {
    size_t begin = at_;
    bool number = std::isdigit(static_cast<unsigned char>(text_[at_])) != 0;
    while (at_ < text_.size() &&
           (is_word(text_[at_]) || (number && at_ > begin && text_[at_] == '\''))) {
      ++at_;
    }
    word_ = text_.substr(begin, at_ - begin);
    if (at_ == begin) ++at_;
  }

  void blank_quoted(char quote) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    blank_to(end < text_.size() && text_[end] == quote ? end + 1 : end);
  }

  void blank_raw_string() {
    size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return blank_to(open);
    std::string close = ")";
    close.append(text_.substr(at_ + 1, open - at_ - 1)).append("\"");
    size_t end = text_.find(close, open);
    blank_to(end == std::string_view::npos ? end : end + close.size());
  }

  void blank_to(size_t end) {
    if (end > text_.size()) end = text_.size();
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') code_[at_] = ' ';
    }
    word_ = {};
  }

  std::string_view text_;
  std::string code_;
  size_t at_ = 0;
  std::string_view word_;  // the token just before at_, empty if that was no word
};

std::string_view trim_left(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

// Takes `word` off the front of `text`, and the blanks behind it.
bool take(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text = trim_left(text.substr(word.size()));
  return true;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string code_of(std::string_view text) { return Blanker(text).run(); }

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> includes;
  std::string code = code_of(text);
  auto code_lines = lines_of(code);
  auto text_lines = lines_of(text);
  for (size_t i = 0; i < code_lines.size(); ++i) {
    std::string_view in_code = trim_left(code_lines[i]);
    if (!take(in_code, "#") || !take(in_code, "include")) continue;
    // The name stands in the text; in the code a quoted one is blank.
    std::string_view rest = trim_left(text_lines[i]);
    take(rest, "#");
    take(rest, "include");
    bool angle = !rest.empty() && rest[0] == '<';
    size_t end = rest.find(angle ? '>' : '"', 1);
    if (end == std::string_view::npos) continue;
    includes.push_back({static_cast<int>(i) + 1, std::string(rest.substr(1, end - 1)), angle});
  }
  return includes;
}

std::vector<Include> imports_of(std::string_view text) {
  std::vector<Include> imports;
  auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i].substr(0, lines[i].find('#'));
    constexpr std::string_view opening = "import \"";
    size_t begin = line.find(opening);
    if (begin == std::string_view::npos) continue;
    line.remove_prefix(begin + opening.size());
    size_t end = line.find('"');
    if (end == std::string_view::npos || end == 0) continue;
    bool angle = line[0] == '/';
    imports.push_back(
        {static_cast<int>(i) + 1, std::string(line.substr(angle, end - angle)), angle});
  }
  return imports;
}

}  // namespace isola::tidy
