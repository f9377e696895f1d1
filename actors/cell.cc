// Sends that wait, signals, names and the life of a slot.
#include "cell.h"

#include <isola/actors/incarnation.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>
#include <isola/channels/stamp.h>
#include <isola/context/error_context.h>
#include <isola/context/record_filter.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/utf8.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace isola::detail {

ActorCell::ActorCell() = default;
ActorCell::~ActorCell() { delete extras(); }

CellExtras& ActorCell::own_extras() {
  if (CellExtras* made = extras()) return *made;
  auto fresh = std::make_unique<CellExtras>();
  CellExtras* expected = nullptr;
  // Release: what it is at first. Acquire: or what another thread made meanwhile.
  if (extras_.compare_exchange_strong(expected, fresh.get(), sync::memory_order_acq_rel,
                                      sync::memory_order_acquire))
    return *fresh.release();
  return *expected;
}

Error ActorCell::send(Block* block, bool wait, int64_t deadline_ns) {
  count_step();
  InboxBytes* const bound = inbox_bytes();
  const uint64_t bytes = bound != nullptr ? block->held_bytes() : 0;
  if (bound != nullptr && bytes > bound->max()) return too_large(bytes);
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
  InboxBytes* const bound = inbox_bytes();
  if (bound == nullptr) [[likely]]
    return push_counted(block);
  if (!bound->take_room(bytes)) return inbox.closed() ? Inbox::Push::closed : Inbox::Push::full;
  const Inbox::Push pushed = push_counted(block);
  if (pushed == Inbox::Push::full || pushed == Inbox::Push::closed) bound->give_room(bytes);
  return pushed;
}

Error ActorCell::too_large(uint64_t bytes) const {
  const std::string text = "a message of " + std::to_string(bytes) +
                           " bytes is larger than all that may wait for \"" + label() + "\", " +
                           std::to_string(inbox_bytes()->max()) + " bytes (inbox_bytes_max)";
  constexpr Code kCode = Code::message_too_large;
  return make_error(runtime->pool(), kCode, isola::name(kCode), text, {});
}

Inbox::Push ActorCell::push_counted(Block* block) {
  Worker* worker = Worker::current();
  if (worker == nullptr || home.load(sync::memory_order_acquire) != worker)
    return inbox.push(block, inbox_max);
  return worker->push_here(*this, *block, inbox_max);
}

Error ActorCell::wait_for_room(uint64_t bytes, int64_t deadline_ns) {
  Waiter self(deadline_ns);
  CellExtras& own = own_extras();
  {
    sync::Lock lock(mutex);
    // Under the lock: who ends the actor closes the inbox first, and then wakes who waits here.
    if (inbox.closed()) return end_reason.as(Code::no_such_actor);
    own.room_waiters.push(self);
    if (InboxBytes* bound = inbox_bytes()) bound->want(bytes);
  }
  // The home wakes the waiters when there is room, maybe at once.
  signal(kRoom);
  const Outcome outcome = self.wait(WaitsFor::inbox, id.load(sync::memory_order_relaxed));
  if (outcome == Outcome::completed) return Error();
  if (outcome == Outcome::closed) return ended();
  {
    sync::Lock lock(mutex);
    own.room_waiters.remove(self);
  }
  return unsuccessful(outcome);
}

void ActorCell::resume(Block& token) {
  token.set_state(BlockState::queued);
  if (InboxBytes* bytes = inbox_bytes()) bytes->take_reserved(token.held_bytes());
  Worker* worker = Worker::current();
  const Inbox::Push pushed = worker != nullptr && home.load(sync::memory_order_acquire) == worker
                                 ? worker->push_here(*this, token, Inbox::kNoBound)
                                 : inbox.push(&token, Inbox::kNoBound);
  if (pushed == Inbox::Push::pushed_first) tell_home();
  if (pushed == Inbox::Push::closed) release(&token);
}

void ActorCell::give_room_of(const Block& block) {
  if (InboxBytes* bytes = inbox_bytes()) bytes->give_room(block.held_bytes());
}

void ActorCell::make_room() {
  if (inbox.waiting() > inbox_max / 2) return;
  ToWake woken;
  sync::Lock lock(mutex);
  if (InboxBytes* bound = inbox_bytes()) {
    if (!bound->has_what_is_wanted()) return;
    bound->want_nothing();
  }
  // Who stands in the queue from now on signals anew.
  signals.fetch_and(~uint32_t{kRoom}, sync::memory_order_acq_rel);
  took(Transition::room_made);
  if (CellExtras* own = extras()) woken.claim_all(own->room_waiters, Outcome::completed);
}

void ActorCell::tell_home() {
  // Acquire: who acknowledged the last notification may have moved the actor before.
  Worker* its_home = home.load(sync::memory_order_acquire);
  Worker* here = Worker::current();
  retain();
  // Another System's may go before this one does.
  Worker* const from = here != nullptr && &here->runtime() == runtime ? here : nullptr;
  notifier.store(from, sync::memory_order_relaxed);
  if (its_home == here) return here->heed(*this);
  if (ActorCell* sender = Execution::current().cell; sender != nullptr) sender->talks_to = its_home;
  if (from != nullptr && from->adopt(*this, *its_home)) return;
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
  into.fill(0);
  const CellExtras* own = extras();
  if (own == nullptr) return;
  for (size_t i = 0; i < own->name_words.size(); ++i) {
    const uint64_t word = own->name_words[i].load(sync::memory_order_relaxed);
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
  if (const CellExtras* own = extras()) {
    const char* shown = own->type_label.load(sync::memory_order_relaxed);
    if (shown != nullptr) return shown;
  }
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
  FailedAt at{{}, id.load(sync::memory_order_relaxed), message};
  read_error_context(at.context);
  const CellExtras* own = extras();
  try {
    at.actor = label();
    if (own != nullptr && own->incarnations != nullptr)
      at.path = own->incarnations->decides().name() + "/" + at.actor;
  } catch (const std::bad_alloc&) {
    // The record does without.
  }
  if (own != nullptr) at.heap_bytes = own->heap_figures.live_bytes();
  at.restarts = restarts();
  const bool virtual_time = sync::kSimulated || runtime->options().seed.has_value();
  at.time_ns = virtual_time ? runtime->clock().now_ns()
                            : std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  at.heap_peak_bytes = heap != nullptr ? heap->peak_bytes() : 0;
  at.heap_quota_bytes = heap_quota() == UINT64_MAX ? 0 : heap_quota();
  return at;
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

void ActorCell::set_options(const SlotOptions& options, const char* type_label,
                            std::unique_ptr<RecordFilter> accepts) {
  const SystemOptions& defaults = runtime->options();
  inbox_max = options.inbox_max != 0 ? options.inbox_max : defaults.inbox_max;
  const uint64_t bytes_max =
      options.inbox_bytes_max != 0 ? options.inbox_bytes_max : defaults.inbox_bytes_max;
  const bool counts_bytes = bytes_max != 0 && bytes_max != UINT64_MAX;
  const bool is_plain = !counts_bytes && options.heap_quota == UINT64_MAX && accepts == nullptr &&
                        type_label == nullptr && options.name.empty();
  if (CellExtras* own = is_plain ? extras() : &own_extras()) {
    own->inbox_bytes = counts_bytes ? std::make_unique<InboxBytes>(bytes_max) : nullptr;
    own->heap_quota = options.heap_quota;
    own->heap_figures.peak_bytes.store(0, sync::memory_order_relaxed);
    own->random_state = 0;
    own->accepts = std::move(accepts);
    own->type_label.store(type_label, sync::memory_order_relaxed);
    own->set_name(options.name);
  }
  short_way_max = counts_bytes || options.priority != Priority::normal ? 0 : inbox_max;
}

Heap& ActorCell::own_heap() {
  if (heap == nullptr) {
    const ProgramMemory program;  // it outlives the actor's ledger
    heap = std::make_unique<Heap>(heap_quota(), &own_extras().heap_figures, this);
  }
  return *heap;
}

Namespace& ActorCell::own_names() {
  std::unique_ptr<Namespace>& names = own_extras().names;
  if (names == nullptr) {
    const ProgramMemory program;
    names = std::make_unique<Namespace>(own_heap(), this);
  }
  return *names;
}

uint64_t ActorCell::heap_quota() const {
  const CellExtras* own = extras();
  return own != nullptr ? own->heap_quota : UINT64_MAX;
}

uint64_t ActorCell::restarts() const {
  const CellExtras* own = extras();
  return own != nullptr ? own->restarts.load(sync::memory_order_relaxed) : 0;
}

bool ActorCell::try_retain(uint64_t count) {
  uint64_t seen = references.load(sync::memory_order_relaxed);
  while (seen != 0) {
    // Acquire: with the drop of who gave the slot up; what is read next is of now.
    if (references.compare_exchange_weak(seen, seen + count, sync::memory_order_acquire,
                                         sync::memory_order_relaxed))
      return true;
  }
  return false;
}

void ActorCell::drop() {
  if (references.fetch_sub(1, sync::memory_order_acq_rel) == 1) runtime->free_slot(*this);
}

void ActorCell::drop_handle() {
  uint64_t seen = references.load(sync::memory_order_relaxed);
  while (seen >= 2 * kHandle) {
    // Not the last one, so not the last reference either. Release: what was done with it, for who
    // drops that one.
    if (references.compare_exchange_weak(seen, seen - kHandle - 1, sync::memory_order_release,
                                         sync::memory_order_relaxed))
      return;
  }
  // The reference stays until it is known whether the isolate ends. Acquire: what was done with it
  // by those who dropped theirs before. Sequentially consistent: see there.
  if (references.fetch_sub(kHandle, sync::memory_order_seq_cst) < 2 * kHandle) end_if_unused(*this);
  drop();
}

}  // namespace isola::detail
