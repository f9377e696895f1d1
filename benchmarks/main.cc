// isola_bench: the benchmark program. See docs/performance.md for what the figures mean.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "actors_bench.h"
#include "building_bench.h"
#include "channels_bench.h"
#include "floor.h"
#include "harness.h"
#include "peers/boost_fiber.h"
#include "peers/child.h"

namespace isola::bench {
namespace {

// All benchmarks, those of the peers only if asked for, with `scale` times the usual work.
std::vector<Benchmark> all_benchmarks(bool peers, double scale) {
  std::vector<Benchmark> all;
  const auto add = [&](const char* name, const char* system, unsigned workers, double count,
                       auto run) {
    const auto scaled = static_cast<uint64_t>(count * scale) + 1;
    all.push_back({name, system, workers, "ns", [=] { return run(workers, scaled); }});
  };
  add("floor", "by hand", 1, 5e6, [](unsigned, uint64_t count) { return run_floor(count); });
  for (unsigned workers : {1u, 2u}) {
    add("pingpong", "isola", workers, 2e6, run_pingpong);
    add("counting", "isola", workers, 5e6, run_counting);
    if (peers && workers == 1)
      add("counting", "boost_fiber", 1, 5e6,
          [](unsigned, uint64_t count) { return run_boost_fiber_counting(count); });
    if (peers) add("counting", "go", workers, 5e6, run_go_counting);
    add("channel", "isola", workers, 5e6, run_channel);
    add("ask", "isola", workers, 5e5, run_ask);
  }
  add("recv", "isola", 1, 5e6, [](unsigned, uint64_t count) { return run_recv(count); });
  add("select8", "isola", 1, 2e6, [](unsigned, uint64_t count) { return run_select8(count); });
  add("blob", "isola 1 KiB", 1, 1e6,
      [](unsigned, uint64_t count) { return run_blob(1 << 10, count); });
  add("blob", "isola 1 MiB", 1, 1e6,
      [](unsigned, uint64_t count) { return run_blob(1 << 20, count); });
  add("thread_channel", "isola", 2, 2e6,
      [](unsigned, uint64_t count) { return run_thread_channel(count); });
  add("text_list", "by hand", 1, 2e6,
      [](unsigned, uint64_t count) { return run_text_list_by_hand(count); });
  add("text_list", "isola", 1, 2e6, [](unsigned, uint64_t count) { return run_text_list(count); });
  add("text_list", "isola sent", 1, 2e6,
      [](unsigned, uint64_t count) { return run_text_list_sent(count); });
  return all;
}

// The name of each benchmark once.
std::string names_of(const std::vector<Benchmark>& all) {
  std::string names;
  for (const Benchmark& benchmark : all)
    if ((" " + names + " ").find(" " + benchmark.name + " ") == std::string::npos)
      names += (names.empty() ? "" : " ") + benchmark.name;
  return names;
}

}  // namespace
}  // namespace isola::bench

int main(int argc, char** argv) {
  using isola::bench::Benchmark;
  CLI::App app("Benchmarks of isola. Without names: all.", "isola_bench");
  std::string json_path;
  std::vector<std::string> names;
  unsigned runs = 5;
  double scale = 1;
  bool peers = false;
  app.add_option("--json", json_path, "write the figures to this file, too");
  app.add_option("--runs", runs, "how often each is run")->check(CLI::Range(1, 1000));
  app.add_option("--scale", scale, "share of the usual amount of work")
      ->check(CLI::Range(0.0001, 100.0));
  app.add_flag("--peers", peers, "run counting on Boost.Fiber and Go, too");
  app.add_option("names", names, isola::bench::names_of(isola::bench::all_benchmarks(true, 1)));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const std::vector<Benchmark> all = isola::bench::all_benchmarks(peers, scale);
  std::vector<Benchmark> chosen;
  for (const Benchmark& benchmark : all)
    if (names.empty() || std::find(names.begin(), names.end(), benchmark.name) != names.end())
      chosen.push_back(benchmark);
  for (const std::string& name : names) {
    if (std::none_of(all.begin(), all.end(), [&](auto& b) { return b.name == name; })) {
      std::fprintf(stderr, "isola_bench: no benchmark \"%s\"; there are: %s\n", name.c_str(),
                   isola::bench::names_of(all).c_str());
      return 2;
    }
  }
  return isola::bench::run_all(chosen, runs, json_path);
}
