// Select: which branch is chosen, what it leaves alone, and what closed and empty ends do to it.
#include <isola/channels/select.h>

#include <isola/isola.h>

#include <array>
#include <string>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::for_each_capacity;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::room_of;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::waiting;
using test::with_value;

TEST(Select, ABranchThatIsSwitchedOffIsNeverChosen) {
  // Covers: GO-016
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        EXPECT_FALSE(tx.send(number(1)));
        Message<Number> message = with_value(system, 2);
        for (int i = 0; i < 100; ++i) {
          int taken = 0;
          const select none{receiving(rx, [&] { ++taken; }).when(false),
                            sending(tx, std::move(message), [&] { ++taken; }).when(false),
                            otherwise()};
          EXPECT_EQ(none.index, 2u) << "the default runs";
          EXPECT_FALSE(none.err);
          const select empty{receiving(Receiver<Number>()).when(false),
                             sending(Sender<Number>(), std::move(message)).when(false),
                             otherwise([&] { --taken; })};
          EXPECT_EQ(empty.index, 2u);
          EXPECT_EQ(taken, -1);
        }
        EXPECT_TRUE(message);
        EXPECT_EQ(rx.size(), 1u);
        const select other{receiving(rx).when(false), sending(tx, std::move(message))};
        EXPECT_EQ(other.index, 1u);
        const select timed{receiving(rx).when(false), after(1ms)};
        EXPECT_EQ(timed.index, 1u);
        for (const int v : {1, 2}) EXPECT_EQ(value_of(rx.recv()), v);
      },
      20);
}

TEST(Select, ABranchOnAnEmptyEndIsATypedErrorBeforeAnyTakesEffect) {
  // Covers: GO-016
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        EXPECT_FALSE(tx.send(number(1)));
        Sender<Number> gone = tx.clone();
        const Sender<Number> moved = std::move(gone);
        const Receiver<Number> never;
        Message<Number> message = with_value(system, 2);
        for (int i = 0; i < 20; ++i) {
          const select receive{receiving(rx), receiving(never), otherwise()};
          EXPECT_EQ(receive.index, 1u);
          EXPECT_EQ(receive.err, Code::empty_end);
          const select send{sending(gone, std::move(message)), receiving(rx), after(1h)};
          EXPECT_EQ(send.index, 0u);
          EXPECT_EQ(send.err, Code::empty_end);
          const select last{sending(tx, std::move(message)), receiving(rx), receiving(never)};
          EXPECT_EQ(last.index, 2u);
          EXPECT_EQ(last.err, Code::empty_end);
        }
        const select nothing{receiving(rx), sending(tx, Message<Number>())};
        EXPECT_EQ(nothing.index, 1u);
        EXPECT_EQ(nothing.err, Code::empty_message);
        EXPECT_TRUE(message);
        EXPECT_EQ(rx.size(), 1u) << "no other branch took effect";
        EXPECT_EQ(value_of(rx.recv()), 1);
      },
      20);
}

TEST(Select, ASendOnAClosedChannelIsReadyAndFails) {
  // Covers: GO-020
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    auto [idle, never] = system.channel<Total>(rendezvous);
    Message<Number> message = with_value(system, 1);
    EXPECT_FALSE(tx.close());
    EXPECT_EQ(tx.send(std::move(message)), Code::channel_closed);
    bool sent = false;
    const select one{sending(tx, std::move(message), [&] { sent = true; })};
    EXPECT_EQ(one.index, 0u);
    EXPECT_EQ(one.err, Code::channel_closed);
    const select many{receiving(never), sending(tx, std::move(message)), after(1h), otherwise()};
    EXPECT_EQ(many.index, 1u) << "not the default";
    EXPECT_EQ(many.err, Code::channel_closed);
    EXPECT_FALSE(sent);
    EXPECT_TRUE(message);
  });
}

TEST(Select, ASendThatWaitsIsToldOfTheClose) {
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    for (int64_t i = 0; i < room_of(capacity); ++i) EXPECT_FALSE(tx.send(number(i)));
    auto [done, results] = system.channel<Total>(bounded(2));
    for (int i = 0; i < 2; ++i) {
      system.spawn(
          [](Sender<Number> out, Message<Number> message, Sender<Total> done) {
            const select chosen{sending(out, std::move(message)), after(1h)};
            EXPECT_EQ(chosen.index, 0u);
            EXPECT_EQ(chosen.err, Code::channel_closed);
            EXPECT_FALSE(done.send(number(message ? 1 : 0)));
          },
          tx.clone(), with_value(system, 5), done.clone());
    }
    ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send, 2));
    EXPECT_FALSE(tx.close());
    for (int i = 0; i < 2; ++i) EXPECT_EQ(value_of(results.recv()), 1);
    EXPECT_EQ(static_cast<int64_t>(rx.size()), room_of(capacity));
  });
}

TEST(Select, WithoutABranchThatCouldBeReadyTheDefaultNeverWaits) {
  // Covers: GO-029
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        Message<Number> message = with_value(system, 1);
        for (int i = 0; i < 100; ++i) {
          bool ran = false;
          const select only{otherwise([&] { ran = true; })};
          EXPECT_EQ(only.index, 0u);
          EXPECT_FALSE(only.err);
          EXPECT_TRUE(ran);
          const select off{otherwise(), receiving(rx).when(false),
                           sending(tx, std::move(message)).when(false)};
          EXPECT_EQ(off.index, 0u);
          const select idle{receiving(rx), after(1h), sending(tx, std::move(message)), otherwise()};
          EXPECT_EQ(idle.index, 3u);
        }
        EXPECT_TRUE(message);
      },
      20);
}

TEST(Select, TheDefaultIsNotTakenWhenABranchIsReady) {
  // Covers: GO-030
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    auto [idle, never] = system.channel<Total>(rendezvous);
    for (int i = 0; i < 50; ++i) {
      Message<Number> message = with_value(system, i);
      if (capacity == rendezvous) {
        system.spawn([](Receiver<Number> in, int i) { EXPECT_EQ(value_of(in.recv()), i); },
                     rx.clone(), i);
        ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
      }
      const select send{otherwise(), sending(tx, std::move(message)), receiving(never)};
      EXPECT_EQ(send.index, 1u);
      EXPECT_FALSE(message);
      if (capacity == rendezvous) {
        system.spawn([](Sender<Number> out, int i) { EXPECT_FALSE(out.send(number(i))); },
                     tx.clone(), i);
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
      }
      int64_t got = -1;
      const select receive{receiving(never),
                           receiving(rx, [&](Number::Reader n) { got = n.getValue(); }),
                           otherwise()};
      EXPECT_EQ(receive.index, 1u);
      EXPECT_EQ(got, i);
    }
  });
}

TEST(Select, AReceiveOnAClosedChannelIsReadyInEverySelect) {
  // Covers: GO-032
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Number>(capacity);
    auto [idle, never] = system.channel<Total>(rendezvous);
    EXPECT_FALSE(tx.close());
    Message<Total> message = with_value<Total>(system, 1);
    for (int i = 0; i < 20; ++i) {
      Code told = Code::ok;
      bool plain_ran = false;
      const select plain{receiving(never), receiving(rx, [&] { plain_ran = true; })};
      EXPECT_EQ(plain.index, 1u);
      EXPECT_EQ(plain.err, Code::channel_closed);
      EXPECT_FALSE(plain_ran) << "there was no message";
      const select with_default{
          receiving(rx, [&](Result<Number> result) { told = result.err.code(); }), otherwise()};
      EXPECT_EQ(with_default.index, 0u);
      EXPECT_EQ(with_default.err, Code::channel_closed);
      EXPECT_EQ(told, Code::channel_closed);
      const select timed{after(1h), receiving(rx), sending(idle, std::move(message))};
      EXPECT_EQ(timed.index, 1u);
      EXPECT_EQ(timed.err, Code::channel_closed);
    }
    EXPECT_TRUE(message);
  });
}

TEST(Select, ItDoesNotPairWithItself) {
  // Covers: GO-033
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        auto [done, results] = system.channel<Total>(bounded(1));
        Message<Number> message = with_value(system, 1);
        const select at_once{sending(tx, std::move(message)), receiving(rx), otherwise()};
        EXPECT_EQ(at_once.index, 2u);
        const select timed{receiving(rx), sending(tx, std::move(message)), after(1ms)};
        EXPECT_EQ(timed.index, 2u);
        EXPECT_TRUE(message);
        system.spawn(
            [](Sender<Number> out, Receiver<Number> in, Message<Number> own, Sender<Total> done) {
              int64_t got = 0;
              const select both{sending(out, std::move(own)),
                                receiving(in, [&](Number::Reader n) { got = n.getValue(); })};
              EXPECT_EQ(both.index, 1u);
              EXPECT_TRUE(own);
              EXPECT_FALSE(done.send(number(got)));
            },
            tx.clone(), rx.clone(), std::move(message), std::move(done));
        ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
        EXPECT_EQ(waiting(system, tx.id(), Side::send), 1u) << "it waits on both sides";
        EXPECT_EQ(results.try_recv().err, Code::channel_empty);
        EXPECT_FALSE(tx.send(number(2)));
        EXPECT_EQ(value_of(results.recv()), 2);
      },
      20);
}

TEST(Select, ALosingOneLeavesTheQueueOfItsChannelIntact) {
  // Covers: GO-038
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx1, rx1] = system.channel<Number>(capacity);
    auto [tx2, rx2] = system.channel<Number>(capacity);
    auto [done, results] = system.channel<Total>(bounded(8));
    const auto receiver = [](Receiver<Number> in, Sender<Total> done) {
      EXPECT_FALSE(done.send(number(value_of(in.recv()))));
    };
    // In the queue of the first channel: one before the select, the select, two behind it.
    system.spawn(receiver, rx1.clone(), done.clone());
    ASSERT_TRUE(so_many_wait(system, rx1.id(), Side::receive, 1));
    system.spawn(
        [](Receiver<Number> in1, Receiver<Number> in2, Sender<Total> done) {
          int64_t got = 0;
          const select chosen{receiving(in1),
                              receiving(in2, [&](Number::Reader n) { got = n.getValue(); })};
          EXPECT_EQ(chosen.index, 1u);
          EXPECT_FALSE(done.send(number(got)));
        },
        rx1.clone(), rx2.clone(), done.clone());
    ASSERT_TRUE(so_many_wait(system, rx1.id(), Side::receive, 2));
    system.spawn(receiver, rx1.clone(), done.clone());
    ASSERT_TRUE(so_many_wait(system, rx1.id(), Side::receive, 3));
    system.spawn(receiver, rx1.clone(), done.clone());
    ASSERT_TRUE(so_many_wait(system, rx1.id(), Side::receive, 4));
    EXPECT_FALSE(tx2.send(number(1000)));
    EXPECT_EQ(value_of(results.recv()), 1000);
    for (const int64_t v : {1, 2, 3}) {
      EXPECT_FALSE(tx1.send(number(v)));
      EXPECT_EQ(value_of(results.recv()), v) << "a waiter was lost";
    }
    EXPECT_EQ(waiting(system, rx1.id(), Side::receive), 0u);
  });
}

// Receives or sends in one of three forms: plainly, by a select of one branch, and of two.
void meet_as_receiver(int form, Receiver<Number> in, Receiver<Number> never) {
  if (form == 0) {
    EXPECT_FALSE(in.recv().err);
  } else if (form == 1) {
    EXPECT_EQ((select{receiving(in)}.index), 0u);
  } else {
    EXPECT_EQ((select{receiving(never), receiving(in)}.index), 1u);
  }
}
void meet_as_sender(int form, Sender<Number> out, Receiver<Number> never) {
  auto message = out.compose();
  if (form == 0) {
    EXPECT_FALSE(out.send(std::move(message)));
  } else if (form == 1) {
    EXPECT_EQ((select{sending(out, std::move(message))}.index), 0u);
  } else {
    EXPECT_EQ((select{sending(out, std::move(message)), receiving(never)}.index), 0u);
  }
}

TEST(Select, EachFormOfReceivingMeetsEachFormOfSending) {
  // Covers: GO-039
  on_every_scheduler(
      [](System& system) {
        auto [idle, never] = system.channel<Number>(rendezvous);
        for (int pair = 0; pair < 18; ++pair) {
          auto [tx, rx] = system.channel<Number>(rendezvous);
          const int receive = pair % 3;
          const int send = pair / 3 % 3;
          if (pair < 9) {  // the receiver comes first
            auto other = system.spawn(meet_as_receiver, receive, rx.clone(), never.clone());
            ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
            meet_as_sender(send, tx.clone(), never.clone());
            EXPECT_FALSE(other.join());
          } else {
            auto other = system.spawn(meet_as_sender, send, tx.clone(), never.clone());
            ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
            meet_as_receiver(receive, rx.clone(), never.clone());
            EXPECT_FALSE(other.join());
          }
        }
      },
      10);
}

TEST(Select, ASenderThatCameThroughAChannelServesAsABranch) {
  // Covers: GO-042
  for_each_capacity([](System& system, const Capacity& capacity) {
    auto [tx, rx] = system.channel<Total>(capacity);
    auto [carrier, ends] = system.channel<Number>(rendezvous);
    auto [idle, never] = system.channel<Number>(rendezvous);
    system.spawn(
        [](Receiver<Number> ends, Receiver<Number> never, Message<Total> message) {
          const auto got = ends.recv().or_raise();
          const auto handle = static_cast<uint32_t>(got->getValue());
          const Sender<Total> out = got.attached<Sender<Total>>(handle).or_raise();
          const select chosen{receiving(never), sending(out, std::move(message))};
          EXPECT_EQ(chosen.index, 1u);
          EXPECT_FALSE(chosen.err) << chosen.err;
        },
        std::move(ends), std::move(never), with_value<Total>(system, 42));
    auto message = carrier.compose();
    message->setValue(message.attach(std::move(tx)));
    EXPECT_FALSE(carrier.send(std::move(message)));
    EXPECT_EQ(value_of(rx.recv()), 42);
    EXPECT_EQ(rx.recv().err, Code::channel_closed) << "it was the only end";
  });
}

TEST(Select, OneThatNamesAChannelTwiceLeavesNothingBehind) {
  // Covers: GO-050
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        auto [tx2, rx2] = system.channel<Number>(rendezvous);
        auto [done, results] = system.channel<Total>(bounded(2));
        system.spawn(
            [](Receiver<Number> twice, Receiver<Number> once, Sender<Total> done) {
              const select chosen{receiving(twice), receiving(once), receiving(twice)};
              EXPECT_EQ(chosen.index, 1u);
              EXPECT_FALSE(done.send(number(1)));
            },
            rx.clone(), rx2.clone(), done.clone());
        ASSERT_TRUE(so_many_wait(system, rx2.id(), Side::receive));
        const size_t before = waiting(system, rx.id(), Side::receive);
        for (int i = 0; i < 3; ++i) {
          system.spawn(
              [](Receiver<Number> in, Sender<Total> done) {
                EXPECT_FALSE(done.send(number(value_of(in.recv()))));
              },
              rx.clone(), done.clone());
        }
        ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive, before + 3));
        EXPECT_FALSE(tx2.send(number(0)));
        EXPECT_TRUE(results.recv());
        EXPECT_EQ(waiting(system, rx.id(), Side::receive), 3u);
        for (const int64_t v : {10, 20, 30}) {
          EXPECT_FALSE(tx.send(number(v)));
          EXPECT_EQ(value_of(results.recv()), v);
        }
        EXPECT_EQ(tx.try_send(with_value(system, 1)), Code::channel_full) << "nobody waits";
      },
      20);
}

}  // namespace
}  // namespace isola
