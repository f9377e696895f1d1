// What only some actors have: names, bounds, keys, a heap's figures, threads, a supervisor.
//
// A slot has none of it until somebody needs one, and then keeps this as long as it is there, for
// all who use it later: so the inspector may read it without a lock, and an actor that needs none
// of it takes 160 bytes less. Thread safety: as said beside the fields; the rest belongs to the
// home, or to who has the turn.
#pragma once

#include <isola/actors/heap.h>
#include <isola/actors/inbox_bytes.h>
#include <isola/actors/namespace.h>
#include <isola/channels/waiter.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace isola::detail {

struct Background;
class Continuation;
class Incarnations;
class Job;
class RecordFilter;

inline constexpr size_t kNameBytesMax = 47;  // and a final zero; more is cut

struct CellExtras : InProgramMemory {
  CellExtras();
  ~CellExtras();
  CellExtras(const CellExtras&) = delete;
  CellExtras& operator=(const CellExtras&) = delete;

  void set_name(std::string_view name);

  // --- read by the inspector; one writer at a time
  std::array<sync::atomic<uint64_t>, (kNameBytesMax + 1) / 8> name_words{};
  sync::atomic<const char*> type_label{nullptr};  // instead of its name; the runtime's memory
  HeapFigures heap_figures;                       // its own code writes them
  sync::atomic<uint32_t> restarts{0};

  // --- constant while the actor is alive
  uint64_t heap_quota = UINT64_MAX;
  std::unique_ptr<InboxBytes> inbox_bytes;  // if there is a bound
  // Of one that does not accept all keys; what it keeps is the home's.
  std::unique_ptr<RecordFilter> accepts;
  std::unique_ptr<Incarnations> incarnations;  // of a supervised actor

  // --- of the turn
  uint64_t random_state = 0;         // of isola::random(); 0: not begun
  std::unique_ptr<Namespace> names;  // made on first use; goes before the heap
  // Its threads and end hooks, made on first use; see background.h.
  std::unique_ptr<Background> background;
  Continuation* continuations = nullptr;  // what it has asked; the newest first

  // --- under the slot's mutex
  std::shared_ptr<Job> job;  // to be run, see isolate_job.h
  WaiterQueue room_waiters;  // senders that wait for room in the inbox
};

}  // namespace isola::detail
