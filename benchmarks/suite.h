// The list of all benchmarks.
#pragma once

#include <string>
#include <vector>

#include "harness.h"

namespace isola::bench {

// All benchmarks, those of the peers only if asked for, with `scale` times the usual work.
std::vector<Benchmark> all_benchmarks(bool peers, double scale);

// The name of each benchmark once.
std::string names_of(const std::vector<Benchmark>& all);

// What a benchmark is that needs a process of its own: this program runs itself for it. Prints the
// figure. Fails: throws if there is no such benchmark, or what it throws.
void run_alone(const std::string& name, unsigned workers, uint64_t count);

}  // namespace isola::bench
