// What a context is made of: bindings, each with a pointer to the one outside it.
//
// A binding lies in its Scope, on the stack, and costs no allocation. Where a context is captured,
// its bindings are copied once to Kept ones, which never change and are shared by all captures
// until the scope closes. A look-up walks the bindings, innermost first, and then the record of the
// caller; Execution::remembered spares the next one the way.
//
// Thread safety: a binding is its stack's; what is Kept may be used by any thread.
#pragma once

#include <isola/context/context_record.capnp.h>
#include <isola/context/deadline.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/program_memory.h>

#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace isola {

// The type of a text in a context. Read as std::string_view, valid while its scope is open or its
// message is handled.
struct text {};

// Bound of a text bound to a key that travels, in bytes: it goes with every message.
inline constexpr size_t kContextTextBytesMax = 8192;
// Bound of all that goes with a message, in bytes. Beyond it the entries of the lowest priority are
// left, and counted (ContextRecord.left).
inline constexpr size_t kContextBytesMax = 16 * 1024;

// What is left first when the context is too large to travel.
enum class KeyPriority : uint8_t { low, normal, high };

namespace detail {

enum class FlowKind : uint8_t { wire, local, actor, secret };

constexpr bool travels(FlowKind flow) { return flow <= FlowKind::local; }

struct Kept;
struct ValueType;

// FNV-1a (Fowler, Noll, Vo), 32 bits.
constexpr uint32_t hash_of(const char* name) {
  uint32_t hash = 2166136261u;
  for (; *name != 0; ++name) hash = (hash ^ static_cast<uint8_t>(*name)) * 16777619u;
  return hash;
}

struct KeyBase {
  const char* name;
  const ValueType* type;
  uint32_t hash;
  FlowKind flow;
  KeyPriority priority;

  constexpr size_t place() const { return hash % kRememberedMax; }
  // What a Remembered has for it: two addresses within the key, so no other key has them.
  const void* bound() const { return this; }
  const void* unbound() const { return reinterpret_cast<const char*>(this) + 1; }
  // Either of them, in one comparison.
  bool is_marked_in(const Remembered& there) const {
    return reinterpret_cast<uintptr_t>(there.mark) - reinterpret_cast<uintptr_t>(this) <= 1;
  }
};

enum class BindingKind : uint8_t {
  value,
  unset,       // hides what is bound outside
  isolated,    // begins a logical context
  suppressed,  // nothing flows from here
  traced,      // what is sent from here names its callers
  entered      // begins a captured context: what is outside of it belongs to that
};

struct Binding {
  const KeyBase* key = nullptr;  // of value and unset
  const void* value = nullptr;   // of value: the Stored of its type
  const Binding* outer = nullptr;
  BindingKind kind = BindingKind::value;
  bool suppressed = false;         // no flow here, by this one or by one outside
  mutable uint32_t kept_uses = 0;  // of `kept`, taken already for captures to come; not of a Kept's
  uint64_t number = 0;  // isolated: logical id; entered: id of the context; kept: the owner
  // The record of this binding and all outside it, made when the first message is sent under it.
  mutable Block* record = nullptr;
  mutable Kept* kept = nullptr;  // its copy; of a Kept's own binding: that
};

// An `entered` binding, and where the call was before.
struct EnteredBinding : Binding {
  const Binding* before = nullptr;
  Block* inherited_before = nullptr;
  DeadlineBound deadline;
};

// What the call opened before this one.
inline const Binding* before(const Binding& binding) {
  return binding.kind == BindingKind::entered ? static_cast<const EnteredBinding&>(binding).before
                                              : binding.outer;
}

// A binding that outlives its scope. Counted by the captures and bindings that use it.
struct Kept : InProgramMemory {
  Binding binding;
  Kept* outer = nullptr;  // owned
  void (*destroy)(Kept* kept) = nullptr;
  sync::atomic<uint32_t> uses{1};

  // Relaxed: whoever copies a pointer has one.
  void retain(uint32_t more = 1) { uses.fetch_add(more, sync::memory_order_relaxed); }
};
void release(Kept* kept, uint32_t uses = 1);
// Takes one use of the copy of a binding, which has one. Most captures count nothing that others
// share: the binding takes this many uses at once, and gives back at its end what is left.
inline constexpr uint32_t kUsesAtOnce = 1024;
inline Kept* use_copy(const Binding& binding) {
  Kept* kept = binding.kept;
  if (&kept->binding == &binding) {  // many threads use it
    kept->retain();
    return kept;
  }
  if (binding.kept_uses == 0) [[unlikely]] {
    kept->retain(kUsesAtOnce);
    binding.kept_uses = kUsesAtOnce;
  }
  --binding.kept_uses;
  return kept;
}

// What is done with values of one type.
struct ValueType {
  void (*remember)(const void* stored, Remembered& into);
  Kept* (*keep)(const void* stored);
  std::string (*print)(const void* stored);
  // Of a type that can be serialized; else nullptr.
  void (*write)(const void* stored, ContextRecord::Entry::Builder entry);
  void (*read)(ContextRecord::Entry::Reader entry, Remembered& into);
  size_t (*bytes)(const void* stored);
};

// What a binding of kind value says.
void remember(const Binding& binding, Remembered& into);

// Looks a key up and remembers what it found. Throws ContextError not_owner.
const Remembered& look_up_slow(Execution& execution, const KeyBase& key);

// The place of a key, whatever is remembered there.
inline const Remembered& place_of(const KeyBase& key) {
  return Execution::remembered_here()[key.place()];
}

// The place with what is bound to the key here, or that nothing is. Throws ContextError not_owner.
inline const Remembered& look_up(const KeyBase& key) {
  const Remembered& there = place_of(key);
  if (key.is_marked_in(there)) [[likely]]
    return there;
  return look_up_slow(Execution::current(), key);
}

inline void forget(Execution& execution, const KeyBase& key) {
  execution.remembered[key.place()].mark = nullptr;
}

// Before something is opened: the generators that the code runs in have to keep it apart from what
// is their consumers'. All of them: one may leave it open for the next one, or yield within it.
void note_open(const Execution& execution);

// Puts a binding inside all others.
inline void open(Execution& execution, Binding& binding) {
  if (execution.frame != nullptr) [[unlikely]]
    note_open(execution);
  binding.outer = execution.bindings;
  if (binding.outer != nullptr && binding.outer->suppressed) [[unlikely]]
    binding.suppressed = true;
  execution.bindings = &binding;
}

// Gives back what was made of a binding: its record and its copy.
void drop_copies(const Binding& binding);
// Takes out one that is not the innermost.
void close_misplaced(Execution& execution, const Binding& binding);

inline void close(const Binding& binding) {
  Execution& execution = Execution::current();
  if (execution.bindings == &binding) [[likely]]
    execution.bindings = binding.outer;
  else
    close_misplaced(execution, binding);
  if (binding.key != nullptr)
    forget(execution, *binding.key);
  else
    execution.forget_all();
  if (binding.record != nullptr || binding.kept != nullptr) [[unlikely]]
    drop_copies(binding);
}

// Throws ContextError unless a scope can be closed now that was opened in that Execution.
void require_closable(const Binding& innermost, bool is_open, const Execution* opened_in);

// The record that a message sent now has to carry, or nullptr if it has to carry none. The caller
// gets one use of it. Made once for each change of the context.
Block* wire_record(Pool& pool);

// True if what is sent here names its callers.
bool names_callers(const Binding* innermost, const Block* inherited);

// The id of the logical context of a chain of bindings.
uint64_t logical_id_of(const Binding* innermost, const Block* inherited);

// "the Scope of app.locale"
std::string describe(const Binding& binding);

// Who binds here what stays with its owner: the isolate, or else the thread. Never used again.
uint64_t owner_here(const Execution& execution);
std::string describe_owner(uint64_t owner);

inline constexpr uint64_t kRootLogicalId = 1;
// Ids that are never given twice in a process: of logical contexts, contexts and frames. A thread
// takes some thousands at once.
struct NewIds {
  uint64_t next = 0;
  uint64_t end = 0;
  void take_more();
};
inline constinit thread_local NewIds new_ids;
inline uint64_t new_id() {
  NewIds& ids = new_ids;
  if (ids.next == ids.end) [[unlikely]]
    ids.take_more();
  return ids.next++;
}

}  // namespace detail
}  // namespace isola
