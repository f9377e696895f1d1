// Actors that fork, join and talk to many others. Addresses are handed over as what they are made
// with, or as attachments where two actors need each other's.
#include "many_bench.h"

#include <isola/isola.h>

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

// --- fork-join create ---------------------------------------------------------------------------

// What children leave behind: they talk to nobody. One benchmark runs at a time.
std::atomic<int64_t> children_sum;
std::atomic<int64_t> children_left;

struct Child : Actor<Child, Add> {
  ~Child() {
    if (children_left.fetch_sub(1) == 1) children_left.notify_all();
  }
  void on(Add::Reader add) {
    children_sum.fetch_add(add.getAmount(), std::memory_order_relaxed);  // read after the last end
    stop();
  }
};

struct Forker : Actor<Forker, Ask<Start, Total>> {
  Message<Total> on(Start::Reader start) {
    for (int64_t i = 0; i < start.getCount(); ++i)
      spawn<Child>().send<Add>([](Add::Builder add) { add.setAmount(1); });
    auto total = compose<Total>();
    total->setValue(start.getCount());
    return total;
  }
};

// --- fork-join throughput -----------------------------------------------------------------------

constexpr int64_t kForks = 60;

struct Fork : Actor<Fork, Add> {
  Fork(Address<Total> joiner, int64_t messages)
      : joiner_(std::move(joiner)), messages_left_(messages) {}
  void on(Add::Reader add) {
    sum_ += add.getAmount();
    if (--messages_left_ == 0)
      joiner_.send<Total>([this](Total::Builder total) { total.setValue(sum_); });
  }

 private:
  Address<Total> joiner_;
  int64_t messages_left_;
  int64_t sum_ = 0;
};

// Starts what was asked for and answers when all have reported: the sum of what they say.
template <class Derived, class... Takes>
struct Joiner : Actor<Derived, Total, Ask<Start, Total>, Takes...> {
  void on(Total::Reader total) {
    sum_ += total.getValue();
    if (--reports_left_ > 0) return;
    auto answer = Joiner::template compose<Total>();
    answer->setValue(sum_);
    reply_.send(std::move(answer));
  }

 protected:
  void join(int64_t reports, Reply<Total> reply) {
    reports_left_ = reports;
    reply_ = std::move(reply);
  }

 private:
  Reply<Total> reply_;
  int64_t reports_left_ = 0;
  int64_t sum_ = 0;
};

struct Thrower : Joiner<Thrower> {
  using Joiner::on;
  void on(Start::Reader start, Reply<Total> reply) {
    join(kForks, std::move(reply));
    std::vector<Address<Add>> forks;
    for (int64_t i = 0; i < kForks; ++i)
      forks.push_back(spawn<Fork>(Address<Total>(self()), start.getCount()));
    for (int64_t i = 0; i < start.getCount(); ++i)
      for (const auto& fork : forks) fork.send<Add>([](Add::Builder add) { add.setAmount(1); });
  }
};

// --- big ----------------------------------------------------------------------------------------

constexpr uint32_t kBig = 120;

struct Friend : Actor<Friend, Neighbours, Start, Question, Answer> {
  Friend(Address<Total> sink, uint32_t place)
      : sink_(std::move(sink)), place_(place), random_(place + 1) {}
  void on(Delivery<Neighbours> all) {
    for (const uint32_t handle : all->getAddresses())
      neighbours_.push_back(all.attached<Address<Question, Answer>>(handle).or_raise());
  }
  void on(Start::Reader start) {
    pings_left_ = start.getCount();
    ping();
  }
  void on(Question::Reader question) { neighbours_[question.getFrom()].send<Answer>(); }
  void on(Answer::Reader) {
    ++pongs_;
    if (--pings_left_ > 0)
      ping();
    else
      sink_.send<Total>([this](Total::Builder total) { total.setValue(pongs_); });
  }

 private:
  // To any but itself.
  void ping() {
    random_ = random_ * 48271 % 2147483647;
    auto to = static_cast<uint32_t>(random_ % (kBig - 1));
    if (to >= place_) ++to;
    neighbours_[to].send<Question>([this](Question::Builder ask) { ask.setFrom(place_); });
  }

  Address<Total> sink_;
  const uint32_t place_;
  uint64_t random_;
  std::vector<Address<Question, Answer>> neighbours_;
  int64_t pings_left_ = 0;
  int64_t pongs_ = 0;
};

struct Sink : Joiner<Sink, Neighbours> {
  using Joiner::on;
  void on(Delivery<Neighbours> all) {
    for (const uint32_t handle : all->getAddresses())
      friends_.push_back(all.attached<Address<Start>>(handle).or_raise());
  }
  void on(Start::Reader start, Reply<Total> reply) {
    join(static_cast<int64_t>(friends_.size()), std::move(reply));
    for (const auto& each : friends_)
      each.send<Start>([&](Start::Builder message) { message.setCount(start.getCount()); });
  }

 private:
  std::vector<Address<Start>> friends_;
};

// A message that carries all these addresses, as addresses of type A.
template <class A>
Message<Neighbours> introduce(System& system, const std::vector<Friend::AddressType>& friends) {
  auto all = system.compose<Neighbours>();
  auto handles = all->initAddresses(static_cast<unsigned>(friends.size()));
  for (unsigned i = 0; i < handles.size(); ++i) handles.set(i, all.attach(A(friends[i])));
  return all;
}

// --- chameneos ----------------------------------------------------------------------------------

constexpr uint32_t kChameneos = 100;

// Both take the colour that neither of two different ones has.
uint8_t complement(uint8_t own, uint8_t other) {
  return own == other ? own : static_cast<uint8_t>(3 - own - other);
}

struct Chameneo : Actor<Chameneo, Met, Over> {
  Chameneo(Address<Meet, Total> mall, uint32_t place)
      : mall_(std::move(mall)), place_(place), colour_(static_cast<uint8_t>(place % 3)) {
    meet();
  }
  void on(Met::Reader met) {
    ++met_;
    colour_ = complement(colour_, met.getColour());
    meet();
  }
  void on(Over::Reader) {
    mall_.send<Total>([this](Total::Builder total) { total.setValue(met_); });
  }

 private:
  void meet() {
    mall_.send<Meet>([this](Meet::Builder meet) {
      meet.setCreature(place_);
      meet.setColour(colour_);
    });
  }

  Address<Meet, Total> mall_;
  const uint32_t place_;
  uint8_t colour_;
  int64_t met_ = 0;
};

struct Mall : Joiner<Mall, Meet> {
  using Joiner::on;
  void on(Start::Reader start, Reply<Total> reply) {
    join(kChameneos, std::move(reply));
    meetings_left_ = start.getCount();
    for (uint32_t i = 0; i < kChameneos; ++i)
      creatures_.push_back(spawn<Chameneo>(Address<Meet, Total>(self()), i));
  }
  void on(Meet::Reader meet) {
    const uint32_t creature = meet.getCreature();
    if (meetings_left_ == 0) {
      creatures_[creature].send<Over>();
    } else if (!somebody_waits_) {
      somebody_waits_ = true;
      waits_ = creature;
      waits_colour_ = meet.getColour();
    } else {
      somebody_waits_ = false;
      --meetings_left_;
      creatures_[waits_].send<Met>([&](Met::Builder met) { met.setColour(meet.getColour()); });
      creatures_[creature].send<Met>([&](Met::Builder met) { met.setColour(waits_colour_); });
    }
  }

 private:
  std::vector<Chameneo::AddressType> creatures_;
  int64_t meetings_left_ = 0;
  bool somebody_waits_ = false;
  uint32_t waits_ = 0;
  uint8_t waits_colour_ = 0;
};

}  // namespace

double run_fork_join_create(unsigned workers, uint64_t actors) {
  System system({.workers = workers});
  const auto forker = system.spawn<Forker>();
  children_sum = 0;
  children_left = static_cast<int64_t>(actors);
  const double each = nanoseconds_each(actors, [&] {
    start_and_wait(forker, actors);
    for (int64_t left = children_left; left > 0; left = children_left) children_left.wait(left);
  });
  expect_equal(children_sum, actors, "fork_join_create");
  return each;
}

double run_fork_join_throughput(unsigned workers, uint64_t messages) {
  System system({.workers = workers});
  const auto thrower = system.spawn<Thrower>();
  int64_t sum = 0;
  const double each =
      nanoseconds_each(kForks * messages, [&] { sum = start_and_wait(thrower, messages); });
  expect_equal(sum, kForks * messages, "fork_join_throughput");
  return each;
}

double run_big(unsigned workers, uint64_t pings) {
  System system({.workers = workers});
  const auto sink = system.spawn<Sink>();
  std::vector<Friend::AddressType> friends;
  for (uint32_t i = 0; i < kBig; ++i)
    friends.push_back(system.spawn<Friend>(Address<Total>(sink), i));
  for (const auto& each : friends) each.send(introduce<Address<Question, Answer>>(system, friends));
  sink.send(introduce<Address<Start>>(system, friends));
  int64_t pongs = 0;
  const double each = nanoseconds_each(kBig * pings, [&] { pongs = start_and_wait(sink, pings); });
  expect_equal(pongs, kBig * pings, "big");
  return each;
}

double run_chameneos(unsigned workers, uint64_t meetings) {
  System system({.workers = workers});
  const auto mall = system.spawn<Mall>();
  int64_t met = 0;
  const double each = nanoseconds_each(meetings, [&] { met = start_and_wait(mall, meetings); });
  expect_equal(met, 2 * meetings, "chameneos");
  return each;
}

}  // namespace isola::bench
