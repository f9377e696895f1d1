// A worker: a thread with a Boost.Fiber scheduler of our own, that gives ready actors their turns.
//
// What runs next, in this order: a carrier that was woken; an idle carrier, if actors are ready;
// the dispatcher of Boost, which puts the thread to sleep. After kWokenInARow woken carriers the
// ready actors come first once, so neither starves the other.
//
// A worker is the home of the actors that ran here last, and the only one that touches their
// queues: a message from one of them to another takes no atomic instruction. Who sends from
// elsewhere puts the actor into the list of notifications, which the home looks at between turns.
// An actor moves to another home
//   - when others have been ready for some time while another worker sleeps: its home gives half of
//     them away, or the monitor does, if the home is stuck in a long turn;
//   - back to who gave it away, or from the later of two workers that talk to the first, where
//     being apart is in vain: where what is handled takes less time than getting it there. Each
//     time the giver waits eight times as long before it gives again;
//   - when its home sleeps: a worker that sends to it and has nothing else to do takes it over, so
//     that a conversation stays on one worker and nobody is woken for it;
//   - when it talks with an actor on another worker: after a few messages it goes there.
// All of it only within a dispatcher, whose workers know of no others (dispatcher.h), and never a
// pinned actor.
//
// Thread safety: tell, unpark, notify, stop: any thread. The rest: its own thread.
// Invariants: 1. An actor is in at most one ready queue, or in one turn.
//             2. A carrier that is suspended in a turn stays on its worker.
//             3. A worker sleeps only if it has nothing ready, and says so before it looks again:
//                so whoever pushes after that look wakes it.
//             4. The ready queue, and `activity` and `home` of the actors at home here, change
//                only inside of the gate, or by who holds the worker while it sleeps.
#pragma once

#include <isola/actors/arrivals.h>
#include <isola/actors/carrier.h>
#include <isola/actors/cell.h>
#include <isola/actors/choice.h>
#include <isola/actors/gate.h>
#include <isola/actors/kept_memory.h>
#include <isola/actors/priority.h>
#include <isola/actors/sharing.h>
#include <isola/actors/sleep.h>
#include <isola/actors/slots.h>
#include <isola/actors/stack.h>
#include <isola/actors/timers.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/sync.h>
#include <isola/serialization/transitions.h>

#include <boost/fiber/algo/algorithm.hpp>
#include <boost/fiber/scheduler.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace isola::detail {

class Algorithm;
class AskState;
class Dispatcher;
class Runtime;

// How many messages an actor handles in one turn before others get theirs. (In a simulation few, so
// that turns end while there is mail.)
inline constexpr uint32_t kTurnMessages = sync::kSimulated ? 8 : 128;
// How many turns until Boost's own sleepers and remote wake-ups are looked after.
inline constexpr uint32_t kTurnsBetweenDispatches = 1024;
// How many woken carriers run in a row while actors are ready.
inline constexpr uint32_t kWokenInARow = 16;
// How many ready actors at most take a turn before a carrier that yielded goes on: more than it has
// sent or started since it yielded last, so that it never runs far ahead of them.
inline constexpr uint32_t kTurnsForYield = 256;
// How often an empty worker looks again before it sleeps: about as long as a wake-up takes.
inline constexpr uint32_t kSpinsBeforeSleep = 200;

class Worker {
 public:
  Worker(Runtime& runtime, Dispatcher& dispatcher, uint32_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Asks it to end: blocked turns are cancelled, ready ones not begun.
  void stop();
  void join() {
    if (thread_.joinable()) thread_.join();  // else it could not be started
  }

  // The worker whose thread this is, or nullptr.
  static Worker* current() { return current_; }
  // Used by whoever switches threads itself: a simulation.
  static void set_current(Worker* worker) { current_ = worker; }
  Runtime& runtime() const { return runtime_; }
  Dispatcher& dispatcher() const { return its_dispatcher_; }

  // Sends to an actor that is at home here, from the running code. False if that is not so, or not
  // as simple.
  bool send_here(ActorCell& cell, Block& block, Execution& execution);
  bool send_here_in_context(ActorCell& cell, Block& block, Execution& execution);
  bool append_here(ActorCell& cell, Block& block, Execution& execution);
  // As send_here, without stamping, in the cases that are not so simple.
  Inbox::Push push_here(ActorCell& cell, Block& block, uint32_t bound);
  // Resumes the actor that goes on with this answer, if it is at home here and still wants that.
  bool resume_here(ActorCell& cell, AskState& asked);
  // The first steps of an actor that was just made here: it rests, or waits for its first turn.
  void made(ActorCell& cell);
  void begin(ActorCell& cell);
  // Puts an actor whose home this is into the list of notifications; takes one reference to it.
  void tell(ActorCell& cell);     // any thread
  void unpark(Carrier& carrier);  // any thread
  // Does what a notification asks for, now. Takes one reference.
  void heed(ActorCell& cell);
  // Takes over an idle actor of `home`, if that sleeps; the caller has notified the actor.
  bool adopt(ActorCell& cell, Worker& home);

  // Suspends the running carrier until it is unparked; exactly one unpark for each call.
  void suspend();
  // Lets everything else that is ready go first.
  void yield();
  // False if no carrier could be made that takes over while this one is suspended.
  bool ensure_spare_carrier() { return idle_ != nullptr || make_spare_carrier(); }
  // What the thread is at. Any thread; a recent value.
  struct Progress {
    uint64_t actor = 0;  // that has its turn; 0: none
    uint64_t turns = 0;
    uint64_t messages = 0;  // of the actor
    const MessageType* message_type = nullptr;
  };
  Progress progress() const;
  // The actor whose turn it is, and what it handles, if it handles messages. For its own thread, at
  // any time: also in a handler of signals.
  struct InTurn {
    const ActorCell* cell = nullptr;
    const MessageType* message_type = nullptr;
  };
  InTurn in_turn() const;
  // Gives the ready actors of a worker that is stuck in a turn to one that sleeps. The monitor's.
  void relieve();
  Timers& timers() { return timers_; }
  KeptMemory& kept_memory() { return kept_memory_; }
  Carrier& running() { return *running_; }

 private:
  friend class Algorithm;
  friend class Runtime;

  void main();
  // Takes turns until there are none: true, and the running carrier is idle. False: the worker
  // stops.
  bool loop();
  bool take_turns();
  bool turn(ActorCell& cell);
  bool handle_messages(ActorCell& cell, const BehaviourType& type, Execution& execution);
  void run_function(ActorCell& cell, const BehaviourType& type);
  bool is_late(const Envelope& envelope) const;
  void receive_in_context(ActorCell& cell, const BehaviourType& type, Block*& block,
                          Execution& execution);
  void receive_in_span(ActorCell& cell, const BehaviourType& type, Block*& block);
  // Ends the actor whose handler threw, and tells the asker of `block`, if it is still ours.
  void end_in_handler(ActorCell& cell, Block* block, Error failure);
  // The end of a turn of an actor that is alive.
  void settle(ActorCell& cell);
  void settle_inside(ActorCell& cell);
  ActorCell* settle_and_next(ActorCell& cell);
  // True if the actor has ended.
  bool obey_signals(ActorCell& cell);
  void end_in_order(ActorCell& cell, bool wait);
  // Runs what comes next. Returns when somebody has chosen this carrier and it has a turn to go on
  // with; one that is idle takes turns here, and returns when the worker stops.
  void switch_away();
  // Counts a turn, or a part of one. Every so many, Boost's own sleepers and remote wake-ups are
  // looked after.
  void count_turn() {
    const uint64_t turns = turns_.load(sync::memory_order_relaxed) + 1;
    turns_.store(turns, sync::memory_order_relaxed);
    if (turns % kTurnsBetweenDispatches != 0) [[likely]]
      return;
    fire_timers();
    boost_notified_.store(true, sync::memory_order_relaxed);
    attention_.store(true, sync::memory_order_relaxed);
  }
  ActorCell* next_ready();
  ActorCell* next_inside();
  ActorCell* next_by_rule();
  // Whether ready actors get their turns before woken carriers and the scheduler of Boost.
  bool may_go_on() const {
    if (boost_notified_.load(sync::memory_order_relaxed)) return false;
    // A turn that begins after begin_stop() would not be cancelled.
    return !has_else_to_do_ || (!stopping_ && owes_turns());
  }
  void link_woken(boost::fibers::context& context) {
    context.ready_link(woken_);
    has_else_to_do_ = true;
  }
  // Whether the next ready actor can have its turn at once: may_go_on() and nothing_came().
  bool goes_straight_on() {
    if (has_else_to_do_ && (stopping_ || !owes_turns())) return false;
    return !attention_.load(sync::memory_order_relaxed) || looks_and_goes_on();
  }
  bool looks_and_goes_on();
  bool owes_turns() const { return turns_.load(sync::memory_order_relaxed) < owed_until_turn_; }
  void make_ready(ActorCell& cell);  // inside of the gate
  void link_ready(ActorCell& cell);  // one of normal priority
  // The same at the end of a turn, maybe where it came from. Inside of the gate.
  void make_ready_again(ActorCell& cell);
  bool nothing_came() const { return notified_.seems_empty() && remote_woken_.seems_empty(); }
  void drain_remote() {
    if (!nothing_came()) [[unlikely]]
      take_remote();
  }
  void take_remote();
  void heed_inside(ActorCell& cell);
  void begin_stop();
  void drop_notified();
  bool is_to_share();
  void share(bool has_more);
  int64_t patience(int64_t now_ns);
  bool has_movable() const;
  enum class Part : uint8_t { half, all };
  uint32_t share_with(Worker& other, Part part);  // how many it has given
  // Gives it back to where it was sent to from, if it is here in vain. The callers are inside of
  // the gate.
  bool goes_back(ActorCell& cell);
  bool is_in_vain();
  void begin_window(bool settles);
  void arrives(const ActorCell& cell);
  void count_fetched(uint32_t messages) {
    fetched_.store(fetched_.load(sync::memory_order_relaxed) + messages,
                   sync::memory_order_relaxed);
  }
  Worker* find_sleeper() const;
  Worker* better_home(ActorCell& cell);
  void give(ActorCell& cell, Worker& other);
  // The same without telling it: true if it may sleep, and is to be woken.
  bool hand_over(ActorCell& cell, Worker& other);
  void leave_for(ActorCell& cell, Worker& other);
  // Some were put into its list of notifications. Any thread.
  void told(bool wakes);
  bool anything_ready() const;
  bool anything_arrived() const;
  Carrier* make_carrier();
  bool make_spare_carrier();
  void release_carriers();
  int64_t fire_timers();
  // For the algorithm; see worker_switch.cc.
  boost::fibers::context* next_context();  // what is switched to now
  boost::fibers::context* choose_next();
  void awakened(boost::fibers::context* context);
  void sleep_until(int64_t boost_deadline_ns);
  void notify();

  static constinit inline thread_local Worker* current_ = nullptr;

  Runtime& runtime_;
  Dispatcher& its_dispatcher_;
  const uint32_t index_;
  std::unique_ptr<PoolCache> cache_;
  StackPool stacks_;
  sync::Thread thread_;

  // Inside of the gate.
  Gate gate_;
  sync::atomic<uint32_t> ready_count_{0};
  ActorCell* ready_head_ = nullptr;
  ActorCell* ready_tail_ = nullptr;  // the last one, if there is one
  PriorityLanes lanes_;              // ready ones of another than normal priority
  bool by_rule_ = false;             // there are such, or choice_ draws

  // Own thread only.
  uint32_t woken_in_a_row_ = 0;
  int64_t backlog_since_ns_ = 0;  // 0: there is none
  uint32_t adoptions_left_ = 0;   // of those given away, while others are ready here
  int64_t last_look_ns_ = 0;
  bool were_long_ = false;  // turns, as it looked
  int32_t turns_of_look_ = kTurnsOfLook;
  int32_t turns_until_look_ = kTurnsOfLook;
  uint64_t owed_until_turn_ = 0;  // ready actors go first until then: a carrier has yielded
  Carrier* running_ = nullptr;
  Carrier* main_ = nullptr;
  Carrier* idle_ = nullptr;
  ExceptionState* exceptions_ = nullptr;  // the thread's, cached
  Algorithm* algorithm_ = nullptr;        // owned by the Boost scheduler
  boost::fibers::context* dispatcher_ = nullptr;
  boost::fibers::scheduler::ready_queue_type woken_;
  bool has_else_to_do_ = false;  // some are woken, or it stops
  Timers timers_;
  std::vector<Carrier*> carriers_;
  std::vector<Carrier*> adopted_;  // fibers that a user made on this thread
  size_t live_carriers_ = 0;
  bool stopping_ = false;
  std::unique_ptr<Choice> choice_;  // where the next actor is drawn

  // Whether it pays that actors are here: see is_in_vain.
  uint64_t messages_ = 0;  // handled here
  // How many of those that were handled in the window, or wait, came from elsewhere. Atomic because
  // the monitor counts, too; what gets lost then does not matter.
  sync::atomic<uint64_t> fetched_{0};
  struct Window {
    uint64_t messages = 0;  // handled here before
    uint64_t arrived = 0;   // actors
    int64_t alive = 0;      // as it began; too:
    uint64_t turns_of_host = 0;
    int64_t begin_ns = 0;
    int64_t slept_ns = 0;
    uint32_t sleeps = 0;
    bool settles = false;
  };
  Window window_;
  uint32_t gifts_seen_ = 0;

  Slots::Cache free_slots_;  // own thread only
  KeptMemory kept_memory_;   // too
  // How many actors were started here, less those that ended here. Written by its own thread.
  sync::atomic<int64_t> alive_{0};
  // Written by its own thread, for the monitor.
  sync::atomic<uint64_t> turns_{0};
  sync::atomic<ActorCell*> in_turn_{nullptr};
  sync::atomic<const MessageType*> message_type_{nullptr};

  // Any thread.
  alignas(64) Arrivals<ActorCell, &ActorCell::next_notified> notified_;
  Arrivals<Carrier, &Carrier::next> remote_woken_;
  sync::atomic<bool> boost_notified_{false};
  // Set after one of the three above: so there is one word to look at between turns.
  sync::atomic<bool> attention_{false};
  sync::atomic<bool> stop_{false};
  sync::atomic<bool> ended_{false};  // its thread looks at nothing any more
  // The worker that gave actors to this one the last time, or to which they went from here, unless
  // this one gave some away since; how often some were given to this one; whether those it gave
  // away were there in vain, and those that are here are.
  sync::atomic<Worker*> host_{nullptr};
  sync::atomic<uint32_t> gifts_{0};
  sync::atomic<bool> shared_in_vain_{false};
  sync::atomic<int64_t> patience_ns_{kBacklogNs};
  sync::atomic<int64_t> last_return_ns_{0};  // when it last saw that it had shared in vain
  sync::atomic<bool> in_vain_{false};
  // Who holds it takes actors away.
  alignas(64) Sleep sleep_;
};

// What the handler of a message kept of it that it took; see handle_delivery.
inline void give_kept_context(Execution& execution) {
  Block* const context = std::exchange(execution.kept_context, nullptr);
  if (context != nullptr) context->pool->give_use(*context);
}

inline void Worker::make_ready(ActorCell& cell) {
  if constexpr (sync::kSimulated) {
    switch (cell.activity.load(sync::memory_order_relaxed)) {
      case Activity::turn:
        took(Transition::turn_to_ready);
        break;
      case Activity::idle:
        took(Transition::idle_to_ready);
        break;
      case Activity::moving:
        took(Transition::moving_to_ready);
        break;
      case Activity::ready:  // stays, where others are given away
        break;
    }
  }
  if (cell.priority == Priority::normal) [[likely]]
    return link_ready(cell);
  cell.activity.store(Activity::ready, sync::memory_order_relaxed);
  lanes_.push(cell);
  by_rule_ = true;
  ready_count_.store(ready_count_.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
}

inline void Worker::link_ready(ActorCell& cell) {
  cell.activity.store(Activity::ready, sync::memory_order_relaxed);
  cell.next_ready = nullptr;
  if (ready_head_ == nullptr)
    ready_head_ = &cell;
  else
    ready_tail_->next_ready = &cell;
  ready_tail_ = &cell;
  ready_count_.store(ready_count_.load(sync::memory_order_relaxed) + 1, sync::memory_order_relaxed);
}

}  // namespace isola::detail
