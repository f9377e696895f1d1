// Runs the body of a GoogleTest test with a System whose workers are virtual threads.
//
//   TEST(Counter, CountsAll) {
//     isola::testing::for_each_system(1000, [](isola::testing::Simulation& run,
//                                              isola::System& system) {
//       auto counter = system.spawn<Counter>();
//       run.spawn([&] { counter.send<Add>(…); });
//       …
//     });
//   }
//
// The body is the first virtual thread, outside of the System. How many workers there are is drawn
// with the seed, unless the options say it, and so is, in half of the runs, which ready actor has
// the next turn. After the body the threads that it started are joined
// and the System is stopped; then no block may be left. (What they use of the body's own has to be
// joined or stopped there.)
#pragma once

#include <isola/actors/system.h>
#include <isola/tools/testing/gtest.h>

#include <functional>
#include <utility>

namespace isola::testing {

inline constexpr uint32_t kWorkersMax = 3;
// Whether half of the runs draw which of the ready actors has the next turn. In the others, as in
// production, it is the one that has been ready for longest.
inline bool may_draw_ready_actors = true;

using SystemBody = std::function<void(Simulation&, System&)>;

// One run, within a simulation.
inline void run_system(Simulation& run, SystemOptions options, const SystemBody& body) {
  if (options.workers == 0) options.workers = 1 + static_cast<uint32_t>(run.choose(kWorkersMax));
  if (!options.on_failure) options.on_failure = [](const Error&) {};  // counted, not printed
  detail::ready_actors_are_drawn = may_draw_ready_actors && run.choose(2) == 0;
  System system(std::move(options));
  const uint32_t first = run.threads();
  body(run, system);
  run.join_from(first);
  system.stop();
  run.check(system.pool_stats().live == 0, "blocks were not given back");
  run.check(system.actors() == 0, "actors are left");
}

// With seeds 1 … `seeds`, until one fails. Returns the number of operations in all.
inline uint64_t for_each_system(uint64_t seeds, const SystemBody& body,
                                const SystemOptions& options = {}) {
  return for_each_schedule(
      seeds, [&](Simulation& run) { run_system(run, options, body); }, {.fibers = true});
}

}  // namespace isola::testing
