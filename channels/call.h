// Cancelling a call: what was asked, and what whoever works at it asked of others in turn.
//
//   auto asking = indexer.ask<Build>();
//   …
//   asking.cancel();                       // its answer is not wanted any more
//
// A request that waits in an inbox is then not handled. Whoever handles it goes on, but each wait
// in the handler, the one it is in included, ends by Code::cancelled, as one whose deadline has
// passed ends by Code::timeout. What it asked of others it gives up when it drops the Asking, and
// that is cancelled by this: so it goes down the whole tree of calls. Nobody is ended by it.
//
// ReplyTarget::wish is wanted, cancelling (a waiter may be touched) or cancelled, in this order, by
// who asked; ReplyTarget::waiter is who waits on the way to the answer, by who works at it. The two
// sides meet by Dekker's pattern: who works stores `waiter` and loads `wish`, who cancels stores
// `wish` and loads `waiter`. The fence between is asymmetric (sync.h), so that a wait in a call,
// which is frequent, costs two stores and two loads, and a cancellation a call of the system.
// Thread safety: cancel: any thread that has a use of the call. The rest: who works at it.
#pragma once

#include <isola/channels/waiter.h>
#include <isola/context/execution.h>
#include <isola/serialization/block.h>

#include <cstdint>
#include <utility>

namespace isola {

namespace detail {

inline constexpr uint32_t kWanted = 0;
inline constexpr uint32_t kCancelling = 1;
inline constexpr uint32_t kCancelled = 2;

// The answer is not wanted any more. Again: no effect.
void cancel(ReplyTarget& call);

inline bool is_cancelled(const ReplyTarget& call) {
  // Relaxed: it tells of nothing else.
  return call.wish.load(sync::memory_order_relaxed) != kWanted;
}

// Around a wait. cancelled: it does not begin. apart: somebody else waits on the way to the answer,
// to whom the message was passed on, and is told of a cancellation.
enum class WaitInCall : uint8_t { noted, cancelled, apart };
WaitInCall begin_wait(ReplyTarget& call, Waiter& waiter);
void end_wait(ReplyTarget& call);  // of one that was noted
// Of one that was noted, by the thread that it is suspended on: true if nobody who cancels has its
// waiter, now or later. Then it needs no end_wait().
bool hide_wait(ReplyTarget& call);

// Without the asymmetric fence both sides have the ordinary one.
extern const bool has_heavy_fence;

inline void fence_of_who_waits() {
  if (has_heavy_fence) [[likely]]
    sync::light_fence();
  else
    sync::thread_fence(sync::memory_order_seq_cst);
}

inline WaitInCall begin_wait(ReplyTarget& call, Waiter& waiter) {
  if (call.waiter.load(sync::memory_order_relaxed) != nullptr) return WaitInCall::apart;
  call.waiter.store(&waiter, sync::memory_order_release);
  fence_of_who_waits();
  if (call.wish.load(sync::memory_order_relaxed) == kWanted) [[likely]]
    return WaitInCall::noted;
  end_wait(call);
  return WaitInCall::cancelled;
}

inline bool hide_wait(ReplyTarget& call) {
  call.waiter.store(nullptr, sync::memory_order_relaxed);
  fence_of_who_waits();
  // Relaxed: if it is still wanted, whoever cancels later sees no waiter.
  return call.wish.load(sync::memory_order_relaxed) == kWanted;
}

inline void end_wait(ReplyTarget& call) {
  hide_wait(call);
  // Acquire: whoever cancels doesn't look at our waiter any more; it does for a few instructions.
  while (call.wish.load(sync::memory_order_acquire) == kCancelling) sync::relax_processor();
}

// The message of a call was sent on: whoever handles it there works at the answer now. `call` is
// only compared.
inline void passed_on(const ReplyTarget* call) {
  Execution& execution = Execution::current();
  if (call != nullptr && execution.call == call) execution.call = nullptr;
}

// Keeps a call while its reply is in hands that may end it at any time.
class KeptCall {
 public:
  explicit KeptCall(ReplyTarget* call) : call_(call) {
    if (call_ != nullptr) call_->retain();
  }
  ~KeptCall() {
    if (call_ == nullptr) return;
    passed_on(call_);
    call_->drop();
  }
  KeptCall(const KeptCall&) = delete;
  KeptCall& operator=(const KeptCall&) = delete;

 private:
  ReplyTarget* const call_;
};

// Whether what runs here is to feel that its call was cancelled.
inline bool feels_cancellation(const Execution& execution) {
  return execution.call != nullptr && execution.shields == 0 && is_cancelled(*execution.call);
}

// True if whoever drops an Asking now gives up what it asked for: its own call was cancelled, or
// its turn is being ended.
inline bool gives_up_what_it_asked() {
  const Execution& execution = Execution::current();
  return execution.cancelled || feels_cancellation(execution);
}

}  // namespace detail

// True if the call that the running code works at was cancelled: for handlers that compute for
// long. Under a Shield it is false.
inline bool call_cancelled() { return detail::feels_cancellation(detail::Execution::current()); }

// While it is open, the running code doesn't feel a cancellation of its call: to put in order what
// it has begun, for example. REQUIRES: no yield of a generator while it is open.
class Shield final {
 public:
  Shield() { ++detail::Execution::current().shields; }
  ~Shield() { --detail::Execution::current().shields; }
  Shield(const Shield&) = delete;
  Shield& operator=(const Shield&) = delete;
};

}  // namespace isola
