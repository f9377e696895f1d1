// Looking keys up, and printing them.
#include "key.h"

#include <isola/context/find.h>
#include <isola/context/frame.h>

#include <ostream>

namespace isola {

using detail::Remembered;

const char* name(ContextFault fault) {
  switch (fault) {
    case ContextFault::not_set:
      return "not_set";
    case ContextFault::not_owner:
      return "not_owner";
    case ContextFault::already_restored:
      return "already_restored";
    case ContextFault::not_innermost:
      return "not_innermost";
    case ContextFault::other_context:
      return "other_context";
    case ContextFault::other_thread:
      return "other_thread";
    case ContextFault::already_entered:
      return "already_entered";
    case ContextFault::open_scope:
      return "open_scope";
    case ContextFault::cannot_suspend:
      return "cannot_suspend";
  }
  return "unknown";
}

namespace detail {

namespace {

constexpr uint64_t kThreadBit = uint64_t{1} << 63;

}  // namespace

void NewIds::take_more() {
  constexpr uint64_t kBlock = 4096;
  static constinit uint64_t next_block = kRootLogicalId + 1;
  // Relaxed: only that nobody else gets the same. No point of choice of a simulation, in which it
  // would come at another place each time.
  next = __atomic_fetch_add(&next_block, kBlock, __ATOMIC_RELAXED);
  end = next + kBlock;
}

Execution& Execution::of_thread() {
  struct Own : Execution {
    Own() {
      random_state = sync::begin_of_random(this);  // differs from thread to thread
      thread_id = new_id() | kThreadBit;
    }
    ~Own() {
      end_turn_frame(*this);
      if (current_or_null() == this) set_current(nullptr);
    }
  };
  Execution& own = sync::of_this_thread<Own>();
#ifndef ISOLA_SIMULATED
  set_current(&own);  // found at once from now on; in a simulation many share this thread
#endif
  return own;
}

uint64_t owner_here(const Execution& execution) {
  return execution.isolate_id != 0 ? execution.isolate_id : execution.thread_id;
}

std::string describe_owner(uint64_t owner) {
  if ((owner & kThreadBit) != 0) return "thread #" + std::to_string(owner & ~kThreadBit);
  return "isolate #" + std::to_string(owner);
}

void remember(const Binding& binding, Remembered& into) {
  const KeyBase& key = *binding.key;
  const bool is_kept = binding.kept != nullptr && &binding.kept->binding == &binding;
  if (is_kept && !travels(key.flow) && binding.number != owner_here(Execution::current())) {
    into.found = Remembered::Found::elsewhere;
    into.word = binding.number;
  } else {
    key.type->remember(binding.value, into);
    into.found = Remembered::Found::value;
  }
}

const Remembered& look_up_slow(Execution& execution, const KeyBase& key) {
  Remembered& there = execution.remembered[key.place()];
  there.mark = nullptr;
  there.found = Remembered::Found::nothing;
  if (const auto bound = find_visible(execution.bindings, execution.inherited, key)) {
    if (bound->binding != nullptr) {
      remember(*bound->binding, there);
    } else {
      key.type->read(*bound->entry, there);
      there.found = Remembered::Found::value;
    }
  }
  if (there.found == Remembered::Found::elsewhere) throw_not_owner(key, there);
  execution.any_remembered |= 1u << key.place();
  there.mark = there.found == Remembered::Found::value ? key.bound() : key.unbound();
  return there;
}

void print_key(std::ostream& out, const KeyBase& key) {
  constexpr const char* kFlows[] = {"wire", "local", "actor", "secret"};
  out << "Key " << key.name << " (" << kFlows[static_cast<size_t>(key.flow)] << ')';
}

void print_default(std::ostream& out, const std::function<std::string()>& text) {
  static constinit thread_local bool prints = false;
  if (prints) {
    out << " = …";
    return;
  }
  prints = true;
  struct End {
    ~End() { prints = false; }
  } end;
  out << " = " << text();
}

void throw_not_set(const KeyBase& key) {
  throw ContextError(ContextFault::not_set,
                     std::string("key ") + key.name +
                         " is not set here and has no default: bind it with a Scope, or read it "
                         "with get(otherwise) or find()");
}

void throw_not_owner(const KeyBase& key, const Remembered& there) {
  const uint64_t here = owner_here(Execution::current());
  throw ContextError(ContextFault::not_owner,
                     std::string("key ") + key.name + " was bound by " +
                         describe_owner(there.word) + " and does not leave it; this is " +
                         describe_owner(here) +
                         ": give the key Flow::wire or Flow::local if it is to travel");
}

}  // namespace detail
}  // namespace isola
