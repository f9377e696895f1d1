// Capturing and entering contexts.
#include "context.h"

#include <isola/context/find.h>

#include <algorithm>
#include <ostream>
#include <unordered_set>

namespace isola {

using detail::Binding;
using detail::BindingKind;
using detail::Execution;
using detail::Kept;
using detail::Visible;

namespace detail {

namespace {

// The ids of the contexts that generators were given.
struct Claims {
  sync::Mutex mutex;
  std::unordered_set<uint64_t> ids;
  sync::atomic<size_t> count{0};  // so that nobody else needs the lock where there are none

  static Claims& all() {
    static Claims* claims = new Claims;  // generators may live until the very end
    return *claims;
  }
};

bool is_claimed(uint64_t id) {
  Claims& claims = Claims::all();
  // Relaxed: who gives a context to a generator and lets others enter it orders that by himself.
  if (claims.count.load(sync::memory_order_relaxed) == 0) return false;
  sync::Lock lock(claims.mutex);
  return claims.ids.contains(id);
}

// Of kinds that have no value.
struct KeptMark : Kept {
  KeptMark() {
    destroy = [](Kept* kept) { delete static_cast<KeptMark*>(kept); };
  }
};

// What was entered adds nothing of its own.
const Binding* without_entered(const Binding* binding) {
  while (binding != nullptr && binding->kind == BindingKind::entered) binding = binding->outer;
  return binding;
}

// Copies the bindings that have no copy yet, from the outermost to the innermost. Out of the way of
// captures that find their copy made.
[[gnu::noinline]] void keep(const Binding* innermost, uint64_t owner) {
  const ProgramMemory outlives_actors;
  std::vector<const Binding*> missing;
  const Binding* b = innermost;
  while (b != nullptr && b->kept == nullptr) {
    missing.push_back(b);
    b = without_entered(b->outer);
  }
  Kept* outer = b != nullptr ? b->kept : nullptr;
  for (; !missing.empty(); missing.pop_back()) {
    const Binding& from = *missing.back();
    Kept* kept = from.kind == BindingKind::value ? from.key->type->keep(from.value) : new KeptMark;
    kept->binding.key = from.key;
    kept->binding.kind = from.kind;
    kept->binding.suppressed = from.suppressed;
    kept->binding.number = from.key != nullptr ? owner : from.number;
    kept->binding.kept = kept;
    if (outer != nullptr) outer->retain();
    kept->outer = outer;
    kept->binding.outer = outer != nullptr ? &outer->binding : nullptr;
    from.kept = outer = kept;
  }
}

// What Enter and RootContext put inside of a captured context.
void begin_entered(EnteredBinding& binding, const Binding* captured, uint64_t id) {
  binding.kind = BindingKind::entered;
  binding.number = id;
  binding.outer = captured;
  binding.suppressed = captured != nullptr && captured->suppressed;
}

[[noreturn]] void refuse(uint64_t id, const char* why) {
  throw ContextError(ContextFault::already_entered,
                     "context #" + std::to_string(id) + " is entered already: " + why);
}

}  // namespace

void require_not_entered(uint64_t id) {
  for (const Binding* b = Execution::current().bindings; b != nullptr; b = before(*b))
    if (b->kind == BindingKind::entered && b->number == id)
      refuse(id, "the call that runs is in it");
}

void claim_context(uint64_t id) {
  Claims& claims = Claims::all();
  sync::Lock lock(claims.mutex);
  if (!claims.ids.insert(id).second) refuse(id, "another generator has it");
  claims.count.store(claims.ids.size(), sync::memory_order_relaxed);
}

void give_up_context(uint64_t id) {
  Claims& claims = Claims::all();
  sync::Lock lock(claims.mutex);
  claims.ids.erase(id);
  claims.count.store(claims.ids.size(), sync::memory_order_relaxed);
}

}  // namespace detail

Context capture() {
  const Execution& execution = Execution::current();
  Context captured;
  if (const Binding* top = detail::without_entered(execution.bindings)) {
    if (top->kept == nullptr) [[unlikely]]
      detail::keep(top, detail::owner_here(execution));
    captured.top_ = detail::use_copy(*top);
  }
  captured.inherited_ = execution.inherited;
  if (captured.inherited_ != nullptr) captured.inherited_->pool->take_use(*captured.inherited_);
  captured.deadline_ns_ = execution.deadline_ns;
  captured.id_ = detail::new_id();
  return captured;
}

Context::Context(const Context& other) noexcept
    : top_(other.top_),
      inherited_(other.inherited_),
      deadline_ns_(other.deadline_ns_),
      id_(other.id_) {
  if (top_ != nullptr) top_->retain();
  if (inherited_ != nullptr) inherited_->retain();
}

Context::~Context() {
  if (top_ != nullptr) detail::release(top_);
  if (inherited_ != nullptr) release(inherited_);
}

void Context::swap(Context& other) noexcept {
  std::swap(top_, other.top_);
  std::swap(inherited_, other.inherited_);
  std::swap(deadline_ns_, other.deadline_ns_);
  std::swap(id_, other.id_);
}

std::vector<ContextEntry> Context::entries() const {
  const std::vector<Visible> seen = detail::visible(bindings(), inherited_);
  return std::vector<ContextEntry>(seen.begin(), seen.end());
}

Context::iterator Context::begin() const {
  auto list = std::make_shared<const std::vector<ContextEntry>>(entries());
  return list->empty() ? iterator() : iterator(std::move(list));
}

std::optional<Visible> Context::find_entry(const detail::KeyBase& key) const {
  return detail::find_visible(bindings(), inherited_, key);
}

bool operator==(const Context& a, const Context& b) {
  if (a.top_ == b.top_ && a.inherited_ == b.inherited_) return true;
  if (a.logical_id() != b.logical_id()) return false;
  const auto identities = [](const Context& context) {
    std::vector<const void*> list;
    for (const Visible& entry : detail::visible(context.bindings(), context.inherited_))
      list.push_back(entry.identity());
    std::sort(list.begin(), list.end(), std::less<>());
    return list;
  };
  return identities(a) == identities(b);
}

size_t Context::hash() const {
  size_t sum = std::hash<uint64_t>()(logical_id());
  // The order does not count.
  for (const Visible& entry : detail::visible(bindings(), inherited_))
    sum += std::hash<const void*>()(entry.identity());
  return sum;
}

std::ostream& operator<<(std::ostream& out, const Context& context) {
  out << "Context #" << context.id() << " {";
  const char* between = "";
  for (const ContextEntry& entry : context.entries()) {
    out << between << entry.name() << ": " << entry.text();
    between = ", ";
  }
  return out << '}';
}

Enter::Enter(Context context) : context_(std::move(context)), opened_in_(&Execution::current()) {
  if (context_.id() != 0) {
    if (detail::is_claimed(context_.id())) detail::refuse(context_.id(), "a generator has it");
    detail::require_not_entered(context_.id());
  }
  open();
  binding_.deadline.note(*opened_in_);
}

Enter::Enter(Context context, detail::Claimed)
    : context_(std::move(context)), opened_in_(&Execution::current()) {
  open();
}

void Enter::open() {
  Execution& execution = *opened_in_;
  if (execution.frame != nullptr) [[unlikely]]
    detail::note_open(execution);
  detail::begin_entered(binding_, context_.bindings(), context_.id());
  binding_.before = execution.bindings;
  binding_.inherited_before = execution.inherited;
  execution.bindings = &binding_;
  execution.inherited = context_.inherited_;
  binding_.deadline.own_ns = context_.deadline_ns_;
  binding_.deadline.narrow(execution);
  execution.forget_all();
}

void Enter::close() {
  Execution& execution = Execution::current();
  ISOLA_CHECK(execution.bindings, ==, &binding_);
  is_open_ = false;
  execution.bindings = binding_.before;
  execution.inherited = binding_.inherited_before;
  binding_.deadline.close(execution);
  execution.forget_all();
  detail::drop_copies(binding_);
}

void Enter::leave() {
  detail::require_closable(binding_, is_open_, opened_in_);
  close();
}

Enter::~Enter() {
  if (is_open_) close();
}

detail::RootContext::RootContext(Context context, Execution& of) : context_(std::move(context)) {
  detail::begin_entered(binding_, context_.bindings(), context_.id());
  of.begin_context(context_.inherited_);
  of.bindings = &binding_;
}

}  // namespace isola
