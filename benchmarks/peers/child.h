// What runs as a process of its own: peers, and benchmarks of isola that measure their process.
// Each such program measures itself and prints the figure.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace isola::bench {

struct Peer {
  const char* system;   // as the table names it
  const char* program;  // in bin/peers, which lies beside this program
};

// How long such a program may take. CAF 0.17.6 at times needs minutes to end 200,000 actors.
inline constexpr std::chrono::seconds kChildLimit{60};

// It took longer, and was ended.
class TookTooLong : public std::runtime_error {
 public:
  explicit TookTooLong(const std::string& program)
      : std::runtime_error(program + " was ended after " + std::to_string(kChildLimit.count()) +
                           " s") {}
};

// CAF, Go and Erlang, and of CAF 1.1 and SObjectizer those that were built: Debian has neither.
const std::vector<Peer>& all_peers();

// Runs the benchmark `name` of a peer with this many threads of its scheduler, and returns the
// figure that it prints.
// Fails: throws TookTooLong, and std::runtime_error if it can't be run, fails or prints anything
// else.
double run_peer(const Peer& peer, const std::string& name, unsigned workers, uint64_t count);
// What the peer says about its version: "CAF 0.17.6". Fails: the same.
std::string version_of(const Peer& peer);

// As run_peer, of this program itself: see run_alone in suite.h.
double run_self_alone(const std::string& name, unsigned workers, uint64_t count);

}  // namespace isola::bench
