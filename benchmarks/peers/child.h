// What runs as a process of its own: peers, and benchmarks of isola that measure their process.
// Each such program measures itself and prints the figure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace isola::bench {

struct Peer {
  const char* system;   // as the table names it
  const char* program;  // in bin/peers, which lies beside this program
};

// CAF, Go and Erlang.
const std::vector<Peer>& all_peers();

// Runs the benchmark `name` of a peer with this many threads of its scheduler, and returns the
// figure that it prints.
// Fails: throws std::runtime_error if it can't be run, fails or prints anything else.
double run_peer(const Peer& peer, const std::string& name, unsigned workers, uint64_t count);
// What the peer says about its version: "CAF 0.17.6". Fails: the same.
std::string version_of(const Peer& peer);

// As run_peer, of this program itself: see run_alone in suite.h.
double run_self_alone(const std::string& name, unsigned workers, uint64_t count);

}  // namespace isola::bench
