// Plain SVG with a style sheet of its own; no scripts, no fonts but the reader's.
#include "chart.h"

#include <fmt/core.h>

#include <algorithm>

#include "goals.h"

namespace isola::bench {
namespace {

// All in pixels.
constexpr double kPanelWidth = 470;
constexpr double kPanelGap = 30;
constexpr double kMargin = 24;
constexpr double kHead = 106;  // title and legend
constexpr double kTitle = 26;  // of a panel
constexpr double kBar = 12;
constexpr double kBarStep = 16;
constexpr double kGroupGap = 10;
constexpr double kLabels = 62;   // left of the bars: on how many workers
constexpr double kNumbers = 66;  // right of them
constexpr double kBars = kPanelWidth - kLabels - kNumbers;
constexpr double kDigit = 7.5;  // about as wide as one is
// A bar that is this many times as long as isola's longest is cut, so that isola's can be seen.
constexpr double kCutAt = 8;

struct Kind {
  const char* system;
  const char* shown;
  const char* style;  // its class of the style sheet
};
// In the order in which they are drawn.
constexpr Kind kKinds[] = {
    {"isola", "isola", "isola"},
    {"caf", "CAF", "caf"},
    {"go", "Go", "go"},
    {"erlang", "Erlang", "erlang"},
    {"caf 1.1", "CAF 1.1", "caf1"},
    {"sobjectizer", "SObjectizer", "sobjectizer"},
};

// No variables in it: not every program that shows SVG knows them.
constexpr const char* kStyle = R"(<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .paper { fill: #ffffff; }
  .head { font-size: 17px; font-weight: 600; }
  .title { font-size: 13px; font-weight: 600; }
  .faint { fill: #59636e; }
  .axis { stroke: #b7bfc7; }
  .whisker { stroke: #1f2328; stroke-opacity: 0.55; }
  .cut { stroke: #ffffff; stroke-width: 2; }
  .goal { stroke: #cf222e; stroke-width: 2.5; }
  .isola { fill: #0969da; }
  .caf { fill: #bc8c2a; }
  .go { fill: #2da399; }
  .erlang { fill: #a371a8; }
  .caf1 { fill: #8a5a12; }
  .sobjectizer { fill: #6e7781; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .paper { fill: #0d1117; }
    .faint { fill: #9198a1; }
    .axis { stroke: #4b535c; }
    .whisker { stroke: #e6edf3; }
    .cut { stroke: #0d1117; }
    .goal { stroke: #ff7b72; }
    .isola { fill: #4493f8; }
    .caf { fill: #d8a848; }
    .go { fill: #3fbfb3; }
    .erlang { fill: #c297c7; }
    .caf1 { fill: #a97a30; }
    .sobjectizer { fill: #8b949e; }
  }
</style>
)";

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else
      result += c;
  }
  return result;
}

std::string shown(double value) {
  if (value < 0.995) return fmt::format("{:.2g}", value);
  return value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

struct Bar {
  const Row* row;
  const Kind* kind;
};
// The bars of one benchmark on so many workers.
struct Group {
  unsigned workers;
  std::vector<Bar> bars;
  const Goal* goal;
};
struct Panel {
  std::string name;
  std::string unit;
  std::vector<Group> groups;
  double most = 0;  // the end of the axis
  double cut = 0;   // as far as bars are drawn
  double height() const {
    double height = kTitle;
    for (const Group& group : groups)
      height += static_cast<double>(group.bars.size()) * kBarStep + kGroupGap;
    return height;
  }
};

Group group_of(const std::vector<Row>& rows, const std::string& name, unsigned workers) {
  Group group{workers, {}, goal_of(name, workers)};
  for (const Kind& kind : kKinds)
    if (const Row* row = find(rows, name, kind.system, workers)) group.bars.push_back({row, &kind});
  return group;
}

std::vector<Panel> panels_of(const std::vector<Row>& rows) {
  std::vector<Panel> panels;
  for (const Goal& goal : goals()) {
    if (!panels.empty() && panels.back().name == goal.name) continue;
    Panel panel{goal.name, {}, {}};
    for (unsigned workers : {1u, 2u}) {
      Group group = group_of(rows, goal.name, workers);
      if (group.bars.empty() || group.goal == nullptr) continue;
      panel.unit = group.bars.front().row->unit;
      for (const Bar& bar : group.bars) panel.most = std::max(panel.most, bar.row->figures.most);
      const double shown_well = std::max(group.goal->at_most, group.bars.front().row->figures.most);
      panel.most = std::max(panel.most, group.goal->at_most);
      panel.cut = std::max(panel.cut, kCutAt * shown_well);
      panel.groups.push_back(std::move(group));
    }
    panel.most = std::min(panel.most, panel.cut);
    if (!panel.groups.empty()) panels.push_back(std::move(panel));
  }
  return panels;
}

class Drawing {
 public:
  void text(double x, double y, const std::string& what, const char* classes = "",
            const char* anchor = "start") {
    add(R"(<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}">{}</text>)", x, y, classes,
        anchor, escaped(what));
  }
  void bar(double x, double y, double width, double height, const char* classes) {
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"/>)", x, y, width,
        height, classes);
  }
  void line(double x1, double y1, double x2, double y2, const char* classes) {
    add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>)", x1, y1, x2, y2,
        classes);
  }
  std::string take() { return std::move(out_); }

 private:
  void add(const char* format, const auto&... values) {
    out_ += fmt::format(fmt::runtime(format), values...) + "\n";
  }
  std::string out_;
};

// A gap that says that the bar goes on.
void draw_cut(Drawing& drawing, double x, double y) {
  for (const double at : {x - 14, x - 9}) drawing.line(at - 2, y + kBar + 1, at + 2, y - 1, "cut");
}

void draw_group(Drawing& drawing, const Panel& panel, const Group& group, double left, double top) {
  const double zero = left + kLabels;
  const auto at = [&](double value) { return zero + std::min(value / panel.most, 1.0) * kBars; };
  const double goal = at(group.goal->at_most);
  drawing.text(zero - 8, top + kBar - 2,
               fmt::format("{} worker{}", group.workers, group.workers == 1 ? "" : "s"), "faint",
               "end");
  double y = top;
  for (const Bar& bar : group.bars) {
    const Figures& figures = bar.row->figures;
    const std::string number = shown(figures.median);
    drawing.bar(zero, y, std::max(at(figures.median) - zero, 1.0), kBar, bar.kind->style);
    if (figures.median > panel.most)
      draw_cut(drawing, at(figures.median), y);
    else
      drawing.line(at(figures.least), y + kBar / 2, at(figures.most), y + kBar / 2, "whisker");
    double number_at = at(figures.most) + 6;
    // The mark of the goal crosses the first bar, but not its number.
    const double number_end = number_at + kDigit * static_cast<double>(number.size());
    if (y == top && goal > number_at - 6 && goal < number_end) number_at = goal + 6;
    drawing.text(number_at, y + kBar - 2, number);
    y += kBarStep;
  }
  drawing.line(zero, top - 3, zero, y - kBarStep + kBar + 3, "axis");
  drawing.line(goal, top - 3, goal, top + kBar + 3, "goal");
}

void draw_panel(Drawing& drawing, const Panel& panel, double left, double top) {
  drawing.text(left, top + 12, panel.name, "title");
  drawing.text(left + kPanelWidth, top + 12, panel.unit + " " + of_one(panel.name), "faint", "end");
  double y = top + kTitle;
  for (const Group& group : panel.groups) {
    draw_group(drawing, panel, group, left, y);
    y += static_cast<double>(group.bars.size()) * kBarStep + kGroupGap;
  }
}

// Of the legend only what is in the chart.
void draw_head(Drawing& drawing, const std::vector<Row>& rows, const std::string& versions) {
  drawing.text(kMargin, 34, "isola and its peers: shorter is better", "head");
  drawing.text(kMargin, 54, versions, "faint");
  double x = kMargin;
  for (const Kind& kind : kKinds) {
    if (std::none_of(rows.begin(), rows.end(),
                     [&](auto& row) { return row.system == kind.system; }))
      continue;
    drawing.bar(x, 64, kBar, kBar, kind.style);
    drawing.text(x + kBar + 6, 74, kind.shown);
    x += 76;
  }
  x = kMargin;
  drawing.line(x + 6, 82, x + 6, 98, "goal");
  drawing.text(x + 14, 94, "goal of isola");
  drawing.line(x + 110, 90, x + 136, 90, "whisker");
  drawing.text(x + 142, 94, "least to most of all runs; bars end at the median");
  drawing.bar(x + 450, 84, 30, kBar, "caf");
  draw_cut(drawing, x + 480, 84);
  drawing.text(x + 486, 94, "is cut");
}

}  // namespace

std::string chart_of(const std::vector<Row>& rows, const std::string& versions) {
  Drawing drawing;
  draw_head(drawing, rows, versions);
  // Two columns; a panel goes where there is more room.
  double bottom[2] = {kHead + 14, kHead + 14};
  for (const Panel& panel : panels_of(rows)) {
    const size_t column = bottom[0] <= bottom[1] ? 0 : 1;
    draw_panel(drawing, panel, kMargin + static_cast<double>(column) * (kPanelWidth + kPanelGap),
               bottom[column]);
    bottom[column] += panel.height() + 14;
  }
  const double width = 2 * kMargin + 2 * kPanelWidth + kPanelGap;
  const double height = std::max(bottom[0], bottom[1]) + kMargin / 2;
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" )"
      R"(width="{0:.0f}" height="{1:.0f}" role="img" )"
      R"(aria-label="Benchmarks of isola and its peers">)"
      "\n{2}{3}{4}</svg>\n",
      width, height, kStyle,
      fmt::format("<rect class=\"paper\" width=\"{:.0f}\" height=\"{:.0f}\"/>\n", width, height),
      drawing.take());
}

}  // namespace isola::bench
