// Who waits for whom, and who of these can never go on.
#include "wait_cycles.h"

#include <isola/actors/snapshot.h>
#include <isola/actors/system.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace isola {
namespace {

using detail::ActorCell;
using detail::Runtime;
using detail::WaitsFor;

// An isolate that waits, without limit, for something that others do.
struct Waiting {
  std::string name;
  std::string waits_for;
  uint64_t waits = 0;  // which of its waits it is
  std::set<uint64_t> wakers;
  bool may_go_on = false;  // somebody else may wake it
};
using Graph = std::map<uint64_t, Waiting>;

// Calls `visit` with the cell of each isolate that waits so.
template <class Visit>
void for_each_waiting(const Runtime& runtime, Visit&& visit) {
  const auto relaxed = sync::memory_order_relaxed;
  for (size_t i = 0; i < runtime.slots().slabs(); ++i) {
    for (size_t j = 0; j < detail::Slots::kSlabCells; ++j) {
      const ActorCell& cell = runtime.slots().slab(i)[j];
      const uint64_t id = cell.id.load(sync::memory_order_acquire);
      const WaitsFor what = cell.books.what.load(sync::memory_order_acquire);
      const bool others = what != WaitsFor::nothing && what != WaitsFor::worker &&
                          what != WaitsFor::sleep && !cell.books.has_limit.load(relaxed);
      if (id != 0 && others && cell.life.load(relaxed) == detail::Life::alive) visit(id, cell);
    }
  }
}

void note_channels(const System& system, Graph& graph) {
  const auto note = [&](const SideInfo& here, const SideInfo& there, bool others) {
    for (const WaitingIsolate& waiter : here.waiting) {
      auto found = graph.find(waiter.isolate);
      if (found == graph.end()) continue;
      found->second.wakers.insert(there.holders.begin(), there.holders.end());
      if (others || there.in_transit > 0 || waiter.has_limit) found->second.may_go_on = true;
    }
  };
  for (const ChannelInfo& channel : system.channels()) {
    note(channel.send, channel.receive, channel.uses_without_handle > 0);
    note(channel.receive, channel.send, channel.uses_without_handle > 0);
  }
}

Graph read_graph(const System& system) {
  const auto relaxed = sync::memory_order_relaxed;
  const Runtime& runtime = system.runtime();
  Graph graph;
  for_each_waiting(runtime, [&](uint64_t id, const ActorCell& cell) {
    Waiting& waiting = graph[id];
    waiting.name = cell.label();
    waiting.waits_for = describe_wait(cell.books);
    waiting.waits = cell.books.waits.load(relaxed);
    const WaitsFor what = cell.books.what.load(relaxed);
    if (what == WaitsFor::reply || what == WaitsFor::inbox || what == WaitsFor::end)
      waiting.wakers.insert(cell.books.id.load(relaxed));
  });
  note_channels(system, graph);
  // Whoever is still in the same wait was in it all the time that we looked.
  std::set<uint64_t> still;
  for_each_waiting(runtime, [&](uint64_t id, const ActorCell& cell) {
    auto found = graph.find(id);
    if (found != graph.end() && found->second.waits == cell.books.waits.load(relaxed))
      still.insert(id);
  });
  std::erase_if(graph, [&](const auto& entry) {
    return still.count(entry.first) == 0 || entry.second.wakers.empty();
  });
  return graph;
}

// Takes out, again and again, whoever can be woken by somebody who is not in the graph.
void keep_stuck(Graph& graph) {
  const auto can_go_on = [&](const auto& entry) {
    const Waiting& waiting = entry.second;
    return waiting.may_go_on ||
           std::any_of(waiting.wakers.begin(), waiting.wakers.end(),
                       [&](uint64_t waker) { return graph.count(waker) == 0; });
  };
  while (std::erase_if(graph, can_go_on) > 0) {
  }
}

}  // namespace

std::string WaitCycle::to_string() const {
  std::string out;
  for (size_t i = 0; i < isolates.size(); ++i) {
    const StuckIsolate& next = isolates[(i + 1) % isolates.size()];
    out += (i == 0 ? "" : ", ") + isolates[i].name + " waits (" + isolates[i].waits_for +
           ") for " + next.name;
  }
  return out;
}

std::vector<WaitCycle> find_wait_cycles(const System& system) {
  Graph graph = read_graph(system);
  keep_stuck(graph);
  std::vector<WaitCycle> cycles;
  std::set<uint64_t> seen;
  for (const auto& [start, first] : graph) {
    // Follow the first waker of each until we come back to where we were.
    std::vector<uint64_t> way;
    uint64_t at = start;
    while (seen.insert(at).second) {
      way.push_back(at);
      at = *graph.at(at).wakers.begin();
    }
    const auto begin = std::find(way.begin(), way.end(), at);
    if (begin == way.end()) continue;  // it leads into a cycle that was reported before
    WaitCycle cycle;
    for (auto id = begin; id != way.end(); ++id)
      cycle.isolates.push_back({*id, graph.at(*id).name, graph.at(*id).waits_for});
    cycles.push_back(std::move(cycle));
  }
  return cycles;
}

}  // namespace isola
