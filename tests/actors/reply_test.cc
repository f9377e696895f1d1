// Asks and their answers: later ones, dropped ones, forwarded ones, late ones.
#include <isola/actors/reply.h>

#include <isola/isola.h>

#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::GetTotal;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::Total;

auto value(int64_t v) {
  return [v](Number::Builder number) { number.setValue(v); };
}

TEST(Reply, AnAnswerMayBeGivenLater) {
  // Covers: GS-036, GS-045
  on_every_scheduler([](System& system) {
    struct Later : Actor<Later, Ask<GetTotal, Total>, Number> {
      void on(GetTotal::Reader, Reply<Total> reply) { replies_.push_back(std::move(reply)); }
      void on(Number::Reader number) {
        for (auto& reply : replies_) {
          auto total = compose<Total>();
          total->setValue(number.getValue());
          reply.send(std::move(total));
        }
        replies_.clear();
      }
      std::vector<Reply<Total>> replies_;
    };
    auto later = system.spawn<Later>();
    auto first = later.ask<GetTotal>();
    auto second = later.ask<GetTotal>();
    EXPECT_EQ(first.get(0ms).err, Code::timeout);
    EXPECT_FALSE(later.send<Number>(value(9)));
    EXPECT_EQ(first.get().or_raise()->getValue(), 9) << "it was still pending";
    EXPECT_EQ(second.get(10s).or_raise()->getValue(), 9);
    auto never = later.ask<GetTotal>();
    later.stop();
    EXPECT_TRUE(never.get().err);
    EXPECT_EQ(later.ask<GetTotal>().get().err, Code::no_such_actor);
  });
}

TEST(Reply, AReplyThatIsDroppedUnansweredTellsTheAsker) {
  // Covers: GS-039
  on_every_scheduler([](System& system) {
    struct Silent : Actor<Silent, Ask<GetTotal, Total>> {
      void on(GetTotal::Reader, Reply<Total>) {}
    };
    auto silent = system.spawn<Silent>();
    EXPECT_EQ(silent.ask<GetTotal>().get().err, Code::no_reply);
  });
}

TEST(Reply, AnActorThatAsksItselfIsToldAtOnce) {
  // Covers: GS-040
  on_every_scheduler([](System& system) {
    struct Narcissus : Actor<Narcissus, Ask<GetTotal, Total>> {
      Result<Total> on(GetTotal::Reader) { return self().ask<GetTotal>().get(); }
    };
    auto self_asker = system.spawn<Narcissus>();
    EXPECT_EQ(self_asker.ask<GetTotal>().get().err, Code::asks_itself);
  });
}

TEST(Reply, ADeliveryIsForwardedWithItsAskerAndWithoutACopy) {
  // Covers: GS-057
  on_every_scheduler([](System& system) {
    struct Echo : Actor<Echo, Ask<Note, Total>> {
      Message<Total> on(Note::Reader note) {
        auto total = compose<Total>();
        total->setValue(static_cast<int64_t>(reinterpret_cast<uintptr_t>(note.getText().begin())));
        return total;
      }
    };
    struct Clerk : Actor<Clerk, Ask<Note, Total>> {
      explicit Clerk(Echo::AddressType echo) : echo_(std::move(echo)) {}
      void on(Delivery<Note> note) { EXPECT_FALSE(echo_.send(std::move(note))); }
      Echo::AddressType echo_;
    };
    auto echo = system.spawn<Echo>();
    auto clerk = system.spawn<Clerk>(echo);
    for (size_t length : {5u, 5000u}) {
      auto note = system.compose<Note>();
      note->setText(std::string(length, 'x'));
      const auto address = reinterpret_cast<uintptr_t>(note->getText().begin());
      auto answer = clerk.ask<Note>(std::move(note)).get().or_raise();
      EXPECT_EQ(static_cast<uintptr_t>(answer->getValue()), address);
    }
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

TEST(Reply, ARequestWhoseDeadlineHasPassedIsAnsweredWithoutTheHandler) {
  on_every_scheduler(
      [](System& system) {
        struct Slow : Actor<Slow, Number, Ask<GetTotal, Total>> {
          void on(Number::Reader) { (void)sleep_for(30ms); }
          Message<Total> on(GetTotal::Reader) {
            ADD_FAILURE() << "too late to be of use";
            return compose<Total>();
          }
        };
        auto slow = system.spawn<Slow>();
        EXPECT_FALSE(slow.send<Number>());
        Deadline soon{5ms};
        auto asking = slow.ask<GetTotal>();
        EXPECT_EQ(asking.get().err, Code::timeout);
        slow.stop();
        (void)slow.join();
      },
      10);
}

}  // namespace
}  // namespace isola
