// Two actors, or a ring of them.
#include <utility>

#include "peer.h"

namespace caf1_peer {
namespace {

using caf::actor;
using caf::actor_from_state;
using caf::behavior;
using caf::event_based_actor;
using caf::response_promise;

// --- ping-pong ----------------------------------------------------------------------------------

struct Ponger {
  Ponger(event_based_actor* its_self, actor its_peer) : self(its_self), peer(std::move(its_peer)) {}
  behavior make_behavior() {
    return {[this](int64_t left) { self->mail(left - 1).send(peer); }};
  }
  event_based_actor* self;
  actor peer;
};

struct Pinger {
  explicit Pinger(event_based_actor* its_self) : self(its_self) {}
  behavior make_behavior() {
    return {
        [this](start_atom, int64_t round_trips) {
          reply = self->make_response_promise();
          peer = self->spawn(actor_from_state<Ponger>, actor(self));
          self->mail(2 * round_trips).send(peer);
          return reply;
        },
        [this](int64_t left) {
          ++received;
          if (left > 1)
            self->mail(left - 1).send(peer);
          else
            reply.deliver(received);
        },
    };
  }
  event_based_actor* self;
  actor peer;
  response_promise reply;
  int64_t received = 0;
};

// --- counting and ask ---------------------------------------------------------------------------

struct Counter {
  behavior make_behavior() {
    return {
        [this](int64_t amount) { total += amount; },
        [this](caf::get_atom) { return total; },
    };
  }
  int64_t total = 0;
};

struct Producer {
  Producer(event_based_actor* its_self, actor its_counter)
      : self(its_self), counter(std::move(its_counter)) {}
  behavior make_behavior() {
    return {[this](start_atom, int64_t messages) {
      for (int64_t i = 0; i < messages; ++i) self->mail(int64_t{1}).send(counter);
      return self->mail(caf::get_atom_v).delegate(counter);
    }};
  }
  event_based_actor* self;
  actor counter;
};

struct Asker {
  Asker(event_based_actor* its_self, actor its_counter)
      : self(its_self), counter(std::move(its_counter)) {}
  behavior make_behavior() {
    return {[this](start_atom, int64_t asks) {
      reply = self->make_response_promise();
      left = asks;
      ask_next();
      return reply;
    }};
  }
  void ask_next() {
    self->mail(caf::get_atom_v).request(counter, caf::infinite).then([this](int64_t) {
      ++answers;
      if (--left > 0)
        ask_next();
      else
        reply.deliver(answers);
    });
  }
  event_based_actor* self;
  actor counter;
  response_promise reply;
  int64_t left = 0;
  int64_t answers = 0;
};

// --- thread ring --------------------------------------------------------------------------------

constexpr int64_t kRing = 100;

struct Node {
  Node(event_based_actor* its_self, actor its_next) : self(its_self), next(std::move(its_next)) {}
  behavior make_behavior() {
    return {
        [this](const actor& first) { next = first; },
        [this](start_atom, int64_t hops) {
          reply = self->make_response_promise();
          self->mail(hops).send(next);
          return reply;
        },
        [this](int64_t left) {
          ++received;
          if (left > 1)
            self->mail(left - 1).send(next);
          else
            reply.deliver(received);
        },
        [this](caf::get_atom) { return received; },
    };
  }
  event_based_actor* self;
  actor next;
  response_promise reply;
  int64_t received = 0;
};

// --- payload ------------------------------------------------------------------------------------

constexpr size_t kPayloadBytes = 1 << 20;

bool is_whole(const Payload& payload) {
  return payload.bytes.size() == kPayloadBytes && payload.bytes.front() == 1 &&
         payload.bytes.back() == 2;
}

void forward(event_based_actor* self, const actor& to) {
  self->mail(std::move(self->current_mailbox_element()->payload)).send(to);
}

struct Returner {
  Returner(event_based_actor* its_self, actor its_peer)
      : self(its_self), peer(std::move(its_peer)) {}
  behavior make_behavior() {
    return {[this](const Payload& payload) {
      if (is_whole(payload)) forward(self, peer);
    }};
  }
  event_based_actor* self;
  actor peer;
};

struct Passer {
  explicit Passer(event_based_actor* its_self) : self(its_self) {}
  behavior make_behavior() {
    return {
        [this](start_atom, int64_t round_trips) {
          reply = self->make_response_promise();
          left = round_trips;
          peer = self->spawn(actor_from_state<Returner>, actor(self));
          Payload payload{std::vector<uint8_t>(kPayloadBytes)};
          payload.bytes.front() = 1;
          payload.bytes.back() = 2;
          began = std::chrono::steady_clock::now();
          self->mail(std::move(payload)).send(peer);
          return reply;
        },
        [this](const Payload& payload) {
          if (!is_whole(payload)) return;
          if (--left > 0) {
            forward(self, peer);
            return;
          }
          const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - began;
          reply.deliver(int64_t{taken.count()});
        },
    };
  }
  event_based_actor* self;
  actor peer;
  response_promise reply;
  std::chrono::steady_clock::time_point began;
  int64_t left = 0;
};

}  // namespace

double pingpong(caf::actor_system& system, int64_t round_trips) {
  const actor first = system.spawn(actor_from_state<Pinger>);
  return nanoseconds_each(2 * round_trips, [&] {
    expect(answer_of(system, first, start_atom_v, round_trips), round_trips);
  });
}

double counting(caf::actor_system& system, int64_t messages) {
  const actor counter = system.spawn(actor_from_state<Counter>);
  const actor first = system.spawn(actor_from_state<Producer>, counter);
  return nanoseconds_each(
      messages, [&] { expect(answer_of(system, first, start_atom_v, messages), messages); });
}

double ask(caf::actor_system& system, int64_t asks) {
  const actor counter = system.spawn(actor_from_state<Counter>);
  const actor first = system.spawn(actor_from_state<Asker>, counter);
  return nanoseconds_each(asks,
                          [&] { expect(answer_of(system, first, start_atom_v, asks), asks); });
}

double thread_ring(caf::actor_system& system, int64_t hops) {
  hops = (hops + kRing - 1) / kRing * kRing;
  std::vector<actor> nodes = {system.spawn(actor_from_state<Node>, actor())};
  while (nodes.size() < kRing) nodes.push_back(system.spawn(actor_from_state<Node>, nodes.back()));
  caf::anon_mail(nodes.back()).send(nodes.front());
  const double each =
      nanoseconds_each(hops, [&] { answer_of(system, nodes.front(), start_atom_v, hops); });
  int64_t received = 0;
  for (const actor& node : nodes) received += answer_of(system, node, caf::get_atom_v);
  expect(received, hops);
  return each;
}

double payload(caf::actor_system& system, int64_t passes) {
  passes += passes % 2;
  const actor first = system.spawn(actor_from_state<Passer>);
  const int64_t taken_ns = answer_of(system, first, start_atom_v, passes / 2);
  return static_cast<double>(taken_ns) / 1000 / static_cast<double>(passes);
}

}  // namespace caf1_peer
