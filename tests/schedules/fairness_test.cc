// Who is ready gets its turn, whoever else always has mail: docs/how_it_works.md states the bounds.
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <isola/tools/testing/system.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola::testing {
namespace {

struct Watch;
// To it, from an actor: all of them run on one thread of the system.
struct Witness {
  Watch* watch;
};

}  // namespace
}  // namespace isola::testing

template <>
struct isola::SendableTrait<isola::testing::Witness> : std::true_type {};

namespace isola::testing {
namespace {

// The sanitizers would have to be told of Boost's own switches.
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)

using test::Number;

auto number(int64_t value) {
  return [value](auto builder) { builder.setValue(value); };
}

constexpr int64_t kNothing = -1;  // a message that nobody waits for
constexpr int64_t kSends = 30;
constexpr size_t kGuestsMax = 4;
constexpr int64_t kMail = 1000;  // of the busy one
constexpr int64_t kTurn = detail::kTurnMessages;

// What is counted in a run.
struct Watch {
  Simulation* run;
  int64_t bound;  // of what the busy one does from the end of a send to a guest to its turn
  std::vector<Address<Number>> guests{};
  Address<Number> sink{};
  int64_t done = 0;  // messages of the busy one, or its sends
  const detail::Worker* busy_at = nullptr;
  std::array<int64_t, kSends> then{};  // what was done after each send
  std::array<bool, kGuestsMax> waits{};
  int64_t sends = 0;
  int64_t served = 0;

  bool over() const { return served == kSends; }
  // The next of the messages to guests, if there is one. Each has one at a time, so it is handled
  // in the guest's next turn.
  void send_to_a_guest() {
    const size_t to = run->choose(guests.size());
    if (sends == kSends || waits[to]) return;
    waits[to] = true;
    const auto own = static_cast<size_t>(sends++);
    then[own] = INT64_MAX;
    run->check(!guests[to].send<Number>(number(static_cast<int64_t>(own * kGuestsMax + to))),
               "the send to a guest");
    then[own] = done;
  }
};

int64_t longest = 0;  // that a guest has waited in any run

struct Guest : Actor<Guest, Number> {
  explicit Guest(Witness witness) : watch_(*witness.watch) {}
  void on(Number::Reader number) {
    if (number.getValue() == kNothing) return;
    const auto own = static_cast<size_t>(number.getValue());
    const int64_t waited = watch_.done - watch_.then[own / kGuestsMax];
    watch_.waits[own % kGuestsMax] = false;
    ++watch_.served;
    if (detail::Worker::current() != watch_.busy_at) return;
    longest = std::max(longest, waited);
    watch_.run->check(waited <= watch_.bound, "a guest waited for " + std::to_string(waited) +
                                                  " of the busy one's, more than " +
                                                  std::to_string(watch_.bound));
  }
  Watch& watch_;
};

// Always has mail, of which each is a reason to send to a guest now and then.
struct Busy : Actor<Busy, Number> {
  explicit Busy(Witness witness) : watch_(*witness.watch) {}
  void on(Number::Reader) {
    watch_.busy_at = detail::Worker::current();
    ++watch_.done;
    if (watch_.run->choose(30) == 0) watch_.send_to_a_guest();
  }
  Watch& watch_;
};

// Never ends its turn before all is over: it only sends.
void only_send(Witness witness) {
  Watch& watch = *witness.watch;
  watch.busy_at = detail::Worker::current();
  while (!watch.over()) {
    ++watch.done;
    if (watch.sends < kSends && watch.run->choose(30) == 0)
      watch.send_to_a_guest();
    else
      (void)watch.sink.send<Number>(number(kNothing));
  }
}

struct Case {
  Priority busy = Priority::normal;
  Priority guest = Priority::normal;
  size_t guests = kGuestsMax;
  int64_t bound = 0;
  uint64_t seeds = 0;
  bool only_sends = false;
};

// All are pinned, as an actor that moves waits anew; or there is one worker.
void each_guest_waits_at_most(const Case& each) {
  longest = 0;
  may_draw_ready_actors = false;
  for_each_system(each.seeds, [&](Simulation& run, System& system) {
    Watch watch{.run = &run, .bound = each.bound};
    const bool pinned = system.workers() > 1 || run.choose(2) == 0;
    Address<Number> busy;
    ActorRef sends;
    const SpawnOptions options{.pinned = pinned, .priority = each.guest};
    for (size_t i = 0; i < each.guests; ++i)
      watch.guests.push_back(system.spawn<Guest>(options, Witness{&watch}));
    watch.sink = system.spawn<Guest>(options, Witness{&watch});
    const SpawnOptions busy_options{
        .inbox_max = 1'000'000, .pinned = pinned, .priority = each.busy};
    if (each.only_sends)
      sends = system.spawn(busy_options, only_send, Witness{&watch});
    else
      busy = system.spawn<Busy>(busy_options, Witness{&watch});
    for (int64_t fed = 0; !watch.over();) {
      if (run.choose(300) == 0) watch.send_to_a_guest();
      if (busy && fed < watch.done + kMail)
        run.check(!busy.send<Number>(number(fed++)), "mail");
      run.yield();
    }
    system.stop();
  });
  std::cout << "the longest wait: " << longest << " of at most " << each.bound << '\n';
}

TEST(Fairness, AnActorThatAlwaysHasMailDelaysOthersByTheRestOfItsTurnAndOneMore) {
  each_guest_waits_at_most({.bound = 2 * kTurn, .seeds = 150});
}

TEST(Fairness, WhoOnlySendsLetsOthersGoFirst) {
  each_guest_waits_at_most(
      {.bound = 2 * detail::kStepsBeforeYield, .seeds = 150, .only_sends = true});
}

TEST(Fairness, AHighOneDelaysEachNormalOneByFifteenTurns) {
  constexpr int64_t kGuests = 2;
  each_guest_waits_at_most({.busy = Priority::high,
                            .guests = kGuests,
                            .bound = (1 + kGuests * detail::kHighInARow) * kTurn,
                            .seeds = 40});
}

TEST(Fairness, OthersDelayEachLowOneBySixtyFourTurns) {
  constexpr int64_t kGuests = 2;
  each_guest_waits_at_most({.guest = Priority::low,
                            .guests = kGuests,
                            .bound = (1 + kGuests * detail::kTurnsBeforeLow) * kTurn,
                            .seeds = 15});
}

#endif

}  // namespace
}  // namespace isola::testing
