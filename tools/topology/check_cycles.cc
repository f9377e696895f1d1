// Cycles: actors that wait for each other to end. A depth-first search over actors and channels,
// with a stack of its own, as a file may have tens of thousands in a row.
#include <fmt/format.h>
#include <isola/tools/topology/check.h>
#include <isola/tools/topology/text.h>

#include <string>
#include <vector>

namespace isola::topology {
namespace {

// Of a longer chain the middle is left out.
constexpr size_t kChainShownMax = 20;

class CycleSearch {
 public:
  CycleSearch(const Plan& plan, Faults& faults)
      : plan_(plan),
        faults_(faults),
        state_(plan.actors.size(), State::unseen),
        out_(plan.actors.size()) {
    for (const PlannedChannel& channel : plan.channels) {
      if (channel.entry->feedback.value) continue;
      for (const PortUse& sender : channel.senders)
        if (is_known(sender)) out_[sender.actor].push_back({&channel, sender.wire});
    }
  }

  void run() {
    for (size_t actor = 0; actor < plan_.actors.size(); ++actor)
      if (state_[actor] == State::unseen) search(actor);
  }

 private:
  enum class State { unseen, on_path, done };
  struct Edge {
    const PlannedChannel* channel;
    const Wire* wire;
  };
  // Where the search stands in an actor: which edge, which receiver of it.
  struct Step {
    size_t actor;
    size_t edge = 0;
    size_t receiver = 0;
  };

  static bool is_known(const PortUse& use) { return use.port != nullptr && !use.is_guess; }

  void search(size_t root) {
    path_.push_back({root});
    state_[root] = State::on_path;
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.edge == out_[step.actor].size()) {
        state_[step.actor] = State::done;
        path_.pop_back();
        continue;
      }
      const Edge& edge = out_[step.actor][step.edge];
      if (step.receiver == edge.channel->receivers.size()) {
        ++step.edge;
        step.receiver = 0;
        continue;
      }
      const PortUse& receiver = edge.channel->receivers[step.receiver++];
      if (!is_known(receiver)) continue;
      if (state_[receiver.actor] == State::on_path) {
        add_cycle(receiver.actor, edge);
      } else if (state_[receiver.actor] == State::unseen) {
        state_[receiver.actor] = State::on_path;
        path_.push_back({receiver.actor});  // `step` is gone
      }
    }
  }

  // The path from `first` to its end, which `closing` leads back from.
  void add_cycle(size_t first, const Edge& closing) {
    size_t begin = path_.size() - 1;
    while (path_[begin].actor != first) --begin;
    std::string chain;
    for (size_t i = begin; i < path_.size(); ++i) {
      const size_t shown = i - begin;
      const size_t left = path_.size() - i;
      if (shown < kChainShownMax / 2 || left <= kChainShownMax / 2)
        chain += escaped(plan_.actors[path_[i].actor].entry->name) + " -> ";
      else if (shown == kChainShownMax / 2)
        chain += "… -> ";
    }
    chain += escaped(plan_.actors[first].entry->name);
    faults_.add(
        closing.wire->channel.place,
        fmt::format("cycle: {}; a channel that leads back must say feedback = true", chain));
  }

  const Plan& plan_;
  Faults& faults_;
  std::vector<State> state_;
  std::vector<std::vector<Edge>> out_;
  std::vector<Step> path_;
};

}  // namespace

void check_cycles(const Plan& plan, Faults& faults) { CycleSearch(plan, faults).run(); }

}  // namespace isola::topology
