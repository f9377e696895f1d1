// A program outside of the tree that simulates: it finds the schedule that loses an increment.
#include <isola/tools/testing/simulation.h>

#include <cstdint>
#include <iostream>

using isola::testing::Simulation;

int main() {
  Simulation simulation;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    const auto failure = simulation.run(seed, [](Simulation& run) {
      isola::sync::atomic<int> count{0};
      for (int i = 0; i < 2; ++i) run.spawn([&] { count.store(count.load() + 1); });
      run.join_all();
      run.check(count.load() == 2, "lost");
    });
    if (!failure) continue;
    std::cout << failure->what << '\n';
    return 0;
  }
}
