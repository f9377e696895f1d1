// An actor's slot: identity, inbox, behaviour, heap, context root and what the inspector reads.
//
// Slots are type-stable: they lie in slabs that live as long as their Runtime, and are used again
// under a new id. So an address, the scheduler and the inspector may hold a slot without a lock.
//
// Life of a slot: free -> alive -> ended -> free. It becomes free when it has ended and the last
// reference (addresses, asks, the runtime's own) is gone.
// Thread safety: the members marked so; the rest belongs to whoever has the turn.
#pragma once

#include <isola/actors/heap.h>
#include <isola/actors/inbox.h>
#include <isola/channels/resource.h>
#include <isola/channels/waiter.h>
#include <isola/serialization/check.h>
#include <isola/serialization/error.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace isola::detail {

class ActorCell;
class Carrier;
class Runtime;
class Worker;
struct Job;

// What the runtime knows about a kind of actor. One for each, made by the compiler.
struct BehaviourType {
  std::string (*name)();
  // Handles one message. Takes `block` (and nulls it) if the handler keeps it.
  void (*receive)(void* behaviour, Block*& block);
  // A function that runs for the actor's whole life, instead of receive.
  void (*run)(void* behaviour);
  void (*destroy)(void* behaviour);
};

enum class Life : uint8_t { free, alive, ended };

// Signals that end an actor; set by any thread.
enum Signal : uint32_t { kStop = 1, kKill = 2, kRunJob = 4 };

inline constexpr size_t kNameBytesMax = 47;  // and a final zero; more is cut

struct SlotOptions {
  std::string name;
  std::string type{};  // shown instead of the behaviour's own
  uint64_t heap_quota = UINT64_MAX;
  uint32_t inbox_max = 0;  // 0: the System's
};

class alignas(64) ActorCell {
 public:
  // --- hot: sends and turns
  Inbox inbox;                      // any thread
  Block* batch = nullptr;           // taken from the inbox, oldest first
  ActorCell* next_ready = nullptr;  // in a ready queue
  void* behaviour = nullptr;
  sync::atomic<const BehaviourType*> type{nullptr};
  sync::atomic<const char*> type_label{nullptr};  // instead of its name; the runtime's memory
  Runtime* runtime = nullptr;         // constant
  sync::atomic<uint32_t> signals{0};  // any thread
  uint32_t inbox_max = 0;
  Block* root_context = nullptr;  // what its creator's context let cross

  // --- books, read by the inspector without a lock: each has one writer at a time
  alignas(64) sync::atomic<uint64_t> id{0};  // slot and incarnation; 0: free
  sync::atomic<uint32_t> batch_left{0};      // messages of the taken batch not yet handled
  sync::atomic<uint32_t> restarts{0};
  sync::atomic<uint64_t> heap_bytes{0};  // live
  sync::atomic<Life> life{Life::free};
  Books books;
  sync::atomic<uint32_t> references{0};  // any thread

  // --- cold
  sync::atomic<Worker*> home{nullptr};      // where it runs, or ran last
  sync::atomic<Carrier*> carrier{nullptr};  // of the turn that it has
  ActorCell* next_cancel = nullptr;         // in a worker's list of turns to be cancelled
  sync::atomic<bool> cancel_queued{false};
  std::shared_ptr<Job> job;               // of an isolate: see isolate_job.h
  sync::atomic<bool> job_claimed{false};  // somebody runs or closes this isolate
  std::unique_ptr<Heap> heap;             // made on first use
  uint64_t heap_quota = UINT64_MAX;
  uint64_t random_state = 0;
  ResourceList resources;
  sync::Mutex mutex;         // guards the three below
  WaiterQueue room_waiters;  // senders that wait for room in the inbox
  WaiterQueue end_waiters;   // who waits for the end of this actor
  Error end_reason;
  std::array<sync::atomic<uint64_t>, (kNameBytesMax + 1) / 8> name_words{};
  ActorCell* next_free = nullptr;
  ActorCell* older = nullptr;  // alive ones, in the order of their start; under the runtime's lock
  ActorCell* younger = nullptr;

  // Sends a stamped block. Takes it on success and leaves it with the caller on an error:
  // no_such_actor, inbox_full (only if !wait or the actor sends to itself), timeout, …
  // Blocks: while the inbox is full, if `wait`.
  Error send(Block* block, bool wait, int64_t deadline_ns);
  // What whoever sends to an ended actor is told: no_such_actor, with the record of its failure if
  // it ended by one. Any thread.
  Error ended();
  // Sets a signal and makes the actor look at it.
  void signal(uint32_t which);
  // The next message of the batch, or of the inbox; nullptr: none.
  Block* next_message();
  // Takes the next batch from the inbox; false: there is none. REQUIRES: the last one is used up.
  bool take_mail();
  // The message in hand leaves this actor before its handler has returned.
  void give_away(Block* block);
  // Waits until the actor has ended; returns its reason. Blocks.
  Error wait_for_end(int64_t deadline_ns);

  std::string name() const;   // any thread; empty if it was given none
  std::string type_name() const;  // any thread
  std::string label() const;  // the name, or "Counter#7"
  void set_name(std::string_view name);
  // The heap, made now if there was none. Called in a turn.
  Heap& own_heap();

  void retain() { references.fetch_add(1, sync::memory_order_relaxed); }
  void drop();

 private:
  Error send_slow(Block* block, bool wait, int64_t deadline_ns);
  void wake_room_waiters();
};

// A counted reference to a slot, or to nothing.
class CellRef {
 public:
  CellRef() = default;
  explicit CellRef(ActorCell& cell) : cell_(&cell) { cell.retain(); }
  CellRef(const CellRef& other) : cell_(other.cell_) {
    if (cell_ != nullptr) cell_->retain();
  }
  CellRef(CellRef&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  CellRef& operator=(CellRef other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~CellRef() {
    if (cell_ != nullptr) cell_->drop();
  }
  explicit operator bool() const { return cell_ != nullptr; }
  ActorCell* get() const { return cell_; }
  ActorCell* operator->() const { return cell_; }
  ActorCell& operator*() const { return *cell_; }

 private:
  ActorCell* cell_ = nullptr;
};

inline bool ActorCell::take_mail() {
  bool senders_wait = false;
  uint32_t count = 0;
  batch = inbox.take(senders_wait, count);
  if (senders_wait) [[unlikely]]
    wake_room_waiters();
  if (batch == nullptr) return false;
  batch_left.store(count, sync::memory_order_relaxed);
  return true;
}

inline Block* ActorCell::next_message() {
  if (batch == nullptr && !take_mail()) return nullptr;
  Block* block = batch;
  batch = block->next;
  batch_left.store(batch_left.load(sync::memory_order_relaxed) - 1, sync::memory_order_relaxed);
  return block;
}

inline void ActorCell::give_away(Block* block) {
  if (block != inbox.seen()) return;
  // Invariant 1 of the inbox: what is above the block is taken now, so that it may go.
  ISOLA_ASSERT(batch == nullptr, ==, true);
  uint32_t count = 0;
  batch = inbox.detach(count);
  batch_left.store(count, sync::memory_order_relaxed);
  wake_room_waiters();
}

}  // namespace isola::detail
