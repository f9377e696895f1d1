// isola_bench: the benchmark program. See docs/performance.md for what the figures mean.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "chart.h"
#include "harness.h"
#include "peers/child.h"
#include "report.h"
#include "suite.h"

namespace isola::bench {
namespace {

struct Options {
  std::string json_path;
  std::string svg_path;
  unsigned runs = 5;
  double scale = 1;
  bool peers = false;
  std::vector<std::string> names;
  std::vector<std::string> alone;  // name, workers, count
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

int measure(const Options& options) {
  const std::vector<Benchmark> all = all_benchmarks(options.peers, options.scale);
  const auto& names = options.names;
  std::vector<Benchmark> chosen;
  for (const Benchmark& benchmark : all)
    if (names.empty() || std::find(names.begin(), names.end(), benchmark.name) != names.end())
      chosen.push_back(benchmark);
  for (const std::string& name : names) {
    if (std::none_of(all.begin(), all.end(), [&](auto& b) { return b.name == name; })) {
      std::fprintf(stderr, "isola_bench: no benchmark \"%s\"; there are: %s\n", name.c_str(),
                   names_of(all).c_str());
      return 2;
    }
  }
  std::string versions;
  if (options.peers)
    for (const Peer& peer : all_peers())
      versions += (versions.empty() ? "" : ", ") + version_of(peer);
  const std::vector<Row> rows = run_all(chosen, options.runs);
  print(table_of(rows));
  print(pairs_of(rows));
  print(held_of(rows));
  if (options.peers) print("\nPeers: " + versions + "\n" + comparison_of(rows));
  if (!options.json_path.empty()) write_json(options.json_path, rows, options.runs);
  if (!options.svg_path.empty()) {
    write_file(options.svg_path, chart_of(rows, versions));
    print("The chart is in " + options.svg_path + "\n");
  }
  return 0;
}

}  // namespace
}  // namespace isola::bench

int main(int argc, char** argv) {
  isola::bench::Options options;
  CLI::App app("Benchmarks of isola. Without names: all.", "isola_bench");
  app.add_option("--json", options.json_path, "write the figures to this file, too");
  app.add_option("--svg", options.svg_path, "draw the rows that have goals or peers, as SVG");
  app.add_option("--runs", options.runs, "how often each is run")->check(CLI::Range(1, 1000));
  app.add_option("--scale", options.scale, "share of the usual amount of work")
      ->check(CLI::Range(0.0001, 100.0));
  app.add_flag("--peers", options.peers,
               "run CAF, Go, Erlang and Boost.Fiber, too, and what else of them is there");
  app.add_option("--alone", options.alone)->expected(3)->group("");  // for run_self_alone only
  app.add_option("names", options.names,
                 isola::bench::names_of(isola::bench::all_benchmarks(true, 1)));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    if (options.alone.empty()) return isola::bench::measure(options);
    isola::bench::run_alone(options.alone[0], static_cast<unsigned>(std::stoul(options.alone[1])),
                            std::stoull(options.alone[2]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "isola_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
