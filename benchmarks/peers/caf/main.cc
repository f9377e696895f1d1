// caf_peer NAME WORKERS COUNT prints the figure; caf_peer version, which CAF it is.
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
    {"pingpong", caf_peer::pingpong},
    {"counting", caf_peer::counting},
    {"thread_ring", caf_peer::thread_ring},
    {"ask", caf_peer::ask},
    {"payload", caf_peer::payload},
    {"fork_join_create", caf_peer::fork_join_create},
    {"fork_join_throughput", caf_peer::fork_join_throughput},
    {"big", caf_peer::big},
    {"chameneos", caf_peer::chameneos},
    {"idle_bytes", caf_peer::idle_bytes},
};

int run(const char* name, size_t workers, int64_t count) {
  for (const Named& benchmark : kBenchmarks) {
    if (std::strcmp(benchmark.name, name) != 0) continue;
    caf::actor_system_config config;
    config.set("scheduler.max-threads", workers);
    caf::actor_system system(config);
    std::printf("%.4f\n", benchmark.run(system, count));
    std::fflush(stdout);
    std::_Exit(0);  // actors that know each other would never end, and the system waits for them
  }
  std::fprintf(stderr, "caf_peer: no benchmark %s\n", name);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
    std::printf("CAF %d.%d.%d\n", CAF_MAJOR_VERSION, CAF_MINOR_VERSION, CAF_PATCH_VERSION);
    return 0;
  }
  if (argc != 4) {
    std::fprintf(stderr, "usage: caf_peer NAME WORKERS COUNT\n");
    return 2;
  }
  try {
    return run(argv[1], std::stoul(argv[2]), std::stoll(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "caf_peer: %s\n", error.what());
    return 1;
  }
}
