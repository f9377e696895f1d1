// The agent's side of the inspector's protocol: takes connections, checks who comes, answers.
//
// Every connection is one of at most kConnectionsMax, and is dropped when it sends what is no
// Cap'n Proto RPC or too much of it, takes no answers, or is silent for too long.
// Thread safety: one thread, which runs nothing else.
#pragma once

#include <chrono>
#include <future>

namespace isola {
class System;
}

namespace isola::inspect {

struct ServerOptions {
  int listening_fd = -1;  // a listening Unix socket; stays the caller's
  int stop_fd = -1;       // an eventfd: serve() returns once it is readable
  std::chrono::milliseconds idle_max{0};
};

// Serves until it is stopped. Fulfils `started` when connections are taken, or gives it the
// std::system_error that prevents it. Blocks.
void serve(const System& system, const ServerOptions& options, std::promise<void> started);

}  // namespace isola::inspect
