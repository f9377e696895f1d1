// Pipelines: long chains, many workers on one channel, and the sieve of Eratosthenes.
#include <isola/isola.h>

#include <algorithm>
#include <deque>
#include <queue>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::on_seed;
using test::run_as_actor;
using test::Total;
using test::value_of;

#ifdef ISOLA_TSAN
constexpr int kChain = 1000;  // the thread sanitizer of g++ takes 868 KiB for each
#else
constexpr int kChain = 10'000;
#endif

void pass_through_a_chain(System& system) {
  auto [tx, rx] = system.channel<Number>(rendezvous);
  std::vector<ActorRef> actors;
  for (int i = 0; i < kChain; ++i) {
    Channel<Number> next = system.channel<Number>(rendezvous);
    actors.push_back(system.spawn(
        [](Receiver<Number> in, Sender<Number> out) {
          auto got = in.recv().or_raise();
          const int64_t v = got->getValue();
          EXPECT_FALSE(out.send(number(v + 1)));
          EXPECT_EQ(in.recv().err, Code::channel_closed) << "the chain is torn down from its head";
        },
        std::move(rx), std::move(next.sender)));
    rx = std::move(next.receiver);
  }
  EXPECT_FALSE(tx.send(number(0)));
  EXPECT_EQ(value_of(rx.recv()), kChain);
  tx.release();
  EXPECT_EQ(rx.recv().err, Code::channel_closed);
  for (const auto& actor : actors) EXPECT_FALSE(actor.join());
  EXPECT_EQ(system.channels().size(), 1u) << "only the last one is still held";
}

TEST(Pipeline, AChainOfTenThousandPassesAValueAndIsTornDown) {
  // Covers: GO-054
  for (const uint32_t workers : {1u, 2u}) {
    System system(test::quiet({.workers = workers, .carriers_max = 20'000}));
    pass_through_a_chain(system);
    test::expect_nothing_left(system);
  }
  System system(test::quiet({.carriers_max = 20'000, .seed = 1}));
  EXPECT_FALSE(run_as_actor(system, pass_through_a_chain));
  test::expect_nothing_left(system);
}

void work_through(System& system, int64_t items) {
  constexpr int kWorkers = 23;
  auto [work, todo] = system.channel<Number>(bounded(kWorkers));
  auto [out, results] = system.channel<Total>(bounded(kWorkers));
  for (int i = 0; i < kWorkers; ++i) {
    system.spawn(
        [](Receiver<Number> in, Sender<Total> out) {
          for (auto& next : in) EXPECT_FALSE(out.send(number(next->getValue() * 2)));
        },
        todo.clone(), out.clone());
  }
  todo.release();
  out.release();  // the last worker that ends closes it
  system.spawn(
      [](Sender<Number> work, int64_t items) {
        for (int64_t i = 1; i <= items; ++i) EXPECT_FALSE(work.send(number(i)));
        EXPECT_FALSE(work.close());
      },
      std::move(work), items);
  int64_t count = 0;
  int64_t sum = 0;
  for (auto& total : results) {
    ++count;
    sum += total->getValue();
  }
  EXPECT_EQ(count, items);
  EXPECT_EQ(sum, items * (items + 1));
}

TEST(Pipeline, ManyWorkersRangeOverOneChannelUntilItIsClosed) {
  // Covers: GO-055
  constexpr int64_t kItems = sync::kSimulated ? 27'182 : 271'828;
  on_real_scheduler([](System& system) { work_through(system, kItems); });
  for (uint64_t seed = 1; seed <= 5; ++seed)
    on_seed(seed, [](System& system) { work_through(system, 27'182); });
}

// The multiples of odd p from its square on, without the even ones.
void multiples(int64_t p, Sender<Number> out) {
  for (int64_t n = p * p;; n += 2 * p)
    if (out.send(number(n))) return;
}

// Passes everything on and never makes its sender wait.
void buffer(Receiver<Number> in, Sender<Number> out) {
  std::deque<Delivery<Number>> waiting;
  Delivery<Number> none;
  for (;;) {
    Delivery<Number>& next = waiting.empty() ? none : waiting.front();
    Delivery<Number> got;
    const select step{receiving(in, got), sending(out, std::move(next)).when(!waiting.empty())};
    if (step.err) return;
    if (step.index == 0)
      waiting.push_back(std::move(got));
    else
      waiting.pop_front();
  }
}

// A stream of multiples with its first number taken out.
struct Stream {
  int64_t head;
  Receiver<Number> rest;
  bool operator>(const Stream& other) const { return head > other.head; }
};

// Merges the multiples of all primes that come in into one ascending stream, without doubles.
void merge(Receiver<Number> primes, Sender<Number> composites) {
  std::vector<Stream> heap;
  const auto push = [&heap](Receiver<Number> rest) {
    const int64_t head = value_of(rest.recv());
    heap.push_back({head, std::move(rest)});
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  const auto take = [&heap, &push] {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    Stream least = std::move(heap.back());
    heap.pop_back();
    const int64_t head = least.head;
    push(std::move(least.rest));
    return head;
  };
  int64_t last = 0;
  for (;;) {
    const auto [prime, err] = primes.recv();
    if (err) return;
    const int64_t p = prime->getValue();
    Channel<Number> stream = make_channel<Number>(composites.core().pool(), bounded(10));
    spawn(multiples, p, std::move(stream.sender));
    // All composites below the square of this prime have smaller factors, known by now.
    while (!heap.empty() && heap.front().head < p * p) {
      const int64_t n = take();
      if (n != last && composites.send(number(n))) return;
      last = n;
    }
    push(std::move(stream.receiver));
  }
}

// Takes the composites out of the odd numbers; what is left goes both ways.
void sieve(Receiver<Number> composites, Sender<Number> primes, Sender<Number> out) {
  if (out.send(number(2)) || out.send(number(3)) || primes.send(number(3))) return;
  int64_t composite = 9;
  bool known = false;
  if (primes.send(number(5)) || out.send(number(5))) return;
  for (int64_t candidate = 7;; candidate += 2) {
    while (!known || composite < candidate) {
      const auto got = composites.recv();
      if (got.err) return;
      composite = value_of(got);
      known = true;
    }
    if (composite == candidate) continue;
    if (primes.send(number(candidate)) || out.send(number(candidate))) return;
  }
}

std::vector<int64_t> primes_by_a_loop(size_t count) {
  std::vector<int64_t> primes;
  for (int64_t n = 2; primes.size() < count; ++n)
    if (std::none_of(primes.begin(), primes.end(), [n](int64_t p) { return n % p == 0; }))
      primes.push_back(n);
  return primes;
}

void sieve_primes(System& system, size_t count) {
  Channel<Number> primes = system.channel<Number>(rendezvous);
  Channel<Number> buffered = system.channel<Number>(rendezvous);
  Channel<Number> composites = system.channel<Number>(bounded(50));
  auto [out, results] = system.channel<Number>(bounded(10));
  system.spawn(buffer, std::move(primes.receiver), std::move(buffered.sender));
  system.spawn(merge, std::move(buffered.receiver), std::move(composites.sender));
  system.spawn(sieve, std::move(composites.receiver), std::move(primes.sender), std::move(out));
  std::vector<int64_t> got;
  while (got.size() < count) got.push_back(value_of(results.recv()));
  EXPECT_EQ(got, primes_by_a_loop(count));
  results.release();  // all of them end by what closes now
}

TEST(Pipeline, ASieveOfActorsFindsThePrimesOfAPlainLoop) {
  // Covers: GO-057
  on_real_scheduler([](System& system) { sieve_primes(system, 1000); });
  on_every_scheduler([](System& system) { sieve_primes(system, 100); }, 10);
}

}  // namespace
}  // namespace isola
