// The bound in bytes of an inbox: who sends beyond it waits or is told, its owner goes on.
#include <isola/actors/inbox_bytes.h>

#include <isola/isola.h>

#include <string>
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
using test::Total;

auto text(size_t size) {
  return [size](Note::Builder note) { note.setText(std::string(size, 'x').c_str()); };
}

// What a note of this size takes.
uint64_t held(System& system, size_t size) {
  auto note = compose<Note>(system.pool());
  text(size)(*note);
  return note.block()->held_bytes();
}

// Counts the bytes of the notes that it gets, and notes how many ever waited at once.
struct Reader : Actor<Reader, Note, Ask<GetTotal, Total>> {
  explicit Reader(uint64_t bound) : bound_(bound) {}
  void on(Note::Reader note) {
    sum_ += static_cast<int64_t>(note.getText().size());
    EXPECT_LE(heap_stats().inbox_bytes, bound_);
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(sum_);
    return total;
  }
  uint64_t bound_;
  int64_t sum_ = 0;
};

TEST(InboxBytes, SendersWaitForRoomInBytes) {
  on_every_scheduler([](System& system) {
    constexpr uint64_t kBound = 20_KiB;
    struct Flood : Actor<Flood, Ask<GetTotal, Total>> {
      explicit Flood(Reader::AddressType to) : to_(std::move(to)) {}
      Result<Total> on(GetTotal::Reader) {
        const size_t rounds = sync::kSimulated ? 10 : 50;
        for (size_t i = 0; i < rounds; ++i) {
          EXPECT_FALSE(to_.send<Note>(text(10)));
          EXPECT_FALSE(to_.send<Note>(text(3000)));
          EXPECT_FALSE(to_.send<Note>(text(12'000)));  // more than half of what may wait
        }
        return to_.ask<GetTotal>().get();
      }
      Reader::AddressType to_;
    };
    auto reader = system.spawn<Reader>({.inbox_bytes_max = kBound}, kBound);
    std::vector<Asking<Total>> askings;
    for (int i = 0; i < 3; ++i) askings.push_back(system.spawn<Flood>(reader).ask<GetTotal>());
    for (auto& asking : askings) EXPECT_TRUE(asking.get());
    const int64_t rounds = sync::kSimulated ? 10 : 50;
    EXPECT_EQ(reader.ask<GetTotal>().get().or_raise()->getValue(), 3 * rounds * 15'010);
    EXPECT_EQ(system.failures(), 0u);
  });
}

TEST(InboxBytes, AMessageThatNeverFitsIsItsSendersError) {
  on_every_scheduler([](System& system) {
    auto reader = system.spawn<Reader>({.name = "reader", .inbox_bytes_max = 2_KiB}, 2_KiB);
    auto note = compose<Note>(system.pool());
    text(10'000)(*note);
    const Error error = reader.send<Note>(std::move(note));
    EXPECT_EQ(error.code(), Code::message_too_large);
    EXPECT_NE(error.message().find("for \"reader\", 2048 bytes (inbox_bytes_max)"),
              std::string::npos)
        << error;
    EXPECT_EQ(note->getText().size(), 10'000u) << "the sender has it still";
    EXPECT_FALSE(reader.send<Note>(text(100)));
    EXPECT_EQ(reader.ask<GetTotal>().get().or_raise()->getValue(), 100) << "its owner goes on";
  });
}

struct Blocked : Actor<Blocked, Note, Number> {
  explicit Blocked(Receiver<Number> gate) : gate_(std::move(gate)) {}
  void on(Number::Reader) { (void)gate_.recv(); }
  void on(Note::Reader) {}
  Receiver<Number> gate_;
};

TEST(InboxBytes, WhoCantWaitIsToldThatTheInboxIsFull) {
  on_every_scheduler([](System& system) {
    auto [open, gate] = system.channel<Number>(bounded(1));
    const uint64_t bound = 2 * held(system, 600);
    auto blocked = system.spawn<Blocked>({.inbox_bytes_max = bound}, std::move(gate));
    EXPECT_FALSE(blocked.send<Number>());
    const auto send = [&] {
      auto note = compose<Note>(system.pool());
      text(600)(*note);
      return blocked.try_send<Note>(std::move(note));
    };
    // The number may still wait, so it may be one less.
    Error error;
    int sent = 0;
    while (!(error = send())) ++sent;
    EXPECT_EQ(error, Code::inbox_full);
    EXPECT_GE(sent, 1);
    EXPECT_LE(sent, 2);
    EXPECT_FALSE(open.send([](Number::Builder) {}));
    EXPECT_TRUE(eventually([&] { return !send(); })) << "there is room again";
  });
}

TEST(InboxBytes, AnActorThatFillsItsOwnInboxIsTold) {
  on_every_scheduler([](System& system) {
    struct Stuck : Actor<Stuck, Note, Ask<GetTotal, Total>> {
      void on(Note::Reader) {}
      Message<Total> on(GetTotal::Reader) {
        int64_t sent = 0;
        Error error;
        while (!(error = self().send<Note>(text(600)))) ++sent;
        EXPECT_EQ(error, Code::inbox_full);
        auto total = compose<Total>();
        total->setValue(sent);
        return total;
      }
    };
    auto stuck = system.spawn<Stuck>({.inbox_bytes_max = 5 * held(system, 600) + 63});
    EXPECT_EQ(stuck.ask<GetTotal>().get().or_raise()->getValue(), 5);
    EXPECT_EQ(stuck.ask<GetTotal>().get().or_raise()->getValue(), 5) << "the room is given back";
  });
}

TEST(InboxBytes, WhoWaitsForRoomIsToldWhenTheActorEnds) {
  on_every_scheduler([](System& system) {
    auto [open, gate] = system.channel<Number>(bounded(1));
    auto blocked = system.spawn<Blocked>({.inbox_bytes_max = 3_KiB}, std::move(gate));
    EXPECT_FALSE(blocked.send<Number>());
    auto [done, results] = system.channel<Total>(bounded(1));
    system.spawn(
        [](Address<Note> to, Sender<Total> done) {
          Error error;
          while (!(error = to.send<Note>(text(600)))) {
          }
          done.send([&](Total::Builder t) { t.setValue(error == Code::no_such_actor); });
        },
        Address<Note>(blocked), std::move(done));
    ASSERT_TRUE(eventually([&] { return system.pool_stats().live >= 3; }));
    blocked.kill();
    EXPECT_EQ(results.recv().or_raise()->getValue(), 1);
  });
}

TEST(InboxBytes, TheSystemsBoundIsForAllThatSayNothingElse) {
  System system({.workers = 1, .inbox_bytes_max = 2_KiB});
  auto bounded_one = system.spawn<Reader>(2_KiB);
  EXPECT_EQ(bounded_one.send<Note>(text(10'000)), Code::message_too_large);
  auto other = system.spawn<Reader>(SpawnOptions{.inbox_bytes_max = 64_KiB}, 64_KiB);
  EXPECT_FALSE(other.send<Note>(text(10'000)));
  auto unbounded_one =
      system.spawn<Reader>(SpawnOptions{.inbox_bytes_max = UINT64_MAX}, UINT64_MAX);
  EXPECT_FALSE(unbounded_one.send<Note>(text(1'000'000)));
  EXPECT_EQ(unbounded_one.ask<GetTotal>().get().or_raise()->getValue(), 1'000'000);
}

}  // namespace
}  // namespace isola
