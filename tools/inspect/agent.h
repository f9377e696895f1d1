// Agent: lets `isola ps` look into a System of this process, through a Unix socket that only this
// user can open.
//
//   isola::System system({.name = "shop"});
//   std::optional<isola::inspect::Agent> agent;
//   try {
//     agent.emplace(system);
//   } catch (const std::system_error& error) {
//     std::cerr << "not inspectable: " << error.what() << '\n';
//   }
//
// It has one plain thread, which sleeps until an inspector comes. It stops no worker and takes no
// lock that a worker takes, and neither what an inspector sends nor how slowly it reads can harm
// the program: see limits.h. No signal is handled on its thread. What an inspector of this user
// may do is read; one of another user (but root) is refused.
//
// A process may have several agents: their sockets are `PID.sock`, `PID-2.sock`, …
// Thread safety: construction and destruction by one thread; path(), any thread.
// Invariants: 1. the socket exists, and answers, as long as the Agent. 2. The System outlives it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace isola {
class System;
}

namespace isola::inspect {

struct AgentOptions {
  // Where its socket lies; empty: see socket_directory.h.
  std::string directory = {};
  // How long an inspector may say nothing complete before it is dropped; 0: kIdleMax.
  std::chrono::milliseconds idle_max{0};
};

class Agent {
 public:
  // REQUIRES: `system` outlives the agent. Blocks: shortly; see BoundSocket.
  // Fails: throws std::system_error with the path and the reason.
  explicit Agent(const System& system, AgentOptions options = {});
  // Closes all connections, ends the thread and removes the socket.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  const std::string& path() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace isola::inspect
