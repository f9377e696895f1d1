// How plain threads wait, and the queue of waiters.
#include "waiter.h"

#include <isola/channels/call.h>
#include <isola/context/frame.h>
#include <isola/serialization/check.h>
#include <isola/serialization/faults.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace isola {
namespace {

// Waits on a futex of its own. One for each thread; no fiber scheduler is installed.
class ThreadParker final : public Parker {
 public:
  void park(Waiter& waiter, int64_t deadline_ns) override {
    const Clock& clock = *detail::Execution::current().clock;
    while (signal_.load(sync::memory_order_acquire) == 0) {
      int64_t limit_ns = -1;
      if (deadline_ns != kNoDeadline) {
        limit_ns = deadline_ns - clock.now_ns();
        if (limit_ns <= 0) {
          if (waiter.claim(Outcome::timed_out)) return;  // nobody else will wake us
          limit_ns = -1;                                 // somebody is about to
        }
      }
      sync::futex_wait(signal_, 0, limit_ns);
    }
    signal_.store(0, sync::memory_order_relaxed);  // the next wait's claim publishes it
  }
  void unpark(Waiter&) override {
    signal_.store(1, sync::memory_order_release);
    sync::futex_wake(signal_);
  }
  void yield() override {}  // the operating system sees to that

 private:
  sync::atomic<uint32_t> signal_{0};
};

}  // namespace

Waiter::Waiter(int64_t deadline_ns) : Waiter(deadline_ns, detail::Execution::current()) {}

Waiter::Waiter(int64_t deadline_ns, const detail::Execution& execution)
    : WaitNode(this),
      parker_(execution.parker),
      books_(execution.books),
      isolate_id_(execution.isolate_id),
      deadline_ns_(std::min(deadline_ns, execution.deadline_ns)) {
  detail::require_may_suspend(execution);
  if (parker_ == nullptr) [[unlikely]]
    parker_ = &sync::of_this_thread<ThreadParker>();
}

namespace {

void note_wait(detail::Books* books, detail::WaitsFor what, uint64_t id, std::string_view name,
               bool has_limit) {
  // Relaxed: for the inspector, which takes what it finds.
  if (books == nullptr) return;
  std::array<uint64_t, 2> words{};
  if (!name.empty()) std::memcpy(words.data(), name.data(), std::min(name.size(), sizeof words));
  for (size_t i = 0; i < words.size(); ++i)
    books->name[i].store(words[i], sync::memory_order_relaxed);
  books->id.store(id, sync::memory_order_relaxed);
  books->has_limit.store(has_limit, sync::memory_order_relaxed);
  books->waits.store(books->waits.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
  books->what.store(what, sync::memory_order_relaxed);
}

}  // namespace

inline void Waiter::park_in(detail::ReplyTarget& call) {
  const detail::WaitInCall how = detail::begin_wait(call, *this);
  // If somebody else has claimed it, a wake-up is on its way.
  if (how == detail::WaitInCall::cancelled && claim(Outcome::revoked)) return;
  if (how != detail::WaitInCall::noted) return parker_->park(*this, deadline_ns_);
  noted_in_ = &call;
  parker_->park(*this, deadline_ns_);
  if (std::exchange(noted_in_, nullptr) != nullptr) detail::end_wait(call);
}

Outcome Waiter::wait(detail::WaitsFor what, uint64_t id, std::string_view name) {
  note_wait(books_, what, id, name, has_limit());
  {
    const detail::Execution& execution = detail::Execution::current();
    const detail::Suspension suspension(execution);
    if (execution.call == nullptr || execution.shields != 0) [[likely]]
      parker_->park(*this, deadline_ns_);
    else
      park_in(*execution.call);
  }
  if (books_ != nullptr) books_->what.store(detail::WaitsFor::nothing, sync::memory_order_relaxed);
  return outcome();
}

bool Waiter::claim_on_its_thread(Outcome how) {
  if (noted_in_ != nullptr) {
    // Who cancels may have it already, or be about to.
    if (!detail::hide_wait(*noted_in_)) [[unlikely]]
      return claim(how);
    noted_in_ = nullptr;
  }
  // Relaxed, as claim(). Nobody else claims it now, so a load and a store are as good as an
  // exchange.
  const bool won =
      claim_.load(sync::memory_order_relaxed) == static_cast<uint32_t>(Outcome::waiting);
  if (won) claim_.store(static_cast<uint32_t>(how), sync::memory_order_relaxed);
  detail::took(won ? detail::transition_to(how) : detail::Transition::claim_lost);
  return won;
}

void WaiterQueue::push(WaitNode& node) {
  ISOLA_ASSERT(node.queued, ==, false);
  node.queued = true;
  node.next = nullptr;
  node.previous = tail_;
  (tail_ != nullptr ? tail_->next : head_) = &node;
  tail_ = &node;
}

void WaiterQueue::remove(WaitNode& node) {
  if (!node.queued) return;
  node.queued = false;
  (node.previous != nullptr ? node.previous->next : head_) = node.next;
  (node.next != nullptr ? node.next->previous : tail_) = node.previous;
}

WaitNode* WaiterQueue::claim_next(Outcome how) {
  while (head_ != nullptr) {
    WaitNode* node = head_;
    if (claim(*node, how)) return node;
  }
  return nullptr;
}

bool WaiterQueue::claim(WaitNode& node, Outcome how) {
  remove(node);
  if (!node.waiter->claim(how) && !detail::is_planted(detail::Planted::claim_taken_twice))
    return false;
  node.waiter->winner = &node;  // the waiting code reads it after its wake-up
  return true;
}

WaitNode* WaiterQueue::next_waiting() {
  while (head_ != nullptr && head_->waiter->outcome() != Outcome::waiting) remove(*head_);
  return head_;
}

Error detail::unsuccessful(Outcome outcome) {
  switch (outcome) {
    case Outcome::closed:
      return Error(Code::channel_closed);
    case Outcome::timed_out:
      return Error(Code::timeout);
    case Outcome::refused:
      return Error(Code::too_many_carriers);
    case Outcome::revoked:
      return Error(Code::cancelled);
    case Outcome::cancelled:
      // Inside a destructor that runs while an exception unwinds, a throw would terminate.
      if (std::uncaught_exceptions() == 0 && Execution::current().cell != nullptr)
        throw_cancelled();
      return Error(Code::cancelled);
    case Outcome::waiting:
    case Outcome::completed:
      break;
  }
  return Error();
}

}  // namespace isola
