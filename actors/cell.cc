// Sends that wait, signals, names and the life of a slot.
#include "cell.h"

#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/channels/stamp.h>

#include <algorithm>
#include <cstring>

namespace isola::detail {

Error ActorCell::send(Block* block, bool wait, int64_t deadline_ns) {
  count_step();
  const Stamp stamp(*block, runtime->pool());
  Error error;
  for (;;) {
    block->set_state(BlockState::queued);
    const Inbox::Push pushed = push(block);
    if (pushed == Inbox::Push::pushed_first) tell_home();
    if (pushed == Inbox::Push::pushed_first || pushed == Inbox::Push::pushed) return Error();
    block->set_state(BlockState::composing);
    // An actor that waits for room in its own inbox would wait for ever.
    if (pushed == Inbox::Push::closed)
      error = Error(Code::no_such_actor);
    else if (!wait || Execution::current().cell == this)
      error = Error(Code::inbox_full);
    else
      error = wait_for_room(deadline_ns);
    if (!error) continue;
    stamp.undo(*block);
    return error;
  }
}

Inbox::Push ActorCell::push(Block* block) {
  Worker* worker = Worker::current();
  if (worker == nullptr || home.load(sync::memory_order_acquire) != worker)
    return inbox.push(block, inbox_max);
  return worker->push_here(*this, *block);
}

Error ActorCell::wait_for_room(int64_t deadline_ns) {
  Waiter self(deadline_ns);
  {
    sync::Lock lock(mutex);
    // Under the lock: who ends the actor closes the inbox first, and then wakes who waits here.
    if (inbox.closed()) return end_reason.as(Code::no_such_actor);
    room_waiters.push(self);
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

void ActorCell::make_room() {
  if (inbox.waiting() > inbox_max / 2) return;
  signals.fetch_and(~uint32_t{kRoom}, sync::memory_order_acq_rel);
  ToWake woken;
  sync::Lock lock(mutex);
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

std::string ActorCell::name() const {
  std::array<char, kNameBytesMax + 1> bytes;
  for (size_t i = 0; i < name_words.size(); ++i) {
    const uint64_t word = name_words[i].load(sync::memory_order_relaxed);
    std::memcpy(bytes.data() + i * 8, &word, 8);
  }
  bytes.back() = 0;
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

void ActorCell::set_name(std::string_view name) {
  std::array<char, kNameBytesMax + 1> bytes{};
  size_t size = std::min(name.size(), kNameBytesMax);
  // Never cut inside a UTF-8 sequence.
  while (size < name.size() && size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80)
    --size;
  if (size > 0) std::memcpy(bytes.data(), name.data(), size);
  for (size_t i = 0; i < name_words.size(); ++i) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i * 8, 8);
    name_words[i].store(word, sync::memory_order_relaxed);
  }
}

Heap& ActorCell::own_heap() {
  if (heap == nullptr) heap = std::make_unique<Heap>(heap_quota, &heap_bytes);
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

namespace isola {

std::pmr::memory_resource& heap() {
  detail::ActorCell* cell = detail::Execution::current().cell;
  if (cell != nullptr) return cell->own_heap();
  return *std::pmr::new_delete_resource();
}

}  // namespace isola
