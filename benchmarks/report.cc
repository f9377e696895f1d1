// Plain text for people, JSON for programs.
#include "report.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <stdexcept>

#include "goals.h"

namespace isola::bench {
namespace {

// So that figures below ten keep digits that say something.
std::string number(double value) {
  return value < 9.95 ? fmt::format("{:.3f}", value) : fmt::format("{:.1f}", value);
}

// How a peer is compared: its ratio to isola's row, and whether that is as much as wanted.
struct Comparison {
  std::string text = "-";
  bool holds = true;
};

Comparison compare(double isola, double peer, double wanted) {
  if (isola <= 0 || peer <= 0) return {};
  const double ratio = peer / isola;
  const bool holds = ratio >= wanted;
  return {fmt::format("{:.2f} {}", ratio, holds ? "yes" : "no"), holds};
}

// A median of the machine of the goals as it would be here; 0: unknown. Bytes are the same.
double here(double median, const Row& isola, double floor) {
  return isola.unit == "bytes" ? median : median * floor / kGoalFloorNs;
}

}  // namespace

std::string table_of(const std::vector<Row>& rows) {
  const double floor = floor_of(rows);
  std::string text =
      fmt::format("{:<20} {:<12} {:>7} {:>10} {:>10} {:>10} {:>8} {:>7} {:>7}  {}\n", "bench",
                  "system", "workers", "median", "min", "max", "x floor", "goal", "x goal", "unit");
  for (const Row& row : rows) {
    const std::string to_floor =
        floor > 0 && row.unit == "ns" ? fmt::format("{:.2f}", row.figures.median / floor) : "-";
    std::string aim = "-";
    std::string to_goal = "-";
    const Goal* goal = row.system == "isola" ? goal_of(row.name, row.workers) : nullptr;
    if (goal != nullptr) {
      aim = fmt::format("{:g}", goal->at_most);
      to_goal = fmt::format("{:.2f}", row.figures.median / goal->at_most);
    }
    text +=
        fmt::format("{:<20} {:<12} {:>7} {:>10} {:>10} {:>10} {:>8} {:>7} {:>7}  {}\n", row.name,
                    row.system, row.workers, number(row.figures.median), number(row.figures.least),
                    number(row.figures.most), to_floor, aim, to_goal, row.unit);
  }
  if (floor > 0)
    text += fmt::format("The goals were set where floor was {:g} ns; here it is {:.2f} of that.\n",
                        kGoalFloorNs, floor / kGoalFloorNs);
  return text;
}

std::string pairs_of(const std::vector<Row>& rows) {
  const Row* one = find(rows, "pairs", "isola", 1);
  const Row* two = find(rows, "pairs", "isola", 2);
  const Row* apart = find(rows, "pairs", "isola apart", 2);
  if (one == nullptr || two == nullptr || apart == nullptr) return {};
  const double more = one->figures.median / two->figures.median;
  return fmt::format(
      "On independent pairs, 2 workers do {:.2f} times the work of 1; at least {:g} times: {}\n"
      "Two Systems that share nothing, of 1 worker each, do {:.2f} times that here.\n",
      more, kGoalPairs, more >= kGoalPairs ? "yes" : "no",
      one->figures.median / apart->figures.median);
}

std::string held_of(const std::vector<Row>& rows) {
  std::string text;
  for (const Held& held : all_held()) {
    const Row* row = find(rows, held.name, held.system, 1);
    if (row == nullptr || row->figures.median <= 0) continue;
    double figure = row->figures.median;
    std::string said = fmt::format("{:.2f} {}", figure, row->unit);
    if (held.kind != Held::Kind::alone) {
      const bool is_own = held.to_name.empty();
      const Row* to = find(rows, is_own ? held.name : held.to_name, held.to_system, 1);
      if (to == nullptr || to->figures.median <= 0) continue;
      const std::string what = is_own ? held.to_system : held.to_name;
      const bool is_ratio = held.kind == Held::Kind::times;
      figure = is_ratio ? figure / to->figures.median : figure - to->figures.median;
      said = is_ratio ? fmt::format("{:.2f} times {}", figure, what)
                      : fmt::format("{:.2f} {} more than {}", figure, row->unit, what);
    }
    text += fmt::format("{}: {} takes {}; at most {:g}: {}\n", held.name, held.system, said,
                        held.at_most, figure <= held.at_most ? "yes" : "no");
  }
  return text;
}

std::string comparison_of(const std::vector<Row>& rows) {
  const double floor = floor_of(rows);
  struct Column {
    std::string title;
    std::function<Comparison(const Goal& goal, const Row& isola)> compared;
    bool all_hold = true;
  };
  std::vector<Column> columns;
  const auto title = [](const std::string& name, double wanted) {
    return fmt::format("{} >= {:g}", name, wanted);
  };
  const auto add = [&](const char* system, double wanted) {
    const auto compared = [&rows, system, wanted](const Goal& goal, const Row& isola) {
      const Row* peer = find(rows, goal.name, system, goal.workers);
      return peer == nullptr ? Comparison()
                             : compare(isola.figures.median, peer->figures.median, wanted);
    };
    columns.push_back({title(system, wanted), compared});
  };
  const auto add_known = [&](const char* system, double Goal::*median, double wanted) {
    const auto compared = [floor, median, wanted](const Goal& goal, const Row& isola) {
      return compare(isola.figures.median, here(goal.*median, isola, floor), wanted);
    };
    columns.push_back({title(std::string(system) + "*", wanted), compared});
  };
  const auto ran = [&](const char* system) {
    return std::any_of(rows.begin(), rows.end(), [&](auto& row) { return row.system == system; });
  };
  add("caf", kGoalOfCaf);
  add("go", kGoalOfGo);
  add("erlang", kGoalOfErlang);
  if (ran("caf 1.1")) add("caf 1.1", kGoalOfCaf);
  if (ran("sobjectizer")) add("sobjectizer", kGoalOfSObjectizer);
  add_known("caf 1.1", &Goal::caf_1_1, kGoalOfCaf);
  add_known("sobjectizer", &Goal::sobjectizer, kGoalOfSObjectizer);

  std::string text = "How many times as long as isola each peer takes, and whether it is enough:\n";
  const auto line = [&](const std::string& name, const std::string& workers, auto cell_of) {
    text += fmt::format("{:<20} {:>7}", name, workers);
    for (Column& column : columns)
      text += fmt::format(" {:>{}}", std::string(cell_of(column)),
                          std::max<size_t>(column.title.size(), 12));
    text += "\n";
  };
  line("bench", "workers", [](const Column& column) { return column.title; });
  for (const Goal& goal : goals()) {
    const Row* isola = find(rows, goal.name, "isola", goal.workers);
    if (isola == nullptr) continue;
    line(goal.name, fmt::format("{}", goal.workers), [&](Column& column) {
      const Comparison comparison = column.compared(goal, *isola);
      column.all_hold = column.all_hold && comparison.holds;
      return comparison.text;
    });
  }
  line("every row", "", [](const Column& column) { return column.all_hold ? "yes" : "no"; });
  text += "*: measured on another machine; times are scaled by floor. All others ran here, now.\n";
  return text;
}

void write_json(const std::string& path, const std::vector<Row>& rows, unsigned runs) {
  std::string text = "[\n";
  for (const Row& row : rows)
    text += fmt::format(
        R"(  {{"bench": "{}", "system": "{}", "workers": {}, "unit": "{}", "median": {:.3f}, )"
        R"("min": {:.3f}, "max": {:.3f}, "runs": {}}}{})",
        row.name, row.system, row.workers, row.unit, row.figures.median, row.figures.least,
        row.figures.most, runs, &row != &rows.back() ? ",\n" : "\n");
  write_file(path, text + "]\n");
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("can't write " + path);
}

}  // namespace isola::bench
