// Two agents, or a ring of them.
#include <memory>
#include <utility>
#include <vector>

#include "peer.h"

namespace so5_peer {
namespace {

using so_5::mbox_t;
using so_5::mutable_msg;

// --- ping-pong: the message is mutable, and one for the whole way -------------------------------

struct Ball {
  int64_t left;
};

class Ponger final : public Agent<1> {
 public:
  Ponger(context_t context, mbox_t peer) : Agent(std::move(context)), peer_(std::move(peer)) {}
  void so_define_agent() override { so_subscribe_self().event(&Ponger::on_ball); }

 private:
  void on_ball(mutable_mhood_t<Ball> ball) {
    --ball->left;
    so_5::send(peer_, std::move(ball));
  }

  const mbox_t peer_;
};

class Pinger final : public Agent<1> {
 public:
  Pinger(context_t context, int64_t round_trips, Outcome& outcome)
      : Agent(std::move(context)), round_trips_(round_trips), outcome_(outcome) {}
  void set_peer(mbox_t peer) { peer_ = std::move(peer); }
  void so_define_agent() override { so_subscribe_self().event(&Pinger::on_ball); }
  void so_evt_start() override {
    outcome_.begin();
    so_5::send<mutable_msg<Ball>>(peer_, Ball{2 * round_trips_});
  }

 private:
  void on_ball(mutable_mhood_t<Ball> ball) {
    ++received_;
    if (ball->left > 1) {
      --ball->left;
      so_5::send(peer_, std::move(ball));
      return;
    }
    outcome_.end();
    outcome_.done = received_;
    so_environment().stop();
  }

  mbox_t peer_;
  const int64_t round_trips_;
  int64_t received_ = 0;
  Outcome& outcome_;
};

// --- counting -----------------------------------------------------------------------------------

struct Add {
  int64_t amount;
};
struct GetTotal {
  mbox_t reply_to;
};
struct Total {
  int64_t value;
};

class Counter final : public Agent<2> {
 public:
  using Agent::Agent;
  void so_define_agent() override {
    so_subscribe_self().event(&Counter::on_add).event(&Counter::on_get_total);
  }

 private:
  void on_add(mhood_t<Add> add) { total_ += add->amount; }
  void on_get_total(mhood_t<GetTotal> get) { so_5::send<Total>(get->reply_to, Total{total_}); }

  int64_t total_ = 0;
};

// Nothing bounds the queue of an agent, so the producer lets the counter run every so often. All at
// once took half as long again.
constexpr int64_t kPortion = 256;

class Producer final : public Agent<2> {
 public:
  Producer(context_t context, mbox_t counter, int64_t messages, Outcome& outcome)
      : Agent(std::move(context)),
        counter_(std::move(counter)),
        messages_left_(messages),
        outcome_(outcome) {}
  void so_define_agent() override {
    so_subscribe_self().event(&Producer::on_go_on).event(&Producer::on_total);
  }
  void so_evt_start() override {
    outcome_.begin();
    produce();
  }

 private:
  struct GoOn final : public so_5::signal_t {};

  void on_go_on(mhood_t<GoOn>) { produce(); }
  void on_total(mhood_t<Total> total) {
    outcome_.end();
    outcome_.done = total->value;
    so_environment().stop();
  }
  void produce() {
    for (int64_t i = 0; i < kPortion && messages_left_ > 0; ++i, --messages_left_)
      so_5::send<Add>(counter_, Add{1});
    if (messages_left_ > 0)
      so_5::send<GoOn>(*this);
    else
      so_5::send<GetTotal>(counter_, GetTotal{so_direct_mbox()});
  }

  const mbox_t counter_;
  int64_t messages_left_;
  Outcome& outcome_;
};

// --- ask: SObjectizer has requests with a reply in a library of its own only, and by its makers'
// advice they are two messages: one that says whom to answer, and the answer, which has a handler
// --

class Asker final : public Agent<1> {
 public:
  Asker(context_t context, mbox_t counter, int64_t asks, Outcome& outcome)
      : Agent(std::move(context)), counter_(std::move(counter)), left_(asks), outcome_(outcome) {}
  void so_define_agent() override { so_subscribe_self().event(&Asker::on_total); }
  void so_evt_start() override {
    outcome_.begin();
    ask_next();
  }

 private:
  void on_total(mhood_t<Total>) {
    ++answers_;
    if (--left_ > 0) {
      ask_next();
      return;
    }
    outcome_.end();
    outcome_.done = answers_;
    so_environment().stop();
  }
  void ask_next() { so_5::send<GetTotal>(counter_, GetTotal{so_direct_mbox()}); }

  const mbox_t counter_;
  int64_t left_;
  int64_t answers_ = 0;
  Outcome& outcome_;
};

// --- thread ring --------------------------------------------------------------------------------

constexpr int64_t kRing = 100;

class Node final : public Agent<1> {
 public:
  Node(context_t context, Outcome& outcome) : Agent(std::move(context)), outcome_(outcome) {}
  void set_next(mbox_t next) { next_ = std::move(next); }
  void start_with(int64_t hops) { hops_ = hops; }
  void so_define_agent() override { so_subscribe_self().event(&Node::on_token); }
  void so_evt_start() override {
    if (hops_ == 0) return;
    outcome_.begin();
    so_5::send<mutable_msg<Ball>>(next_, Ball{hops_});
  }
  void so_evt_finish() override { outcome_.done += received_; }

 private:
  void on_token(mutable_mhood_t<Ball> token) {
    ++received_;
    if (token->left > 1) {
      --token->left;
      so_5::send(next_, std::move(token));
      return;
    }
    outcome_.end();
    so_environment().stop();
  }

  mbox_t next_;
  int64_t hops_ = 0;
  int64_t received_ = 0;
  Outcome& outcome_;
};

// --- payload: an immutable message is shared, and handed on as it is ----------------------------

constexpr size_t kPayloadBytes = 1 << 20;

struct Payload {
  std::vector<uint8_t> bytes;
};

bool is_whole(const Payload& payload) {
  return payload.bytes.size() == kPayloadBytes && payload.bytes.front() == 1 &&
         payload.bytes.back() == 2;
}

class Returner final : public Agent<1> {
 public:
  Returner(context_t context, mbox_t peer) : Agent(std::move(context)), peer_(std::move(peer)) {}
  void so_define_agent() override { so_subscribe_self().event(&Returner::on_payload); }

 private:
  void on_payload(mhood_t<Payload> payload) {
    if (is_whole(*payload)) so_5::send(peer_, payload);
  }

  const mbox_t peer_;
};

class Passer final : public Agent<1> {
 public:
  Passer(context_t context, int64_t round_trips, Outcome& outcome)
      : Agent(std::move(context)), left_(round_trips), outcome_(outcome) {}
  void set_peer(mbox_t peer) { peer_ = std::move(peer); }
  void so_define_agent() override { so_subscribe_self().event(&Passer::on_payload); }
  void so_evt_start() override {
    Payload payload{std::vector<uint8_t>(kPayloadBytes)};
    payload.bytes.front() = 1;
    payload.bytes.back() = 2;
    outcome_.begin();
    so_5::send<Payload>(peer_, std::move(payload));
  }

 private:
  void on_payload(mhood_t<Payload> payload) {
    if (!is_whole(*payload)) throw std::runtime_error("a payload has changed");
    outcome_.done += 2;
    if (--left_ > 0) {
      so_5::send(peer_, payload);
      return;
    }
    outcome_.end();
    so_environment().stop();
  }

  mbox_t peer_;
  int64_t left_;
  Outcome& outcome_;
};

// Two agents that know each other, in one cooperation.
template <class First, class Second>
void run_two(const How& how, int64_t round_trips, Outcome& outcome) {
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      auto* first = coop.make_agent<First>(round_trips, std::ref(outcome));
      auto* second = coop.make_agent<Second>(first->so_direct_mbox());
      first->set_peer(second->so_direct_mbox());
    });
  });
}

// One agent that knows the counter.
template <class First>
void run_with_counter(const How& how, int64_t count, Outcome& outcome) {
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      const mbox_t counter = coop.make_agent<Counter>()->so_direct_mbox();
      coop.make_agent<First>(counter, count, std::ref(outcome));
    });
  });
}

}  // namespace

double pingpong(const How& how, int64_t round_trips) {
  Outcome outcome;
  run_two<Pinger, Ponger>(how, round_trips, outcome);
  expect(outcome.done, round_trips);
  return outcome.nanoseconds_each(2 * round_trips);
}

double counting(const How& how, int64_t messages) {
  Outcome outcome;
  run_with_counter<Producer>(how, messages, outcome);
  expect(outcome.done, messages);
  return outcome.nanoseconds_each(messages);
}

double ask(const How& how, int64_t asks) {
  Outcome outcome;
  run_with_counter<Asker>(how, asks, outcome);
  expect(outcome.done, asks);
  return outcome.nanoseconds_each(asks);
}

double thread_ring(const How& how, int64_t hops) {
  hops = (hops + kRing - 1) / kRing * kRing;
  Outcome outcome;
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      std::vector<Node*> nodes;
      for (int64_t i = 0; i < kRing; ++i) nodes.push_back(coop.make_agent<Node>(std::ref(outcome)));
      for (size_t i = 0; i < nodes.size(); ++i)
        nodes[i]->set_next(nodes[(i + 1) % nodes.size()]->so_direct_mbox());
      nodes.back()->start_with(hops);
    });
  });
  expect(outcome.done, hops);
  return outcome.nanoseconds_each(hops);
}

double payload(const How& how, int64_t passes) {
  passes += passes % 2;
  Outcome outcome;
  run_two<Passer, Returner>(how, passes / 2, outcome);
  expect(outcome.done, passes);
  return outcome.nanoseconds_each(passes) / 1000;
}

}  // namespace so5_peer
