// Many actors at once.
#include <atomic>
#include <thread>
#include <utility>

#include "peer.h"

namespace caf1_peer {
namespace {

using caf::actor;
using caf::actor_from_state;
using caf::behavior;
using caf::event_based_actor;
using caf::response_promise;

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
    for (int64_t i = 0; i < actors; ++i) self->mail(int64_t{1}).send(self->spawn(child));
    self->quit();
  }};
}

// --- joining: as many reports as were forked, and then their sum is the answer ------------------

struct Joining {
  explicit Joining(event_based_actor* its_self) : self(its_self) {}
  void join(int64_t reports) {
    reply = self->make_response_promise();
    reports_left = reports;
  }
  void report(int64_t total) {
    sum += total;
    if (--reports_left == 0) reply.deliver(sum);
  }
  event_based_actor* self;
  std::vector<actor> others;
  response_promise reply;
  int64_t reports_left = 0;
  int64_t sum = 0;
};

// --- fork-join throughput -----------------------------------------------------------------------

constexpr int64_t kForks = 60;

struct Fork {
  Fork(event_based_actor* its_self, actor its_joiner, int64_t messages)
      : self(its_self), joiner(std::move(its_joiner)), left(messages) {}
  behavior make_behavior() {
    return {[this](int64_t amount) {
      sum += amount;
      if (--left == 0) self->mail(total_atom_v, sum).send(joiner);
    }};
  }
  event_based_actor* self;
  actor joiner;
  int64_t left;
  int64_t sum = 0;
};

struct Thrower : Joining {
  using Joining::Joining;
  behavior make_behavior() {
    return {
        [this](start_atom, int64_t messages) {
          join(kForks);
          for (int64_t i = 0; i < kForks; ++i)
            others.push_back(self->spawn(actor_from_state<Fork>, actor(self), messages));
          for (int64_t i = 0; i < messages; ++i)
            for (const actor& other : others) self->mail(int64_t{1}).send(other);
          return reply;
        },
        [this](total_atom, int64_t total) { report(total); },
    };
  }
};

// --- big ----------------------------------------------------------------------------------------

constexpr uint32_t kBig = 120;

struct Friend {
  Friend(event_based_actor* its_self, actor its_sink, uint32_t its_place)
      : self(its_self), sink(std::move(its_sink)), place(its_place), random(its_place + 1) {}
  behavior make_behavior() {
    return {
        [this](caf::ping_atom, uint32_t from) { self->mail(pong_atom_v).send(friends[from]); },
        [this](pong_atom) {
          ++pongs;
          if (--left > 0)
            ping();
          else
            self->mail(total_atom_v, pongs).send(sink);
        },
        [this](const std::vector<actor>& all) { friends = all; },
        [this](start_atom, int64_t pings) {
          left = pings;
          ping();
        },
    };
  }
  // To any but itself.
  void ping() {
    random = random * 48271 % 2147483647;
    auto to = static_cast<uint32_t>(random % (kBig - 1));
    if (to >= place) ++to;
    self->mail(caf::ping_atom_v, place).send(friends[to]);
  }
  event_based_actor* self;
  actor sink;
  uint32_t place;
  uint64_t random;
  std::vector<actor> friends;
  int64_t left = 0;
  int64_t pongs = 0;
};

struct Sink : Joining {
  using Joining::Joining;
  behavior make_behavior() {
    return {
        [this](total_atom, int64_t total) { report(total); },
        [this](const std::vector<actor>& all) { others = all; },
        [this](start_atom, int64_t pings) {
          join(static_cast<int64_t>(others.size()));
          for (const actor& other : others) self->mail(start_atom_v, pings).send(other);
          return reply;
        },
    };
  }
};

// --- chameneos ----------------------------------------------------------------------------------

constexpr uint32_t kChameneos = 100;

uint8_t complement(uint8_t own, uint8_t other) {
  return own == other ? own : static_cast<uint8_t>(3 - own - other);
}

struct Creature {
  Creature(event_based_actor* its_self, actor its_mall, uint32_t its_place)
      : self(its_self),
        mall(std::move(its_mall)),
        place(its_place),
        colour(static_cast<uint8_t>(its_place % 3)) {}
  behavior make_behavior() {
    self->mail(place, colour).send(mall);
    return {
        [this](uint8_t other) {
          ++met;
          colour = complement(colour, other);
          self->mail(place, colour).send(mall);
        },
        [this](over_atom) { self->mail(total_atom_v, met).send(mall); },
    };
  }
  event_based_actor* self;
  actor mall;
  uint32_t place;
  uint8_t colour;
  int64_t met = 0;
};

struct Mall : Joining {
  using Joining::Joining;
  behavior make_behavior() {
    return {
        [this](uint32_t place, uint8_t colour) { meet(place, colour); },
        [this](start_atom, int64_t meetings) {
          join(kChameneos);
          meetings_left = meetings;
          for (uint32_t i = 0; i < kChameneos; ++i)
            others.push_back(self->spawn(actor_from_state<Creature>, actor(self), i));
          return reply;
        },
        [this](total_atom, int64_t total) { report(total); },
    };
  }
  void meet(uint32_t place, uint8_t colour) {
    if (meetings_left == 0) {
      self->mail(over_atom_v).send(others[place]);
    } else if (!somebody_waits) {
      somebody_waits = true;
      waits = place;
      waits_colour = colour;
    } else {
      somebody_waits = false;
      --meetings_left;
      self->mail(colour).send(others[waits]);
      self->mail(waits_colour).send(others[place]);
    }
  }
  int64_t meetings_left = 0;
  bool somebody_waits = false;
  uint32_t waits = 0;
  uint8_t waits_colour = 0;
};

// --- idle ---------------------------------------------------------------------------------------

struct Idler {
  behavior make_behavior() {
    return {[this](int64_t amount) {
      sum += amount;
      sum_of_all.fetch_add(amount);
    }};
  }
  int64_t sum = 0;
};

}  // namespace

double fork_join_create(caf::actor_system& system, int64_t actors) {
  actor first = system.spawn(forker);
  const double each = nanoseconds_each(actors, [&] {
    caf::anon_mail(start_atom_v, actors).send(first);
    system.await_all_actors_done();
  });
  expect(sum_of_all, actors);
  return each;
}

double fork_join_throughput(caf::actor_system& system, int64_t messages) {
  const actor first = system.spawn(actor_from_state<Thrower>);
  return nanoseconds_each(kForks * messages, [&] {
    expect(answer_of(system, first, start_atom_v, messages), kForks * messages);
  });
}

double big(caf::actor_system& system, int64_t pings) {
  const actor last = system.spawn(actor_from_state<Sink>);
  std::vector<actor> friends;
  for (uint32_t i = 0; i < kBig; ++i)
    friends.push_back(system.spawn(actor_from_state<Friend>, last, i));
  for (const actor& each : friends) caf::anon_mail(friends).send(each);
  caf::anon_mail(friends).send(last);
  return nanoseconds_each(
      kBig * pings, [&] { expect(answer_of(system, last, start_atom_v, pings), kBig * pings); });
}

double chameneos(caf::actor_system& system, int64_t meetings) {
  const actor first = system.spawn(actor_from_state<Mall>);
  return nanoseconds_each(
      meetings, [&] { expect(answer_of(system, first, start_atom_v, meetings), 2 * meetings); });
}

double idle_bytes(caf::actor_system& system, int64_t actors) {
  std::vector<actor> all;
  all.reserve(static_cast<size_t>(actors));
  const double before = peer::resident_bytes();
  for (int64_t i = 0; i < actors; ++i) {
    all.push_back(system.spawn(actor_from_state<Idler>));
    caf::anon_mail(int64_t{1}).send(all.back());
    if (i % 1024 == 0)  // so that no queue of messages grows
      while (sum_of_all.load() < i) std::this_thread::yield();
  }
  while (sum_of_all.load() < actors) std::this_thread::yield();
  return (peer::resident_bytes() - before) / static_cast<double>(actors);
}

}  // namespace caf1_peer
