// Turns and carriers: handlers that block, exceptions across switches, cancellation.
#include <isola/actors/carrier.h>

#include <isola/actors/snapshot.h>
#include <isola/isola.h>

#include <boost/fiber/all.hpp>

#include <algorithm>
#include <mutex>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
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
    for (int i = 0; i < 20; ++i) askings.push_back(system.spawn<Waits>(rx.clone()).ask<Number>());
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

TEST(Carrier, AnActorThatNeverHasToWaitLetsOthersHaveTheirTurn) {
  // One worker each time: nobody else could help.
  const auto body = [](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto greedy = system.spawn(
        [](Sender<Number> out) {
          while (out.try_send(answer<Number>(1)) != Code::channel_closed) {
          }
        },
        std::move(tx));
    auto doubler = system.spawn<Doubler>();
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(doubler.ask<Number>(value(i)).get().or_raise()->getValue(), 2 * i);
    greedy.stop();
    EXPECT_FALSE(greedy.join());
  };
  System system(test::quiet({.workers = 1}));
  body(system);
  for (uint64_t seed = 1; seed <= 20; ++seed) test::on_seed(seed, body);
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

}  // namespace
}  // namespace isola
