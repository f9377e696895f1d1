// Benchmarks of pools of isolates.
#pragma once

#include <cstdint>

namespace isola::bench {

// A thread submits a task to a pool of as many isolates as there are workers, waits for its result,
// and so on; nanoseconds a task. 200,000 by default.
double run_pool_submit(unsigned workers, uint64_t tasks);
// The same, but an isolate of the System submits them to a pool of one. 500,000 by default.
double run_pool_submit_inside(unsigned workers, uint64_t tasks);
// A thread has a pool map a function over that many numbers, one task each; nanoseconds a task.
// 500,000 by default.
double run_pool_map(unsigned workers, uint64_t tasks);

}  // namespace isola::bench
