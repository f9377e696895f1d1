// sobjectizer_peer NAME WORKERS COUNT [DISPATCHER] prints the figure; sobjectizer_peer version,
// which SObjectizer it is.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "peer.h"

namespace {

// Each on the dispatcher that was fastest of all in dispatchers.cc, alone or with up to so many
// threads, locks that spin or don't, and up to 1,000 demands at once. One thread for all agents
// (`one_thread`) was faster than two everywhere: threads that wait for each other's messages wake
// each other most of the time, and a queue for each agent costs more than one for all. Where agents
// come and go, `one_thread` has another thread to end them, and `simple_mtsafe` none.
struct Named {
  const char* name;
  double (*run)(const so5_peer::How& how, int64_t count);
  const char* on_one;
  const char* on_two;
};
constexpr Named kBenchmarks[] = {
    {"pingpong", so5_peer::pingpong, "one", "one"},
    {"counting", so5_peer::counting, "one", "one"},
    {"thread_ring", so5_peer::thread_ring, "one", "one"},
    {"ask", so5_peer::ask, "one", "one"},
    {"payload", so5_peer::payload, "one", "one"},
    {"fork_join_create", so5_peer::fork_join_create, "mtsafe", "mtsafe"},
    {"fork_join_throughput", so5_peer::fork_join_throughput, "one", "one"},
    {"big", so5_peer::big, "one", "one"},
    {"chameneos", so5_peer::chameneos, "one", "one"},
    {"idle_bytes", so5_peer::idle_bytes, "one", "one"},
};

int run(const char* name, size_t workers, int64_t count, const char* dispatcher) {
  for (const Named& benchmark : kBenchmarks) {
    if (std::strcmp(benchmark.name, name) != 0) continue;
    if (dispatcher == nullptr) dispatcher = workers == 1 ? benchmark.on_one : benchmark.on_two;
    so5_peer::How how = so5_peer::how_of(dispatcher);
    how.threads = workers;
    std::printf("%.4f\n", benchmark.run(how, count));
    return 0;
  }
  std::fprintf(stderr, "sobjectizer_peer: no benchmark %s\n", name);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
    std::printf("SObjectizer 5.%llu.%llu\n", SO_5_VERSION_MAJOR, SO_5_VERSION_MINOR);
    return 0;
  }
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "usage: sobjectizer_peer NAME WORKERS COUNT [DISPATCHER]\n");
    return 2;
  }
  try {
    return run(argv[1], std::stoul(argv[2]), std::stoll(argv[3]), argc == 5 ? argv[4] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sobjectizer_peer: %s\n", error.what());
    return 1;
  }
}
