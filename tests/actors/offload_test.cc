// Offloaded calls: results, exceptions, context, bounds, cancellation, deadlines and stops.
#include <isola/actors/offload.h>

#include <isola/actors/snapshot.h>
#include <isola/isola.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
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

// A call of the operating system that lasts until somebody opens it.
class Door {
 public:
  void wait() {
    ++inside_;
    while (!open_) test::give_way();
  }
  void open() { open_ = true; }
  void await_inside(int count) {
    while (inside_ < count) test::give_way();
  }
  int inside() const { return inside_; }

 private:
  std::atomic<int> inside_{0};
  std::atomic<bool> open_{false};
};

std::string waits_for(const System& system, uint64_t id) {
  std::vector<ActorInfo> actors;
  read_actors(system, 0, 1000, actors);
  for (const ActorInfo& actor : actors)
    if (actor.id == id) return actor.waits_for;
  return "?";
}

TEST(Offload, GivesWhatTheFunctionReturnsAndThrows) {
  on_every_scheduler([](System& system) {
    ActorRef actor = system.spawn([] {
      EXPECT_EQ(offload([] { return 7; }), 7);
      EXPECT_EQ(offload([] { return std::string(100, 'x'); }), std::string(100, 'x'));
      int kept = 1;
      int& same = offload([&]() -> int& { return kept; });
      EXPECT_EQ(&same, &kept);
      offload([&] { kept = 2; });
      EXPECT_EQ(kept, 2);
      const auto moved =
          offload([own = std::make_unique<int>(5)]() mutable { return std::move(own); });
      EXPECT_EQ(*moved, 5);
      EXPECT_THROW(offload([] { throw std::out_of_range("no"); }), std::out_of_range);
    });
    EXPECT_FALSE(actor.join());
  });
}

TEST(Offload, OutsideOfActorsTheFunctionIsSimplyCalled) {
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(offload([] { return std::this_thread::get_id(); }), here);
}

TEST(Offload, WithASeedTheFunctionRunsOnTheWorker) {
  test::on_seed(1, [](System&) {
    const auto here = std::this_thread::get_id();
    EXPECT_EQ(offload([] { return std::this_thread::get_id(); }), here);
  });
}

TEST(Offload, SuspendsOnlyTheCallingActor) {
  on_real_scheduler([](System& system) {
    static Door* door;
    Door its_door;
    door = &its_door;
    ActorRef caller = system.spawn([] {
      const auto here = std::this_thread::get_id();
      offload([&] {
        EXPECT_TRUE(sync::kSimulated || std::this_thread::get_id() != here);
        door->wait();
      });
    });
    door->await_inside(1);
    EXPECT_TRUE(eventually([&] { return waits_for(system, caller.id()) == "offloaded call"; }));
    EXPECT_FALSE(system.spawn([] {}).join()) << "others run meanwhile";
    door->open();
    EXPECT_FALSE(caller.join());
  });
}

inline constexpr Key<text> kLocale{"test.locale", Flow::wire};
inline constexpr Key<int> kOwn{"test.own", Flow::actor};

TEST(Offload, TheFunctionRunsAsItsCaller) {
  on_every_scheduler([](System& system) {
    ActorRef actor = system.spawn([] {
      Scope locale{kLocale, "de_DE"};
      Scope own{kOwn, 3};
      std::pmr::memory_resource* heap = &isola::heap();
      offload([&] {
        EXPECT_EQ(kLocale.get(), "de_DE");
        EXPECT_EQ(kOwn.get(), 3);
        EXPECT_EQ(&isola::heap(), heap);
        Scope other{kLocale, "fr_FR"};
        EXPECT_EQ(offload([] { return std::string(kLocale.get()); }), "fr_FR");
        const std::pmr::string text(1000, 'x', heap);
        auto number = compose<Number>(detail::current_runtime().pool());
        number->setValue(1);
      });
      EXPECT_EQ(kLocale.get(), "de_DE");
    });
    EXPECT_FALSE(actor.join());
  });
}

TEST(Offload, AFailureInItEndsTheActorWithItsRecord) {
  on_every_scheduler([](System& system) {
    ActorRef actor =
        system.spawn({.name = "reader"}, [] { offload([] { throw std::runtime_error("disk"); }); });
    const Error error = actor.join();
    EXPECT_EQ(error.type(), "std::runtime_error");
    EXPECT_EQ(error.message(), "disk");
    EXPECT_EQ(error.actor(), "reader");
  });
}

TEST(Offload, ThreadsAndWaitingCallsAreBounded) {
  static Door* door;
  Door its_door;
  door = &its_door;
  System system(test::quiet({.workers = 2, .offload_threads_max = 2, .offload_waiting_max = 3}));
  std::vector<ActorRef> actors;
  for (int i = 0; i < 2; ++i) actors.push_back(system.spawn([] { offload([] { door->wait(); }); }));
  door->await_inside(2);
  for (int i = 0; i < 3; ++i) actors.push_back(system.spawn([] { offload([] { door->wait(); }); }));
  for (size_t i = 2; i < 5; ++i)
    EXPECT_TRUE(eventually([&] { return waits_for(system, actors[i].id()) == "offloaded call"; }));
  EXPECT_EQ(system.spawn([] { offload([] {}); }).join(), Code::too_many_offloads);
  EXPECT_EQ(door->inside(), 2);
  EXPECT_EQ(system.runtime().offload()->threads(), 2u);
  door->open();
  for (ActorRef& actor : actors) EXPECT_FALSE(actor.join());
  EXPECT_EQ(door->inside(), 5);
}

TEST(Offload, ACallThatHasBegunIsWaitedForAndThenTheActorEnds) {
  on_real_scheduler([](System& system) {
    static Door* door;
    static std::atomic<bool>* went_on;
    Door its_door;
    std::atomic<bool> its_going_on = false;
    door = &its_door;
    went_on = &its_going_on;
    ActorRef actor = system.spawn([] {
      int on_the_stack = 0;
      offload([&] {
        door->wait();
        on_the_stack = 1;
      });
      EXPECT_EQ(on_the_stack, 1);
      *went_on = true;  // its result is there; the next suspension ends the actor
      offload([] { ADD_FAILURE() << "runs in an actor that was killed"; });
    });
    door->await_inside(1);
    actor.kill();
    EXPECT_FALSE(system.spawn([] {}).join());
    EXPECT_TRUE(eventually([&] { return waits_for(system, actor.id()) == "offloaded call"; }));
    door->open();
    EXPECT_FALSE(actor.join());
    EXPECT_TRUE(*went_on);
  });
}

TEST(Offload, ACallThatWaitsForAThreadIsLeftAtACancellationOrDeadline) {
  static Door* door;
  Door its_door;
  door = &its_door;
  System system(test::quiet({.workers = 1, .offload_threads_max = 1}));
  ActorRef first = system.spawn([] { offload([] { door->wait(); }); });
  door->await_inside(1);
  ActorRef killed = system.spawn([] { offload([] { ADD_FAILURE() << "was begun"; }); });
  EXPECT_TRUE(eventually([&] { return waits_for(system, killed.id()) == "offloaded call"; }));
  killed.kill();
  EXPECT_FALSE(killed.join());

  ActorRef late = system.spawn([] {
    Deadline soon{1ms};
    offload([] { ADD_FAILURE() << "was begun"; });
  });
  EXPECT_EQ(late.join(), Code::timeout);
  door->open();
  EXPECT_FALSE(first.join());
}

TEST(Offload, AStopOfTheSystemWaitsForWhatHasBegun) {
  static Door* door;
  Door its_door;
  door = &its_door;
  bool done = false;
  static bool* its_done;
  its_done = &done;
  auto system = std::make_unique<System>(test::quiet({.workers = 1, .offload_threads_max = 1}));
  system->spawn([] {
    offload([] {
      door->wait();
      *its_done = true;
    });
  });
  door->await_inside(1);
  ActorRef waiting = system->spawn([] { offload([] { ADD_FAILURE() << "was begun"; }); });
  EXPECT_TRUE(eventually([&] { return waits_for(*system, waiting.id()) == "offloaded call"; }));
  // The call ends only after the stop has begun: the waiting one is cancelled by it.
  test::Thread opener([&] {
    EXPECT_TRUE(eventually([&] { return waits_for(*system, waiting.id()) != "offloaded call"; }));
    door->open();
  });
  system->stop();
  EXPECT_TRUE(done);
  opener.join();
}

TEST(Offload, DestructorsMayOffloadWhateverHappens) {
  on_every_scheduler([](System& system) {
    struct Closes {
      ~Closes() {
        offload([this] { closed = true; });
        EXPECT_TRUE(closed);
      }
      bool closed = false;
    };
    struct Owner : Actor<Owner, Number> {
      void on(Number::Reader) {
        Closes local;
        throw std::runtime_error("unwinds");
      }
      Closes own;
    };
    auto owner = system.spawn<Owner>();
    const ActorRef actor = owner;
    EXPECT_FALSE(owner.send<Number>());
    EXPECT_EQ(actor.join(), Code::failed);
  });
}

TEST(OffloadPool, ThreadsThatStayIdleEnd) {
  detail::OffloadPool pool(2, 2, 1000);
  for (int round = 0; round < 3; ++round) {
    int calls = 0;
    auto count = [&] { ++calls; };
    detail::OffloadCall<decltype(count)&, void> job(count);
    EXPECT_FALSE(pool.run(job));
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(eventually([&] { return pool.threads() == 0; }));
  }
}

TEST(OffloadPool, ManyCallersGetEachTheirOwn) {
  on_real_scheduler([](System& system) {
    std::vector<ActorRef> actors;
    for (int i = 0; i < 200; ++i) {
      actors.push_back(system.spawn(
          [](int own) {
            for (int k = 0; k < 20; ++k) EXPECT_EQ(offload([&] { return own + k; }), own + k);
          },
          i));
    }
    for (ActorRef& actor : actors) EXPECT_FALSE(actor.join());
    EXPECT_LE(system.runtime().offload()->threads(), 16u);
  });
}

}  // namespace
}  // namespace isola
