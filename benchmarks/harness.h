// How benchmarks are run and reported: all of them interleaved, several times, medians with least
// and most. The machine is shared and noisy, so only figures of one run are compared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isola::bench {

struct Benchmark {
  std::string name;
  std::string system;  // "isola", or what it is compared with
  unsigned workers;
  std::string unit;
  // Runs it once and returns the figure, in `unit`. Throws if the work was not done.
  std::function<double()> run;
};

struct Figures {
  double median = 0;
  double least = 0;
  double most = 0;
};

// Of a list of measurements. REQUIRES: not empty.
Figures summarize(std::vector<double> values);

// Runs `benchmarks` round by round, `runs` times each, with progress on a terminal, and prints the
// table; ratios are to `floor`. Writes JSON to `json_path` unless that is empty.
// Returns the exit status.
int run_all(const std::vector<Benchmark>& benchmarks, unsigned runs, const std::string& json_path);

// Nanoseconds for one of `count`, of what `work` takes.
double nanoseconds_each(uint64_t count, const std::function<void()>& work);

}  // namespace isola::bench
