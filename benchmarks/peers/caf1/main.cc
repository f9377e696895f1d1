// caf1_peer NAME WORKERS COUNT [SCHEDULER] prints the figure; caf1_peer version, which CAF it is.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "peer.h"

namespace {

struct Named {
  const char* name;
  double (*run)(caf::actor_system& system, int64_t count);
};
constexpr Named kBenchmarks[] = {
    {"pingpong", caf1_peer::pingpong},
    {"counting", caf1_peer::counting},
    {"thread_ring", caf1_peer::thread_ring},
    {"ask", caf1_peer::ask},
    {"payload", caf1_peer::payload},
    {"fork_join_create", caf1_peer::fork_join_create},
    {"fork_join_throughput", caf1_peer::fork_join_throughput},
    {"big", caf1_peer::big},
    {"chameneos", caf1_peer::chameneos},
    {"idle_bytes", caf1_peer::idle_bytes},
};

int run(const char* name, size_t workers, int64_t count, const char* scheduler) {
  for (const Named& benchmark : kBenchmarks) {
    if (std::strcmp(benchmark.name, name) != 0) continue;
    caf::actor_system_config config;
    config.set("caf.scheduler.max-threads", workers);
    // `sharing` has one queue, `stealing`, which is the default, one for each thread. That was
    // faster with two threads, by up to three times, and the other with one, by a tenth.
    if (scheduler == nullptr) scheduler = workers == 1 ? "sharing" : "stealing";
    config.set("caf.scheduler.policy", scheduler);
    caf::actor_system system(config);
    std::printf("%.4f\n", benchmark.run(system, count));
    std::fflush(stdout);
    std::_Exit(0);  // actors that know each other would never end, and the system waits for them
  }
  std::fprintf(stderr, "caf1_peer: no benchmark %s\n", name);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
    std::printf("CAF %d.%d.%d\n", CAF_MAJOR_VERSION, CAF_MINOR_VERSION, CAF_PATCH_VERSION);
    return 0;
  }
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "usage: caf1_peer NAME WORKERS COUNT [SCHEDULER]\n");
    return 2;
  }
  try {
    caf::init_global_meta_objects<caf::id_block::caf1_peer>();
    caf::core::init_global_meta_objects();
    return run(argv[1], std::stoul(argv[2]), std::stoll(argv[3]), argc == 5 ? argv[4] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "caf1_peer: %s\n", error.what());
    return 1;
  }
}
