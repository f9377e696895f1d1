// Many agents that talk to each other.
#include <utility>
#include <vector>

#include "peer.h"

namespace so5_peer {
namespace {

using so_5::mbox_t;

struct Add {
  int64_t amount;
};
struct Total {
  int64_t value;
};
struct GoOn final : public so_5::signal_t {};

// --- joining: as many reports as were forked, and then the environment stops --------------------

class Joiner : public Agent<2> {
 public:
  Joiner(context_t context, Outcome& outcome) : Agent(std::move(context)), outcome_(outcome) {}
  void so_define_agent() override { so_subscribe_self().event(&Joiner::on_total); }

 protected:
  void join(int64_t reports) {
    reports_left_ = reports;
    outcome_.begin();
  }

 private:
  void on_total(mhood_t<Total> total) {
    sum_ += total->value;
    if (--reports_left_ > 0) return;
    outcome_.end();
    outcome_.done = sum_;
    so_environment().stop();
  }

  int64_t reports_left_ = 0;
  int64_t sum_ = 0;
  Outcome& outcome_;
};

// --- fork-join throughput -----------------------------------------------------------------------

constexpr int64_t kForks = 60;

class Fork final : public Agent<1> {
 public:
  Fork(context_t context, mbox_t joiner, int64_t messages)
      : Agent(std::move(context)), joiner_(std::move(joiner)), left_(messages) {}
  void so_define_agent() override { so_subscribe_self().event(&Fork::on_add); }

 private:
  void on_add(mhood_t<Add> add) {
    sum_ += add->amount;
    if (--left_ == 0) so_5::send<Total>(joiner_, Total{sum_});
  }

  const mbox_t joiner_;
  int64_t left_;
  int64_t sum_ = 0;
};

// To each, before it lets them run: nothing bounds the queues of agents.
constexpr int64_t kThrownAtOnce = 8;

class Thrower final : public Joiner {
 public:
  Thrower(context_t context, so_5::disp_binder_shptr_t binder, int64_t messages, Outcome& outcome)
      : Joiner(std::move(context), outcome), binder_(std::move(binder)), left_(messages) {}
  void so_define_agent() override {
    Joiner::so_define_agent();
    so_subscribe_self().event(&Thrower::on_go_on);
  }
  void so_evt_start() override {
    join(kForks);
    so_5::introduce_child_coop(*this, binder_, [&](so_5::coop_t& coop) {
      for (int64_t i = 0; i < kForks; ++i)
        forks_.push_back(coop.make_agent<Fork>(so_direct_mbox(), left_)->so_direct_mbox());
    });
    throw_some();
  }

 private:
  void on_go_on(mhood_t<GoOn>) { throw_some(); }
  void throw_some() {
    for (int64_t i = 0; i < kThrownAtOnce && left_ > 0; ++i, --left_)
      for (const mbox_t& fork : forks_) so_5::send<Add>(fork, Add{1});
    if (left_ > 0) so_5::send<GoOn>(*this);
  }

  const so_5::disp_binder_shptr_t binder_;
  std::vector<mbox_t> forks_;
  int64_t left_;
};

// --- big ----------------------------------------------------------------------------------------

constexpr uint32_t kBig = 120;

struct Begin {
  int64_t pings;
};
struct Ping {
  uint32_t from;
};
struct Pong final : public so_5::signal_t {};

class Friend final : public Agent<3> {
 public:
  Friend(context_t context, const std::vector<mbox_t>& friends, mbox_t sink, uint32_t place)
      : Agent(std::move(context)),
        friends_(friends),
        sink_(std::move(sink)),
        place_(place),
        random_(place + 1) {}
  void so_define_agent() override {
    so_subscribe_self().event(&Friend::on_ping).event(&Friend::on_pong).event(&Friend::on_begin);
  }

 private:
  void on_begin(mhood_t<Begin> begin) {
    left_ = begin->pings;
    ping();
  }
  void on_ping(mhood_t<Ping> ping) { so_5::send<Pong>(friends_[ping->from]); }
  void on_pong(mhood_t<Pong>) {
    ++pongs_;
    if (--left_ > 0)
      ping();
    else
      so_5::send<Total>(sink_, Total{pongs_});
  }
  // To any but itself.
  void ping() {
    random_ = random_ * 48271 % 2147483647;
    auto to = static_cast<uint32_t>(random_ % (kBig - 1));
    if (to >= place_) ++to;
    so_5::send<Ping>(friends_[to], Ping{place_});
  }

  const std::vector<mbox_t>& friends_;  // written before any of them begins
  const mbox_t sink_;
  const uint32_t place_;
  uint64_t random_;
  int64_t left_ = 0;
  int64_t pongs_ = 0;
};

class Sink final : public Joiner {
 public:
  Sink(context_t context, const std::vector<mbox_t>& friends, int64_t pings, Outcome& outcome)
      : Joiner(std::move(context), outcome), friends_(friends), pings_(pings) {}
  void so_evt_start() override {
    join(kBig);
    for (const mbox_t& each : friends_) so_5::send<Begin>(each, Begin{pings_});
  }

 private:
  const std::vector<mbox_t>& friends_;
  const int64_t pings_;
};

// --- chameneos ----------------------------------------------------------------------------------

constexpr uint32_t kChameneos = 100;

struct Meet {
  uint32_t place;
  uint8_t colour;
};
struct Met {
  uint8_t colour;
};
struct Over final : public so_5::signal_t {};

uint8_t complement(uint8_t own, uint8_t other) {
  return own == other ? own : static_cast<uint8_t>(3 - own - other);
}

class Creature final : public Agent<2> {
 public:
  Creature(context_t context, mbox_t mall, uint32_t place)
      : Agent(std::move(context)),
        mall_(std::move(mall)),
        place_(place),
        colour_(static_cast<uint8_t>(place % 3)) {}
  void so_define_agent() override {
    so_subscribe_self().event(&Creature::on_met).event(&Creature::on_over);
  }
  void so_evt_start() override { meet(); }

 private:
  void on_met(mhood_t<Met> met) {
    ++met_;
    colour_ = complement(colour_, met->colour);
    meet();
  }
  void on_over(mhood_t<Over>) { so_5::send<Total>(mall_, Total{met_}); }
  void meet() { so_5::send<Meet>(mall_, Meet{place_, colour_}); }

  const mbox_t mall_;
  const uint32_t place_;
  uint8_t colour_;
  int64_t met_ = 0;
};

class Mall final : public Joiner {
 public:
  Mall(context_t context, so_5::disp_binder_shptr_t binder, int64_t meetings, Outcome& outcome)
      : Joiner(std::move(context), outcome), binder_(std::move(binder)), left_(meetings) {}
  void so_define_agent() override {
    Joiner::so_define_agent();
    so_subscribe_self().event(&Mall::on_meet);
  }
  void so_evt_start() override {
    join(kChameneos);
    so_5::introduce_child_coop(*this, binder_, [&](so_5::coop_t& coop) {
      for (uint32_t i = 0; i < kChameneos; ++i)
        creatures_.push_back(coop.make_agent<Creature>(so_direct_mbox(), i)->so_direct_mbox());
    });
  }

 private:
  void on_meet(mhood_t<Meet> meet) {
    if (left_ == 0) {
      so_5::send<Over>(creatures_[meet->place]);
    } else if (!somebody_waits_) {
      somebody_waits_ = true;
      waits_ = *meet;
    } else {
      somebody_waits_ = false;
      --left_;
      so_5::send<Met>(creatures_[waits_.place], Met{meet->colour});
      so_5::send<Met>(creatures_[meet->place], Met{waits_.colour});
    }
  }

  const so_5::disp_binder_shptr_t binder_;
  std::vector<mbox_t> creatures_;
  int64_t left_;
  bool somebody_waits_ = false;
  Meet waits_{};
};

}  // namespace

double fork_join_throughput(const How& how, int64_t messages) {
  Outcome outcome;
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      coop.make_agent<Thrower>(binder, messages, std::ref(outcome));
    });
  });
  expect(outcome.done, kForks * messages);
  return outcome.nanoseconds_each(kForks * messages);
}

double big(const How& how, int64_t pings) {
  Outcome outcome;
  std::vector<mbox_t> friends;
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      const auto* sink = coop.make_agent<Sink>(std::cref(friends), pings, std::ref(outcome));
      for (uint32_t i = 0; i < kBig; ++i)
        friends.push_back(coop.make_agent<Friend>(std::cref(friends), sink->so_direct_mbox(), i)
                              ->so_direct_mbox());
    });
  });
  expect(outcome.done, kBig * pings);
  return outcome.nanoseconds_each(kBig * pings);
}

double chameneos(const How& how, int64_t meetings) {
  Outcome outcome;
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      coop.make_agent<Mall>(binder, meetings, std::ref(outcome));
    });
  });
  expect(outcome.done, 2 * meetings);
  return outcome.nanoseconds_each(meetings);
}

}  // namespace so5_peer
