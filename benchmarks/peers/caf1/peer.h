// The benchmarks with event-based actors of CAF 1.x, as its users would write them: states with a
// behavior, messages by `mail`. The same as those of CAF 0.17 in peers/caf, by an API in which
// nearly every line differs. Each measures itself and returns the figure: nanoseconds for one of
// `count`, unless it says otherwise. It throws if the work was not done.
#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "../measure.h"

namespace caf1_peer {

// A vector that is shared, not copied, when its message is forwarded.
struct Payload {
  std::vector<uint8_t> bytes;
};

}  // namespace caf1_peer

CAF_BEGIN_TYPE_ID_BLOCK(caf1_peer, first_custom_type_id)
CAF_ADD_ATOM(caf1_peer, caf1_peer, start_atom)
CAF_ADD_ATOM(caf1_peer, caf1_peer, pong_atom)
CAF_ADD_ATOM(caf1_peer, caf1_peer, over_atom)
CAF_ADD_ATOM(caf1_peer, caf1_peer, total_atom)
CAF_ADD_TYPE_ID(caf1_peer, (caf1_peer::Payload))
CAF_END_TYPE_ID_BLOCK(caf1_peer)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caf1_peer::Payload)

namespace caf1_peer {

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
  self->mail(values...)
      .request(actor, caf::infinite)
      .receive([&](int64_t value) { answer = value; },
               [&](caf::error& error) { throw std::runtime_error(to_string(error)); });
  return answer;
}

}  // namespace caf1_peer
