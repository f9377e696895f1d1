// A simulation: virtual threads on one thread of the system, in virtual time, with each choice
// drawn from a seed.
//
//   Simulation simulation;
//   auto failure = simulation.run(7, [](Simulation& run) {
//     sync::atomic<int> count{0};
//     for (int i = 0; i < 2; ++i) run.spawn([&] { count.store(count.load() + 1); });
//     run.join_all();
//     run.check(count.load() == 2, "no increment is lost");
//   });
//
// Each operation of isola::sync is a point where the schedule may change. The same seed gives the
// same trace, bit for bit. A run fails when a check does, an exception leaves a virtual thread, all
// of them wait for ever, ordinary data is used without order, or it does not come to an end.
// A failed run is abandoned: what lies on the stacks of its threads is not destroyed.
//
// Who runs next is drawn in one of two ways, by the seed: uniformly, after a number of operations
// with a mean that the seed chooses too; or by random priorities that change at few places
// (Burckhardt and others, "A randomized scheduler with probabilistic guarantees", 2010).
//
// Thread safety: one thread; a thread has one simulation at a time.
#pragma once

#include <isola/serialization/sync.h>
#include <isola/tools/testing/fiber_state.h>
#include <isola/tools/testing/random.h>
#include <isola/tools/testing/strand.h>
#include <isola/tools/testing/weak_memory.h>
#include <isola/tools/testing/weakening.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace isola::testing {

enum class Memory : uint8_t {
  sequential,  // each load sees the newest store
  weak,        // it sees what C++ allows (weak_memory.h), and races of plain data are found
};

struct Options {
  Memory memory = Memory::sequential;
  uint64_t steps_max = 1'000'000;  // operations until a run counts as endless
  bool trace = false;              // keep the trace's text
  // A timer that is further off than this fires only when all wait, or one waits in a loop.
  int64_t early_max_ns = INT64_MAX;
  bool fibers = false;             // threads may use Boost.Fiber, each with its own scheduler
};

struct Failure {
  uint64_t seed;
  std::string what;
  std::string trace;  // if it was asked for
};

class Simulation final : public sync::Simulator {
 public:
  using Body = std::function<void(Simulation&)>;

  explicit Simulation(Options options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Runs `body` as the first virtual thread and waits for the end of all. Nothing: it went well.
  std::optional<Failure> run(uint64_t seed, const Body& body);

  // --- for the body, and what it starts

  // A virtual thread; its number. `name` is for reports.
  uint32_t spawn(std::function<void()> body, std::string name);
  uint32_t spawn(std::function<void()> body) override { return spawn(std::move(body), {}); }
  void join(uint32_t thread) override;
  void join_all() { join_from(0); }
  // Those with this number and all later ones, but for the running one.
  void join_from(uint32_t first);
  uint32_t threads() const { return count_; }
  // Lets another thread run, if any can.
  void yield() { leave_turn(); }
  void sleep_ns(int64_t duration_ns);
  int64_t now_ns() override { return now_ns_; }
  // A choice: one of 0 … count-1.
  uint64_t choose(uint64_t count) { return random_.below(count); }
  uint64_t random() override { return random_.next(); }

  // Ends the run as failed.
  [[noreturn]] void fail(std::string what);
  void check(bool holds, std::string_view what) {
    if (!holds) fail(std::string(what));
  }

  // --- about the last run

  uint64_t seed() const { return seed_; }
  uint64_t steps() const { return steps_; }
  uint64_t switches() const { return switches_; }
  // Of all operations, who did them, and what they saw.
  uint64_t trace_hash() const { return trace_hash_; }
  const std::string& trace() const { return trace_; }

  // The simulation that runs, for what needs more of it than isola::sync.
  static Simulation* current() { return static_cast<Simulation*>(Simulator::current()); }

  // --- for plain data (plain.h) and weakenings (weakening.h)
  bool is_weak() const { return options_.memory == Memory::weak; }
  WeakMemory& memory() { return memory_; }
  uint32_t running() const { return running_; }
  Weakener& weakener() { return weakener_; }
  // Whether operations go through the weakener. Before a run only.
  void set_weakening(bool on) { weakens_ = on; }

  // --- sync::Simulator
  Model step(const sync::Operation& operation) override;
  uint64_t load(uint64_t newest) override;
  void store(uint64_t newest, uint64_t value) override;
  void modify(uint64_t newest, uint64_t value) override;
  std::optional<uint64_t> compare(uint64_t newest, uint64_t expected, uint64_t value,
                                  bool weak) override;
  void constructed(const void* word, uint64_t value) override;
  void futex_wait(const sync::FutexWord& word, uint32_t expected, int64_t timeout_ns) override;
  void futex_wake(const void* word) override;
  void*& local(const void* key, void (*destroy)(void*)) override;

 private:
  static constexpr uint32_t kNobody = UINT32_MAX;
  enum class State : uint8_t { ready, waits, over };
  struct Local {
    const void* key;
    void* object;
    void (*destroy)(void*);
  };
  struct VirtualThread {
    Simulation* simulation;
    uint32_t number;
    State state;
    uint32_t joins;       // the number of whom it waits for the end of, or kNobody
    const void* futex;    // or the word that it sleeps on
    sync::Site site;      // of that wait
    int64_t deadline_ns;  // of its wait
    uint64_t priority;
    std::string name;
    std::function<void()> body;
    std::vector<Local> locals;
    void* fiber_context;  // the main one, or nullptr
    Strand strand;
  };

  void reset(uint64_t seed);
  VirtualThread& add_thread(std::function<void()> body, std::string name);
  static void enter(void* thread);
  [[noreturn]] void finish(VirtualThread& thread);
  [[noreturn]] void end_run();

  // The schedule: simulation_schedule.cc.
  void draw_strategy();
  void start_slice();
  void end_slice();
  void leave_turn();
  void wait();
  void make_ready(VirtualThread& thread);
  bool fire_timer();
  void fire_timer_early();
  void fire(VirtualThread& thread);
  bool is_near(const VirtualThread& timed) const {
    return timed.deadline_ns - now_ns_ <= options_.early_max_ns;
  }
  VirtualThread* earliest_timer();
  void demote(VirtualThread& thread);
  VirtualThread& take_next();
  void switch_to(VirtualThread& next);
  [[noreturn]] void report_deadlock();

  // Operations: simulation_operations.cc.
  Model special_step(const sync::Operation& operation);
  Model unmodelled();
  void modelled_fence();
  void check_race();
  void note(uint64_t what) {
    trace_hash_ = ((trace_hash_ << 5 | trace_hash_ >> 59) ^ what) * 0x9e3779b97f4a7c15u;
  }
  void write_trace(const std::string& line);
  std::string title(const VirtualThread& thread) const;
  VirtualThread& me() { return *threads_[running_]; }

  const Options options_;
  // What each step touches.
  uint64_t steps_ = 0;
  uint64_t slice_end_ = 0;  // the step at which the schedule changes
  uint64_t trace_hash_ = 0;
  uint32_t running_ = 0;
  uint32_t until_spurious_ = 0;
  bool special_ = false;  // an operation is more than a step and a plain access
  bool weakens_ = false;
  sync::Operation operation_;  // the one that goes on, if that is so

  uint64_t seed_ = 0;
  uint64_t switches_ = 0;
  uint32_t yields_in_vain_ = 0;  // in a row, by a thread that alone could run
  int64_t now_ns_ = 0;
  Random random_;
  uint64_t mean_slice_ = 1;
  bool by_priority_ = false;
  uint64_t next_lowest_ = 0;             // the next priority below all
  uint64_t demoted_at_ = 0;  // the step at which somebody got the lowest priority
  std::vector<uint64_t> change_points_;  // latest first
  uint32_t count_ = 0;                   // of the threads of this run
  uint32_t over_ = 0;
  uint32_t timed_ = 0;  // that wait with a deadline
  std::vector<std::unique_ptr<VirtualThread>> threads_;
  std::vector<VirtualThread*> ready_;  // but for the running one
  std::optional<Failure> failure_;
  std::string trace_;
  std::unordered_map<const void*, size_t> numbers_;  // of atomics, for the text
  WeakMemory memory_;
  Weakener weakener_;
  Strand outside_;
  Stacks stacks_;
  std::optional<FiberStates> fiber_states_;
};

}  // namespace isola::testing
