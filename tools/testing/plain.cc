// Finds the race, and words it.
#include "plain.h"

namespace isola::testing {
namespace {

std::string text_of(const char* what, uint32_t thread, const sync::Site& site) {
  return std::string(what) + " by thread " + std::to_string(thread) + " at " + place_of(site);
}

}  // namespace

void RaceCheck::note(bool write, const sync::Site& site) {
  Simulation* simulation = Simulation::current();
  if (simulation == nullptr || !simulation->is_weak()) return;
  const WeakMemory& memory = simulation->memory();
  const uint32_t me = simulation->running();
  const char* what = write ? "a write" : "a read";
  const auto race_with = [&](const char* other, uint32_t thread, const Access& access) {
    simulation->fail("data race: " + text_of(what, me, site) + ", and " +
                     text_of(other, thread, access.site) + ", which nothing orders");
  };
  if (!memory.knows(me, writer_, write_.time)) race_with("a write", writer_, write_);
  if (write) {
    for (uint32_t i = 0; i < kWeakThreadsMax; ++i)
      if (!memory.knows(me, i, reads_[i].time)) race_with("a read", i, reads_[i]);
    writer_ = me;
    write_ = {memory.now(me), site};
  } else {
    reads_[me] = {memory.now(me), site};
  }
}

}  // namespace isola::testing
