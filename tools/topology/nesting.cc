// Just enough of TOML's lexical rules: strings, comments, brackets and dotted keys.
#include "nesting.h"

#include <fmt/format.h>
#include <isola/tools/topology/text.h>

#include <cstring>
#include <string_view>

namespace isola::topology {
namespace {

class Scanner {
 public:
  explicit Scanner(const Source& source) : source_(source), text_(source.text()) {}

  bool scan(Faults& faults) {
    int brackets = 0;
    int dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '[' || c == '{') {
        if (++brackets > kBracketsMax)
          return fail(faults, fmt::format("more than {} brackets in brackets", kBracketsMax));
      } else if ((c == ']' || c == '}') && brackets > 0) {
        --brackets;
      }
      // A key goes on through dots and blanks, and ends at any other mark.
      if (c == '.' && ++dots >= kKeyPartsMax)
        return fail(faults, fmt::format("a key of more than {} parts", kKeyPartsMax));
      if (std::strchr("\n=,[]{}", c) != nullptr) dots = 0;
      next();
    }
    return true;
  }

 private:
  void next() {
    if (text_[at_++] != '\n') return;
    ++line_;
    line_start_ = at_;
  }

  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void skip_string(char mark) {
    const std::string three(3, mark);
    const bool is_long = starts(three);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\n' && !is_long) return;
      if (text_[at_] == mark && (!is_long || starts(three))) {
        at_ += is_long ? 3 : 1;
        // Up to two more marks before the end belong to a long string.
        for (int more = 0; is_long && more < 2 && starts({&mark, 1}); ++more) ++at_;
        return;
      }
      if (text_[at_] == '\\' && mark == '"' && at_ + 1 < text_.size()) next();
      next();
    }
  }

  bool fail(Faults& faults, std::string message) const {
    const size_t column = columns_of(text_.substr(line_start_, at_ - line_start_)) + 1;
    faults.add({&source_, line_, static_cast<uint32_t>(column), 1}, std::move(message));
    return false;
  }

  const Source& source_;
  const std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  size_t line_start_ = 0;
};

}  // namespace

bool check_nesting(const Source& source, Faults& faults) { return Scanner(source).scan(faults); }

}  // namespace isola::topology
