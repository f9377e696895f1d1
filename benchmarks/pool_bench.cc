// Tasks that only count, so what is measured is the pool.
#include "pool_bench.h"

#include <isola/isola.h>

#include <numeric>
#include <vector>

#include "actors_support.h"
#include "harness.h"

namespace isola::bench {
namespace {

int64_t next_number(int64_t n) { return n + 1; }

int64_t count_up(IsolatePool& pool, int64_t tasks) {
  int64_t n = 0;
  for (int64_t i = 0; i < tasks; ++i) n = pool.submit(&next_number, n).get().or_raise();
  return n;
}

int64_t count_up_inside(int64_t tasks) {
  IsolatePool pool({.workers = 1});
  return count_up(pool, tasks);
}

}  // namespace

double run_pool_submit(unsigned workers, uint64_t tasks) {
  System system({.workers = workers});
  IsolatePool pool(system);
  int64_t done = 0;
  const double each =
      nanoseconds_each(tasks, [&] { done = count_up(pool, static_cast<int64_t>(tasks)); });
  expect_equal(done, tasks, "pool_submit");
  return each;
}

double run_pool_submit_inside(unsigned workers, uint64_t tasks) {
  System system({.workers = workers});
  Isolate isolate = system.create();
  int64_t done = 0;
  const double each = nanoseconds_each(tasks, [&] {
    done = isolate.run(&count_up_inside, static_cast<int64_t>(tasks)).or_raise();
  });
  expect_equal(done, tasks, "pool_submit");
  return each;
}

double run_pool_map(unsigned workers, uint64_t tasks) {
  System system({.workers = workers});
  IsolatePool pool(system);
  std::vector<int64_t> numbers(tasks);
  std::iota(numbers.begin(), numbers.end(), 0);
  uint64_t right = 0;
  const double each = nanoseconds_each(tasks, [&] {
    int64_t expected = 0;
    for (auto& [value, err] : pool.map(&next_number, numbers))
      if (!err && value == ++expected) ++right;
  });
  expect_equal(static_cast<int64_t>(right), tasks, "pool_map");
  return each;
}

}  // namespace isola::bench
