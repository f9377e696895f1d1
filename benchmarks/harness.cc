// Rounds, medians, the table and the JSON file.
#include "harness.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>

namespace isola::bench {

Figures summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

double nanoseconds_each(uint64_t count, const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / static_cast<double>(count);
}

namespace {

void write_json(const std::string& path, const std::vector<Benchmark>& benchmarks,
                const std::vector<Figures>& figures, unsigned runs) {
  std::ofstream out(path);
  out << "[\n";
  for (size_t i = 0; i < benchmarks.size(); ++i) {
    const Benchmark& b = benchmarks[i];
    out << fmt::format(
        R"(  {{"bench": "{}", "system": "{}", "workers": {}, "unit": "{}", "median": {:.3f}, )"
        R"("min": {:.3f}, "max": {:.3f}, "runs": {}}}{})",
        b.name, b.system, b.workers, b.unit, figures[i].median, figures[i].least, figures[i].most,
        runs, i + 1 < benchmarks.size() ? ",\n" : "\n");
  }
  out << "]\n";
  out.close();
  if (!out) throw std::runtime_error("can't write " + path);
}

double floor_median(const std::vector<Benchmark>& benchmarks, const std::vector<Figures>& figures) {
  for (size_t i = 0; i < benchmarks.size(); ++i)
    if (benchmarks[i].name == "floor") return figures[i].median;
  return 0;
}

}  // namespace

int run_all(const std::vector<Benchmark>& benchmarks, unsigned runs, const std::string& json_path) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::vector<std::vector<double>> values(benchmarks.size());
  try {
    for (unsigned round = 0; round < runs; ++round) {
      for (size_t i = 0; i < benchmarks.size(); ++i) {
        if (terminal)
          fmt::print(stderr, "\r\033[Kround {} of {}: {} on {}", round + 1, runs,
                     benchmarks[i].name, benchmarks[i].workers);
        values[i].push_back(benchmarks[i].run());
      }
    }
    if (terminal) fmt::print(stderr, "\r\033[K");
    std::vector<Figures> figures;
    for (auto& list : values) figures.push_back(summarize(list));
    const double floor = floor_median(benchmarks, figures);
    fmt::print("{:<14} {:<12} {:>7} {:>10} {:>10} {:>10} {:>8}  {}\n", "bench", "system", "workers",
               "median", "min", "max", "x floor", "unit");
    for (size_t i = 0; i < benchmarks.size(); ++i) {
      const Benchmark& b = benchmarks[i];
      const std::string ratio =
          floor > 0 && b.unit == "ns" ? fmt::format("{:.2f}", figures[i].median / floor) : "-";
      fmt::print("{:<14} {:<12} {:>7} {:>10.1f} {:>10.1f} {:>10.1f} {:>8}  {}\n", b.name, b.system,
                 b.workers, figures[i].median, figures[i].least, figures[i].most, ratio, b.unit);
    }
    if (!json_path.empty()) write_json(json_path, benchmarks, figures, runs);
  } catch (const std::exception& error) {
    fmt::print(stderr, "isola_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace isola::bench
