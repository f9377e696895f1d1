// Generators with stacks of their own, whose bodies wait in the turns of actors.
#include <isola/context/fiber_generator.h>

#include <isola/isola.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::GetTotal;
using test::line;
using test::line_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Total;

inline constexpr Key<int> digits{"test.fiber.digits", Flow::local, 28};

// Numbers of a channel, received one by one deeper in the body.
void receive_into(const Receiver<Number>& in, Yield<int64_t>& yield) {
  for (auto& next : in) yield(next->getValue());
}

struct Sums : Actor<Sums, Ask<GetTotal, Total>> {
  explicit Sums(Receiver<Number> in) : in_(std::move(in)) {}
  Message<Total> on(GetTotal::Reader) {
    const Scope own{digits, 5};
    fiber_generator<int64_t, KeepsScopes> numbers([this](Yield<int64_t>& yield) {
      const Scope inner{digits, 3};
      receive_into(in_, yield);
      EXPECT_EQ(digits.get(), 3);
    });
    int64_t sum = 0;
    for (const int64_t each : numbers) {
      sum += each;
      EXPECT_EQ(digits.get(), 5);
      EXPECT_FALSE(sleep_for(1us)) << "the consumer waits, too";
    }
    auto total = compose<Total>();
    total->setValue(sum);
    return total;
  }
  Receiver<Number> in_;
};

TEST(FiberGeneratorInATurn, WaitsInItsBodyAsItsConsumerWould) {
  on_every_scheduler([](System& system) {
    // Two of them are suspended at a time, each on its generator's stack.
    std::vector<Sender<Number>> senders;
    std::vector<Asking<Total>> asked;
    for (int i = 0; i < 2; ++i) {
      auto [tx, rx] = system.channel<Number>(bounded(1));
      senders.push_back(std::move(tx));
      asked.push_back(system.spawn<Sums>(std::move(rx)).ask<GetTotal>());
    }
    for (int n = 1; n <= 10; ++n)
      for (const auto& sender : senders) EXPECT_FALSE(sender.send(number(n)));
    for (const auto& sender : senders) EXPECT_FALSE(sender.close());
    for (auto& each : asked) EXPECT_EQ(each.get().or_raise()->getValue(), 55);
  });
}

// Tells that it is gone, where nothing may wait.
struct Tells {
  const Sender<Note>& to;
  std::string text;
  ~Tells() {
    auto note = to.compose();
    note->setText(text.c_str());
    (void)to.try_send(std::move(note));
  }
};

// Is blocked in its generator's body (before the first value), or beside it (after that).
void blocks(Sender<Note> log, Receiver<Number> in, Receiver<Number> never) {
  fiber_generator<int> values([&](Yield<int>& yield) {
    const Tells local{log, "body unwound"};
    frame().at_end([&log] { const Tells at_end{log, "frame ended"}; });
    try {
      (void)in.recv();
      yield(1);
    } catch (...) {
      const Tells caught{log, "caught"};
      throw;
    }
  });
  EXPECT_FALSE(log.send(line("begins")));
  if (values.next()) {
    EXPECT_FALSE(log.send(line("has a value")));
    (void)never.recv();
  }
}

TEST(FiberGeneratorInATurn, IsUnwoundByAKillWhereverItIs) {
  on_every_scheduler([](System& system) {
    auto [never_tx, never] = system.channel<Number>(bounded(1));
    for (const bool yielded : {false, true}) {
      auto [log_tx, log] = system.channel<Note>(bounded(8));
      auto [tx, rx] = system.channel<Number>(bounded(1));
      const auto actor = system.spawn(blocks, std::move(log_tx), std::move(rx), never.clone());
      EXPECT_EQ(line_of(log.recv()), "begins");
      if (yielded) {
        EXPECT_FALSE(tx.send(number(0)));
        EXPECT_EQ(line_of(log.recv()), "has a value");
      }
      actor.kill();
      EXPECT_EQ(line_of(log.recv()), "caught") << yielded;
      EXPECT_EQ(line_of(log.recv()), "body unwound") << yielded;
      EXPECT_EQ(line_of(log.recv()), "frame ended") << yielded;
      (void)actor.join();
    }
  });
}

}  // namespace
}  // namespace isola
