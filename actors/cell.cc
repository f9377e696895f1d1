// Sends that wait, signals, names and the life of a slot.
#include "cell.h"

#include <isola/actors/background.h>
#include <isola/actors/incarnation.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/channels/stamp.h>
#include <isola/context/error_context.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/utf8.h>
#include <isola/serialization/program_memory.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace isola::detail {

ActorCell::ActorCell() = default;
ActorCell::~ActorCell() = default;

Error ActorCell::send(Block* block, bool wait, int64_t deadline_ns) {
  count_step();
  const uint64_t bytes = inbox_bytes != nullptr ? block->held_bytes() : 0;
  if (inbox_bytes != nullptr && bytes > inbox_bytes->max()) return too_large(bytes);
  const Stamp stamp(*block, runtime->pool(), runtime->clock());
  Error error;
  for (;;) {
    block->set_state(BlockState::queued);
    const Inbox::Push pushed = push(block, bytes);
    if (pushed == Inbox::Push::pushed_first) tell_home();
    if (pushed == Inbox::Push::pushed_first || pushed == Inbox::Push::pushed) return Error();
    block->set_state(BlockState::composing);
    // An actor that waits for room in its own inbox would wait for ever.
    if (pushed == Inbox::Push::closed)
      error = Error(Code::no_such_actor);
    else if (!wait || Execution::current().cell == this)
      error = Error(Code::inbox_full);
    else
      error = wait_for_room(bytes, deadline_ns);
    if (!error) continue;
    stamp.undo(*block);
    return error;
  }
}

Inbox::Push ActorCell::push(Block* block, uint64_t bytes) {
  if (inbox_bytes == nullptr) [[likely]]
    return push_counted(block);
  if (!inbox_bytes->take_room(bytes))
    return inbox.closed() ? Inbox::Push::closed : Inbox::Push::full;
  const Inbox::Push pushed = push_counted(block);
  if (pushed == Inbox::Push::full || pushed == Inbox::Push::closed) inbox_bytes->give_room(bytes);
  return pushed;
}

Error ActorCell::too_large(uint64_t bytes) const {
  const std::string text = "a message of " + std::to_string(bytes) +
                           " bytes is larger than all that may wait for \"" + label() + "\", " +
                           std::to_string(inbox_bytes->max()) + " bytes (inbox_bytes_max)";
  constexpr Code kCode = Code::message_too_large;
  return make_error(runtime->pool(), kCode, isola::name(kCode), text, {});
}

Inbox::Push ActorCell::push_counted(Block* block) {
  Worker* worker = Worker::current();
  if (worker == nullptr || home.load(sync::memory_order_acquire) != worker)
    return inbox.push(block, inbox_max);
  return worker->push_here(*this, *block);
}

Error ActorCell::wait_for_room(uint64_t bytes, int64_t deadline_ns) {
  Waiter self(deadline_ns);
  {
    sync::Lock lock(mutex);
    // Under the lock: who ends the actor closes the inbox first, and then wakes who waits here.
    if (inbox.closed()) return end_reason.as(Code::no_such_actor);
    room_waiters.push(self);
    if (inbox_bytes != nullptr) inbox_bytes->want(bytes);
  }
  // The home wakes the waiters when there is room, maybe at once.
  signal(kRoom);
  const Outcome outcome = self.wait(WaitsFor::inbox, id.load(sync::memory_order_relaxed));
  if (outcome == Outcome::completed) return Error();
  if (outcome == Outcome::closed) return ended();
  {
    sync::Lock lock(mutex);
    room_waiters.remove(self);
  }
  return unsuccessful(outcome);
}

void ActorCell::give_room_of(const Block& block) { inbox_bytes->give_room(block.held_bytes()); }

void ActorCell::make_room() {
  if (inbox.waiting() > inbox_max / 2) return;
  ToWake woken;
  sync::Lock lock(mutex);
  if (inbox_bytes != nullptr) {
    if (!inbox_bytes->has_what_is_wanted()) return;
    inbox_bytes->want_nothing();
  }
  // Who stands in the queue from now on signals anew.
  signals.fetch_and(~uint32_t{kRoom}, sync::memory_order_acq_rel);
  took(Transition::room_made);
  woken.claim_all(room_waiters, Outcome::completed);
}

void ActorCell::tell_home() {
  // Acquire: who acknowledged the last notification may have moved the actor before.
  Worker* its_home = home.load(sync::memory_order_acquire);
  Worker* here = Worker::current();
  retain();
  notifier.store(here, sync::memory_order_relaxed);
  if (its_home == here) return here->heed(*this);
  if (ActorCell* sender = Execution::current().cell; sender != nullptr) sender->talks_to = its_home;
  if (here != nullptr && &here->runtime() == runtime && here->adopt(*this, *its_home)) return;
  its_home->tell(*this);
}

Error ActorCell::ended() {
  sync::Lock lock(mutex);
  return end_reason.as(Code::no_such_actor);
}

void ActorCell::signal(uint32_t which) {
  // Release, with the acknowledgement of the notification: the home sees it, and what came before.
  signals.fetch_or(which, sync::memory_order_release);
  notify();
}

Error ActorCell::wait_for_end(int64_t deadline_ns) {
  if (Execution::current().cell == this) return Error(Code::asks_itself);
  Waiter self(deadline_ns);
  {
    sync::Lock lock(mutex);
    if (life.load(sync::memory_order_acquire) != Life::alive) return end_reason;
    end_waiters.push(self);
  }
  const Outcome outcome = self.wait(WaitsFor::end, id.load(sync::memory_order_relaxed));
  sync::UniqueLock lock(mutex);
  if (outcome == Outcome::completed) return end_reason;
  end_waiters.remove(self);
  lock.unlock();
  return unsuccessful(outcome);
}

void ActorCell::copy_name(std::array<char, kNameBytesMax + 1>& into) const {
  for (size_t i = 0; i < name_words.size(); ++i) {
    const uint64_t word = name_words[i].load(sync::memory_order_relaxed);
    std::memcpy(into.data() + i * 8, &word, 8);
  }
  into.back() = 0;
}

std::string ActorCell::name() const {
  std::array<char, kNameBytesMax + 1> bytes;
  copy_name(bytes);
  return bytes.data();
}

std::string ActorCell::type_name() const {
  const char* shown = type_label.load(sync::memory_order_relaxed);
  if (shown != nullptr) return shown;
  const BehaviourType* kind = type.load(sync::memory_order_relaxed);
  return kind != nullptr ? kind->name() : "actor";
}

std::string ActorCell::label() const {
  std::string own = name();
  if (!own.empty()) return own;
  return type_name() + "#" + std::to_string(id.load(sync::memory_order_relaxed));
}

FailedAt ActorCell::failed_at(const MessageType* message) const {
  const ProgramMemory program;  // its heap may be exhausted
  FailedAt at{label(), id.load(sync::memory_order_relaxed), message};
  read_error_context(at.context);
  if (incarnations != nullptr) at.path = incarnations->decides().name() + "/" + at.actor;
  at.restarts = restarts.load(sync::memory_order_relaxed);
  const bool virtual_time = sync::kSimulated || runtime->options().seed.has_value();
  at.time_ns = virtual_time ? runtime->clock().now_ns()
                            : std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  at.heap_bytes = heap_figures.live_bytes.load(sync::memory_order_relaxed);
  at.heap_peak_bytes = heap != nullptr ? heap->peak_bytes() : 0;
  at.heap_quota_bytes = heap_quota == UINT64_MAX ? 0 : heap_quota;
  return at;
}

void ActorCell::set_name(std::string_view name) {
  std::array<char, kNameBytesMax + 1> bytes{};
  const size_t size = whole_characters(name, kNameBytesMax);
  if (size > 0) std::memcpy(bytes.data(), name.data(), size);
  for (size_t i = 0; i < name_words.size(); ++i) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i * 8, 8);
    name_words[i].store(word, sync::memory_order_relaxed);
  }
}

void ActorCell::enter(Execution& execution) {
  execution.begin_context(root_context);
  execution.isolate_id = id.load(sync::memory_order_relaxed);
  execution.clock = &runtime->clock();
  execution.resources = &resources;
  execution.books = &books;
  execution.cell = this;
  execution.heap = nullptr;
  execution.outside = 0;
  execution.dropped_heap = nullptr;
}

void ActorCell::set_bounds(const SlotOptions& options) {
  const SystemOptions& defaults = runtime->options();
  inbox_max = options.inbox_max != 0 ? options.inbox_max : defaults.inbox_max;
  const uint64_t bytes_max =
      options.inbox_bytes_max != 0 ? options.inbox_bytes_max : defaults.inbox_bytes_max;
  const bool counts_bytes = bytes_max != 0 && bytes_max != UINT64_MAX;
  inbox_bytes = counts_bytes ? std::make_unique<InboxBytes>(bytes_max) : nullptr;
  short_way_max = counts_bytes ? 0 : inbox_max;
  heap_quota = options.heap_quota;
  heap_figures.peak_bytes.store(0, sync::memory_order_relaxed);
}

Heap& ActorCell::own_heap() {
  if (heap == nullptr) heap = std::make_unique<Heap>(heap_quota, &heap_figures, this);
  return *heap;
}

Namespace& ActorCell::own_names() {
  if (names == nullptr) names = std::make_unique<Namespace>(own_heap(), this);
  return *names;
}

bool ActorCell::try_retain() {
  uint32_t seen = references.load(sync::memory_order_relaxed);
  while (seen != 0) {
    // Acquire: with the drop of who gave the slot up; what is read next is of now.
    if (references.compare_exchange_weak(seen, seen + 1, sync::memory_order_acquire,
                                         sync::memory_order_relaxed))
      return true;
  }
  return false;
}

void ActorCell::drop() {
  if (references.fetch_sub(1, sync::memory_order_acq_rel) == 1) runtime->free_slot(*this);
}

}  // namespace isola::detail
