// Systems: clean stops, a million actors, company (other Systems, other users of Boost.Fiber),
// seeds.
#include <isola/actors/system.h>

#include <isola/isola.h>

#include <boost/fiber/all.hpp>

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
      EXPECT_EQ(system.pool_stats().queued.blocks, 0u);
      EXPECT_EQ(system.pool_stats().delivered.blocks, 0u);
      EXPECT_EQ(system.spawn([] {}).id(), 0u) << "nothing starts any more";
    }
  }
}

TEST(System, AThreadThatWaitsIsToldWhenTheSystemStops) {
  auto system = std::make_unique<System>(test::quiet({.workers = 1}));
  auto [tx, rx] = system->channel<Number>(bounded(1));
  test::Thread waits([rx = std::move(rx)] { EXPECT_EQ(rx.recv().err, Code::channel_closed); });
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
  test::Thread host([&] {
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
