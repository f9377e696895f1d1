// Two actors, or a ring of them.
#include <vector>

#include "peer.h"

namespace caf_peer {

// A vector that is shared, not copied, when its message is forwarded.
struct Payload {
  std::vector<uint8_t> bytes;
};

}  // namespace caf_peer

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(caf_peer::Payload)

namespace caf_peer {
namespace {

using caf::actor;
using caf::behavior;
using caf::event_based_actor;
using caf::response_promise;
using caf::stateful_actor;

// --- ping-pong ----------------------------------------------------------------------------------

behavior ponger(event_based_actor* self, const actor& peer) {
  return {[=](int64_t left) { self->send(peer, left - 1); }};
}

struct Pinging {
  actor peer;
  response_promise reply;
  int64_t received = 0;
};
behavior pinger(stateful_actor<Pinging>* self) {
  return {
      [=](start_atom, int64_t round_trips) {
        auto& state = self->state;
        state.reply = self->make_response_promise();
        state.peer = self->spawn(ponger, actor(self));
        self->send(state.peer, 2 * round_trips);
        return state.reply;
      },
      [=](int64_t left) {
        auto& state = self->state;
        ++state.received;
        if (left > 1)
          self->send(state.peer, left - 1);
        else
          state.reply.deliver(state.received);
      },
  };
}

// --- counting and ask ---------------------------------------------------------------------------

struct Counting {
  int64_t total = 0;
};
behavior counter(stateful_actor<Counting>* self) {
  return {
      [=](int64_t amount) { self->state.total += amount; },
      [=](get_atom) { return self->state.total; },
  };
}

behavior producer(event_based_actor* self, const actor& counter) {
  return {[=](start_atom, int64_t messages) {
    for (int64_t i = 0; i < messages; ++i) self->send(counter, int64_t{1});
    return self->delegate(counter, get_atom::value);
  }};
}

struct Asking {
  response_promise reply;
  int64_t left = 0;
  int64_t answers = 0;
};
void ask_next(stateful_actor<Asking>* self, const actor& counter) {
  self->request(counter, caf::infinite, get_atom::value).then([=](int64_t) {
    auto& state = self->state;
    ++state.answers;
    if (--state.left > 0)
      ask_next(self, counter);
    else
      state.reply.deliver(state.answers);
  });
}
behavior asker(stateful_actor<Asking>* self, const actor& counter) {
  return {[=](start_atom, int64_t asks) {
    self->state.reply = self->make_response_promise();
    self->state.left = asks;
    ask_next(self, counter);
    return self->state.reply;
  }};
}

// --- thread ring --------------------------------------------------------------------------------

constexpr int64_t kRing = 100;

struct Ringing {
  actor next;
  response_promise reply;
  int64_t received = 0;
};
behavior node(stateful_actor<Ringing>* self, const actor& next) {
  self->state.next = next;
  return {
      [=](const actor& first) { self->state.next = first; },
      [=](start_atom, int64_t hops) {
        self->state.reply = self->make_response_promise();
        self->send(self->state.next, hops);
        return self->state.reply;
      },
      [=](int64_t left) {
        auto& state = self->state;
        ++state.received;
        if (left > 1)
          self->send(state.next, left - 1);
        else
          state.reply.deliver(state.received);
      },
      [=](get_atom) { return self->state.received; },
  };
}

// --- payload ------------------------------------------------------------------------------------

constexpr size_t kPayloadBytes = 1 << 20;

bool is_whole(const Payload& payload) {
  return payload.bytes.size() == kPayloadBytes && payload.bytes.front() == 1 &&
         payload.bytes.back() == 2;
}

void forward(event_based_actor* self, const actor& to) {
  self->send(to, self->current_mailbox_element()->move_content_to_message());
}

behavior returner(event_based_actor* self, const actor& peer) {
  return {[=](const Payload& payload) {
    if (is_whole(payload)) forward(self, peer);
  }};
}

struct Passing {
  actor peer;
  response_promise reply;
  std::chrono::steady_clock::time_point began;
  int64_t left = 0;
};
behavior passer(stateful_actor<Passing>* self) {
  return {
      [=](start_atom, int64_t round_trips) {
        auto& state = self->state;
        state.reply = self->make_response_promise();
        state.left = round_trips;
        state.peer = self->spawn(returner, actor(self));
        Payload payload{std::vector<uint8_t>(kPayloadBytes)};
        payload.bytes.front() = 1;
        payload.bytes.back() = 2;
        auto message = caf::make_message(std::move(payload));
        state.began = std::chrono::steady_clock::now();
        self->send(state.peer, std::move(message));
        return state.reply;
      },
      [=](const Payload& payload) {
        auto& state = self->state;
        if (!is_whole(payload)) return;
        if (--state.left > 0) {
          forward(self, state.peer);
          return;
        }
        const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - state.began;
        state.reply.deliver(int64_t{taken.count()});
      },
  };
}

}  // namespace

double pingpong(caf::actor_system& system, int64_t round_trips) {
  const actor first = system.spawn(pinger);
  return nanoseconds_each(2 * round_trips, [&] {
    expect(answer_of(system, first, start_atom::value, round_trips), round_trips);
  });
}

double counting(caf::actor_system& system, int64_t messages) {
  const actor first = system.spawn(producer, system.spawn(counter));
  return nanoseconds_each(
      messages, [&] { expect(answer_of(system, first, start_atom::value, messages), messages); });
}

double ask(caf::actor_system& system, int64_t asks) {
  const actor first = system.spawn(asker, system.spawn(counter));
  return nanoseconds_each(asks,
                          [&] { expect(answer_of(system, first, start_atom::value, asks), asks); });
}

double thread_ring(caf::actor_system& system, int64_t hops) {
  hops = (hops + kRing - 1) / kRing * kRing;
  std::vector<actor> nodes = {system.spawn(node, actor())};
  while (nodes.size() < kRing) nodes.push_back(system.spawn(node, nodes.back()));
  caf::anon_send(nodes.front(), nodes.back());
  const double each =
      nanoseconds_each(hops, [&] { answer_of(system, nodes.front(), start_atom::value, hops); });
  int64_t received = 0;
  for (const actor& each_node : nodes) received += answer_of(system, each_node, get_atom::value);
  expect(received, hops);
  return each;
}

double payload(caf::actor_system& system, int64_t passes) {
  passes += passes % 2;
  const actor first = system.spawn(passer);
  const int64_t taken_ns = answer_of(system, first, start_atom::value, passes / 2);
  return static_cast<double>(taken_ns) / 1000 / static_cast<double>(passes);
}

}  // namespace caf_peer
