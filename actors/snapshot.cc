// Reading slots while their actors run.
#include "snapshot.h"

#include <isola/actors/system.h>

#include <array>
#include <cstring>

namespace isola {

using detail::ActorCell;
using detail::Life;
using detail::Runtime;
using detail::WaitsFor;

std::string describe_wait(const detail::Books& books) {
  const std::string id = std::to_string(books.id.load(sync::memory_order_relaxed));
  std::array<char, 17> name{};
  for (size_t i = 0; i < books.name.size(); ++i) {
    const uint64_t word = books.name[i].load(sync::memory_order_relaxed);
    std::memcpy(name.data() + i * 8, &word, 8);
  }
  const std::string channel = name[0] != 0 ? std::string(name.data()) : "channel " + id;
  switch (books.what.load(sync::memory_order_relaxed)) {
    case WaitsFor::nothing:
    case WaitsFor::worker:
      return "";
    case WaitsFor::reply:
      return "reply of " + id;
    case WaitsFor::receive:
      return "receive from " + channel;
    case WaitsFor::send:
      return "send to " + channel;
    case WaitsFor::select:
      return "select";
    case WaitsFor::inbox:
      return "inbox of " + id;
    case WaitsFor::sleep:
      return "sleep";
    case WaitsFor::end:
      return "end of " + id;
    case WaitsFor::offload:
      return "offloaded call";
  }
  return "";
}

namespace {

// False if the slot is free, or changed hands while it was read.
bool read_actor(const ActorCell& cell, ActorInfo& info) {
  const auto relaxed = sync::memory_order_relaxed;
  info.id = cell.id.load(sync::memory_order_acquire);
  const Life life = cell.life.load(sync::memory_order_acquire);
  if (info.id == 0 || life == Life::free) return false;
  const detail::BehaviourType* type = cell.type.load(relaxed);
  if (type == nullptr) return false;
  const bool running = cell.activity.load(relaxed) == detail::Activity::turn;
  info.name = cell.name();
  info.handled = cell.books.handled.load(relaxed);
  if (const detail::CellExtras* extras = cell.extras())
    info.heap_bytes = extras->heap_figures.live_bytes();
  info.restarts = cell.restarts();
  info.inbox_depth = cell.inbox.depth();
  info.waits_for = describe_wait(cell.books);
  info.type = cell.type_name();
  if (life == Life::ended)
    info.state = "ended";
  else if (!info.waits_for.empty())
    info.state = "blocked";
  else if (running)
    info.state = cell.books.what.load(relaxed) == WaitsFor::worker ? "ready" : "running";
  else
    info.state = cell.activity.load(relaxed) == detail::Activity::idle ? "idle" : "ready";
  // The id is taken when a slot is given out and zeroed when it is freed: unchanged, so what was
  // read belongs to this actor.
  return cell.id.load(sync::memory_order_acquire) == info.id;
}

}  // namespace

size_t read_actors(const System& system, size_t cursor, size_t max, std::vector<ActorInfo>& out) {
  const Runtime& runtime = system.runtime();
  const detail::Slots& slots = runtime.slots();
  constexpr size_t kSlabCells = detail::Slots::kSlabCells;
  const size_t end = slots.slabs() * kSlabCells;
  for (; cursor < end && max > 0; ++cursor) {
    const ActorCell& cell = slots.slab(cursor / kSlabCells)[cursor % kSlabCells];
    ActorInfo info;
    if (!read_actor(cell, info)) continue;
    out.push_back(std::move(info));
    --max;
  }
  return cursor < end ? cursor : 0;
}

}  // namespace isola
