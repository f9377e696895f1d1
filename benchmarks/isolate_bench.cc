// The isolates that are made have names and do nothing else; the exceptions hold what those of
// programs hold, a text.
#include "isolate_bench.h"

#include <isola/isola.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors_support.h"
#include "harness.h"

namespace isola::bench {
namespace {

// --- isolates -----------------------------------------------------------------------------------

// By number, as a function in an isolate is given what can be sent.
System* systems[2] = {};

int64_t make_and_find(int64_t which, int64_t rounds) {
  System& system = *systems[which];
  int64_t found = 0;
  for (int64_t i = 0; i < rounds; ++i) {
    {
      const Isolate made = system.create({.name = "made"});
      if (!system.find(made.id()).err) ++found;
      if (i % 8 == 0 && system.isolates().empty()) return -1;
    }
    if (i % 8 == 0) yield();  // those that were dropped end now
  }
  return found;
}

// `at_once` of the functions, each in an isolate of its own; `apart`: of its own System.
double make_and_find_at_once(unsigned at_once, bool apart, uint64_t rounds) {
  std::vector<std::unique_ptr<System>> all;
  for (unsigned i = 0; i < (apart ? at_once : 1); ++i)
    all.push_back(std::make_unique<System>(SystemOptions{.workers = apart ? 1 : at_once}));
  for (size_t i = 0; i < 2; ++i) systems[i] = all[i % all.size()].get();
  std::vector<Isolate> makers;
  for (unsigned i = 0; i < at_once; ++i) makers.push_back(systems[i]->create());
  const auto each = static_cast<int64_t>(rounds / at_once);
  int64_t found = 0;
  const double ns = nanoseconds_each(rounds, [&] {
    std::vector<Future<int64_t>> futures;
    for (unsigned i = 0; i < at_once; ++i)
      futures.push_back(makers[i].run_async(&make_and_find, int64_t{i}, each));
    for (Future<int64_t>& future : futures) found += future.get().or_raise();
  });
  expect_equal(found, static_cast<uint64_t>(each) * at_once, "isolates");
  makers.clear();
  return ns;
}

// --- records ------------------------------------------------------------------------------------

[[gnu::noinline]] void fail_with_causes(int causes) {
  if (causes == 0) throw std::runtime_error("the disk is full");
  try {
    fail_with_causes(causes - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error("what came of it"));
  }
}

[[gnu::noinline]] void fail_deep(int frames) {
  if (frames == 0) return fail_with_causes(3);
  fail_deep(frames - 1);
  asm volatile("");  // no tail call
}

int64_t catch_all(int64_t exceptions) {
  int64_t caught = 0;
  for (int64_t i = 0; i < exceptions; ++i) {
    try {
      fail_deep(10);
    } catch (const std::runtime_error&) {
      ++caught;
    }
  }
  return caught;
}

int64_t record_all(int64_t exceptions) {
  Pool& pool = systems[0]->pool();
  int64_t made = 0;
  Error error;
  for (int64_t i = 0; i < exceptions; ++i) {
    try {
      fail_deep(10);
    } catch (...) {
      error = detail::capture_exception(pool, detail::FailedAt{.actor = "bench", .actor_id = 1});
    }
    if (error.code() == Code::failed) ++made;
  }
  return error.causes().size() == 3 ? made : -1;  // which looks names up: for one of them
}

}  // namespace

double run_isolates(unsigned workers, uint64_t rounds) {
  return make_and_find_at_once(workers, false, rounds / workers * workers);
}

double run_isolates_apart(unsigned workers, uint64_t rounds) {
  return make_and_find_at_once(workers, true, rounds / workers * workers);
}

double run_throw_and_catch(uint64_t exceptions) {
  int64_t caught = 0;
  const double each =
      nanoseconds_each(exceptions, [&] { caught = catch_all(static_cast<int64_t>(exceptions)); });
  expect_equal(caught, exceptions, "error_record");
  return each;
}

double run_error_record(uint64_t exceptions) {
  System system({.workers = 1});
  systems[0] = &system;
  Isolate isolate = system.create();
  int64_t made = 0;
  const double each = nanoseconds_each(exceptions, [&] {
    made = isolate.run(&record_all, static_cast<int64_t>(exceptions)).or_raise();
  });
  expect_equal(made, exceptions, "error_record");
  return each;
}

}  // namespace isola::bench
