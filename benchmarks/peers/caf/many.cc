// Many actors at once.
#include <atomic>
#include <thread>
#include <vector>

#include "peer.h"

namespace caf_peer {
namespace {

using caf::actor;
using caf::behavior;
using caf::event_based_actor;
using caf::response_promise;
using caf::stateful_actor;

// What actors leave behind that talk to nobody.
std::atomic<int64_t> sum_of_all;

// --- fork-join create ---------------------------------------------------------------------------

behavior child(event_based_actor* self) {
  return {[=](int64_t amount) {
    sum_of_all.fetch_add(amount, std::memory_order_relaxed);
    self->quit();
  }};
}

behavior forker(event_based_actor* self) {
  return {[=](start_atom, int64_t actors) {
    for (int64_t i = 0; i < actors; ++i) self->send(self->spawn(child), int64_t{1});
    self->quit();
  }};
}

// --- joining: as many reports as were forked, and then their sum is the answer ------------------

struct Joining {
  std::vector<actor> others;
  response_promise reply;
  int64_t reports_left = 0;
  int64_t sum = 0;

  void report(int64_t total) {
    sum += total;
    if (--reports_left == 0) reply.deliver(sum);
  }
};

// --- fork-join throughput -----------------------------------------------------------------------

constexpr int64_t kForks = 60;

struct Forked {
  int64_t left = 0;
  int64_t sum = 0;
};
behavior fork(stateful_actor<Forked>* self, const actor& joiner, int64_t messages) {
  self->state.left = messages;
  return {[=](int64_t amount) {
    auto& state = self->state;
    state.sum += amount;
    if (--state.left == 0) self->send(joiner, total_atom::value, state.sum);
  }};
}

behavior thrower(stateful_actor<Joining>* self) {
  return {
      [=](start_atom, int64_t messages) {
        auto& state = self->state;
        state.reply = self->make_response_promise();
        state.reports_left = kForks;
        for (int64_t i = 0; i < kForks; ++i)
          state.others.push_back(self->spawn(fork, actor(self), messages));
        for (int64_t i = 0; i < messages; ++i)
          for (const actor& other : state.others) self->send(other, int64_t{1});
        return state.reply;
      },
      [=](total_atom, int64_t total) { self->state.report(total); },
  };
}

// --- big ----------------------------------------------------------------------------------------

constexpr uint32_t kBig = 120;

struct Befriended {
  std::vector<actor> neighbours;
  uint64_t random = 0;
  int64_t left = 0;
  int64_t pongs = 0;
};

behavior friendly(stateful_actor<Befriended>* self, const actor& sink, uint32_t place) {
  self->state.random = place + 1;
  // To any but itself.
  const auto ping = [=] {
    auto& state = self->state;
    state.random = state.random * 48271 % 2147483647;
    auto to = static_cast<uint32_t>(state.random % (kBig - 1));
    if (to >= place) ++to;
    self->send(state.neighbours[to], ping_atom::value, place);
  };
  return {
      [=](ping_atom, uint32_t from) { self->send(self->state.neighbours[from], pong_atom::value); },
      [=](pong_atom) {
        auto& state = self->state;
        ++state.pongs;
        if (--state.left > 0)
          ping();
        else
          self->send(sink, total_atom::value, state.pongs);
      },
      [=](const std::vector<actor>& all) { self->state.neighbours = all; },
      [=](start_atom, int64_t pings) {
        self->state.left = pings;
        ping();
      },
  };
}

behavior sink(stateful_actor<Joining>* self) {
  return {
      [=](total_atom, int64_t total) { self->state.report(total); },
      [=](const std::vector<actor>& all) { self->state.others = all; },
      [=](start_atom, int64_t pings) {
        auto& state = self->state;
        state.reply = self->make_response_promise();
        state.reports_left = static_cast<int64_t>(state.others.size());
        for (const actor& other : state.others) self->send(other, start_atom::value, pings);
        return state.reply;
      },
  };
}

// --- chameneos ----------------------------------------------------------------------------------

constexpr uint32_t kChameneos = 100;

uint8_t complement(uint8_t own, uint8_t other) {
  return own == other ? own : static_cast<uint8_t>(3 - own - other);
}

struct Coloured {
  uint8_t colour = 0;
  int64_t met = 0;
};
behavior creature(stateful_actor<Coloured>* self, const actor& mall, uint32_t place) {
  self->state.colour = static_cast<uint8_t>(place % 3);
  self->send(mall, place, self->state.colour);
  return {
      [=](uint8_t other) {
        auto& state = self->state;
        ++state.met;
        state.colour = complement(state.colour, other);
        self->send(mall, place, state.colour);
      },
      [=](over_atom) { self->send(mall, total_atom::value, self->state.met); },
  };
}

struct Meeting : Joining {
  int64_t meetings_left = 0;
  bool somebody_waits = false;
  uint32_t waits = 0;
  uint8_t waits_colour = 0;
};
behavior mall(stateful_actor<Meeting>* self) {
  return {
      [=](uint32_t place, uint8_t colour) {
        auto& state = self->state;
        if (state.meetings_left == 0) {
          self->send(state.others[place], over_atom::value);
        } else if (!state.somebody_waits) {
          state.somebody_waits = true;
          state.waits = place;
          state.waits_colour = colour;
        } else {
          state.somebody_waits = false;
          --state.meetings_left;
          self->send(state.others[state.waits], colour);
          self->send(state.others[place], state.waits_colour);
        }
      },
      [=](start_atom, int64_t meetings) {
        auto& state = self->state;
        state.reply = self->make_response_promise();
        state.reports_left = kChameneos;
        state.meetings_left = meetings;
        for (uint32_t i = 0; i < kChameneos; ++i)
          state.others.push_back(self->spawn(creature, actor(self), i));
        return state.reply;
      },
      [=](total_atom, int64_t total) { self->state.report(total); },
  };
}

// --- idle ---------------------------------------------------------------------------------------

struct Idling {
  int64_t sum = 0;
};
behavior idler(stateful_actor<Idling>* self) {
  return {[=](int64_t amount) {
    self->state.sum += amount;
    sum_of_all.fetch_add(amount);
  }};
}

}  // namespace

double fork_join_create(caf::actor_system& system, int64_t actors) {
  actor first = system.spawn(forker);
  const double each = nanoseconds_each(actors, [&] {
    caf::anon_send(first, start_atom::value, actors);
    system.await_all_actors_done();
  });
  expect(sum_of_all, actors);
  return each;
}

double fork_join_throughput(caf::actor_system& system, int64_t messages) {
  const actor first = system.spawn(thrower);
  return nanoseconds_each(kForks * messages, [&] {
    expect(answer_of(system, first, start_atom::value, messages), kForks * messages);
  });
}

double big(caf::actor_system& system, int64_t pings) {
  const actor last = system.spawn(sink);
  std::vector<actor> friends;
  for (uint32_t i = 0; i < kBig; ++i) friends.push_back(system.spawn(friendly, last, i));
  for (const actor& each : friends) caf::anon_send(each, friends);
  caf::anon_send(last, friends);
  return nanoseconds_each(kBig * pings, [&] {
    expect(answer_of(system, last, start_atom::value, pings), kBig * pings);
  });
}

double chameneos(caf::actor_system& system, int64_t meetings) {
  const actor first = system.spawn(mall);
  return nanoseconds_each(meetings, [&] {
    expect(answer_of(system, first, start_atom::value, meetings), 2 * meetings);
  });
}

double idle_bytes(caf::actor_system& system, int64_t actors) {
  std::vector<actor> all;
  all.reserve(static_cast<size_t>(actors));
  const double before = peer::resident_bytes();
  for (int64_t i = 0; i < actors; ++i) {
    all.push_back(system.spawn(idler));
    caf::anon_send(all.back(), int64_t{1});
    if (i % 1024 == 0)  // so that no queue of messages grows
      while (sum_of_all.load() < i) std::this_thread::yield();
  }
  while (sum_of_all.load() < actors) std::this_thread::yield();
  return (peer::resident_bytes() - before) / static_cast<double>(actors);
}

}  // namespace caf_peer
