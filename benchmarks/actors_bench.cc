// Ping-pong, counting and their kin. Each checks that the work was done.
#include "actors_bench.h"

#include <isola/isola.h>

#include <memory>
#include <utility>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

// --- ping-pong: a message bounces until it says that none is left -------------------------------

struct Ponger : Actor<Ponger, Ping> {
  explicit Ponger(Address<Ping> peer) : peer_(std::move(peer)) {}
  void on(Ping::Reader ping) {
    peer_.send<Ping>([&](Ping::Builder next) { next.setLeft(ping.getLeft() - 1); });
  }

 private:
  Address<Ping> peer_;
};

struct Pinger : Actor<Pinger, Ping, Ask<Start, Total>> {
  void on(Start::Reader start, Reply<Total> reply) {
    reply_ = std::move(reply);
    peer_ = spawn<Ponger>(Address<Ping>(self()));
    peer_.send<Ping>([&](Ping::Builder first) { first.setLeft(start.getCount() * 2); });
  }
  void on(Ping::Reader ping) {
    ++received_;
    if (ping.getLeft() > 1) {
      peer_.send<Ping>([&](Ping::Builder next) { next.setLeft(ping.getLeft() - 1); });
      return;
    }
    auto total = compose<Total>();
    total->setValue(received_);
    reply_.send(std::move(total));
  }

 private:
  Address<Ping> peer_;
  Reply<Total> reply_;
  int64_t received_ = 0;
};

// --- counting -----------------------------------------------------------------------------------

struct Producer : Actor<Producer, Ask<Start, Total>> {
  explicit Producer(Counter::AddressType counter) : counter_(std::move(counter)) {}
  Result<Total> on(Start::Reader start) {
    for (int64_t i = 0; i < start.getCount(); ++i)
      counter_.send<Add>([](Add::Builder add) { add.setAmount(1); });
    return counter_.ask<GetTotal>().get();
  }

 private:
  Counter::AddressType counter_;
};

// --- ask ----------------------------------------------------------------------------------------

struct Asker : Actor<Asker, Ask<Start, Total>> {
  explicit Asker(Counter::AddressType counter) : counter_(std::move(counter)) {}
  Message<Total> on(Start::Reader start) {
    int64_t answers = 0;
    for (int64_t i = 0; i < start.getCount(); ++i)
      if (counter_.ask<GetTotal>().get()) ++answers;
    auto total = compose<Total>();
    total->setValue(answers);
    return total;
  }

 private:
  Counter::AddressType counter_;
};

// The same without waiting: each answer begins the next ask.
struct ThenAsker : Actor<ThenAsker, Ask<Start, Total>> {
  explicit ThenAsker(Counter::AddressType counter) : counter_(std::move(counter)) {}
  void on(Start::Reader start, Reply<Total> reply) {
    reply_ = std::move(reply);
    left_ = start.getCount();
    ask_next();
  }

 private:
  void ask_next() {
    counter_.ask<GetTotal>().then([this](Result<Total> total) {
      if (total) ++answers_;
      if (--left_ > 0) return ask_next();
      auto all = compose<Total>();
      all->setValue(answers_);
      reply_.send(std::move(all));
    });
  }

  Counter::AddressType counter_;
  Reply<Total> reply_;
  int64_t left_ = 0;
  int64_t answers_ = 0;
};

// --- channel ------------------------------------------------------------------------------------

void produce(Sender<Add> out, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    auto add = out.compose();
    add->setAmount(1);
    out.send(std::move(add));
  }
}

void consume(Receiver<Add> in, Sender<Total> out) {
  int64_t sum = 0;
  for (auto& add : in) sum += add->getAmount();
  out.send([&](Total::Builder total) { total.setValue(sum); });
}

}  // namespace

double run_pingpong(unsigned workers, uint64_t round_trips) {
  System system({.workers = workers});
  auto pinger = system.spawn<Pinger>();
  int64_t received = 0;
  const double each =
      nanoseconds_each(2 * round_trips, [&] { received = start_and_wait(pinger, round_trips); });
  expect_equal(received, round_trips, "pingpong");
  return each;
}

namespace {

double run_pairs_in(std::vector<std::unique_ptr<System>> systems, uint64_t round_trips) {
  constexpr uint64_t kPairs = 8;
  std::vector<Pinger::AddressType> pingers;
  for (uint64_t i = 0; i < kPairs; ++i)
    pingers.push_back(systems[i % systems.size()]->spawn<Pinger>());
  int64_t received = 0;
  const double each = nanoseconds_each(2 * kPairs * round_trips, [&] {
    std::vector<Asking<Total>> totals;
    totals.reserve(kPairs);
    for (const auto& pinger : pingers)
      totals.push_back(pinger.ask<Start>(
          [&](Start::Builder start) { start.setCount(static_cast<int64_t>(round_trips)); }));
    for (auto& total : totals) received += total.get().or_raise()->getValue();
  });
  expect_equal(received, kPairs * round_trips, "pairs");
  return each;
}

}  // namespace

double run_pairs(unsigned workers, uint64_t round_trips) {
  std::vector<std::unique_ptr<System>> systems;
  systems.push_back(std::make_unique<System>(SystemOptions{.workers = workers}));
  return run_pairs_in(std::move(systems), round_trips);
}

double run_pairs_apart(unsigned count, uint64_t round_trips) {
  std::vector<std::unique_ptr<System>> systems;
  for (unsigned i = 0; i < count; ++i)
    systems.push_back(std::make_unique<System>(SystemOptions{.workers = 1}));
  return run_pairs_in(std::move(systems), round_trips);
}

double run_counting(unsigned workers, uint64_t messages) {
  System system({.workers = workers});
  auto counter = system.spawn<Counter>();
  auto producer = system.spawn<Producer>(counter);
  int64_t total = 0;
  const double each =
      nanoseconds_each(messages, [&] { total = start_and_wait(producer, messages); });
  expect_equal(total, messages, "counting");
  return each;
}

double run_channel(unsigned workers, uint64_t messages) {
  System system({.workers = workers});
  Channel<Add> adds = system.channel<Add>(bounded(1024));
  Channel<Total> totals = system.channel<Total>(bounded(1));
  int64_t total = 0;
  const double each = nanoseconds_each(messages, [&] {
    system.spawn(consume, std::move(adds.receiver), std::move(totals.sender));
    system.spawn(produce, std::move(adds.sender), messages);
    total = totals.receiver.recv().or_raise()->getValue();
  });
  expect_equal(total, messages, "channel");
  return each;
}

namespace {

template <class A>
double run_asker(unsigned workers, uint64_t asks) {
  System system({.workers = workers});
  auto counter = system.spawn<Counter>();
  auto asker = system.spawn<A>(counter);
  int64_t answers = 0;
  const double each = nanoseconds_each(asks, [&] { answers = start_and_wait(asker, asks); });
  expect_equal(answers, asks, "ask");
  return each;
}

}  // namespace

double run_ask(unsigned workers, uint64_t asks) { return run_asker<Asker>(workers, asks); }

double run_ask_then(unsigned workers, uint64_t asks) { return run_asker<ThenAsker>(workers, asks); }

}  // namespace isola::bench
