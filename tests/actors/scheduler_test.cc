// Turns, carriers and workers: handlers that block, exceptions across switches, cancellation,
// clean stops, company (other Systems, other users of Boost.Fiber).
#include <isola/actors/worker.h>

#include <isola/actors/snapshot.h>
#include <isola/isola.h>

#include <boost/fiber/all.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::GetTotal;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;

template <MessageStruct M>
Message<M> answer(int64_t value) {
  auto message = compose<M>(detail::current_runtime().pool());
  message->setValue(value);
  return message;
}

// Doubles what it is asked, after it has let others run.
struct Doubler : Actor<Doubler, Ask<Number, Total>> {
  Message<Total> on(Number::Reader number) {
    yield();
    return answer<Total>(number.getValue() * 2);
  }
};

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

Message<Number> number_in(System& system, int64_t v) {
  auto number = system.compose<Number>();
  number->setValue(v);
  return number;
}

TEST(Carrier, AHandlerMayBlockWhileOthersOfItsWorkerGoOn) {
  on_every_scheduler([](System& system) {
    struct Middle : Actor<Middle, Ask<Number, Total>> {
      explicit Middle(Doubler::AddressType next) : next_(std::move(next)) {}
      Result<Total> on(Number::Reader number) {
        const int64_t before = number.getValue();
        auto doubled = next_.ask<Number>(value(before)).get().or_raise();
        EXPECT_EQ(number.getValue(), before) << "the message stays readable";
        return {Delivery<Total>(answer<Total>(doubled->getValue() + 1)), {}};
      }
      Doubler::AddressType next_;
    };
    auto doubler = system.spawn<Doubler>();
    std::vector<Asking<Total>> askings;
    for (int i = 0; i < 20; ++i)
      askings.push_back(system.spawn<Middle>(doubler).ask<Number>(value(i)));
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(askings[static_cast<size_t>(i)].get().or_raise()->getValue(), 2 * i + 1);
  });
}

TEST(Carrier, AHandlerThatBlocksInACatchRethrowsItsOwnException) {
  on_every_scheduler([](System& system) {
    struct Catcher : Actor<Catcher, Ask<Number, Total>> {
      explicit Catcher(Doubler::AddressType next) : next_(std::move(next)) {}
      Message<Total> on(Number::Reader number) {
        const std::string own = "exception " + std::to_string(number.getValue());
        try {
          try {
            throw std::runtime_error(own);
          } catch (const std::exception&) {
            EXPECT_TRUE(next_.ask<Number>(value(1)).get());  // others throw and catch meanwhile
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            throw;
          }
        } catch (const std::runtime_error& caught) {
          EXPECT_EQ(caught.what(), own);
          struct Blocks {  // a destructor that blocks while an exception is in flight
            Doubler::AddressType& next;
            ~Blocks() {
              EXPECT_EQ(std::uncaught_exceptions(), 1);
              EXPECT_TRUE(next.ask<Number>(value(1)).get());
            }
          };
          try {
            Blocks blocks{next_};
            throw 7;
          } catch (int seven) {
            EXPECT_EQ(seven, 7);
          }
        }
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        EXPECT_EQ(std::current_exception(), nullptr);
        return answer<Total>(1);
      }
      Doubler::AddressType next_;
    };
    auto doubler = system.spawn<Doubler>();
    std::vector<Asking<Total>> askings;
    for (int i = 0; i < 30; ++i)
      askings.push_back(system.spawn<Catcher>(doubler).ask<Number>(value(i)));
    for (auto& asking : askings) {
      const auto [total, err] = asking.get();
      EXPECT_FALSE(err) << err;
    }
  });
}

TEST(Carrier, OneStackIsHeldForEachBlockedHandlerAndTheyAreBounded) {
  on_real_scheduler([](System&) {
    System system(test::quiet({.workers = 1, .carriers_max = 8}));
    struct Waits : Actor<Waits, Ask<Number, Total>> {
      explicit Waits(Receiver<Number> never) : never_(std::move(never)) {}
      Result<Total> on(Number::Reader) {
        const auto [number, err] = never_.recv();
        return {{}, err};
      }
      Receiver<Number> never_;
    };
    auto [tx, rx] = system.channel<Number>(bounded(1));
    std::vector<Asking<Total>> askings;
    for (int i = 0; i < 20; ++i)
      askings.push_back(system.spawn<Waits>(rx.clone()).ask<Number>());
    // Eight carriers: seven blocked and one that goes on; the others are told at once.
    int refused = 0;
    for (int i = 7; i < 20; ++i)
      if (askings[static_cast<size_t>(i)].get().err == Code::too_many_carriers) ++refused;
    EXPECT_EQ(refused, 13);
    tx.release();
    for (int i = 0; i < 7; ++i)
      EXPECT_EQ(askings[static_cast<size_t>(i)].get().err, Code::channel_closed);
  });
}

TEST(Carrier, TenThousandHandlersMayBeBlockedAtOnce) {
#if defined(ISOLA_TSAN)
  const int count = 500;  // the thread sanitizer of g++ takes 868 KiB for each
#else
  const int count = 10'000;
#endif
  System system(test::quiet({.workers = 2, .carriers_max = 20'000}));
  auto [tx, rx] = system.channel<Number>(bounded(1));
  auto [sums, results] = system.channel<Total>(bounded(1));
  for (int i = 0; i < count; ++i) {
    system.spawn(
        [](Receiver<Number> in, Sender<Total> out) {
          auto number = in.recv().or_raise();
          out.send([&](Total::Builder t) { t.setValue(number->getValue()); });
        },
        rx.clone(), sums.clone());
  }
  sums.release();
  for (int i = 0; i < count; ++i) EXPECT_FALSE(tx.send(value(1)));
  int64_t sum = 0;
  for (auto& total : results) sum += total->getValue();
  EXPECT_EQ(sum, count);
}

TEST(Carrier, OwnLocksOfBoostFiberWorkInHandlers) {
  // One worker: Boost was built without the thread sanitizer, which reports it across threads.
  System system(test::quiet({.workers = 1}));
  struct Shared {
    boost::fibers::mutex mutex;
    int inside = 0;
    int most = 0;
  };
  static Shared shared;
  auto [done, results] = system.channel<Total>(bounded(8));
  for (int i = 0; i < 8; ++i) {
    system.spawn(
        [](Sender<Total> out) {
          for (int round = 0; round < 50; ++round) {
            std::lock_guard lock(shared.mutex);
            shared.most = std::max(shared.most, ++shared.inside);
            boost::this_fiber::yield();
            --shared.inside;
          }
          boost::this_fiber::sleep_for(1ms);
          boost::fibers::fiber helper([] { boost::this_fiber::yield(); });
          helper.join();
          out.send([](Total::Builder) {});
        },
        done.clone());
  }
  done.release();
  int ended = 0;
  for (auto& total : results) ended += total ? 1 : 0;
  EXPECT_EQ(ended, 8);
  EXPECT_EQ(shared.most, 1);
}

TEST(Cancel, AKilledHandlerUnwindsFromWhereItWaits) {
  on_every_scheduler([](System& system) {
    struct Blocked : Actor<Blocked, Ask<Number, Total>> {
      explicit Blocked(Sender<Total> told) : told_(std::move(told)) {}
      Message<Total> on(Number::Reader) {
        struct Tells {
          Sender<Total>& out;
          ~Tells() { EXPECT_FALSE(out.try_send(answer<Total>(1))); }
        } tells{told_};
        try {
          (void)sleep_for(1h);
          ADD_FAILURE() << "not reached";
        } catch (const std::exception&) {
          ADD_FAILURE() << "a cancellation is no std::exception";
        } catch (...) {
          EXPECT_THROW((void)sleep_for(1h), Cancelled) << "it is sticky";
          throw;
        }
        return answer<Total>(0);
      }
      Sender<Total> told_;
    };
    auto [tx, rx] = system.channel<Total>(bounded(1));
    auto blocked = system.spawn<Blocked>(std::move(tx));
    auto asking = blocked.ask<Number>();
    std::vector<ActorInfo> infos;
    ASSERT_TRUE(eventually([&] {
      infos.clear();
      (void)read_actors(system, 0, 100, infos);
      return std::any_of(infos.begin(), infos.end(),
                         [](const ActorInfo& info) { return info.waits_for == "sleep"; });
    }));
    blocked.kill();
    EXPECT_TRUE(asking.get().err);
    EXPECT_FALSE(blocked.join());
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 1);
  });
}

TEST(Cancel, AFunctionActorEndsAtItsNextWaitWhenItIsStopped) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    std::vector<ActorRef> actors;
    for (int i = 0; i < 10; ++i) {
      actors.push_back(system.spawn([](Receiver<Number> in) { (void)in.recv(); }, rx.clone()));
      actors.push_back(system.spawn([] {
        for (;;) yield();
      }));
    }
    for (auto& actor : actors) actor.stop();
    for (auto& actor : actors) EXPECT_FALSE(actor.join());
  });
}

TEST(Cancel, AStopRacesWithTheMessageThatWakesTheActor) {
  on_every_scheduler(
      [](System& system) {
        for (int round = 0; round < 50; ++round) {
          auto [tx, rx] = system.channel<Number>(bounded(1));
          auto actor = system.spawn(
              [](Receiver<Number> in) {
                for (auto& number : in) (void)number;
              },
              std::move(rx));
          for (int i = 0; i < round % 5; ++i) (void)tx.try_send(number_in(system, i));
          actor.stop();
          (void)tx.try_send(number_in(system, 0));
          EXPECT_FALSE(actor.join());
        }
      },
      20);
}

TEST(System, StopsWithEveryKindOfBlockedActor) {
  for (uint32_t workers : {1u, 2u}) {
    for (int round = 0; round < 20; ++round) {
      System system(test::quiet({.workers = workers}));
      auto [tx, rx] = system.channel<Number>(bounded(1));
      struct Blocked : Actor<Blocked, Number, Ask<GetTotal, Total>> {
        explicit Blocked(Receiver<Number> in) : in_(std::move(in)) {}
        void on(Number::Reader) { (void)in_.recv(); }
        void on(GetTotal::Reader, Reply<Total> reply) { kept_.push_back(std::move(reply)); }
        Receiver<Number> in_;
        std::vector<Reply<Total>> kept_;
      };
      std::vector<Asking<Total>> askings;
      for (int i = 0; i < 10; ++i) {
        auto blocked = system.spawn<Blocked>(rx.clone());
        askings.push_back(blocked.ask<GetTotal>());
        EXPECT_FALSE(blocked.send<Number>());
        askings.push_back(blocked.ask<GetTotal>());
        system.spawn([](Receiver<Number> in) { (void)in.recv(); }, rx.clone());
        system.spawn([] { (void)sleep_for(1h); });
        system.spawn([] {
          for (;;) yield();
        });
      }
      system.stop();
      EXPECT_EQ(rx.recv().err, Code::channel_closed);
      for (auto& asking : askings) EXPECT_TRUE(asking.get().err);
      askings.clear();
      EXPECT_EQ(system.pool_stats().live, 0u);
      EXPECT_EQ(system.spawn([] {}).id(), 0u) << "nothing starts any more";
    }
  }
}

TEST(System, AThreadThatWaitsIsToldWhenTheSystemStops) {
  auto system = std::make_unique<System>(test::quiet({.workers = 1}));
  auto [tx, rx] = system->channel<Number>(bounded(1));
  std::thread waits([rx = std::move(rx)] { EXPECT_EQ(rx.recv().err, Code::channel_closed); });
  system.reset();
  waits.join();
  EXPECT_EQ(tx.send([](Number::Builder) {}), Code::channel_closed);
}

TEST(System, TwoLiveSideBySideAndTalkToEachOther) {
  System left(test::quiet({.workers = 1}));
  System right(test::quiet({.workers = 1}));
  struct Relay : Actor<Relay, Ask<Number, Total>> {
    explicit Relay(Doubler::AddressType next) : next_(std::move(next)) {}
    Result<Total> on(Number::Reader number) {
      return next_.ask<Number>(value(number.getValue())).get();
    }
    Doubler::AddressType next_;
  };
  auto doubler = right.spawn<Doubler>();
  auto relay = left.spawn<Relay>(doubler);
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(relay.ask<Number>(value(i)).get().or_raise()->getValue(), 2 * i);
}

TEST(System, AProgramWithBoostFibersOfItsOwnGoesOnWorking) {
  System system(test::quiet({.workers = 2}));
  auto doubler = system.spawn<Doubler>();
  std::thread host([&] {
    // Fibers of the host's own scheduler; one of them uses isola as any thread does.
    boost::fibers::buffered_channel<int64_t> numbers(4);
    int64_t sum = 0;
    boost::fibers::fiber reader([&] {
      for (int64_t number : numbers) sum += number;
    });
    boost::fibers::fiber writer([&] {
      for (int i = 0; i < 100; ++i)
        numbers.push(doubler.ask<Number>(value(i)).get().or_raise()->getValue());
      numbers.close();
    });
    writer.join();
    reader.join();
    EXPECT_EQ(sum, 9900);
  });
  host.join();
}

// Writes down the order in which the actors end.
struct Noted : Actor<Noted, Number> {
  Noted(int64_t id, std::string) : id_(id) {}
  ~Noted() {
    std::lock_guard lock(mutex);
    if (id_ + 1 != last_ended && last_ended != -1) ++out_of_order;
    last_ended = id_;
  }
  void on(Number::Reader) { ++handled; }
  const int64_t id_;
  static inline std::mutex mutex;
  static inline int64_t last_ended = -1;
  static inline int64_t out_of_order = 0;
  static inline std::atomic<int64_t> handled = 0;
};

size_t resident_bytes() {
  size_t pages = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * 4096;
}

TEST(System, AMillionActorsFitIntoAGibibyteAndEndInOrder) {
#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
  const int64_t count = 20'000;  // sanitizers multiply memory and time
#else
  const int64_t count = 1'000'000;
#endif
  const size_t before = resident_bytes();
  {
    System system(test::quiet({.workers = 2}));
    std::vector<Address<Number>> actors;
    actors.reserve(count);
    for (int64_t i = 0; i < count; ++i) {
      actors.push_back(system.spawn<Noted>(i, std::string()));
      EXPECT_FALSE(actors.back().send<Number>(value(i)));
    }
    ASSERT_TRUE(eventually([&] { return Noted::handled == count; }));
    EXPECT_EQ(system.actors(), static_cast<uint64_t>(count));
    const size_t used = resident_bytes() - before;
    EXPECT_LT(used, size_t{1} << 30);
    RecordProperty("bytes_each", std::to_string(used / count));
    std::printf("%zd actors, %zu bytes each\n", static_cast<ssize_t>(count), used / count);
  }
  EXPECT_EQ(Noted::last_ended, 0) << "the youngest ends first, the oldest last";
  EXPECT_EQ(Noted::out_of_order, 0);
}

TEST(Seed, TheSameSeedGivesTheSameOrder) {
  auto trace = [](uint64_t seed) {
    std::vector<uint64_t> order;
    System system(test::quiet({.seed = seed}));
    EXPECT_FALSE(test::run_as_actor(system, [&](System& s) {
      auto [tx, rx] = s.channel<Total>(bounded(3));
      for (int i = 0; i < 10; ++i) {
        s.spawn(
            [](Sender<Total> out, int own) {
              for (int k = 0; k < 3; ++k) {
                out.send([&](Total::Builder t) {
                  t.setValue(own * 1000 + static_cast<int64_t>(random() % 100));
                });
                (void)sleep_for(std::chrono::milliseconds(random() % 5));
              }
            },
            tx.clone(), i);
      }
      tx.release();
      for (auto& total : rx) order.push_back(static_cast<uint64_t>(total->getValue()));
    }));
    return order;
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_EQ(trace(8), trace(8));
  EXPECT_NE(trace(7), trace(8));
}

TEST(Seed, VirtualTimeJumpsOverWaiting) {
  const auto start = std::chrono::steady_clock::now();
  System system(test::quiet({.seed = 1}));
  EXPECT_FALSE(test::run_as_actor(system, [](System& s) {
    const int64_t before_ns = s.clock().now_ns();
    EXPECT_FALSE(sleep_for(24h));
    EXPECT_EQ(s.clock().now_ns() - before_ns, std::chrono::nanoseconds(24h).count());
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1h);
}

}  // namespace
}  // namespace isola
