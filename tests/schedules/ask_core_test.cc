// The state of an ask under weak memory: its two ends on threads of their own, one that waits or
// one that goes on, and an answer given on the thread that the asker waits on while somebody
// cancels the call that it works at.
#include <isola/actors/reply.h>

#include <gtest/gtest.h>
#include <isola/actors/worker.h>
#include <isola/channels/call.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/plain.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/schedules/expect_orders.h"

namespace isola::testing {
namespace {

using detail::AskState;

// The asker sees the answer, in whichever way it comes to know of it.
void ask_and_answer(Simulation& run) {
  auto* state = new AskState;
  Plain<int> answer;
  // On workers, two of them, which are told apart and no more: so they do not free the state.
  std::array<char, 2> workers{};
  const bool at_workers = run.choose(2) == 0;
  const auto at_worker = [&](size_t index, auto&& act) {
    if (at_workers) detail::Worker::set_current(reinterpret_cast<detail::Worker*>(&workers[index]));
    act();
    if (at_workers) detail::Worker::set_current(nullptr);
  };
  const bool keeps = at_workers || run.choose(2) == 0;
  if (keeps) state->retain();
  run.spawn([&] {
    answer.write(7);
    at_worker(0, [&] { state->answer(nullptr); });
    if (keeps) state->drop();
  });
  run.spawn([&] {
    const int64_t limit = run.choose(2) == 0 ? kNoDeadline : sync::now_ns();
    const bool waits = run.choose(4) != 0;
    Error error(Code::timeout);
    if (waits) at_worker(1, [&] { error = state->wait(limit); });
    if (waits && error) {
      run.check(error == Code::timeout, "it waits in vain for no other reason");
      if (run.choose(2) == 0) {
        at_worker(1, [&] { error = state->wait(kNoDeadline); });
        run.check(!error, "it waits for as long as it takes");
      }
    }
    if (!error) run.check(answer.read() == 7, "the answer is there");
    state->leave();
  });
  run.join_all();
}

// What goes on with an answer: it may be gone as soon as that is allowed.
struct GoesOn final : detail::Resumable {
  GoesOn() {
    cell.retain();  // nobody frees it
    cell.inbox.reopen(true);
    cell.short_way_max = 1;  // it counts no bytes
  }
  Token take_token() override {
    there.read();
    cell.retain();
    return {cell, said};
  }
  Block& token() override { return said; }
  void set_timed_out() override {
    there.read();
    timed_out.write(true);
  }

  Plain<bool> there;
  Plain<bool> timed_out;
  Block said;
  detail::ActorCell cell;
};

// The asker goes on with the answer, or without it when its time has come, or gives it up.
void ask_and_continue(Simulation& run) {
  auto* state = new AskState;
  Plain<int> answer;
  GoesOn goes_on;
  goes_on.timed_out.write(false);
  const bool has_limit = run.choose(2) == 0;
  if (has_limit) {
    state->retain();
    state->retain();
    run.spawn([&] {
      state->time_out();
      state->drop();
    });
  }
  run.spawn([&] {
    answer.write(7);
    state->answer(nullptr);
  });
  bool comes = true;
  run.spawn([&] {
    goes_on.there.write(true);
    if (!state->continue_with(goes_on, goes_on.cell, nullptr)) {
      run.check(answer.read() == 7, "it was answered before");
      comes = false;
      state->leave();
    } else if (run.choose(2) == 0) {
      comes = !state->leave_continuation();
      goes_on.there.write(false);
    } else {
      detail::Inbox& inbox = goes_on.cell.inbox;
      while (inbox.take() == 0) sync::relax_processor();
      run.check(inbox.pop() == &goes_on.said, "it is resumed");
      if (goes_on.timed_out.read()) {
        run.check(has_limit, "a time that is not there does not come");
      } else {
        run.check(answer.read() == 7, "with the answer");
        state->leave();
      }
      goes_on.there.write(false);
      comes = false;
    }
    if (has_limit) state->drop();
  });
  run.join_all();
  run.check(goes_on.cell.inbox.take() == (comes ? 1u : 0u), "it is resumed once, or not at all");
}

void ask(Simulation& run) {
  if (run.choose(2) == 0)
    ask_and_answer(run);
  else
    ask_and_continue(run);
}

TEST(AskCore, IsAnsweredFromElsewhereAndEndsOnce) {
  for_each_weak_schedule(20'000, ask_and_answer);
  for_each_weak_schedule(20'000, ask_and_continue);
  // Those that only whoever frees the state needs, which the model does not know of, and those of
  // a wait in vain, which hands nothing over.
  test::expect_orders_needed("actors/reply.h", 40'000, ask,
                             {
                                 "leave: load acquire -> relaxed",
                                 "drop: load acquire -> relaxed",
                                 "drop: fetch acq_rel -> acquire",
                                 "drop: fetch acq_rel -> release",
                                 "drop: fetch acq_rel -> relaxed",
                             });
  test::expect_orders_needed(
      "actors/reply.cc", 40'000, ask,
      {
          "finish: load acquire -> relaxed",
          "finish_from_elsewhere: load acquire -> relaxed",
          "finish_from_elsewhere: compare_exchange that fails acquire -> relaxed",
          "abandon: compare_exchange acq_rel -> acquire",
          "abandon: compare_exchange acq_rel -> release",
          "abandon: compare_exchange acq_rel -> relaxed",
          "abandon: compare_exchange that fails acquire -> relaxed",
          "wait: compare_exchange acq_rel -> acquire",
          "wait: compare_exchange acq_rel -> release",
          "wait: compare_exchange acq_rel -> relaxed",
          "wait: load acquire -> relaxed",
          "leave_continuation: compare_exchange release -> relaxed",
      });
}

// --- on one thread ------------------------------------------------------------------------------

struct Call final : detail::ReplyTarget {
  void answer(Block*) override {}
  void fail(const Error&) override {}
  void retain() override {}
  void drop() override {}
};

// Completes what waits, on the thread that it waits on, before it would sleep.
class CompletingParker final : public Parker {
 public:
  explicit CompletingParker(Simulation& run) : run_(run) {}
  void park(Waiter& waiter, int64_t) override {
    if (waiter.claim_on_its_thread(Outcome::completed)) waiter.wake();
    while (woken_.load(sync::memory_order_acquire) == 0) sync::relax_processor();
  }
  void unpark(Waiter&) override {
    run_.check(woken_.fetch_add(1, sync::memory_order_release) == 0, "it is woken once");
  }
  void yield() override {}

 private:
  Simulation& run_;
  sync::atomic<int> woken_{0};
};

void complete_and_cancel(Simulation& run) {
  Call call;
  sync::atomic<bool> over{false};
  run.spawn([&] {
    detail::Execution& execution = detail::Execution::current();
    CompletingParker parker(run);
    execution.parker = &parker;
    execution.call = &call;
    Waiter waiter;
    const Outcome outcome = waiter.wait(detail::WaitsFor::reply);
    execution.call = nullptr;
    execution.parker = nullptr;
    if (outcome == Outcome::revoked)
      run.check(detail::is_cancelled(call), "it is revoked by who cancels");
    else
      run.check(outcome == Outcome::completed, "or completed");
    // No one touches the waiter, nor what is on this stack, any more.
    over.store(true, sync::memory_order_relaxed);
  });
  run.spawn([&] { detail::cancel(call); });
  run.join_all();
  run.check(over.load(sync::memory_order_relaxed), "it goes on");
}

TEST(AskCore, AnAnswerOnItsThreadAndACancellationNeverTakeEffectTogether) {
  for_each_weak_schedule(20'000, complete_and_cancel);
  // Which is for the end of the waiter.
  test::expect_orders_needed("channels/call.h", 10'000, complete_and_cancel,
                             {"end_wait: load acquire -> relaxed"});
}

}  // namespace
}  // namespace isola::testing
