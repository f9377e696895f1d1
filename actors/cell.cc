// Sends that wait, signals, names and the life of a slot.
#include "cell.h"

#include <isola/actors/runtime.h>
#include <isola/actors/worker.h>

#include <algorithm>
#include <cstring>

namespace isola::detail {

Error ActorCell::send_slow(Block* block, bool wait, int64_t deadline_ns) {
  // An actor that waits for room in its own inbox would wait for ever.
  if (!wait || Execution::current().cell == this) return Error(Code::inbox_full);
  for (;;) {
    Waiter self(deadline_ns);
    bool waits;
    {
      sync::Lock lock(mutex);
      room_waiters.push(self);
      waits = inbox.wait_for_room(inbox_max);
      if (!waits) room_waiters.remove(self);
    }
    if (waits) {
      const Outcome outcome =
          self.wait(WaitsFor::inbox, id.load(sync::memory_order_relaxed));
      if (outcome == Outcome::closed) return ended();
      if (outcome != Outcome::completed) {
        {
          sync::Lock lock(mutex);
          room_waiters.remove(self);
        }
        return unsuccessful(outcome);
      }
    }
    block->set_state(BlockState::queued);
    switch (inbox.push(block, inbox_max)) {
      case Inbox::Push::pushed:
        return Error();
      case Inbox::Push::pushed_first:
        runtime->schedule(*this);
        return Error();
      case Inbox::Push::closed:
        block->set_state(BlockState::composing);
        return Error(Code::no_such_actor);
      case Inbox::Push::full:
        block->set_state(BlockState::composing);
        break;
    }
  }
}

Error ActorCell::ended() {
  sync::Lock lock(mutex);
  return end_reason.as(Code::no_such_actor);
}

void ActorCell::wake_room_waiters() {
  ToWake woken;
  sync::Lock lock(mutex);
  woken.claim_all(room_waiters, Outcome::completed);
}

void ActorCell::signal(uint32_t which) {
  signals.fetch_or(which, sync::memory_order_seq_cst);
  if (inbox.rouse()) {
    runtime->schedule(*this);
    return;
  }
  if (inbox.closed()) return;
  // It is scheduled or in a turn. A turn that is blocked has to be cancelled where it is: a
  // turn that begins later looks at the signals first. See Worker::turn for the other half.
  const BehaviourType* kind = type.load(sync::memory_order_relaxed);
  const bool cancels = (which & kKill) != 0 || (kind != nullptr && kind->run != nullptr);
  if (cancels) home.load(sync::memory_order_seq_cst)->cancel(*this);
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
