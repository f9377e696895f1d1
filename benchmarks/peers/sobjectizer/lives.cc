// Agents that come and go, or are only there.
#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "peer.h"

namespace so5_peer {
namespace {

using so_5::mbox_t;

struct Add {
  int64_t amount;
};
struct GoOn final : public so_5::signal_t {};

// --- fork-join create: an agent that ends by itself is a cooperation of its own -----------------

struct Children {
  Outcome& outcome;
  std::atomic<int64_t> left;
  mbox_t parent;
};

class Child final : public Agent<1> {
 public:
  struct Gone final : public so_5::signal_t {};

  Child(context_t context, Children& children) : Agent(std::move(context)), children_(children) {}
  ~Child() override {
    if (children_.left.fetch_sub(1) > 1) return;
    children_.outcome.end();
    so_5::send<Gone>(children_.parent);
  }
  void so_define_agent() override { so_subscribe_self().event(&Child::on_add); }

 private:
  void on_add(mhood_t<Add> add) {
    children_.outcome.done.fetch_add(add->amount, std::memory_order_relaxed);
    so_deregister_agent_coop_normally();
  }

  Children& children_;
};

// So that children end before all have begun.
constexpr int64_t kForksAtOnce = 8;

class Forker final : public Agent<2> {
 public:
  Forker(context_t context, so_5::disp_binder_shptr_t binder, int64_t actors, Children& children)
      : Agent(std::move(context)), binder_(std::move(binder)), left_(actors), children_(children) {}
  void so_define_agent() override {
    so_subscribe_self().event(&Forker::on_go_on).event(&Forker::on_gone);
  }
  void so_evt_start() override {
    children_.parent = so_direct_mbox();
    children_.outcome.begin();
    fork();
  }

 private:
  void on_go_on(mhood_t<GoOn>) { fork(); }
  void on_gone(mhood_t<Child::Gone>) { so_environment().stop(); }
  void fork() {
    for (int64_t i = 0; i < kForksAtOnce && left_ > 0; ++i, --left_) {
      mbox_t child;
      so_environment().introduce_coop(binder_, [&](so_5::coop_t& coop) {
        child = coop.make_agent<Child>(std::ref(children_))->so_direct_mbox();
      });
      so_5::send<Add>(child, Add{1});
    }
    if (left_ > 0) so_5::send<GoOn>(*this);
  }

  const so_5::disp_binder_shptr_t binder_;
  int64_t left_;
  Children& children_;
};

// --- idle ---------------------------------------------------------------------------------------

class Idler final : public Agent<1> {
 public:
  Idler(context_t context, std::atomic<int64_t>& sum) : Agent(std::move(context)), sum_(sum) {}
  void so_define_agent() override { so_subscribe_self().event(&Idler::on_add); }

 private:
  void on_add(mhood_t<Add> add) {
    total_ += add->amount;
    sum_.fetch_add(add->amount);
  }

  int64_t total_ = 0;
  std::atomic<int64_t>& sum_;
};

// Cooperations of that many agents, which end together.
constexpr int64_t kIdleTogether = 1000;

}  // namespace

double fork_join_create(const How& how, int64_t actors) {
  Outcome outcome;
  Children children{outcome, actors, {}};
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
      coop.make_agent<Forker>(binder, actors, std::ref(children));
    });
  });
  expect(outcome.done, actors);
  return outcome.nanoseconds_each(actors);
}

double idle_bytes(const How& how, int64_t actors) {
  double bytes = 0;
  std::atomic<int64_t> sum{0};
  run_agents(how, [&](so_5::environment_t& environment, const so_5::disp_binder_shptr_t& binder) {
    std::vector<mbox_t> all;
    all.reserve(static_cast<size_t>(actors));
    const double before = peer::resident_bytes();
    for (int64_t made = 0; made < actors; made = sum.load()) {
      const int64_t more = std::min(kIdleTogether, actors - made);
      environment.introduce_coop(binder, [&](so_5::coop_t& coop) {
        for (int64_t i = 0; i < more; ++i)
          all.push_back(coop.make_agent<Idler>(std::ref(sum))->so_direct_mbox());
      });
      for (int64_t i = 0; i < more; ++i)
        so_5::send<Add>(all[static_cast<size_t>(made + i)], Add{1});
      while (sum.load() < made + more) std::this_thread::yield();  // so that no queue grows
    }
    bytes = (peer::resident_bytes() - before) / static_cast<double>(actors);
    environment.stop();
  });
  expect(sum, actors);
  return bytes;
}

}  // namespace so5_peer
