// The benchmarks with event-based actors of CAF on its work-stealing scheduler, as its users would
// write them. Each measures itself and returns the figure: nanoseconds for one of `count`, unless
// it says otherwise. It throws if the work was not done.
#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <stdexcept>

#include "../measure.h"

namespace caf_peer {

using start_atom = caf::atom_constant<caf::atom("start")>;
using get_atom = caf::atom_constant<caf::atom("get")>;
using ping_atom = caf::atom_constant<caf::atom("ping")>;
using pong_atom = caf::atom_constant<caf::atom("pong")>;
using over_atom = caf::atom_constant<caf::atom("over")>;
using total_atom = caf::atom_constant<caf::atom("total")>;

double pingpong(caf::actor_system& system, int64_t round_trips);
double counting(caf::actor_system& system, int64_t messages);
double thread_ring(caf::actor_system& system, int64_t hops);
double ask(caf::actor_system& system, int64_t asks);
double payload(caf::actor_system& system, int64_t passes);  // microseconds a pass
double fork_join_create(caf::actor_system& system, int64_t actors);
double fork_join_throughput(caf::actor_system& system, int64_t messages);
double big(caf::actor_system& system, int64_t pings);
double chameneos(caf::actor_system& system, int64_t meetings);
double idle_bytes(caf::actor_system& system, int64_t actors);  // bytes an actor

using peer::expect;
using peer::nanoseconds_each;

// Asks `actor` from outside and waits for the number that it answers.
template <class... Values>
int64_t answer_of(caf::actor_system& system, const caf::actor& actor, const Values&... values) {
  int64_t answer = 0;
  caf::scoped_actor self(system);
  self->request(actor, caf::infinite, values...)
      .receive([&](int64_t value) { answer = value; },
               [&](caf::error& error) { throw std::runtime_error(system.render(error)); });
  return answer;
}

}  // namespace caf_peer
