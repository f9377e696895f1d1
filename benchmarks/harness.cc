// Rounds and medians.
#include "harness.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

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

std::vector<Row> run_all(const std::vector<Benchmark>& benchmarks, unsigned runs) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::vector<std::vector<double>> values(benchmarks.size());
  for (unsigned round = 0; round < runs; ++round) {
    for (size_t i = 0; i < benchmarks.size(); ++i) {
      const Benchmark& b = benchmarks[i];
      if (terminal)
        fmt::print(stderr, "\r\033[Kround {} of {}: {} of {} on {}", round + 1, runs, b.name,
                   b.system, b.workers);
      if (const double figure = b.run(); figure != kNoFigure) values[i].push_back(figure);
    }
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  std::vector<Row> rows;
  for (size_t i = 0; i < benchmarks.size(); ++i) {
    const Benchmark& b = benchmarks[i];
    if (values[i].empty()) continue;
    rows.push_back({b.name, b.system, b.workers, b.unit, summarize(std::move(values[i]))});
  }
  return rows;
}

const Row* find(const std::vector<Row>& rows, const std::string& name, const std::string& system,
                unsigned workers) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
    return row.name == name && row.system == system && row.workers == workers;
  });
  return found == rows.end() ? nullptr : &*found;
}

double floor_of(const std::vector<Row>& rows) {
  const Row* floor = find(rows, "floor", "by hand", 1);
  return floor == nullptr ? 0 : floor->figures.median;
}

}  // namespace isola::bench
