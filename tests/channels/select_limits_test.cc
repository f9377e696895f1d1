// What ends a select that waits: its own limit, the deadline of the call, the end of its actor; and
// what that leaves behind.
#include <isola/isola.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::waiting;
using test::with_value;

inline constexpr Key<int> kMark{"test.mark", Flow::wire};

TEST(SelectLimits, OfSeveralLimitsTheFirstIsABranch) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        const auto start = clock::now();
        int ran = 0;
        const select first{after(1h, [&] { ran = 1; }), receiving(rx), after(3ms, [&] { ran = 3; }),
                           after(2h)};
        EXPECT_EQ(first.index, 2u);
        EXPECT_FALSE(first.err) << first.err;
        EXPECT_EQ(ran, 3);
        EXPECT_GE(clock::now() - start, 3ms);
        EXPECT_EQ((select{receiving(rx), after(-1h), after(1h)}.index), 1u) << "already over";
        EXPECT_EQ((select{receiving(rx), after(0s)}.index), 1u);
        const select off{receiving(rx), after(0s).when(false), after(1ms)};
        EXPECT_EQ(off.index, 2u);
        EXPECT_EQ(waiting(system, rx.id(), Side::receive), 0u);
      },
      20);
}

TEST(SelectLimits, AReadyBranchWinsOverALimitThatIsOver) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(1));
        for (int i = 0; i < 50; ++i) {
          EXPECT_FALSE(tx.send(number(i)));
          const Deadline over{-1s};
          const select ready{after(-1s), receiving(rx)};
          EXPECT_EQ(ready.index, 1u);
          EXPECT_FALSE(ready.err);
        }
      },
      10);
}

TEST(SelectLimits, TheDeadlineOfTheCallIsAnErrorAndNoBranch) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        Message<Number> message = with_value(system, 1);
        bool ran = false;
        {
          const Deadline outer{1h};
          const Deadline inner{5ms};
          const Deadline no_longer{2h};
          const auto start = clock::now();
          const select waits{receiving(rx), sending(tx, std::move(message)),
                             after(30min, [&] { ran = true; })};
          EXPECT_EQ(waits.index, kNoBranch);
          EXPECT_EQ(waits.err, Code::timeout);
          EXPECT_GE(clock::now() - start, 5ms);
          const select plain{receiving(rx)};
          EXPECT_EQ(plain.index, kNoBranch);
          EXPECT_EQ(plain.err, Code::timeout) << "it is over for all that follows, too";
          const select at_once{receiving(rx), otherwise([&] { ran = true; })};
          EXPECT_EQ(at_once.index, 1u) << "nothing has to wait";
          EXPECT_FALSE(at_once.err);
          EXPECT_TRUE(std::exchange(ran, false));
        }
        const Deadline later{1h};
        const select own{receiving(rx), sending(tx, std::move(message)),
                         after(1ms, [&] { ran = true; })};
        EXPECT_EQ(own.index, 2u) << "its own limit came first";
        EXPECT_FALSE(own.err);
        EXPECT_TRUE(ran);
        EXPECT_TRUE(message);
        EXPECT_EQ(waiting(system, rx.id(), Side::receive) + waiting(system, tx.id(), Side::send),
                  0u);
      },
      20);
}

TEST(SelectLimits, ALosingMessageCarriesNeitherContextNorDeadlineOfThatSelect) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(1));
        auto [full, drain] = system.channel<Number>(bounded(1));
        EXPECT_FALSE(full.send(number(1)));
        Message<Number> message = with_value(system, 1);
        Message<Number> winner = with_value(system, 2);
        {
          const Scope outer{kMark, 1};
          const Deadline deadline{1h};
          {
            const Scope inner{kMark, 2};
            const select waits{sending(full, std::move(message)), after(1ms)};
            EXPECT_EQ(waits.index, 1u);
            const select other{sending(full, std::move(message)), sending(tx, std::move(winner))};
            EXPECT_EQ(other.index, 1u);
          }
          EXPECT_EQ(message.block()->envelope.context, nullptr);
          EXPECT_EQ(message.block()->envelope.deadline_ns, kNoDeadline);
        }
        const auto got = rx.recv().or_raise();
        EXPECT_NE(got.block()->envelope.context, nullptr) << "the winner carries it";
        EXPECT_NE(got.block()->envelope.deadline_ns, kNoDeadline);
        EXPECT_FALSE(tx.send(std::move(message)));
        const auto later = rx.recv().or_raise();
        EXPECT_EQ(later.block()->envelope.context, nullptr);
        EXPECT_EQ(later.block()->envelope.deadline_ns, kNoDeadline);
        EXPECT_EQ(value_of(drain.recv()), 1);
      },
      10);
}

TEST(SelectLimits, AKilledActorLeavesAllQueuesAndGivesItsMessagesBack) {
  on_every_scheduler(
      [](System& system) {
        for (int round = 0; round < 10; ++round) {
          auto [tx, rx] = system.channel<Number>(rendezvous);
          auto [full, drain] = system.channel<Number>(bounded(1));
          EXPECT_FALSE(full.send(number(1)));
          auto [told, results] = system.channel<Total>(bounded(1));
          auto actor = system.spawn(
              [](Receiver<Number> in, Sender<Number> out, Sender<Total> told) {
                auto message = out.compose();
                struct Tells {
                  const Message<Number>& message;
                  const Sender<Total>& told;
                  ~Tells() {
                    auto total = told.compose();
                    total->setValue(message ? 1 : 0);
                    EXPECT_FALSE(told.try_send(std::move(total)));
                  }
                } tells{message, told};
                (void)select{receiving(in), sending(out, std::move(message)), receiving(in),
                             after(1h)};
                ADD_FAILURE() << "not reached";
              },
              rx.clone(), full.clone(), std::move(told));
          ASSERT_TRUE(eventually(
              [&, channel = full.id()] { return waiting(system, channel, Side::send) == 1; }));
          round % 2 == 0 ? actor.kill() : actor.stop();
          EXPECT_EQ(value_of(results.recv()), 1) << "the message is still its own";
          EXPECT_FALSE(actor.join());
          EXPECT_EQ(waiting(system, rx.id(), Side::receive), 0u);
          EXPECT_EQ(waiting(system, full.id(), Side::send), 0u);
          EXPECT_EQ(tx.try_send(with_value(system, 1)), Code::channel_full);
          EXPECT_EQ(value_of(drain.recv()), 1);
          EXPECT_EQ(drain.try_recv().err, Code::channel_empty);
        }
      },
      20);
}

TEST(SelectLimits, AKillRacesWithTheMessageThatWouldBeReceived) {
  on_every_scheduler(
      [](System& system) {
        for (int round = 0; round < 100; ++round) {
          auto [tx, rx] = system.channel<Number>(rendezvous);
          auto [idle, never] = system.channel<Number>(rendezvous);
          auto [told, results] = system.channel<Total>(bounded(1));
          auto actor = system.spawn(
              [](Receiver<Number> in, Receiver<Number> never, Sender<Total> told) {
                const select chosen{receiving(never), receiving(in)};
                EXPECT_EQ(chosen.index, 1u);
                auto total = told.compose();
                EXPECT_FALSE(told.try_send(std::move(total)));
              },
              rx.clone(), never.clone(), std::move(told));
          if (round % 2 == 0) {
            ASSERT_TRUE(so_many_wait(system, rx.id(), Side::receive));
          }
          actor.kill();
          Message<Number> message = with_value(system, 1);
          const bool taken = !tx.try_send(std::move(message));
          EXPECT_EQ(bool(message), !taken);
          EXPECT_FALSE(actor.join());
          if (results.recv()) {
            EXPECT_TRUE(taken) << "it can't have received what was not sent";
          }
        }
      },
      10);
}

TEST(SelectLimits, AHandlerMayThrowOrSelectAgain) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        auto [idle, never] = system.channel<Number>(rendezvous);
        Message<Number> message = with_value(system, 5);
        for (int i = 0; i < 2; ++i) EXPECT_FALSE(tx.send(number(i)));
        EXPECT_THROW((select{receiving(never), sending(idle, std::move(message)),
                             receiving(rx, [](Number::Reader) { throw std::runtime_error("x"); })}),
                     std::runtime_error);
        ASSERT_TRUE(message);
        EXPECT_EQ(message.block()->envelope.deadline_ns, kNoDeadline);
        int64_t inner = -1;
        const select outer{receiving(rx, [&, &tx = tx, &rx = rx](Number::Reader) {
          const select again{sending(tx, std::move(message)), after(1h)};
          EXPECT_EQ(again.index, 0u);
          const select third{receiving(rx, [&](Number::Reader n) { inner = n.getValue(); }),
                             otherwise()};
          EXPECT_EQ(third.index, 0u);
        })};
        EXPECT_EQ(outer.index, 0u);
        EXPECT_EQ(inner, 5);
        EXPECT_EQ(rx.size(), 0u);
        EXPECT_EQ(waiting(system, never.id(), Side::receive), 0u);
      },
      10);
}

TEST(SelectLimits, AnyOfManyReceiversIsServedUntilAllAreClosed) {
  on_every_scheduler(
      [](System& system) {
        constexpr size_t kChannels = 40;  // more than a select keeps on its stack
        std::vector<Receiver<Number>> receivers;
        for (size_t i = 0; i < kChannels; ++i) {
          Channel<Number> c = system.channel<Number>(i % 2 == 0 ? rendezvous : bounded(2));
          receivers.push_back(std::move(c.receiver));
          system.spawn(
              [](Sender<Number> out, size_t i) {
                for (int n = 0; n < 10; ++n)
                  EXPECT_FALSE(out.send(number(static_cast<int64_t>(i) * 10 + n)));
              },
              std::move(c.sender), i);
        }
        std::vector<int> seen(kChannels * 10);
        while (!receivers.empty()) {
          size_t closed = receivers.size();
          const select one{receiving_any(receivers, [&](size_t which, Result<Number> got) {
            if (got.err)
              closed = which;
            else
              ++seen[static_cast<size_t>(got.value->getValue())];
          })};
          EXPECT_EQ(one.index, 0u) << "it is one branch";
          EXPECT_EQ(one.err == Code::channel_closed, closed < receivers.size());
          if (one.err) receivers.erase(receivers.begin() + static_cast<std::ptrdiff_t>(closed));
        }
        EXPECT_EQ(seen, std::vector<int>(kChannels * 10, 1));
      },
      10);
}

}  // namespace
}  // namespace isola
