// How benchmarks are run: all of them interleaved, several times, medians with least and most. The
// machine is shared and noisy, so only figures of one run are compared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isola::bench {

// Of a run that is left out.
inline constexpr double kNoFigure = -1;

struct Benchmark {
  std::string name;
  std::string system;  // "isola", or what it is compared with
  unsigned workers;
  std::string unit;
  // Runs it once and returns the figure, in `unit`, or kNoFigure. Throws if the work was not done.
  std::function<double()> run;
};

struct Figures {
  double median = 0;
  double least = 0;
  double most = 0;
};

// A benchmark and what came of it.
struct Row {
  std::string name;
  std::string system;
  unsigned workers;
  std::string unit;
  Figures figures;
};

// Of a list of measurements. REQUIRES: not empty.
Figures summarize(std::vector<double> values);

// Runs `benchmarks` round by round, `runs` times each, with progress on a terminal. If all runs of
// one are left out it has no row.
// Fails: throws what a benchmark throws.
std::vector<Row> run_all(const std::vector<Benchmark>& benchmarks, unsigned runs);

// The row of this name, system and number of workers; nullptr if it was not run.
const Row* find(const std::vector<Row>& rows, const std::string& name, const std::string& system,
                unsigned workers);
// The median of `floor`; 0 if it was not run.
double floor_of(const std::vector<Row>& rows);

// Nanoseconds for one of `count`, of what `work` takes.
double nanoseconds_each(uint64_t count, const std::function<void()>& work);

}  // namespace isola::bench
