// The inbox, the list of what arrived and the sleep of a worker under weak memory: homes that take
// turns, sleep, and hand an actor over to each other, as actors/worker.cc does.
//
// What belongs to an actor's home is Plain data, so a hand-over with too weak an order is a race.
#include <isola/actors/inbox.h>

#include <gtest/gtest.h>
#include <isola/actors/arrivals.h>
#include <isola/actors/sleep.h>
#include <isola/tools/testing/gtest.h>
#include <isola/tools/testing/plain.h>

#include <array>
#include <cstdint>
#include <optional>

#include "tests/schedules/expect_orders.h"

namespace isola::testing {
namespace {

using detail::Inbox;

constexpr int kHomes = 2;
constexpr int kSenders = 3;  // the first two send from a home
constexpr int kEach = 2;

enum class Activity : uint8_t { idle, ready, moving };

class Home;

// An actor, as actors/cell.h has it.
struct Actor {
  struct Letter {
    std::optional<Block> block;
    Plain<int> body;
  };

  Inbox inbox;
  sync::atomic<Home*> home{nullptr};
  sync::atomic<uint32_t> signals{0};
  Plain<Activity> activity{Activity::idle};
  Actor* next_arrived = nullptr;
  uint32_t bound = 10;
  int end_after = 1000;  // messages
  std::array<Letter, kSenders * kEach> letters;
  std::array<int, kSenders> next_of{};
  Plain<int> handled;
  sync::atomic<int> handled_so_far{0};  // relaxed: it orders nothing
  sync::atomic<int> signalled{0};
  sync::atomic<bool> ended{false};
  sync::atomic<int> told{0};  // less what was heeded or dropped
};

class Home {
 public:
  Home(Simulation& run, Actor& actor) : run_(run), actor_(actor) {}

  void set_other(Home& other) { other_ = &other; }
  // The loop of a worker, which also sends what `sender` has to send.
  void loop(int sender) {
    int number = 0;
    for (;;) {
      if (number < kEach && run_.choose(2) == 0) {
        const Inbox::Push pushed = send(sender, number);
        if (pushed != Inbox::Push::full) ++number;
        if (pushed == Inbox::Push::closed) number = kEach;
      }
      if (!arrivals_.seems_empty()) take_arrivals();
      if (stop_.load(sync::memory_order_acquire)) break;
      if (std::exchange(ready_, false))
        turn();
      else
        sleep(number == kEach ? -1 : 1000);
    }
    ended_.store(true, sync::memory_order_seq_cst);
    drop_arrivals();
  }
  void stop() {
    stop_.store(true, sync::memory_order_seq_cst);
    sleep_.wake();
  }
  void tell() {
    actor_.told.fetch_add(1, sync::memory_order_relaxed);
    if (arrivals_.push(actor_)) sleep_.wake();
    if (ended_.load(sync::memory_order_seq_cst)) drop_arrivals();
  }

  // --- for anybody who sends; `here`: the home whose thread it is, or nullptr
  static Inbox::Push send(Simulation& run, Actor& actor, Home* here, int sender, int number) {
    Actor::Letter& letter = actor.letters[static_cast<size_t>(sender * kEach + number)];
    // Made here, so that who sees it through the inbox must see its construction.
    letter.block.emplace();
    letter.block->envelope.sender = static_cast<uint64_t>(sender * kEach + number);
    letter.body.write(1);
    if (here != nullptr && actor.home.load(sync::memory_order_acquire) == here)
      return here->push_here(*letter.block);
    const Inbox::Push pushed = actor.inbox.push(&*letter.block, actor.bound);
    if (pushed == Inbox::Push::pushed_first) tell_home(run, actor, here);
    return pushed;
  }
  static void signal(Simulation& run, Actor& actor) {
    actor.signals.fetch_or(1, sync::memory_order_release);
    if (actor.inbox.notify()) tell_home(run, actor, nullptr);
  }

 private:
  static void tell_home(Simulation& run, Actor& actor, Home* here) {
    Home* home = actor.home.load(sync::memory_order_acquire);
    if (home == nullptr) run.fail("who notifies it does not know its home");
    if (here == nullptr) return home->tell();
    if (home == here) return here->heed();
    if (!here->adopt(*home)) home->tell();
  }
  Inbox::Push send(int sender, int number) { return send(run_, actor_, this, sender, number); }

  Inbox::Push push_here(Block& block) {
    Inbox& inbox = actor_.inbox;
    if (inbox.closed()) return Inbox::Push::closed;
    if (!inbox.quiet()) inbox.take();
    const bool full = inbox.waiting() >= actor_.bound;
    if (!full) inbox.append(&block);
    if (actor_.activity.read() == Activity::idle) make_ready();
    return full ? Inbox::Push::full : Inbox::Push::pushed;
  }
  bool adopt(Home& home) {
    if (!home.sleep_.hold()) return false;
    const bool idle = actor_.activity.read() == Activity::idle;
    if (idle) actor_.home.store(this, sync::memory_order_release);
    home.sleep_.let_go();
    if (idle) heed();
    return idle;
  }
  void give() {
    if (!other_->sleep_.asleep() || !actor_.inbox.notify()) return;
    actor_.activity.write(Activity::moving);
    ready_ = false;
    actor_.home.store(other_, sync::memory_order_release);
    other_->tell();
  }

  void make_ready() {
    run_.check(!ready_, "it is ready once");
    actor_.activity.write(Activity::ready);
    ready_ = true;
  }
  void take_arrivals() {
    for (Actor* actor = arrivals_.take(); actor != nullptr; actor = actor->next_arrived) {
      actor_.told.fetch_sub(1, sync::memory_order_relaxed);
      run_.check(actor_.home.load(sync::memory_order_relaxed) == this, "its home is told");
      heed();
      break;  // one actor lies in one list once
    }
  }
  void drop_arrivals() {
    if (arrivals_.take() != nullptr) actor_.told.fetch_sub(1, sync::memory_order_relaxed);
  }
  void heed() {
    actor_.inbox.acknowledge();
    const bool wanted =
        actor_.inbox.waiting() > 0 || actor_.signals.load(sync::memory_order_relaxed) != 0;
    const Activity activity = actor_.activity.read();
    if (activity == Activity::moving || (activity == Activity::idle && wanted)) make_ready();
  }
  void sleep(int64_t limit_ns) {
    sleep_.announce();
    if (arrivals_.empty() && !stop_.load(sync::memory_order_seq_cst)) sleep_.park(limit_ns);
    sleep_.end();
  }

  void turn() {
    Inbox& inbox = actor_.inbox;
    if (actor_.signals.load(sync::memory_order_relaxed) != 0) {
      actor_.signals.fetch_and(0, sync::memory_order_acq_rel);
      actor_.signalled.store(1, sync::memory_order_relaxed);
    }
    for (uint64_t left = 1 + run_.choose(3); left > 0; --left) {
      Block* block = inbox.pop();
      if (block == nullptr) {
        inbox.take();
        block = inbox.pop();
        if (block == nullptr) break;
      }
      handle(block);
      if (actor_.handled.read() == actor_.end_after) return end();
    }
    if (inbox.waiting() == 0 && actor_.signals.load(sync::memory_order_relaxed) == 0) {
      actor_.activity.write(Activity::idle);
      return;
    }
    make_ready();
    give();
  }
  void handle(Block* block) {
    const size_t index = block->envelope.sender;
    run_.check(actor_.letters[index].body.read() == 1, "the body has arrived");
    run_.check(static_cast<int>(index % kEach) == actor_.next_of[index / kEach]++,
               "one sender's messages keep their order");
    ++actor_.handled.access();
    actor_.handled_so_far.store(actor_.handled.read(), sync::memory_order_relaxed);
  }
  void end() {
    for (Block* left = actor_.inbox.close(); left != nullptr; left = left->next)
      run_.check(actor_.letters[left->envelope.sender].body.read() == 1, "what is left arrived");
    actor_.ended.store(true, sync::memory_order_relaxed);
  }

  Simulation& run_;
  Actor& actor_;
  Home* other_ = nullptr;
  bool ready_ = false;
  detail::Arrivals<Actor, &Actor::next_arrived> arrivals_;
  detail::Sleep sleep_;
  sync::atomic<bool> stop_{false};
  sync::atomic<bool> ended_{false};
};

template <class Condition>
void wait_until(const Condition& condition) {
  while (!condition()) sync::relax_processor();
}

void homes_and_senders(Simulation& run) {
  Actor actor;
  if (run.choose(2) == 0) actor.bound = 1;
  const bool ends = run.choose(4) == 0;
  const bool is_stopped = !ends && run.choose(4) == 0;
  if (ends) actor.end_after = 3;
  std::array<Home, kHomes> homes{Home(run, actor), Home(run, actor)};
  homes[0].set_other(homes[1]);
  homes[1].set_other(homes[0]);
  actor.inbox.reopen(true);
  for (int i = 0; i < kHomes; ++i) run.spawn([&, i] { homes[static_cast<size_t>(i)].loop(i); });
  run.spawn([&] {
    for (int number = 0; number < kEach; ++number) {
      Inbox::Push pushed;
      while ((pushed = Home::send(run, actor, nullptr, kHomes, number)) == Inbox::Push::full) {
        if (is_stopped) return;
        sync::relax_processor();
      }
      if (pushed == Inbox::Push::closed) return;
    }
  });
  if (!ends) run.spawn([&] { Home::signal(run, actor); });
  // It was made elsewhere: from here on it has a home.
  Home& first = homes[run.choose(kHomes)];
  actor.home.store(&first, sync::memory_order_release);
  if (!actor.inbox.acknowledge_nothing()) first.tell();
  if (!is_stopped) {
    wait_until([&] {
      return ends ? actor.ended.load(sync::memory_order_relaxed)
                  : actor.handled_so_far.load(sync::memory_order_relaxed) == kSenders * kEach &&
                        actor.signalled.load(sync::memory_order_relaxed) == 1;
    });
  }
  for (Home& home : homes) home.stop();
  run.join_all();
  run.check(actor.told.load(sync::memory_order_relaxed) == 0, "each notification is heeded");
  run.check(actor.inbox.closed() == ends, "it has ended");
}

void expect_needed(const char* file, const std::vector<std::string>& harmless) {
  test::expect_orders_needed(file, 10'000, homes_and_senders, harmless);
}

TEST(InboxCore, WorksUnderWeakMemory) { for_each_weak_schedule(20'000, homes_and_senders); }

TEST(InboxCore, NeedsItsOrders) {
  expect_needed("actors/inbox.h", {
                                      // Whether a sender that is told `closed` may look at more is
                                      // not the inbox's.
                                      "close: compare_exchange acq_rel -> acquire",
                                      "closed: load acquire -> relaxed",
                                  });
}
TEST(InboxCore, ArrivalsNeedTheirOrders) {
  // Else who pushes after the last take may not see that the owner has ended: but only where the
  // order of seq_cst operations is not that of execution, which the model doesn't show.
  expect_needed("actors/arrivals.h", {"take: exchange acq_rel -> acquire"});
}
TEST(InboxCore, SleepNeedsItsOrders) { expect_needed("actors/sleep.h", {}); }

}  // namespace
}  // namespace isola::testing
