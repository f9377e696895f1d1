// Handler actors: sends, asks, answers, failures, forwarding, backpressure, ends.
#include <isola/actors/actor.h>

#include <isola/isola.h>

#include <thread>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::GetTotal;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;

class Counter : public Actor<Counter, Number, Ask<GetTotal, Total>> {
 public:
  void on(Number::Reader number) {
    if (number.getValue() < 0) throw std::out_of_range("negative number");
    total_ += number.getValue();
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_);
    return total;
  }

 private:
  int64_t total_ = 0;
};

int64_t total_of(const Counter::AddressType& counter) {
  return counter.ask<GetTotal>().get().or_raise()->getValue();
}

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

TEST(Actor, HandlesWhatIsSentInOrderAndAnswersAsks) {
  // Covers: GS-036
  on_every_scheduler([](System& system) {
    auto counter = system.spawn<Counter>({.name = "counter"});
    for (int i = 1; i <= 100; ++i) EXPECT_FALSE(counter.send<Number>(value(i)));
    EXPECT_EQ(total_of(counter), 5050);
  });
}

TEST(Actor, AnAddressConvertsToAnySubsetOfWhatItTakes) {
  System system;
  auto counter = system.spawn<Counter>();
  Address<Number> adder = counter;
  Address<Ask<GetTotal, Total>> reader = counter;
  EXPECT_FALSE(adder.send<Number>(value(4)));
  EXPECT_EQ(reader.ask<GetTotal>().get().or_raise()->getValue(), 4);
  static_assert(!std::is_constructible_v<Address<Number, Note>, Counter::AddressType>);
  static_assert(!std::is_constructible_v<Counter::AddressType, Address<Number>>);
}

TEST(Actor, AFailureReachesTheAskerAndEndsTheActor) {
  on_every_scheduler([](System& system) {
    struct Failing : Actor<Failing, Ask<Number, Total>, Ask<GetTotal, Total>> {
      Message<Total> on(Number::Reader) { throw std::out_of_range("no such number"); }
      Message<Total> on(GetTotal::Reader) { return compose<Total>(); }
    };
    auto failing = system.spawn<Failing>({.name = "failing"});
    auto first = failing.ask<Number>();
    auto second = failing.ask<GetTotal>();
    const auto [total, err] = first.get();
    EXPECT_FALSE(total);
    EXPECT_EQ(err.code(), Code::failed);
    EXPECT_EQ(err.to_string(), "std::out_of_range: no such number (in failing, handling Number)");
    EXPECT_TRUE(second.get().err) << "what waited in the inbox is told, too";
    EXPECT_EQ(failing.join().type(), "std::out_of_range");
    EXPECT_FALSE(failing.is_alive());
    const Error late = failing.ask<GetTotal>().get().err;
    EXPECT_EQ(late, Code::no_such_actor);
    EXPECT_EQ(late.message(), "no such number") << "who comes late is told why, too";
    EXPECT_EQ(failing.send<Number>(), Code::no_such_actor);
    EXPECT_EQ(system.failures(), 1u);
  });
}

TEST(Actor, AConstructorThatThrowsIsAFailureOfTheActor) {
  on_every_scheduler([](System& system) {
    struct Unmade : Actor<Unmade, Number> {
      explicit Unmade(int code) { throw std::invalid_argument("code " + std::to_string(code)); }
      void on(Number::Reader) {}
    };
    auto unmade = system.spawn<Unmade>({.name = "unmade"}, 7);
    EXPECT_EQ(unmade.send<Number>(), Code::no_such_actor);
    EXPECT_EQ(unmade.join().to_string(), "std::invalid_argument: code 7 (in unmade)");
  });
}

TEST(Actor, MailThatComesWhileItIsMadeWaitsUntilItIs) {
  on_every_scheduler([](System& system) {
    struct Early : Actor<Early, Number, Ask<GetTotal, Total>> {
      explicit Early(Sender<Total> out) {
        // The constructor gives its address away and lets others use it.
        auto helper = spawn([](Address<Number> to) { EXPECT_FALSE(to.send<Number>(value(5))); },
                            Address<Number>(self()));
        EXPECT_FALSE(helper.join());
        EXPECT_FALSE(made_);
        EXPECT_FALSE(out.send([](Total::Builder) {}));
        made_ = true;
      }
      void on(Number::Reader number) {
        EXPECT_TRUE(made_);
        total_ += number.getValue();
      }
      Message<Total> on(GetTotal::Reader) {
        auto total = compose<Total>();
        total->setValue(total_);
        return total;
      }
      bool made_ = false;
      int64_t total_ = 0;
    };
    auto [tx, rx] = system.channel<Total>(bounded(1));
    auto early = system.spawn<Early>(std::move(tx));
    EXPECT_TRUE(rx.recv());
    EXPECT_EQ(early.ask<GetTotal>().get().or_raise()->getValue(), 5);
  });
}

TEST(Actor, AStopAfterTheSystemsEndDoesNothing) {
  ActorRef function;
  Counter::AddressType counter;
  {
    System system;
    counter = system.spawn<Counter>();
    function = system.spawn([] { (void)sleep_for(1h); });
  }
  function.stop();
  function.kill();
  counter.stop();
  counter.kill();
  EXPECT_FALSE(function.join());
}

TEST(Actor, SendersWaitForRoomInAFullInbox) {
  on_every_scheduler([](System& system) {
    struct Flood : Actor<Flood, Ask<GetTotal, Total>> {
      explicit Flood(Address<Number, Ask<GetTotal, Total>> to) : to_(std::move(to)) {}
      Result<Total> on(GetTotal::Reader) {
        for (int i = 0; i < 500; ++i) EXPECT_FALSE(to_.send<Number>(value(1)));
        return to_.ask<GetTotal>().get();
      }
      Address<Number, Ask<GetTotal, Total>> to_;
    };
    auto counter = system.spawn<Counter>({.inbox_max = 3});
    std::vector<Asking<Total>> askings;
    for (int i = 0; i < 4; ++i) askings.push_back(system.spawn<Flood>(counter).ask<GetTotal>());
    for (auto& asking : askings) EXPECT_TRUE(asking.get());
    EXPECT_EQ(total_of(counter), 2000);
  });
}

TEST(Actor, ASenderThatDoesNotWaitIsToldThatTheInboxIsFull) {
  on_every_scheduler([](System& system) {
    struct Stuck : Actor<Stuck, Number, Ask<GetTotal, Total>> {
      void on(GetTotal::Reader, Reply<Total> reply) {
        // To itself, an actor can't wait: its inbox fills while it fills it.
        int sent = 0;
        Error error;
        while (!(error = self().send<Number>(value(1)))) ++sent;
        EXPECT_EQ(error, Code::inbox_full);
        auto total = compose<Total>();
        total->setValue(sent);
        reply.send(std::move(total));
      }
      void on(Number::Reader) {}
    };
    auto stuck = system.spawn<Stuck>({.inbox_max = 5});
    EXPECT_EQ(stuck.ask<GetTotal>().get().or_raise()->getValue(), 5);
  });
}

TEST(Actor, WhoWaitsForRoomIsToldWhenTheActorEnds) {
  on_every_scheduler([](System& system) {
    struct Sleeper : Actor<Sleeper, Number> {
      void on(Number::Reader) { (void)sleep_for(1h); }
    };
    auto sleeper = system.spawn<Sleeper>({.inbox_max = 1});
    auto [done, results] = system.channel<Total>(bounded(1));
    system.spawn(
        [](Address<Number> to, Sender<Total> done) {
          Error error;
          while (!(error = to.send<Number>())) {
          }
          done.send([&](Total::Builder t) { t.setValue(error == Code::no_such_actor); });
        },
        Address<Number>(sleeper), std::move(done));
    ASSERT_TRUE(eventually([&] { return system.pool_stats().live >= 2; }));
    sleeper.kill();
    EXPECT_EQ(results.recv().or_raise()->getValue(), 1);
  });
}

TEST(Actor, StopsAfterTheMessageInHandAndMayStopItself) {
  on_every_scheduler([](System& system) {
    struct Quitter : Actor<Quitter, Number> {
      explicit Quitter(Sender<Total> told) : told_(std::move(told)) {}
      ~Quitter() {
        told_.send([this](Total::Builder t) { t.setValue(handled_); });
      }
      void on(Number::Reader number) {
        ++handled_;
        if (number.getValue() == 3) stop();
      }
      Sender<Total> told_;
      int64_t handled_ = 0;
    };
    auto [tx, rx] = system.channel<Total>(bounded(4));
    auto quitter = system.spawn<Quitter>(tx.clone());
    for (int i = 1; i <= 10; ++i) (void)quitter.send<Number>(value(i));
    EXPECT_FALSE(quitter.join());
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 3);
    auto idle = system.spawn<Quitter>(tx.clone());
    idle.stop();
    EXPECT_FALSE(idle.join());
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 0) << "a stop hook can still send";
  });
}

TEST(Actor, ItsStateLivesOnItsOwnHeapAndGoesWithIt) {
  on_every_scheduler(
      [](System& system) {
        struct Keeper : Actor<Keeper, Number, Ask<GetTotal, Total>> {
          void on(Number::Reader n) { kept_[n.getValue()] = string(200, 'x'); }
          Message<Total> on(GetTotal::Reader) {
            auto total = compose<Total>();
            auto* own = dynamic_cast<Heap*>(&heap());
            EXPECT_EQ(kept_.get_allocator().resource(), own);
            total->setValue(static_cast<int64_t>(own->live_bytes()));
            return total;
          }
          map<int64_t, string> kept_;
        };
        auto keeper = system.spawn<Keeper>();
        for (int i = 0; i < 100; ++i) EXPECT_FALSE(keeper.send<Number>(value(i)));
        EXPECT_GT(keeper.ask<GetTotal>().get().or_raise()->getValue(), 100 * 200);
        auto bounded_keeper = system.spawn<Keeper>({.heap_quota = 4096});
        for (int i = 0; i < 100; ++i) (void)bounded_keeper.send<Number>(value(i));
        EXPECT_EQ(bounded_keeper.join().type(), "isola::HeapQuotaExceeded");
      },
      10);
}

inline constexpr Key<text> locale{"test.locale", Flow::wire};
inline constexpr Key<int*> session{"test.session", Flow::actor};

struct Teller : Actor<Teller, Ask<GetTotal, Note>, Ask<Number, Note>> {
  explicit Teller(Address<Ask<GetTotal, Note>> next) : next_(std::move(next)) {}
  Message<Note> on(GetTotal::Reader) {
    auto note = compose<Note>();
    note->setText(std::string(locale.get("none")).c_str());
    EXPECT_FALSE(session.find());
    return note;
  }
  Result<Note> on(Number::Reader) {
    Scope more{locale, std::string(locale.get("none")) + "!"};
    return next_.ask<GetTotal>().get();
  }
  Address<Ask<GetTotal, Note>> next_;
};

std::string told(Result<Note> result) { return std::move(result).or_raise()->getText().cStr(); }

TEST(Actor, TheContextOfTheSenderTravelsWithTheMessage) {
  on_every_scheduler([](System& system) {
    auto plain = system.spawn<Teller>(Address<Ask<GetTotal, Note>>());
    EXPECT_EQ(told(plain.ask<GetTotal>().get()), "none");
    int here = 0;
    Scope own{session, &here};
    Scope german{locale, "de_DE"};
    EXPECT_EQ(told(plain.ask<GetTotal>().get()), "de_DE");
    {
      Scope french{locale, "fr_FR"};
      EXPECT_EQ(told(plain.ask<GetTotal>().get()), "fr_FR");
    }
    auto born_german = system.spawn<Teller>(Address<Ask<GetTotal, Note>>(plain));
    EXPECT_EQ(told(born_german.ask<Number>().get()), "de_DE!") << "it crosses two actors";
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

TEST(Actor, AnAddressMayOutliveItsSystem) {
  Counter::AddressType counter;
  Asking<Total> asking{Error(Code::ok)};
  {
    System system;
    counter = system.spawn<Counter>();
    asking = counter.ask<GetTotal>();
    (void)asking.get();
  }
  EXPECT_FALSE(counter.is_alive());
  EXPECT_EQ(counter.send<Number>(value(1)), Code::no_such_actor);
  EXPECT_EQ(counter.ask<GetTotal>().get().err, Code::no_such_actor);
  EXPECT_FALSE(counter.join());
}

TEST(Actor, AnAddressTravelsAsAnAttachmentByItsVeryType) {
  on_every_scheduler([](System& system) {
    auto counter = system.spawn<Counter>();
    auto [tx, rx] = system.channel<Number>(bounded(1));
    auto message = tx.compose();
    message->setValue(message.attach(Address<Number>(counter)));
    EXPECT_FALSE(tx.send(std::move(message)));
    auto got = rx.recv().or_raise();
    const auto handle = static_cast<uint32_t>(got->getValue());
    auto [address, err] = got.attached<Address<Number>>(handle);
    ASSERT_FALSE(err) << err;
    EXPECT_FALSE(address.send<Number>(value(5)));
    EXPECT_EQ(total_of(counter), 5);
    EXPECT_EQ(got.attached<Address<GetTotal>>(handle).err, Code::wrong_attachment);
    EXPECT_EQ(got.attached<Address<Number>>(handle + 1).err, Code::no_attachment);
  });
}

TEST(Actor, ManyThreadsSendToOneActorAndNothingIsLost) {
  on_real_scheduler([](System& system) {
    auto counter = system.spawn<Counter>({.inbox_max = 64});
    std::vector<test::Thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([counter] {
        for (int i = 0; i < 5000; ++i) EXPECT_FALSE(counter.send<Number>(value(1)));
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(total_of(counter), 15000);
  });
}

}  // namespace
}  // namespace isola
