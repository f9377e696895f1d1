// Isolate: a heap, a context root, a namespace and an identity, without a behaviour. It does
// nothing by itself; run() executes a function in it and waits for it.
//
//   isola::Isolate score = system.create({.name = "score", .heap_quota = 64_MiB});
//   score.prepare("threshold", 0.5);            // copied in, all or nothing
//   auto [answer, err] = score.run(&score_request, 7);
//   score.reset();                              // what the user left is gone, the isolate stays
//   score.close();                              // its channel ends are released, its heap is gone
//
// An actor is an isolate with a behaviour, and can be used as one between its messages. The main
// isolate is where code runs that no isolate runs: plain threads. It has a namespace of its own.
//
// Thread safety: a handle, one thread at a time; copies of it, any thread. One function runs in an
// isolate at a time; run() while another runs is refused. A handle may outlive its isolate and its
// System: everything then fails with isolate_not_found. An isolate that was made by create() ends
// when its last handle is dropped, or, if a function runs in it then, when that is over.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/future.h>
#include <isola/actors/handle.h>
#include <isola/actors/isolate_id.h>
#include <isola/actors/isolate_job.h>
#include <isola/actors/on_off.h>
#include <isola/actors/registered_function.h>
#include <isola/actors/sendable.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/throw_trace.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isola {

constexpr uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr uint64_t operator""_GiB(unsigned long long n) { return n << 30; }

struct IsolateOptions {
  // Shown by the inspector and in error records: UTF-8, of which at most 47 bytes are kept.
  std::string name{};
  // Bytes that may live on its heap; beyond it allocations throw HeapQuotaExceeded.
  uint64_t heap_quota = UINT64_MAX;
  // As in SpawnOptions.
  std::string dispatcher{};
  OnOff pinned = false;
  Priority priority = Priority::normal;
  // After each function that run() or run_async() executed, as if reset() had been called.
  OnOff reset_after_each_run = false;
  // If the program has an isola::Interrupts: a signal ends the function that runs in it. Otherwise
  // the signal is held until that function has ended.
  OnOff handles_signals = true;
  // As in SpawnOptions, for the functions that are run in it.
  AcceptedKeys accepts{};

  bool operator==(const IsolateOptions&) const = default;
};

namespace detail {

// While an actor's behaviour is constructed, on the thread of whoever spawns it: code runs as the
// new actor.
class BeingMade {
 public:
  explicit BeingMade(ActorCell& cell);
  ~BeingMade();
  BeingMade(const BeingMade&) = delete;
  BeingMade& operator=(const BeingMade&) = delete;
  // Ends the actor with the exception that is being handled.
  void failed();

 private:
  ActorCell& cell_;
  Execution* const outer_;
  Execution execution_;
  TraceThrows traces_;
};

template <class T>
class UnboundValue final : public Unbound {
 public:
  explicit UnboundValue(T value) : value_(std::move(value)) {}
  BoundPointer bind(std::pmr::memory_resource& memory, ResourceList* list) override {
    BoundPointer bound = make_bound<T>(memory, std::move(value_));
    if (list != nullptr) transfer_ends(static_cast<BoundValue<T>&>(*bound).value, list);
    return bound;
  }

 private:
  T value_;
};

}  // namespace detail

// A name and its value, for a list that is made at run time.
template <class T>
NamedValue named(std::string name, T&& value) {
  using Type = typename detail::BoundAs<std::decay_t<T>>::type;
  detail::require_crosses<detail::NamedInNamespace, Type>();
  return {std::move(name),
          std::make_unique<detail::UnboundValue<Type>>(Type(std::forward<T>(value)))};
}

class Isolate {
 public:
  // Of none: everything fails with isolate_not_found.
  Isolate() = default;
  explicit Isolate(detail::HandleRef handle) : handle_(std::move(handle)) {}
  // The main one.
  explicit Isolate(detail::RuntimeRef main_of) : main_of_(std::move(main_of)) {}
  // Of one that could not be made: everything fails with this.
  explicit Isolate(Error error) : error_(std::move(error)) {}

  // The id, also after the isolate is gone. Equal handles have equal ids and hashes.
  IsolateId id() const;
  std::string name() const;
  // Who made it; constant.
  Origin origin() const;
  // What it was made with, defaults filled in.
  IsolateOptions options() const;
  // True while a function or a handler runs in it. Errors: isolate_not_found.
  Result<bool> is_running() const;
  // Live bytes on its heap; a recent value.
  uint64_t heap_bytes() const;
  // All of its memory; recent values. Of main, or once it is gone: all defaults.
  HeapStats heap_stats() const;
  // No error while it can be used: isolate_not_found, or why it could not be made.
  Error error() const;
  bool operator==(const Isolate& other) const {
    return runtime() == other.runtime() && id() == other.id();
  }

  // Executes `function(args...)` in the isolate and waits for it. What it throws comes back as a
  // record. `function`: see docs/isolates.md. Errors: failed, isolate_running, isolate_not_found,
  // unknown_function, interrupted, … Blocks. When the deadline of the
  // call passes first, the function runs on, with that deadline, and its result is dropped.
  template <class F, class... Args>
  auto run(F function, Args&&... args) {
    return start(function, std::forward<Args>(args)...).get();
  }
  // The same, but does not wait.
  template <class F, class... Args>
  auto run_async(F function, Args&&... args) {
    return start(function, std::forward<Args>(args)...);
  }

  // Binds values in its namespace: prepare("a", 1, "b", 2.5). All are bound, or, on an error, none.
  // Errors: isolate_running, invalid_argument for what is no name, failed
  // (isola::HeapQuotaExceeded) beyond the quota of its heap. Blocks.
  template <class T, class... More>
  Error prepare(std::string_view name, T&& value, More&&... more) {
    std::vector<NamedValue> values;
    values.reserve(1 + sizeof...(more) / 2);
    collect(values, name, std::forward<T>(value), std::forward<More>(more)...);
    return prepare(std::move(values));
  }
  template <class Name>
  requires std::convertible_to<Name, std::string_view> Error prepare(Name&&) {
    static_assert(!sizeof(Name), "isola: prepare takes pairs of a name and a value");
    return Error();
  }
  // The same for a list, which can't be empty: invalid_argument.
  Error prepare(std::vector<NamedValue> values);
  // A copy of a value. Errors: failed (NoSuchName, WrongType), isolate_running, invalid_argument.
  // Blocks.
  template <class T>
  Result<T> get(std::string_view name) {
    detail::require_sendable<T>();
    if (Error error = check(name)) return {{}, std::move(error)};
    const auto copy = [](std::string wanted) { return T(globals().template get<T>(wanted)); };
    if (is_main()) return get_of_main<T>(name);
    return start_job(true, +copy, std::string(name)).get();
  }
  // Clears what its functions left: the namespace, and, unless it has a behaviour, the heap. Its
  // identity, channel ends, address and inbox stay. Errors: isolate_running, main_isolate. Blocks.
  Error reset();

  // Destroys it: its channel ends are released, its heap is freed. Errors: isolate_running (which
  // includes oneself), main_isolate, isolate_not_found. Blocks until it is gone.
  Error close();
  // Destroys it also if a function runs in it, which is cancelled. Errors as close(), but
  // isolate_running only for oneself. Blocks until it is gone.
  Error terminate();

 private:
  template <class F, class... Args>
  auto start(F function, Args&&... args) {
    auto plain = detail::plain_function(function);
    detail::require_runs<decltype(plain), Args...>();
    return start_job(true, plain, std::decay_t<Args>(std::forward<Args>(args))...);
  }
  // The one that is registered, found before anything runs.
  template <class R, class... Params, class... Args>
  auto start(const RegisteredFunction<R(Params...)>& function, Args&&... args) {
    auto [plain, unknown] = runtime() != nullptr ? function.find(runtime()->pool())
                                                 : Result<R (*)(Params...)>{nullptr, error()};
    auto future = unknown ? Future<std::decay_t<R>>(std::move(unknown))
                          : start(plain, std::forward<Args>(args)...);
    return future;
  }
  template <class F, class... Args>
  auto start_job(bool of_user, F function, Args... args) {
    using Job = detail::FunctionJob<F, Args...>;
    using Returned = typename Job::Returned;
    if (Error error = unusable()) return Future<Returned>(std::move(error));
    const auto job = [&] {
      const detail::ProgramMemory program;  // both isolates have a part in it
      return std::make_shared<Job>(*cell(), function, std::move(args)...);
    }();
    job->of_user = of_user;
    detail::start_job(*cell(), job);
    return Future<Returned>(job, detail::RuntimeRef(*runtime()));
  }
  template <class T, class... More>
  static void collect(std::vector<NamedValue>& values, std::string_view name, T&& value,
                      More&&... more) {
    static_assert(sizeof...(more) % 2 == 0, "isola: prepare takes pairs of a name and a value");
    values.push_back(named(std::string(name), std::forward<T>(value)));
    if constexpr (sizeof...(more) > 0) collect(values, std::forward<More>(more)...);
  }
  template <class T>
  Result<T> get_of_main(std::string_view name) {
    Result<T> result;
    result.err = in_main_namespace([&](Namespace& names) { result.value = names.get<T>(name); });
    return result;
  }

  detail::ActorCell* cell() const { return handle_.get(); }
  bool is_main() const { return main_of_.get() != nullptr; }
  // nullptr: of none, or of one that could not be made.
  detail::Runtime* runtime() const { return cell() != nullptr ? cell()->runtime : main_of_.get(); }
  // error(), or that nothing can be executed in it: main_isolate.
  Error unusable() const;
  Error check(std::string_view name) const;
  Error in_main_namespace(const std::function<void(Namespace&)>& use) const;

  // One of the two, or none. A handle of main keeps the Runtime; one of a slot does so by that.
  detail::RuntimeRef main_of_;
  detail::HandleRef handle_;
  Error error_;
};

namespace detail {

// Why no isolate can have this name, or no error.
Error check_isolate_name(Pool& pool, std::string_view name);
Isolate create_isolate(Runtime& runtime, const IsolateOptions& options);
Isolate main_isolate(Runtime& runtime);
Isolate current_isolate(Runtime& runtime);
std::vector<Isolate> isolates(Runtime& runtime);
Result<Isolate> find_isolate(Runtime& runtime, IsolateId id);
// The Runtime of the running actor. Throws std::logic_error outside of actors.
Runtime& current_runtime();
// The same error as one of the running isolate, which came upon it in a message of this type.
Error as_failure_here(const Error& error, const MessageType& type);

}  // namespace detail

// For what runs in an isolate: the one that it is in, the main one of its System, and all of that,
// actors included, in the order of their creation, main first. They throw std::logic_error outside
// of isolates; System has the same for all.
Isolate current_isolate();
Isolate main_isolate();
std::vector<Isolate> isolates();
// Errors: isolate_not_found.
Result<Isolate> find_isolate(IsolateId id);
// Makes an isolate in the System of the running one. For options that can't be had, one whose
// error() says why, and which is in no list.
Isolate create_isolate(const IsolateOptions& options = {});
// A message to be filled and returned, or sent. Throws PoolExhausted.
template <MessageStruct M>
Message<M> compose(uint64_t words_hint = 0) {
  return isola::compose<M>(detail::current_runtime().pool(), words_hint);
}

// A handle may cross to other isolates of its System, and travel in messages: Message::attach,
// Delivery::attached<Isolate>. As long as it does, what create() made is kept.
template <>
struct SendableTrait<Isolate> : std::true_type {};
template <>
struct SendableTrait<IsolateId> : std::true_type {};
template <>
struct AttachmentTraits<Isolate> : detail::CopiedAttachment<Isolate> {};
template <class Signature>
struct SendableTrait<RegisteredFunction<Signature>> : std::true_type {};

}  // namespace isola

template <>
struct std::hash<isola::Isolate> {
  size_t operator()(const isola::Isolate& isolate) const {
    return std::hash<isola::IsolateId>()(isolate.id());
  }
};
