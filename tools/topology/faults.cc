// Laying out a fault: place and message, the line, and the caret below it.
#include "faults.h"

#include <fmt/format.h>
#include <isola/tools/topology/text.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace isola::topology {
namespace {

// A file of rubbish may have a fault in each line; nobody reads more of them than this.
constexpr size_t kFaultsShownMax = 200;
// Of a long line only this much is shown around the fault.
constexpr size_t kLineColumnsMax = 160;
constexpr size_t kColumnsBefore = 60;

// The line and the caret line below it, indented.
std::string shown_line(const Place& place) {
  std::string_view rest = place.source->line(place.line);
  const size_t first = place.column > kLineColumnsMax ? place.column - kColumnsBefore : 1;
  std::string line = first > 1 ? "…" : "";
  std::string caret = first > 1 ? " " : "";
  size_t column = 1;
  for (; !rest.empty() && column < first + kLineColumnsMax; ++column) {
    const std::string_view character = rest.substr(0, character_bytes(rest));
    rest.remove_prefix(character.size());
    if (column < first) continue;
    const std::string shown = character == "\t" ? " " : escaped(character);
    line += shown;
    char mark = ' ';
    if (column >= place.column && column < place.column + place.length)
      mark = column == place.column ? '^' : '~';
    // A character that is spelled out is marked as a whole.
    const size_t width = columns_of(shown);
    caret += mark;
    caret.append(width - 1, mark == '^' ? '~' : mark);
  }
  if (!rest.empty()) line += "…";
  // At the end of the line something is missing: the caret stands behind it.
  if (column <= place.column) caret += '^';
  caret.erase(caret.find_last_not_of(' ') + 1);
  return line.empty() ? "" : "  " + line + "\n  " + caret + "\n";
}

}  // namespace

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
}

std::string_view Source::line(size_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const size_t begin = line_starts_[number - 1];
  const size_t end = number < line_starts_.size() ? line_starts_[number] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  // A byte order mark is no part of the first line: parsers don't count it as a column.
  if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  return line;
}

const Source& Faults::add_source(std::string name, std::string text) {
  return sources_.emplace_back(std::move(name), std::move(text));
}

void Faults::add(const Place& place, std::string message) {
  faults_.push_back({place, std::move(message)});
}

std::string Faults::text() const {
  std::vector<const Fault*> order;
  for (const Fault& fault : faults_) order.push_back(&fault);
  const auto source_index = [&](const Place& place) {
    for (size_t i = 0; i < sources_.size(); ++i)
      if (&sources_[i] == place.source) return i;
    return sources_.size();
  };
  const auto key = [&](const Fault* fault) {
    return std::tuple(source_index(fault->place), fault->place.line, fault->place.column);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const Fault* a, const Fault* b) { return key(a) < key(b); });
  std::string out;
  for (size_t i = 0; i < order.size() && i < kFaultsShownMax; ++i) {
    const auto& [place, message] = *order[i];
    const std::string name = escaped(place.source->name());
    if (place.line == 0) {
      out += fmt::format("{}: error: {}\n", name, message);
      continue;
    }
    out += fmt::format("{}:{}:{}: error: {}\n", name, place.line, place.column, message);
    out += shown_line(place);
  }
  if (order.size() > kFaultsShownMax)
    out += fmt::format("… and {} more faults\n", order.size() - kFaultsShownMax);
  return out;
}

}  // namespace isola::topology
