// Random senders, receivers, selects, closes, limits in time, clones and releases of ends on
// several channels, by actors and threads at once, with an exact account of every message. Each run
// draws other numbers: meant to be repeated, with --gtest_repeat.
#include <isola/isola.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Number;
using test::Numbers;
using test::with_value;

using Senders = std::vector<Sender<Number>>;
using Receivers = std::vector<Receiver<Number>>;

// Another number in each run; ISOLA_STRESS_SEED=n begins there.
uint64_t next_seed() {
  static const char* const from = std::getenv("ISOLA_STRESS_SEED");
  static std::atomic<uint64_t> next{from != nullptr ? std::strtoull(from, nullptr, 10)
                                                    : std::random_device()()};
  return next.fetch_add(1);
}

// The account of those who send and receive.
struct Account {
  int64_t sent = 0;
  int64_t received = 0;
  int64_t dropped = 0;         // by closing
  std::vector<int64_t> ended;  // the numbers that were received and not sent on

  void add(Numbers::Reader numbers) {
    const auto values = numbers.getValues();
    sent += values[0];
    received += values[1];
    dropped += values[2];
    for (unsigned i = 3; i < values.size(); ++i) ended.push_back(values[i]);
  }
  void write(Numbers::Builder numbers) const {
    auto values = numbers.initValues(static_cast<unsigned>(ended.size()) + 3);
    values.set(0, sent);
    values.set(1, received);
    values.set(2, dropped);
    for (unsigned i = 0; i < ended.size(); ++i) values.set(i + 3, ended[i]);
  }
};

// One of those who send and receive at random. Tells its account when it ends, killed or not.
class Participant {
 public:
  Participant(uint64_t seed, int64_t index, Senders out, Receivers in, Sender<Numbers> told)
      : random_(seed * 64 + static_cast<uint64_t>(index)),
        next_number_(index << 32),
        out_(std::move(out)),
        in_(std::move(in)),
        told_(std::move(told)) {}
  ~Participant() {
    auto message = told_.compose();
    account_.write(*message);
    EXPECT_FALSE(told_.try_send(std::move(message)));
  }
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  // In the end ends are closed and released, too.
  void step(bool may_close) {
    may_close_ = may_close;
    const int what = static_cast<int>(below(100));
    if (what < 30) {
      send();
    } else if (what < 55) {
      receive();
    } else if (what < 92) {
      choose(what);
    } else {
      change_ends(what);
    }
  }

 private:
  size_t below(size_t bound) { return random_() % bound; }
  std::chrono::microseconds limit() { return std::chrono::microseconds(below(300)); }
  const Sender<Number>& tx() { return out_[below(out_.size())]; }
  const Receiver<Number>& rx() { return in_[below(in_.size())]; }
  Message<Number> number() {
    auto message = compose<Number>(told_.core().pool());
    message->setValue(next_number_++);
    return message;
  }
  void took(Delivery<Number>&& got) {
    ++account_.received;
    account_.ended.push_back(got->getValue());
  }

  void send() {
    Message<Number> message = number();
    const Sender<Number>& to = tx();
    const size_t how = below(4);
    const Error err = how == 0   ? to.send(std::move(message))
                      : how == 1 ? to.send_for(std::move(message), limit())
                                 : to.try_send(std::move(message));
    EXPECT_EQ(bool(err), bool(message));
    if (!err) ++account_.sent;
  }

  void receive() {
    const Receiver<Number>& from = rx();
    const size_t how = below(4);
    Result<Number> got = how == 0   ? from.recv()
                         : how == 1 ? from.recv_for(limit())
                                    : from.try_recv();
    if (got.err == Code::channel_closed) {
      EXPECT_EQ(from.size(), 0u) << "closed before it was empty";
    }
    if (got.err) return;
    ++account_.received;  // whatever happens below: a killed actor throws there
    const int64_t its_number = got.value->getValue();
    if (below(3) == 0 && !tx().try_send(std::move(got.value)))
      ++account_.sent;
    else
      account_.ended.push_back(its_number);
  }

  void choose(int what) {
    Message<Number> first = number();
    Message<Number> second = number();
    Delivery<Number> got;
    Delivery<Number> other;
    const Deadline deadline(what % 5 == 0 ? limit() : 1h);
    size_t effects = 0;
    const auto chosen = [&]() -> select {
      switch (what % 4) {
        case 0:
          return select{receiving(rx(), got), sending(tx(), std::move(first)),
                        receiving(rx(), other), after(limit())};
        case 1:
          return select{sending(tx(), std::move(first)), sending(tx(), std::move(second)),
                        otherwise()};
        case 2:
          return select{sending(tx(), std::move(first)), receiving(rx(), got).when(below(2) == 0)};
        default:
          return select{after(limit()), receiving(rx(), got), receiving(rx(), other)};
      }
    }();
    for (const bool gone : {!first, !second}) {
      effects += gone ? 1 : 0;
      account_.sent += gone ? 1 : 0;
    }
    for (Delivery<Number>* delivery : {&got, &other}) {
      if (!*delivery) continue;
      ++effects;
      took(std::move(*delivery));
    }
    EXPECT_LE(effects, chosen.err ? 0u : 1u);
  }

  void change_ends(int what) {
    const size_t i = below(out_.size());
    if (what < 96) {
      out_[i] = out_[i].clone();
      in_[i] = in_[i].clone();
    } else if (!may_close_) {
      return;
    } else if (below(8) == 0) {
      (below(2) == 0 ? static_cast<detail::End&>(out_[i]) : in_[i]).release();
    } else if (below(16) == 0) {
      (void)out_[i].close();
    } else if (below(24) == 0) {
      const auto [dropped, err] = in_[i].close(Force::yes);
      if (!err) account_.dropped += static_cast<int64_t>(dropped);
    }
  }

  std::mt19937_64 random_;
  int64_t next_number_;
  bool may_close_ = false;
  Senders out_;
  Receivers in_;
  Sender<Numbers> told_;
  Account account_;
};

void take_part(uint64_t seed, int64_t index, int steps, Senders out, Receivers in,
               Sender<Numbers> told) {
  Participant participant(seed, index, std::move(out), std::move(in), std::move(told));
  for (int i = 0; i < steps; ++i) participant.step(i > steps / 4 * 3);
}

// Channels, and those who use them at random.
class Crowd {
 public:
  Crowd(System& system, uint64_t seed) : system_(system), random_(seed), seed_(seed) {
    dead_ = system.channel<Number>(unbounded);
    for (const Capacity& capacity : {rendezvous, bounded(1), bounded(5)})
      channels_.push_back(system.channel<Number>(capacity));
    channels_.push_back(system.channel<Number>(
        bounded(3), {.overflow = Overflow::drop_oldest, .dead_letters = dead_.sender.clone()}));
  }

  void spawn(int count, int steps) {
    for (int i = 0; i < count; ++i)
      actors_.push_back(system_.spawn(take_part, seed_, next_index_++, steps, senders(),
                                      receivers(), told_.sender.clone()));
  }
  void start_threads(int count, int steps) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([index = next_index_++, seed = seed_, steps, out = senders(),
                             in = receivers(), told = told_.sender.clone()]() mutable {
        take_part(seed, index, steps, std::move(out), std::move(in), std::move(told));
      });
    }
  }

  // Lets them go on until all have ended, killing some. Whoever waits for ever in a channel is
  // helped: this takes and gives now and then.
  void run(size_t kills) {
    told_.sender.release();
    Receivers open = receivers();
    int64_t next_number = int64_t{1000} << 32;
    for (bool over = false; !over;) {
      size_t closed = open.size();
      const select one{
          receiving(told_.receiver,
                    [&](Result<Numbers> told) {
                      over = bool(told.err);
                      if (!over) account_.add(told.value.root());
                    }),
          receiving_any(open,
                        [&](size_t which, Result<Number> got) {
                          if (got.err)
                            closed = which;
                          else
                            take(std::move(got.value));
                        })
              .when(random_() % 4 == 0),
          after(100us),
      };
      if (one.index == 2) {
        for (const auto& channel : channels_)
          if (!channel.sender.try_send(with_value(system_, next_number++))) ++account_.sent;
        if (kills > 0 && random_() % 4 == 0) actors_[--kills].kill();
      }
      if (closed < open.size()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(closed));
    }
    for (auto& thread : threads_) thread.join();
    for (auto& actor : actors_) (void)actor.join();
  }

  void expect_exact_account() {
    uint64_t sent = 0;
    uint64_t dropped = 0;
    for (const auto& channel : channels_) {
      while (auto got = channel.receiver.try_recv()) take(std::move(got.value));
      const auto info = system_.ledger().find(channel.receiver.id()).or_raise();
      sent += info.sent;
      dropped += info.dropped;
      EXPECT_EQ(info.size, 0u) << info.to_string();
      EXPECT_TRUE(info.send.waiting.empty() && info.receive.waiting.empty());
    }
    int64_t dead = 0;
    for (; auto got = dead_.receiver.try_recv(); ++dead)
      account_.ended.push_back(got.value->getValue());
    EXPECT_EQ(static_cast<uint64_t>(account_.sent), sent);
    EXPECT_EQ(account_.received + static_cast<int64_t>(dropped), account_.sent);
    EXPECT_EQ(account_.dropped + dead, static_cast<int64_t>(dropped));
    std::sort(account_.ended.begin(), account_.ended.end());
    EXPECT_EQ(std::adjacent_find(account_.ended.begin(), account_.ended.end()),
              account_.ended.end())
        << "a message came twice";
  }

 private:
  Senders senders() const {
    Senders all;
    for (const auto& channel : channels_) all.push_back(channel.sender.clone());
    return all;
  }
  Receivers receivers() const {
    Receivers all;
    for (const auto& channel : channels_) all.push_back(channel.receiver.clone());
    return all;
  }
  void take(Delivery<Number>&& got) {
    ++account_.received;
    account_.ended.push_back(got->getValue());
  }

  System& system_;
  std::mt19937_64 random_;
  const uint64_t seed_;
  Channel<Number> dead_;
  std::vector<Channel<Number>> channels_;
  Channel<Numbers> told_ = system_.channel<Numbers>(unbounded);
  std::vector<ActorRef> actors_;
  std::vector<std::thread> threads_;
  int64_t next_index_ = 1;
  Account account_;
};

TEST(Stress, ActorsAndThreadsAccountForEveryMessage) {
  const uint64_t seed = next_seed();
  SCOPED_TRACE("ISOLA_STRESS_SEED=" + std::to_string(seed));
  System system(test::quiet({.workers = 2}));
  {
    Crowd crowd(system, seed);
    crowd.spawn(5, 500);
    crowd.start_threads(2, 500);
    crowd.run(0);
    crowd.expect_exact_account();
  }
  test::expect_nothing_left(system);
}

TEST(Stress, ActorsThatAreKilledAccountForEveryMessage) {
  const uint64_t seed = next_seed();
  SCOPED_TRACE("ISOLA_STRESS_SEED=" + std::to_string(seed));
  System system(test::quiet({.workers = 2}));
  {
    Crowd crowd(system, seed);
    crowd.start_threads(1, 500);
    crowd.spawn(6, 3000);
    crowd.run(6);
    crowd.expect_exact_account();
  }
  test::expect_nothing_left(system);
}

TEST(Stress, SeededActorsAccountForEveryMessage) {
  const uint64_t seed = next_seed();
  SCOPED_TRACE("ISOLA_STRESS_SEED=" + std::to_string(seed));
  test::on_seed(seed, [seed](System& system) {
    Crowd crowd(system, seed);
    crowd.spawn(6, 1000);
    crowd.run(seed % 4);
    crowd.expect_exact_account();
  });
}

}  // namespace
}  // namespace isola
