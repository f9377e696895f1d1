// The benchmarks with agents of SObjectizer, as its users would write them: small structs and
// signals as messages, sent to the agents' own mboxes. A message that goes on unread or with one
// field changed is handed on instead of made anew. Each benchmark measures itself and returns the
// figure: nanoseconds for one of `count`, unless it says otherwise. It throws if the work was not
// done.
#pragma once

#include <so_5/all.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "../measure.h"

namespace so5_peer {

// Where agents run.
struct How {
  enum class Kind { main, mtsafe, one, nef_one, active, pool, nef_pool, adv_pool };
  Kind kind = Kind::one;
  bool each = false;    // pools: a queue for each agent, instead of one for each cooperation
  bool simple = false;  // locks that don't spin
  size_t demands = 4;   // pools: how many of one queue a thread handles at once
  size_t threads = 1;   // of pools
};

// "one", "pool,each,simple,1000": see dispatchers.cc. Fails: throws std::invalid_argument.
How how_of(const std::string& text);

// What came of a benchmark; its agents write it.
struct Outcome {
  std::chrono::steady_clock::time_point began;
  std::chrono::steady_clock::time_point ended;
  std::atomic<int64_t> done{0};  // to be compared with what was to be done

  void begin() { began = std::chrono::steady_clock::now(); }
  void end() { ended = std::chrono::steady_clock::now(); }
  double nanoseconds_each(int64_t count) const {
    const std::chrono::duration<double, std::nano> taken = ended - began;
    return taken.count() / static_cast<double>(count);
  }
};

using Start =
    std::function<void(so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder)>;

// An environment of its own, in which `start` makes agents; until one of them stops it.
void run_agents(const How& how, const Start& start);

double pingpong(const How& how, int64_t round_trips);
double counting(const How& how, int64_t messages);
double thread_ring(const How& how, int64_t hops);
double ask(const How& how, int64_t asks);
double payload(const How& how, int64_t passes);  // microseconds a pass
double fork_join_create(const How& how, int64_t actors);
double fork_join_throughput(const How& how, int64_t messages);
double big(const How& how, int64_t pings);
double chameneos(const How& how, int64_t meetings);
double idle_bytes(const How& how, int64_t actors);  // bytes an agent

// An agent that handles so many types of messages. That is all it has room for, which saves memory.
template <size_t kTypes>
class Agent : public so_5::agent_t {
 public:
  explicit Agent(context_t context)
      : agent_t(std::move(context) + so_5::vector_based_subscription_storage_factory(kTypes)) {}
};

using peer::expect;

}  // namespace so5_peer
