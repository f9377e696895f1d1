// Cancelling calls: what waits in them ends, and so does what they asked of others in turn.
#include <isola/channels/call.h>

#include <isola/isola.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/calls.h"
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
using test::Never;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::tell;
using test::Total;
using test::total_of;

enum class How : int64_t { receive, send, select, sleep, join, ask };
constexpr How kWays[] = {How::receive, How::send, How::select, How::sleep, How::join, How::ask};

struct Silent : Actor<Silent, Ask<GetTotal, Total>> {
  explicit Silent(Receiver<Number> never) : never_(std::move(never)) {}
  Message<Total> on(GetTotal::Reader) {
    EXPECT_EQ(never_.recv().err, Code::cancelled);
    return total_of(0);
  }
  Receiver<Number> never_;
};

// Handles Number by a wait that nobody ends, and tells how it ended.
struct Waits : Actor<Waits, Ask<Number, Total>, Ask<GetTotal, Total>> {
  Waits(Sender<Note> log, Receiver<Number> empty, Sender<Number> full, ActorRef endless,
        Silent::AddressType silent)
      : log_(std::move(log)),
        empty_(std::move(empty)),
        full_(std::move(full)),
        endless_(std::move(endless)),
        silent_(std::move(silent)) {}
  Message<Total> on(Number::Reader how) {
    tell(log_, "begins");
    const Error error = wait(static_cast<How>(how.getValue()));
    tell(log_, error.type() + (call_cancelled() ? " in a cancelled call" : ""));
    EXPECT_EQ(empty_.recv().err, Code::cancelled) << "later waits, too";
    if (detail::offload_pool() != nullptr) {
      EXPECT_THROW(offload([] {}), RemoteError);
    }
    EXPECT_EQ(empty_.try_recv().err, Code::channel_empty) << "what need not wait is done";
    return total_of(++handled_);
  }
  Message<Total> on(GetTotal::Reader) {
    EXPECT_FALSE(call_cancelled());
    EXPECT_FALSE(sleep_for(1us)) << "the next call is another one";
    return total_of(handled_);
  }

 private:
  Error wait(How how) {
    switch (how) {
      case How::receive:
        return empty_.recv().err;
      case How::send:
        return full_.send(number(1));
      case How::select:
        return select{receiving(empty_), sending(full_, full_.compose())}.err;
      case How::sleep:
        return sleep_for(10h);
      case How::join:
        return endless_.join();
      case How::ask:
        return silent_.ask<GetTotal>().get().err;
    }
    return {};
  }

  Sender<Note> log_;
  Receiver<Number> empty_;
  Sender<Number> full_;
  ActorRef endless_;
  Silent::AddressType silent_;
  int64_t handled_ = 0;
};

TEST(Call, EveryWaitEndsWhenItIsCancelled) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    const auto endless =
        system.spawn([](Receiver<Number> in) { (void)in.recv(); }, never.empty.receiver.clone());
    const auto silent = system.spawn<Silent>(never.empty.receiver.clone());
    const auto waits = system.spawn<Waits>(log_tx.clone(), never.empty.receiver.clone(),
                                           never.full.sender.clone(), endless, silent);
    int64_t handled = 0;
    for (const How how : kWays) {
      auto asking = waits.ask<Number>(number(static_cast<int64_t>(how)));
      EXPECT_EQ(line_of(log.recv()), "begins");
      EXPECT_TRUE(asking.cancel());
      EXPECT_EQ(asking.get().err, Code::cancelled);
      EXPECT_FALSE(asking.cancel()) << "once";
      EXPECT_EQ(line_of(log.recv()), "cancelled in a cancelled call") << static_cast<int>(how);
      EXPECT_EQ(waits.ask<GetTotal>().get().or_raise()->getValue(), ++handled);
    }
    endless.kill();
  });
}

// Handles what comes when it is let go; answers how many.
struct Gated : Actor<Gated, Ask<GetTotal, Total>, Number> {
  explicit Gated(Receiver<Number> gate) : gate_(std::move(gate)) {}
  void on(Number::Reader) { (void)gate_.recv(); }
  Message<Total> on(GetTotal::Reader) { return total_of(++handled_); }
  Receiver<Number> gate_;
  int64_t handled_ = 0;
};

TEST(Call, ThatNobodyHasBegunIsNotHandled) {
  on_every_scheduler([](System& system) {
    auto [gate, gate_rx] = system.channel<Number>(bounded(1));
    const auto gated = system.spawn<Gated>(std::move(gate_rx));
    EXPECT_FALSE(gated.send<Number>(number(0)));
    auto first = gated.ask<GetTotal>();
    auto second = gated.ask<GetTotal>();
    EXPECT_TRUE(first.cancel());
    EXPECT_FALSE(gate.send(number(0)));
    EXPECT_EQ(second.get().or_raise()->getValue(), 1);
    EXPECT_FALSE(second.cancel()) << "it has been answered";
  });
}

// One of a tree of calls: asks the next two, the last ones wait for ever.
struct Node : Actor<Node, Ask<Number, Total>> {
  Node(Sender<Note> log, Receiver<Number> never, std::vector<Address<Ask<Number, Total>>> below)
      : log_(std::move(log)), never_(std::move(never)), below_(std::move(below)) {}
  Message<Total> on(Number::Reader) {
    Error error;
    if (below_.empty()) {
      tell(log_, "waits");
      error = never_.recv().err;
    } else {
      std::vector<Asking<Total>> asked;
      for (const auto& each : below_) asked.push_back(each.ask<Number>(number(0)));
      for (auto& each : asked)
        if ((error = each.get().err)) break;
    }
    tell(log_, error.type());
    return total_of(0);
  }
  Sender<Note> log_;
  Receiver<Number> never_;
  std::vector<Address<Ask<Number, Total>>> below_;
};
using NodeAddress = Address<Ask<Number, Total>>;

NodeAddress tree(System& system, const Sender<Note>& log, const Never& never, int depth) {
  std::vector<NodeAddress> below;
  for (int i = 0; i < 2 && depth > 0; ++i) below.push_back(tree(system, log, never, depth - 1));
  return system.spawn<Node>(log.clone(), never.empty.receiver.clone(), std::move(below));
}

constexpr int kDepth = 3;
constexpr int kLeaves = 8;
constexpr int kNodes = 15;

void expect_all_cancelled(const Receiver<Note>& log) {
  for (int i = 0; i < kNodes; ++i) EXPECT_EQ(line_of(log.recv()), "cancelled");
}

TEST(Call, CancelsWhatItAskedOfOthersAndSoOn) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(unbounded);
    const auto root = tree(system, log_tx, never, kDepth);
    auto asking = root.ask<Number>(number(0));
    for (int i = 0; i < kLeaves; ++i) EXPECT_EQ(line_of(log.recv()), "waits");
    EXPECT_TRUE(asking.cancel());
    expect_all_cancelled(log);
  });
}

TEST(Call, OfOneThatIsKilledIsCancelled) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(unbounded);
    const auto root = tree(system, log_tx, never, kDepth);
    const auto asker =
        system.spawn([](NodeAddress asked) { (void)asked.ask<Number>(number(0)).get(); }, root);
    for (int i = 0; i < kLeaves; ++i) EXPECT_EQ(line_of(log.recv()), "waits");
    asker.kill();
    expect_all_cancelled(log);
  });
}

TEST(Call, WhoseAnswerIsAbandonedGoesOn) {
  on_every_scheduler([](System& system) {
    auto [gate, gate_rx] = system.channel<Number>(bounded(1));
    const auto gated = system.spawn<Gated>(std::move(gate_rx));
    EXPECT_FALSE(gated.send<Number>(number(0)));
    { const auto abandoned = gated.ask<GetTotal>(); }
    {
      auto late = gated.ask<GetTotal>();
      EXPECT_EQ(late.get(1us).err, Code::timeout);
    }
    EXPECT_FALSE(gate.send(number(0)));
    EXPECT_EQ(gated.ask<GetTotal>().get().or_raise()->getValue(), 3);
  });
}

// Computes until nobody wants it any more, and puts in order what it has begun.
struct Computes : Actor<Computes, Ask<Number, Total>> {
  Computes(Sender<Note> log, Receiver<Number> go) : log_(std::move(log)), go_(std::move(go)) {}
  Message<Total> on(Number::Reader) {
    tell(log_, "computes");
    while (!call_cancelled()) yield();
    {
      const Shield shield;
      EXPECT_FALSE(call_cancelled());
      EXPECT_EQ(go_.recv().or_raise()->getValue(), 7);
    }
    EXPECT_TRUE(call_cancelled());
    tell(log_, "in order");
    return total_of(0);
  }
  Sender<Note> log_;
  Receiver<Number> go_;
};

TEST(Call, MayAskWhetherItIsCancelledAndShieldWhatItHasToDo) {
  on_every_scheduler([](System& system) {
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    auto [go, go_rx] = system.channel<Number>(bounded(1));
    const auto computes = system.spawn<Computes>(std::move(log_tx), std::move(go_rx));
    auto asking = computes.ask<Number>(number(0));
    EXPECT_EQ(line_of(log.recv()), "computes");
    EXPECT_TRUE(asking.cancel());
    EXPECT_FALSE(go.send(number(7)));
    EXPECT_EQ(line_of(log.recv()), "in order");
  });
}

int waits_in_isolate(Sender<Note> log, Receiver<Number> never) {
  tell(log, "runs");
  tell(log, never.recv().err.type());
  return 1;
}

// Has a function run elsewhere.
struct Runs : Actor<Runs, Ask<Number, Total>> {
  Runs(Isolate isolate, Sender<Note> log, Receiver<Number> never)
      : isolate_(std::move(isolate)), log_(std::move(log)), never_(std::move(never)) {}
  Message<Total> on(Number::Reader) {
    EXPECT_EQ(isolate_.run(&waits_in_isolate, log_.clone(), never_.clone()).err, Code::cancelled);
    tell(log_, "left");
    return total_of(0);
  }
  Isolate isolate_;
  Sender<Note> log_;
  Receiver<Number> never_;
};

TEST(Call, CancelsTheFunctionThatItRunsInAnIsolate) {
  on_every_scheduler([](System& system) {
    const Never never(system);
    auto [log_tx, log] = system.channel<Note>(bounded(8));
    const auto runs =
        system.spawn<Runs>(system.create(), std::move(log_tx), never.empty.receiver.clone());
    auto asking = runs.ask<Number>(number(0));
    EXPECT_EQ(line_of(log.recv()), "runs");
    EXPECT_TRUE(asking.cancel());
    std::vector<std::string> lines{line_of(log.recv()), line_of(log.recv())};
    std::sort(lines.begin(), lines.end());
    EXPECT_EQ(lines, (std::vector<std::string>{"cancelled", "left"}));
  });
}

// Waits for a little while.
struct Naps : Actor<Naps, Ask<Number, Total>> {
  explicit Naps(Receiver<Number> in) : in_(std::move(in)) {}
  Message<Total> on(Number::Reader number) {
    const auto got = in_.recv();
    if (got.err) {
      EXPECT_TRUE(call_cancelled()) << got.err;
    }
    return total_of(got.err ? -1 : number.getValue());
  }
  Receiver<Number> in_;
};

TEST(Call, IsEitherCancelledOrAnswered) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    const auto naps = system.spawn<Naps>(rx.clone());
    for (int i = 0; i < 5; ++i) {
      auto asking = naps.ask<Number>(number(i));
      const Error sent = tx.send(number(0));
      EXPECT_FALSE(sent);
      if (asking.cancel()) {
        EXPECT_EQ(asking.get().err, Code::cancelled);
        // It may have been taken or not.
        (void)rx.try_recv();
      } else {
        EXPECT_EQ(asking.get().or_raise()->getValue(), i);
      }
    }
  });
}

}  // namespace
}  // namespace isola
