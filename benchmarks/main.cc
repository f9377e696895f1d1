// isola_bench: the benchmark program. See docs/performance.md for what the figures mean.
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "actors_bench.h"
#include "floor.h"
#include "harness.h"

int main(int argc, char** argv) {
  using isola::bench::Benchmark;
  CLI::App app("Benchmarks of isola. Without names: all.", "isola_bench");
  std::string json_path;
  std::vector<std::string> names;
  unsigned runs = 5;
  double scale = 1;
  app.add_option("--json", json_path, "write the figures to this file, too");
  app.add_option("--runs", runs, "how often each is run")->check(CLI::Range(1, 1000));
  app.add_option("--scale", scale, "share of the usual amount of work")
      ->check(CLI::Range(0.0001, 100.0));
  app.add_option("names", names, "floor pingpong counting channel ask");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto scaled = [&](double count) { return static_cast<uint64_t>(count * scale) + 1; };
  std::vector<Benchmark> all;
  all.push_back(
      {"floor", "by hand", 1, "ns", [=] { return isola::bench::run_floor(scaled(5'000'000)); }});
  for (unsigned workers : {1u, 2u}) {
    using namespace isola::bench;
    all.push_back({"pingpong", "isola", workers, "ns",
                   [=] { return run_pingpong(workers, scaled(2'000'000)); }});
    all.push_back({"counting", "isola", workers, "ns",
                   [=] { return run_counting(workers, scaled(5'000'000)); }});
    all.push_back({"channel", "isola", workers, "ns",
                   [=] { return run_channel(workers, scaled(5'000'000)); }});
    all.push_back(
        {"ask", "isola", workers, "ns", [=] { return run_ask(workers, scaled(500'000)); }});
  }

  std::vector<Benchmark> chosen;
  for (const Benchmark& benchmark : all)
    if (names.empty() || std::find(names.begin(), names.end(), benchmark.name) != names.end())
      chosen.push_back(benchmark);
  for (const std::string& name : names) {
    if (std::none_of(all.begin(), all.end(), [&](auto& b) { return b.name == name; })) {
      std::fprintf(stderr,
                   "isola_bench: no benchmark \"%s\"; there are floor, pingpong, counting, "
                   "channel and ask\n",
                   name.c_str());
      return 2;
    }
  }
  return isola::bench::run_all(chosen, runs, json_path);
}
