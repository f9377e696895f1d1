// Each benchmark with its usual amount of work.
#include "suite.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

#include "actors_bench.h"
#include "building_bench.h"
#include "channels_bench.h"
#include "context_bench.h"
#include "floor.h"
#include "heap_bench.h"
#include "idle_bench.h"
#include "isolate_bench.h"
#include "kill_bench.h"
#include "latency_bench.h"
#include "many_bench.h"
#include "peers/boost_fiber.h"
#include "peers/child.h"
#include "pool_bench.h"
#include "ring_bench.h"

namespace isola::bench {
namespace {

using Run = double (*)(unsigned workers, uint64_t count);

// The rows that peers have, too. `run`: nullptr for those that take a process of their own.
struct Compared {
  const char* name;
  const char* unit;
  double count;
  Run run;
  bool on_two;  // also on two workers
};
constexpr Compared kCompared[] = {
    {"pingpong", "ns", 2e6, run_pingpong, true},
    {"counting", "ns", 5e6, run_counting, true},
    {"thread_ring", "ns", 2e6, run_thread_ring, true},
    {"fork_join_create", "ns", 2e5, run_fork_join_create, true},
    {"fork_join_throughput", "ns", 2e4, run_fork_join_throughput, true},
    {"big", "ns", 2e3, run_big, true},
    {"chameneos", "ns", 4e5, run_chameneos, true},
    {"ask", "ns", 5e5, run_ask, true},
    {"payload", "µs", 2e3, run_payload, true},
    {"idle_bytes", "bytes", 2e5, nullptr, false},
};

struct Alone {
  const char* name;
  Run run;
};
constexpr Alone kAlone[] = {
    {"idle_bytes", run_idle_bytes},
    {"blocked_bytes", run_blocked_bytes},
    {"idle_cpu", run_idle_cpu},
};

class Suite {
 public:
  Suite(bool peers, double scale) : peers_(peers), scale_(scale) {}

  void add(const std::string& name, const std::string& system, unsigned workers,
           const std::string& unit, double count, auto run) {
    const auto scaled = std::max<uint64_t>(std::llround(count * scale_), 1);
    all_.push_back({name, system, workers, unit, [=] { return run(workers, scaled); }});
  }
  void add_alone(const char* name, unsigned workers, const char* unit, double count) {
    add(name, "isola", workers, unit, count, [name](unsigned its_workers, uint64_t its_count) {
      return run_self_alone(name, its_workers, its_count);
    });
  }
  void add_compared(const Compared& row, unsigned workers) {
    if (row.run == nullptr)
      add_alone(row.name, workers, row.unit, row.count);
    else
      add(row.name, "isola", workers, row.unit, row.count, row.run);
    const std::string name = row.name;
    if (name == "ask") add(name, "isola then", workers, row.unit, row.count, run_ask_then);
    if (!peers_) return;
    if (name == "counting" && workers == 1)
      add(name, "boost_fiber", 1, row.unit, row.count,
          [](unsigned, uint64_t count) { return run_boost_fiber_counting(count); });
    for (const Peer& peer : all_peers())
      add(name, peer.system, workers, row.unit, row.count,
          [peer, name](unsigned its_workers, uint64_t count) {
            try {
              return run_peer(peer, name, its_workers, count);
            } catch (const TookTooLong& error) {
              fmt::print(stderr, "{} on {}: {}; that run is left out\n", name, its_workers,
                         error.what());
              return kNoFigure;
            }
          });
  }
  // One run gives four figures: that of the first row measures, the others show what came of it.
  void add_latency(unsigned workers, double asks) {
    const auto last = std::make_shared<Latency>();
    add("latency", "isola p50", workers, "µs", asks, [last](unsigned its_workers, uint64_t count) {
      *last = run_latency(its_workers, count);
      return last->p50;
    });
    const auto show = [&](const char* system, const char* unit, double Latency::*figure) {
      add("latency", system, workers, unit, asks,
          [last, figure](unsigned, uint64_t) { return (*last).*figure; });
    };
    show("isola p99", "µs", &Latency::p99);
    show("isola p99.9", "µs", &Latency::p999);
    show("isola load", "asks/ms", &Latency::load);
  }
  std::vector<Benchmark> take() { return std::move(all_); }

 private:
  const bool peers_;
  const double scale_;
  std::vector<Benchmark> all_;
};

// Those that say nothing about other systems and have one worker, or need none.
void add_single(Suite& suite) {
  const auto add = [&](const char* name, const char* system, double count, auto run) {
    suite.add(name, system, 1, "ns", count, [run](unsigned, uint64_t n) { return run(n); });
  };
  add("recv", "isola", 5e6, run_recv);
  add("select8", "isola", 2e6, run_select8);
  add("blob", "isola 1 KiB", 1e6, [](uint64_t count) { return run_blob(1 << 10, count); });
  add("blob", "isola 1 MiB", 1e6, [](uint64_t count) { return run_blob(1 << 20, count); });
  suite.add("thread_channel", "isola", 2, "ns", 2e6,
            [](unsigned, uint64_t count) { return run_thread_channel(count); });
  add("text_list", "by hand", 2e6, run_text_list_by_hand);
  add("text_list", "isola", 2e6, run_text_list);
  add("text_list", "isola sent", 2e6, run_text_list_sent);
  add("error_record", "throw and catch", 4e4, run_throw_and_catch);
  add("error_record", "isola", 4e4, run_error_record);
}

// Allocation, by where the memory is from. mimalloc is compared with wherever it is installed.
void add_heaps(Suite& suite) {
  const auto add = [&](const char* name, double count, double (*run)(Memory, uint64_t)) {
    const auto on = [&](const char* system, Memory memory) {
      suite.add(name, system, 1, "ns", count,
                [=](unsigned, uint64_t its_count) { return run(memory, its_count); });
    };
    on("isola", Memory::isola);
    on("pmr", Memory::pmr);
    on("malloc", Memory::malloc);
    on("mimalloc", Memory::mimalloc);
  };
  add("heap_words", 2e6, run_heap_words);
  add("heap_json", 4e6, run_heap_json);
  add("heap_churn", 4e6, run_heap_churn);
}

// What ends cost, in ms. `scale` takes strings away, and leaves the bytes of a heap.
void add_kills(Suite& suite) {
  suite.add("kill", "isola", 1, "ms", 1e7, run_kill);
  for (const uint64_t bytes : {32u, 256u, 4096u, 32768u})
    suite.add("kill_heap", fmt::format("isola {} B each", bytes), 1, "ms", 1,
              [bytes](unsigned, uint64_t) { return run_kill_heap(bytes); });
}

// The call context beside what each thread, or fiber of Boost, has of its own.
void add_contexts(Suite& suite) {
  const auto add = [&](const char* name, const char* system, double count, auto run) {
    suite.add(name, system, 1, "ns", count, [run](unsigned, uint64_t n) { return run(n); });
  };
  const auto add_looked = [&](const char* system, Looked where, double count) {
    add("context_hit", system, count, [where](uint64_t n) { return run_context_hit(where, n); });
    if (where == Looked::isola_one) return;
    add("context_miss", system, count, [where](uint64_t n) { return run_context_miss(where, n); });
  };
  add_looked("thread_local", Looked::thread_local_pointer, 4e7);
  add_looked("isola 1 key", Looked::isola_one, 4e7);
  add_looked("isola", Looked::isola_eight, 4e7);
  add_looked("isola outside", Looked::isola_outside, 4e7);
  add_looked("fiber_specific_ptr", Looked::fiber_specific, 1e7);
  add("context_bind", "isola", 1e7, run_context_bind);
  for (const bool one : {true, false}) {
    add("context_bind12", one ? "isola" : "isola one by one", 1e7,
        [one](uint64_t n) { return run_context_bind12(one, n); });
    add("context_capture", one ? "isola" : "isola and drop", 1e7,
        [one](uint64_t n) { return run_context_capture(!one, n); });
  }
  const auto add_switch = [&](const char* system, Advanced what) {
    add("context_switch", system, 1e7, [what](uint64_t n) { return run_context_switch(what, n); });
  };
  add_switch("isola", Advanced::isola);
  add_switch("isola beside callbacks", Advanced::isola_beside_callbacks);
  add_switch("noted coroutine", Advanced::noted_coroutine);
  add_switch("bare coroutine", Advanced::bare_coroutine);
  add_switch("isola fiber", Advanced::fiber);
  for (const unsigned bound : {0u, 8u}) {
    const std::string system = bound == 0 ? "isola empty" : "isola 8 keys";
    const auto add_sent = [&](const std::string& name, bool apart, unsigned workers) {
      suite.add("context_send", name, workers, "ns", 5e6, [=](unsigned its_workers, uint64_t n) {
        return run_context_send(bound, apart, its_workers, n);
      });
    };
    add_sent(system, false, 1);
    add_sent(system, false, 2);
    add_sent(system + " apart", true, 2);
  }
}

}  // namespace

std::vector<Benchmark> all_benchmarks(bool peers, double scale) {
  Suite suite(peers, scale);
  suite.add("floor", "by hand", 1, "ns", 5e6,
            [](unsigned, uint64_t count) { return run_floor(count); });
  for (const Compared& row : kCompared)
    for (unsigned workers = 1; workers <= (row.on_two ? 2u : 1u); ++workers)
      suite.add_compared(row, workers);
  suite.add_alone("blocked_bytes", 1, "bytes", 8e3);
  suite.add_alone("idle_cpu", 2, "%", 1e6);
  for (unsigned workers : {1u, 2u}) suite.add_latency(workers, 5e5);
  for (unsigned workers : {1u, 2u}) suite.add("pairs", "isola", workers, "ns", 2.5e5, run_pairs);
  suite.add("pairs", "isola apart", 2, "ns", 2.5e5, run_pairs_apart);
  for (unsigned workers : {1u, 2u}) suite.add("channel", "isola", workers, "ns", 5e6, run_channel);
  for (unsigned workers : {1u, 2u}) {
    suite.add("pool_submit", "isola", workers, "ns", 2e5, run_pool_submit);
    suite.add("pool_submit", "isola inside", workers, "ns", 5e5, run_pool_submit_inside);
    suite.add("pool_map", "isola", workers, "ns", 5e5, run_pool_map);
  }
  for (unsigned workers : {1u, 2u})
    suite.add("isolates", "isola", workers, "ns", 4e5, run_isolates);
  suite.add("isolates", "isola apart", 2, "ns", 4e5, run_isolates_apart);
  add_single(suite);
  add_heaps(suite);
  add_kills(suite);
  add_contexts(suite);
  return suite.take();
}

std::string names_of(const std::vector<Benchmark>& all) {
  std::string names;
  for (const Benchmark& benchmark : all)
    if ((" " + names + " ").find(" " + benchmark.name + " ") == std::string::npos)
      names += (names.empty() ? "" : " ") + benchmark.name;
  return names;
}

void run_alone(const std::string& name, unsigned workers, uint64_t count) {
  for (const Alone& alone : kAlone) {
    if (name != alone.name) continue;
    fmt::print("{:.4f}\n", alone.run(workers, count));
    return;
  }
  throw std::runtime_error("no benchmark runs alone as \"" + name + "\"");
}

}  // namespace isola::bench
