// Limits: of bytes that wait, of time (durations, points in time, deadlines), and file descriptors
// for event loops.
#include <isola/isola.h>

#include <poll.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::with_value;

Message<Note> note_of(System& system, size_t letters) {
  auto note = system.compose<Note>();
  note->setText(std::string(letters, 'x'));
  return note;
}
uint64_t bytes_of(System& system, size_t letters) {
  return note_of(system, letters).block()->held_bytes();
}

TEST(ByteBound, SendersWaitWhileSoManyBytesWait) {
  on_every_scheduler(
      [](System& system) {
        const uint64_t each = bytes_of(system, 5000);
        auto [tx, rx] = system.channel<Note>(bounded(100).bytes(3 * each));
        for (int i = 0; i < 3; ++i) EXPECT_FALSE(tx.try_send(note_of(system, 5000)));
        EXPECT_TRUE(tx.full());
        EXPECT_EQ(system.ledger().find(tx.id()).or_raise().bytes, 3 * each);
        EXPECT_EQ(tx.try_send(note_of(system, 5000)), Code::channel_full);
        EXPECT_EQ(tx.send_for(note_of(system, 5000), 1ms), Code::timeout);
        system.spawn(
            [](Sender<Note> out, Message<Note> note) { EXPECT_FALSE(out.send(std::move(note))); },
            tx.clone(), note_of(system, 5000));
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
        EXPECT_TRUE(rx.recv());
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send, 0)) << "it was let in";
        EXPECT_EQ(system.ledger().find(tx.id()).or_raise().bytes, 3 * each);
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(rx.try_recv());
        EXPECT_EQ(system.ledger().find(tx.id()).or_raise().bytes, 0u);
        EXPECT_EQ(tx.capacity().bytes(), 3 * each);
      },
      20);
}

TEST(ByteBound, OneThatIsLargerThanAllPassesAlone) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Note>(unbounded.bytes(bytes_of(system, 10)));
        EXPECT_FALSE(tx.try_send(note_of(system, 100'000)));
        EXPECT_EQ(tx.try_send(note_of(system, 1)), Code::channel_full);
        EXPECT_EQ(rx.recv().or_raise()->getText().size(), 100'000u);
        EXPECT_FALSE(tx.try_send(note_of(system, 1)));
        EXPECT_EQ(tx.try_send(note_of(system, 100'000)), Code::channel_full);
        EXPECT_EQ(rx.recv().or_raise()->getText().size(), 1u);
      },
      20);
}

TEST(ByteBound, ASmallOneDoesNotOvertakeALargeOneThatWaits) {
  on_every_scheduler(
      [](System& system) {
        const uint64_t large = bytes_of(system, 50'000);
        auto [tx, rx] = system.channel<Note>(unbounded.bytes(large));
        EXPECT_FALSE(tx.send(note_of(system, 1)));
        system.spawn(
            [](Sender<Note> out, Message<Note> note) { EXPECT_FALSE(out.send(std::move(note))); },
            tx.clone(), note_of(system, 50'000));
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
        EXPECT_EQ(tx.try_send(note_of(system, 2)), Code::channel_full) << "although it would fit";
        EXPECT_EQ(rx.recv().or_raise()->getText().size(), 1u);
        EXPECT_EQ(rx.recv().or_raise()->getText().size(), 50'000u);
      },
      20);
}

TEST(ByteBound, ASmallOneGoesOnWhenTheLargeOneBeforeItGivesUp) {
  on_every_scheduler(
      [](System& system) {
        const uint64_t large = bytes_of(system, 50'000);
        auto [tx, rx] = system.channel<Note>(unbounded.bytes(large));
        EXPECT_FALSE(tx.send(note_of(system, 1)));
        auto waiting_one = system.spawn(
            [](Sender<Note> out, Message<Note> note) {
              (void)select{sending(out, std::move(note)), after(1h)};
            },
            tx.clone(), note_of(system, 50'000));
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send, 1));
        auto [done, results] = system.channel<Total>(bounded(1));
        system.spawn(
            [](Sender<Note> out, Message<Note> note, Sender<Total> done) {
              EXPECT_FALSE(out.send(std::move(note)));
              EXPECT_FALSE(done.send(number(1)));
            },
            tx.clone(), note_of(system, 2), std::move(done));
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send, 2));
        waiting_one.kill();
        EXPECT_EQ(value_of(results.recv()), 1);
        EXPECT_EQ(rx.size(), 2u);
      },
      20);
}

TEST(ByteBound, DroppingMakesAsMuchRoomAsIsNeeded) {
  on_every_scheduler(
      [](System& system) {
        const uint64_t small = bytes_of(system, 1000);
        auto [tx, rx] = system.channel<Note>(unbounded.bytes(bytes_of(system, 4000)),
                                             {.overflow = Overflow::drop_oldest});
        while (system.ledger().find(tx.id()).or_raise().dropped == 0)
          EXPECT_FALSE(tx.send(note_of(system, 1000)));
        EXPECT_FALSE(tx.send(note_of(system, 4000)));
        const auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_LE(info.bytes, *tx.capacity().bytes());
        EXPECT_EQ(info.sent, info.dropped + info.size);
        EXPECT_GT(info.dropped, 1u) << small;
        size_t last = 0;
        while (auto note = rx.try_recv()) last = note.value->getText().size();
        EXPECT_EQ(last, 4000u);
      },
      10);
}

TEST(ByteBound, ANewerOneInThePlaceOfAnOlderOneKeepsTheBound) {
  on_every_scheduler(
      [](System& system) {
        const auto sample = [&system](const char* text, size_t more) {
          auto message = system.compose<test::Sample>(more);
          message->setText(text);
          return message;
        };
        const uint64_t small = sample("a", 0).block()->held_bytes();
        auto [tx, rx] = system.channel<test::Sample>(
            unbounded.bytes(4 * small), {.overflow = Overflow::keep_latest, .key = "text"});
        for (const char* key : {"a", "b", "c", "d"}) EXPECT_FALSE(tx.send(sample(key, 0)));
        EXPECT_EQ(rx.size(), 4u);
        EXPECT_FALSE(tx.send(sample("d", 60))) << "a larger one";
        const auto info = system.ledger().find(tx.id()).or_raise();
        EXPECT_LE(info.bytes, 4 * small);
        EXPECT_EQ(info.sent, info.dropped + info.size);
      },
      5);
}

TEST(TimeLimit, ReceivesAndSendsEndAtThePointInTimeThatIsGiven) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(1));
        const auto until = clock::now() + 5ms;
        EXPECT_EQ(rx.recv_until(until).err, Code::timeout);
        EXPECT_GE(clock::now(), until);
        EXPECT_EQ(rx.recv_until(clock::now() - 1h).err, Code::timeout) << "the past";
        EXPECT_EQ(rx.recv_until(std::chrono::system_clock::now() + 2ms).err, Code::timeout);
        EXPECT_EQ(rx.recv_until(std::chrono::steady_clock::now() + 2ms).err, Code::timeout);
        Message<Number> message = with_value(system, 1);
        EXPECT_FALSE(tx.send_until(std::move(message), clock::now() - 1h)) << "there is room";
        message = with_value(system, 2);
        const auto then = clock::now() + 5ms;
        EXPECT_EQ(tx.send_until(std::move(message), then), Code::timeout);
        EXPECT_GE(clock::now(), then);
        EXPECT_EQ(tx.send_until(std::move(message), std::chrono::system_clock::now() + 2ms),
                  Code::timeout);
        ASSERT_TRUE(message);
        EXPECT_EQ(value_of(rx.recv_until(clock::now() - 1h)), 1) << "it was there";
        EXPECT_EQ(rx.try_recv().err, Code::channel_empty) << "what timed out was withdrawn";
        system.spawn([](Sender<Number> out) { EXPECT_FALSE(out.send(number(3))); }, tx.clone());
        EXPECT_EQ(value_of(rx.recv_until(clock::now() + 1h)), 3);
        Delivery<Number> delivery(std::move(message));
        EXPECT_FALSE(tx.send_until(std::move(delivery), std::chrono::steady_clock::now() + 1h));
        EXPECT_EQ(value_of(rx.recv()), 2);
      },
      20);
}

TEST(TimeLimit, VirtualTimeGoesExactlyAsFarAsTheLimits) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    test::on_seed(seed, [](System& system) {
      auto [tx, rx] = system.channel<Number>(rendezvous);
      const auto start = clock::now();
      EXPECT_EQ(rx.recv_for(30s).err, Code::timeout);
      EXPECT_EQ(clock::now() - start, 30s);
      EXPECT_EQ(tx.send_for(with_value(system, 1), 1h), Code::timeout);
      EXPECT_EQ(clock::now() - start, 1h + 30s);
      EXPECT_EQ((select{receiving(rx), after(2h), after(1min)}.index), 2u);
      EXPECT_EQ(clock::now() - start, 1h + 90s);
      EXPECT_EQ(rx.recv_until(start + 2h).err, Code::timeout);
      EXPECT_EQ(clock::now() - start, 2h);
    });
  }
}

bool is_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

TEST(ReadableFd, IsReadableExactlyWhenAReceiveWouldNotWait) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(bounded(2));
        const int fd = rx.readable_fd().or_raise();
        EXPECT_EQ(rx.clone().readable_fd().or_raise(), fd) << "one for the channel";
        EXPECT_FALSE(is_readable(fd));
        for (int round = 0; round < 3; ++round) {
          for (int i = 0; i < 2; ++i) EXPECT_FALSE(tx.send(number(i)));
          EXPECT_TRUE(is_readable(fd));
          EXPECT_TRUE(is_readable(fd)) << "until somebody receives";
          EXPECT_TRUE(rx.recv());
          EXPECT_TRUE(is_readable(fd)) << "one is left";
          EXPECT_EQ((select{receiving(rx)}.index), 0u);
          EXPECT_FALSE(is_readable(fd));
          EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
        }
        EXPECT_FALSE(tx.send(number(1)));
        auto [tx2, rx2] = system.channel<Number>(bounded(1));
        EXPECT_FALSE(tx2.send(number(1)));
        EXPECT_TRUE(is_readable(rx2.readable_fd().or_raise())) << "made after the message came";
        EXPECT_FALSE(tx.close());
        EXPECT_TRUE(is_readable(fd));
        EXPECT_TRUE(rx.recv());
        EXPECT_TRUE(is_readable(fd)) << "closed and drained";
        EXPECT_EQ(rx.try_recv().err, Code::channel_closed);
        EXPECT_EQ(rx2.close(Force::yes).or_raise(), 1u);
        EXPECT_TRUE(is_readable(rx2.readable_fd().or_raise()));
      },
      10);
}

TEST(ReadableFd, OfARendezvousIsReadableWhileASenderWaits) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(rendezvous);
        const int fd = rx.readable_fd().or_raise();
        auto sender =
            system.spawn([](Sender<Number> out) { (void)out.send(number(1)); }, tx.clone());
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
        EXPECT_TRUE(is_readable(fd));
        EXPECT_EQ(value_of(rx.try_recv()), 1);
        EXPECT_FALSE(is_readable(fd));
        sender = system.spawn(
            [](Sender<Number> out) {
              auto message = out.compose();
              (void)select{sending(out, std::move(message)), after(1h)};
            },
            tx.clone());
        ASSERT_TRUE(so_many_wait(system, tx.id(), Side::send));
        EXPECT_TRUE(is_readable(fd)) << "in a select, too";
        sender.kill();
        EXPECT_FALSE(sender.join());
        EXPECT_FALSE(is_readable(fd)) << "it has left";
        EXPECT_EQ(tx.send_for(with_value(system, 1), 1ms), Code::timeout);
        EXPECT_FALSE(is_readable(fd));
        tx.release();
        EXPECT_TRUE(is_readable(fd)) << "closed";
      },
      10);
}

TEST(ReadableFd, WakesAThreadThatPollsIt) {
  on_real_scheduler([](System& system) {
    Channel<Number> c = system.channel<Number>(bounded(1));
    auto turns = system.channel<Total>(rendezvous);
    test::Thread loop([&, rx = c.receiver.clone(), tell = std::move(turns.sender)] {
      pollfd wanted{rx.readable_fd().or_raise(), POLLIN, 0};
      for (;;) {
        // Others have to get on in a simulation, which has one thread of the system.
        while (sync::kSimulated && ::poll(&wanted, 1, 0) == 0) test::give_way();
        EXPECT_EQ(::poll(&wanted, 1, 30'000), 1);
        const auto got = rx.try_recv();
        if (got.err == Code::channel_closed) break;
        if (got.err) continue;
        EXPECT_FALSE(tell.send(number(value_of(got))));
      }
    });
    for (int64_t i = 0; i < 300; ++i) {
      EXPECT_FALSE(c.sender.send(number(i)));
      EXPECT_EQ(value_of(turns.receiver.recv()), i);
    }
    EXPECT_FALSE(c.sender.close());
    loop.join();
  });
}

}  // namespace
}  // namespace isola
