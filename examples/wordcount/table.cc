// Sorting and laying out.
#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

namespace wordcount {
namespace {

using Row = const Tally::value_type*;

std::vector<Row> top_rows(const Tally& tally, size_t top) {
  std::vector<Row> rows;
  rows.reserve(tally.size());
  for (const auto& row : tally) rows.push_back(&row);
  if (top == 0 || top > rows.size()) top = rows.size();
  std::partial_sort(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(top), rows.end(),
                    [](Row a, Row b) {
                      return a->second != b->second ? a->second > b->second : a->first < b->first;
                    });
  rows.resize(top);
  return rows;
}

// 1234567 as "1,234,567".
std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string counted(uint64_t number, const char* what) {
  return fmt::format("{} {}{}", grouped(number), what, number == 1 ? "" : "s");
}

}  // namespace

std::string plain_table(const Tally& tally, size_t top) {
  std::string out;
  for (const Row row : top_rows(tally, top))
    fmt::format_to(std::back_inserter(out), "{} {}\n", row->second, std::string_view(row->first));
  return out;
}

std::string table(const Tally& tally, size_t top, const Totals& totals) {
  std::string out = fmt::format("{:>12}  {}\n", "count", "word");
  for (const Row row : top_rows(tally, top))
    fmt::format_to(std::back_inserter(out), "{:>12}  {}\n", grouped(row->second),
                   std::string_view(row->first));
  const double seconds = std::max(totals.seconds, 1e-9);
  fmt::format_to(std::back_inserter(out), "\n{}, {}, {} of them distinct, {}\n",
                 counted(totals.files, "file"), counted(totals.words, "word"),
                 grouped(tally.size()), counted(totals.bytes, "byte"));
  fmt::format_to(std::back_inserter(out), "{:.3f} s: {:.2f} MB/s, {} words/s\n", totals.seconds,
                 static_cast<double>(totals.bytes) / 1e6 / seconds,
                 grouped(static_cast<uint64_t>(static_cast<double>(totals.words) / seconds)));
  if (totals.failed > 0)
    fmt::format_to(std::back_inserter(out), "{} could not be read as a whole\n",
                   counted(totals.failed, "further file"));
  return out;
}

std::string progress_line(const Totals& totals) {
  return fmt::format("{}, {}, {:.1f} MB", counted(totals.files, "file"),
                     counted(totals.words, "word"), static_cast<double>(totals.bytes) / 1e6);
}

}  // namespace wordcount
