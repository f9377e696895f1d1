// An actor's slot: identity, inbox, behaviour, heap, context root and what the inspector reads.
//
// Slots are type-stable: they lie in slabs that live as long as their Runtime, and are used again
// under a new id. So an address, the scheduler and the inspector may hold a slot without a lock.
//
// Life of a slot: free -> alive -> ended -> free. It becomes free when it has ended and the last
// reference (addresses, asks, notifications, the runtime's own) is gone.
// An actor has a home: the worker whose thread alone touches its queue and decides when it runs.
// Everybody else notifies the home. It moves between turns, unless it is pinned; see Worker.
// Thread safety: the members marked so; the rest belongs to the home, or to whoever has the turn.
#pragma once

#include <isola/actors/cell_extras.h>
#include <isola/actors/heap.h>
#include <isola/actors/inbox.h>
#include <isola/channels/resource.h>
#include <isola/channels/waiter.h>
#include <isola/context/accepted_keys.h>
#include <isola/serialization/check.h>
#include <isola/serialization/error.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace isola {

// Whose turn comes first among the ready actors of a worker; see priority.h.
enum class Priority : uint8_t { low, normal, high };

// Who made an isolate. runtime: the main one.
enum class Origin : uint8_t { runtime, user, supervisor, topology };

}  // namespace isola

namespace isola::detail {

class ActorCell;
class Carrier;
class Dispatcher;
class Runtime;
class Worker;

// What the runtime knows about a kind of actor. One for each, made by the compiler.
struct BehaviourType {
  std::string (*name)();
  // Handles one message. Takes `block` (and nulls it) if the handler keeps it.
  void (*receive)(void* behaviour, Block*& block);
  // A function that runs for the actor's whole life, instead of receive.
  void (*run)(void* behaviour);
  void (*destroy)(void* behaviour);
  // What is done on kWork, in a turn. It throws nothing.
  void (*work)(void* behaviour) = nullptr;
  // Whether receive() handles what continuation.h sends.
  bool handles_answers = false;
};

enum class Life : uint8_t { free, alive, ended };

// Signals; set by any thread, which then notifies the home.
// kRoom: senders wait for room in the inbox, and are to be woken when half of it is free.
// kWork: there is work of which its behaviour knows.
// kInterrupt: the function that runs in this isolate is to be cancelled, if there is one.
enum Signal : uint32_t {
  kStop = 1,
  kKill = 2,
  kRunJob = 4,
  kRoom = 8,
  kWork = 16,
  kInterrupt = 32
};

// What an actor does, as its home sees it:
//   turn    it has its turn, or is being made
//   idle    nothing to do: whoever sends or signals makes it ready
//   ready   in the ready queue of its home
//   moving  on its way to its home, in the home's list of notifications
// turn -> idle | ready, idle -> ready -> turn, idle | ready -> moving -> ready
enum class Activity : uint8_t { turn, idle, ready, moving };

struct SlotOptions {
  std::string name;
  std::string type{};  // shown instead of the behaviour's own
  uint64_t heap_quota = UINT64_MAX;
  uint32_t inbox_max = 0;        // 0: the System's
  uint64_t inbox_bytes_max = 0;  // 0: the System's
  std::string dispatcher{};
  bool pinned = false;
  Priority priority = Priority::normal;
  bool resets = false;  // of an isolate: cleared after each run
  bool interruptible = true;
  Origin origin = Origin::user;
  AcceptedKeys accepts{};
};

class alignas(64) ActorCell {
 public:
  ActorCell();
  ~ActorCell();
  ActorCell(const ActorCell&) = delete;
  ActorCell& operator=(const ActorCell&) = delete;

  // --- the first cache line: what a send looks at, and what makes an actor ready
  // In its last four bytes there is room for what follows.
  [[no_unique_address]] Inbox inbox;  // any thread, as it says there
  // How many messages may wait for one more to be sent the short way: inbox_max, or, where bytes
  // are counted or the priority is not the normal one, 0.
  uint32_t short_way_max = 0;
  sync::atomic<Worker*> home{nullptr};  // any thread may read; nullptr: being made elsewhere
  sync::atomic<Activity> activity{Activity::turn};  // the home's; the inspector reads it
  bool pinned = false;                              // stays at its first home; constant while alive
  Priority priority = Priority::normal;             // constant while alive
  uint8_t strays = 0;      // how often in a row it was woken from where it talks to
  uint32_t inbox_max = 0;  // constant while alive
  union {
    ActorCell* next_ready = nullptr;  // in the ready queue
    ActorCell* next_free;             // among the free slots
  };
  Runtime* runtime = nullptr;  // constant

  // --- the second: what else a turn needs
  sync::atomic<uint32_t> signals{0};  // any thread
  sync::atomic<Life> life{Life::free};
  bool resets = false;           // constant while alive
  bool interruptible = true;     // constant while alive; see interrupts.h
  Origin origin = Origin::user;  // constant while alive
  sync::atomic<const BehaviourType*> type{nullptr};
  void* behaviour = nullptr;
  Block* root_context = nullptr;            // what its creator's context let cross
  sync::atomic<Carrier*> carrier{nullptr};  // of its turn, or of the last one
  std::unique_ptr<Heap> heap;               // made on first use
  // Books, read by the inspector without a lock: each has one writer at a time.
  sync::atomic<uint64_t> id{0};  // slot and incarnation; 0: free
  // Its first word is the last one of the line; in its last six bytes there is room.
  [[no_unique_address]] Books books;
  sync::atomic<bool> job_claimed{false};  // somebody runs or closes this isolate
  sync::Mutex mutex;                      // guards who waits for it, why it ended, and its job

  // --- the third ends with what other threads write
  // How many refer to it, and, in units of kHandle, how many of those are Isolates. Any thread.
  sync::atomic<uint64_t> references{0};
  ActorCell* next_notified = nullptr;  // in its home's list of notifications
  // On whose thread it was notified last; relaxed, as it is only a hint.
  sync::atomic<Worker*> notifier{nullptr};

  // --- rarely used
  Worker* talks_to = nullptr;        // where it sent to last, if not to its own home
  Dispatcher* dispatcher = nullptr;  // constant while alive: its homes are workers of this one
  uint32_t place = 0;                // which of the slots it is; constant
  ResourceList resources;
  WaiterQueue end_waiters;  // who waits for the end of this actor; under the mutex
  Error end_reason;         // too
  // The object of a behaviour that is small, see behaviour_memory.h: on a line that no other actor
  // writes to.
  static constexpr size_t kRoomBytes = 24;
  alignas(8) std::byte room[kRoomBytes];

  // What only some actors have, or nullptr. Any thread.
  CellExtras* extras() const { return extras_.load(sync::memory_order_acquire); }
  // The same, made now if there were none. Fails: throws std::bad_alloc.
  CellExtras& own_extras();

  // Sends a block in the running code's context. Takes it on success and leaves it with the caller
  // on an error: no_such_actor, inbox_full (only if !wait or the actor sends to itself), timeout,
  // message_too_large for the inbox's bound in bytes, …
  // Blocks: while the inbox is full, if `wait`.
  Error send(Block* block, bool wait, int64_t deadline_ns);
  // The usual case of it: a message to an actor at home here that has room. False if it is not so
  // simple: then nothing has happened.
  bool send_here(Block& block);
  // Takes `token`, which says that an answer has come: beyond all bounds. Any thread that has a
  // reference.
  void resume(Block& token);
  // What whoever sends to an ended actor is told: no_such_actor, with the record of its failure if
  // it ended by one. Any thread.
  Error ended();
  // Sets a signal and makes the actor look at it.
  void signal(uint32_t which);
  // Makes the home look at the inbox and the signals.
  void notify() {
    if (inbox.notify()) tell_home();
  }
  // A message was taken from an inbox whose bytes are counted.
  void give_room_of(const Block& block);
  // Wakes the senders that wait for room, if there is enough. Called by the home.
  void make_room();
  // Waits until the actor has ended; returns its reason. Blocks.
  Error wait_for_end(int64_t deadline_ns);

  std::string name() const;  // any thread; empty if it was given none
  // The same without allocating, with a final zero; any thread.
  void copy_name(std::array<char, kNameBytesMax + 1>& into) const;
  std::string type_name() const;  // any thread
  std::string label() const;      // the name, or "Counter#7"
  // What a record says of where it happened, if it happened here, in the call that runs.
  FailedAt failed_at(const MessageType* message = nullptr) const;
  // Makes `execution` that of code which runs as this actor.
  void enter(Execution& execution);
  // What its options say of names, bounds and keys. Before anybody has its address.
  void set_options(const SlotOptions& options, const char* type_label,
                   std::unique_ptr<RecordFilter> accepts);
  // The heap and the namespace, made now if there was none. Called in a turn.
  Heap& own_heap();
  Namespace& own_names();
  // As the outside sees it; any thread.
  HeapStats heap_stats() const;
  uint64_t heap_quota() const;
  uint64_t restarts() const;

  static constexpr uint64_t kHandle = uint64_t{1} << 32;
  void retain(uint64_t count = 1) { references.fetch_add(count, sync::memory_order_relaxed); }
  // False if it is free. For who found it in a slab, and has no reference.
  bool try_retain(uint64_t count);
  void drop();
  // A reference that counts as a handle, too. The last of them ends what create() made.
  void drop_handle();
  // See end_if_unused().
  bool has_handles() const { return references.load(sync::memory_order_seq_cst) >= kHandle; }

 private:
  // Its bound in bytes, or nullptr.
  InboxBytes* inbox_bytes() const {
    const CellExtras* own = short_way_max != 0 ? nullptr : extras();
    return own != nullptr ? own->inbox_bytes.get() : nullptr;
  }
  Inbox::Push push(Block* block, uint64_t bytes);
  Inbox::Push push_counted(Block* block);
  Error wait_for_room(uint64_t bytes, int64_t deadline_ns);
  Error too_large(uint64_t bytes) const;
  void tell_home();

  sync::atomic<CellExtras*> extras_{nullptr};  // owned
};

// While the running code clears an isolate whose heap is then dropped whole. See containers.h.
class DroppingHeap {
 public:
  explicit DroppingHeap(ActorCell& cell) : execution_(Execution::current()) {
    execution_.dropped_heap = cell.heap.get();
  }
  ~DroppingHeap() { execution_.dropped_heap = nullptr; }
  DroppingHeap(const DroppingHeap&) = delete;
  DroppingHeap& operator=(const DroppingHeap&) = delete;

 private:
  Execution& execution_;
};

// A counted reference to a slot, or to nothing.
class CellRef {
 public:
  static constexpr uint64_t kCount = 1;  // in `references`

  CellRef() = default;
  explicit CellRef(ActorCell& cell) : cell_(&cell) { cell.retain(); }
  // Takes over a reference.
  static CellRef adopt(ActorCell& cell) {
    CellRef ref;
    ref.cell_ = &cell;
    return ref;
  }
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

}  // namespace isola::detail
