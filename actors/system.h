// System: owns the workers, isolates and channels of one program part. No singleton: two Systems
// live side by side in one process.
//
//   isola::System system;
//   auto counter = system.spawn<Counter>();
//   auto [tx, rx] = system.channel<Task>(isola::bounded(64));
//   system.spawn(worker, std::move(rx));
//
// Its destructor stops it: blocked actors are cancelled, all actors end (the youngest first), all
// channels close, all threads are joined. Messages, errors and addresses may outlive it.
// Thread safety: any thread, but for construction and destruction.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/address.h>
#include <isola/actors/isolate.h>
#include <isola/actors/runtime.h>
#include <isola/actors/sendable.h>
#include <isola/actors/spawn.h>
#include <isola/channels/channel.h>
#include <isola/channels/ledger.h>
#include <isola/channels/select.h>
#include <isola/channels/topic.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace isola {

class System {
 public:
  explicit System(SystemOptions options = {});
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  // Ends everything; what is spawned or sent afterwards fails. Idempotent. Blocks until all
  // threads are joined. REQUIRES: not called by one of its own actors.
  void stop();

  // Starts a handler actor: B(args...) is constructed now, as the new actor. If that throws, the
  // actor has failed: its address names nobody, and the failure is reported.
  template <class B, class... Args>
  typename B::AddressType spawn(SpawnOptions options, Args&&... args) {
    return detail::spawn_handler<B>(*runtime_, options, std::forward<Args>(args)...);
  }
  template <class B, class... Args>
    requires(!detail::kBeginsWithOptions<Args...>)
  typename B::AddressType spawn(Args&&... args) {
    return spawn<B>(SpawnOptions{}, std::forward<Args>(args)...);
  }

  // Starts a function actor: a function (or a lambda without captures) that keeps its carrier
  // until it returns. It gets the arguments by value; channel ends among them become its own.
  template <class F, class... Args>
    requires(!detail::kIsOptions<F>)
  ActorRef spawn(F function, Args&&... args) {
    return spawn(SpawnOptions{}, function, std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  ActorRef spawn(SpawnOptions options, F function, Args&&... args) {
    return detail::spawn_function(*runtime_, options, function, std::forward<Args>(args)...);
  }

  // A channel that closes at the latest with this System.
  template <MessageStruct T>
  Channel<T> channel(Capacity capacity, ChannelOptions<T> options = {}) {
    return make_channel<T>(pool(), capacity, std::move(options), runtime_->channels());
  }
  // A topic, whose subscribers' channels close at the latest with this System.
  template <MessageStruct T>
  Topic<T> topic(std::string name = {}) {
    return Topic<T>(pool(), runtime_->channels(), std::move(name));
  }

  // An isolate without behaviour; see isolate.h. For options that can't be had, one whose error()
  // says why, and which is in no list.
  Isolate create(const IsolateOptions& options = {}) {
    return detail::create_isolate(*runtime_, options);
  }
  // Where plain threads are, and whoever else runs in no isolate of this System.
  Isolate main() { return detail::main_isolate(*runtime_); }
  // Where the caller is.
  Isolate current() { return detail::current_isolate(*runtime_); }
  // All that live, actors included, in the order of their creation; main first. Takes no lock.
  std::vector<Isolate> isolates() { return detail::isolates(*runtime_); }
  // Errors: isolate_not_found.
  Result<Isolate> find(IsolateId id) { return detail::find_isolate(*runtime_, id); }

  template <MessageStruct M>
  Message<M> compose(uint64_t words_hint = 0) {
    return isola::compose<M>(pool(), words_hint);
  }

  Pool& pool() const { return runtime_->pool(); }
  PoolStats pool_stats() const { return pool().stats(); }
  const Clock& clock() const { return runtime_->clock(); }
  const std::string& name() const { return runtime_->options().name; }
  // Of all dispatchers.
  size_t workers() const { return runtime_->workers().size(); }
  // Actors and isolates that are alive.
  uint64_t actors() const { return runtime_->alive(); }
  // All channels that somebody holds an end of; see channels/ledger.h.
  Ledger ledger() const { return Ledger(runtime_->channels()); }
  std::vector<ChannelInfo> channels() const { return ledger().channels(); }
  // How many failures were reported: actors that ended by an error, and report().
  uint64_t failures() const { return runtime_->failures(); }
  // Reports a failure as if an actor had ended by it.
  void report(const Error& error) { runtime_->report(error); }

  detail::Runtime& runtime() const { return *runtime_; }

 private:
  detail::Runtime* const runtime_;
};

// Waits for this long (virtual time in a System with a seed). Blocks. Returns early with an error
// if the deadline of the call comes first.
template <class Rep, class Period>
Error sleep_for(std::chrono::duration<Rep, Period> duration) {
  const detail::Execution& execution = detail::Execution::current();
  const int64_t until_ns = deadline_in(*execution.clock, duration);
  Waiter waiter(until_ns);
  const Outcome outcome = waiter.wait(detail::WaitsFor::sleep);
  if (outcome != Outcome::timed_out) return detail::unsuccessful(outcome);
  return execution.clock->now_ns() < until_ns ? Error(Code::timeout) : Error();
}

// Lets every other ready actor of this worker go first. Only in an actor.
void yield();

// The running actor's own random numbers: reproducible in a System with a seed.
// REQUIRES: called in an actor. Throws std::bad_alloc: only at its first call in an actor.
uint64_t random();

// Reports a failure that does not end this actor: an input that could not be read, say. It is
// counted and shown as if an actor had failed. REQUIRES: called in an actor.
void report(Code code, const std::string& type, const std::string& message);

}  // namespace isola
