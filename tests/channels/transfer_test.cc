// Messages that go through channels, between isolates and threads: what arrives, and where it lies.
#include <isola/channels/channel.h>

#include <isola/isola.h>

#include <string_view>
#include <thread>
#include <type_traits>

#include "tests/channels/members.h"

namespace isola {
namespace {

using test::Note;
using test::Number;
using test::number;
using test::Numbers;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;

// The address of a message's words.
uintptr_t place_of(const detail::BlockOwner& message) {
  return reinterpret_cast<uintptr_t>(message.block()->words);
}

// Composes a note, sends it, and says where it was composed; 0 if it was not sent, or not taken.
uintptr_t send_note(Sender<Note> out, std::string text) {
  auto note = out.compose();
  note->setText(text);
  const uintptr_t place = place_of(note);
  return !out.send(std::move(note)) && !note && note.block() == nullptr ? place : 0;
}
// The same without waiting.
uintptr_t try_send_note(Sender<Note> out, std::string text) {
  auto note = out.compose();
  note->setText(text);
  const uintptr_t place = place_of(note);
  return !out.try_send(std::move(note)) && !note ? place : 0;
}

template <class M>
concept Writable = requires(M message) { message->setText("other"); };

TEST(Transfer, InOneIsolateLeavesTheSenderNothing) {
  // Covers: CH-034
  static_assert(Writable<Message<Note>> && !Writable<Delivery<Note>>);
  static_assert(!std::is_copy_constructible_v<Message<Note>>);
  static_assert(!std::is_copy_assignable_v<Message<Note>>);
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(1));
    auto note = tx.compose();
    note->setText("once");
    const uintptr_t place = place_of(note);
    const void* text = note->getText().begin();
    EXPECT_FALSE(tx.send(std::move(note)));
    EXPECT_FALSE(note);
    EXPECT_EQ(note.block(), nullptr) << "there is nothing to read or write through it";
    EXPECT_EQ(tx.send(std::move(note)), Code::empty_message);
    const auto got = rx.recv().or_raise();
    EXPECT_EQ(got->getText(), "once");
    EXPECT_EQ(got->getText().begin(), text);
    EXPECT_EQ(place_of(got), place);
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

// Receives a note, checks where it lies, and answers with one of its own; says where that lies.
uintptr_t answer(Receiver<Note> in, uintptr_t place, Sender<Note> out) {
  const auto got = in.recv().or_raise();
  EXPECT_EQ(got->getText(), "a question");
  EXPECT_EQ(place_of(got), place);
  return send_note(std::move(out), "an answer");
}

TEST(Transfer, ThereAndBackBetweenIsolates) {
  // Covers: CH-036
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(1));
    auto [back_tx, back_rx] = system.channel<Note>(bounded(1));
    Isolate a = system.create();
    Isolate b = system.create();
    const uintptr_t there = a.run(&send_note, std::move(tx), std::string("a question")).or_raise();
    ASSERT_NE(there, 0u) << "the sender was left with an empty message";
    const uintptr_t back =
        b.run(&answer, std::move(rx), uintptr_t{there}, std::move(back_tx)).or_raise();
    ASSERT_NE(back, 0u);
    const auto receive = [](Receiver<Note> in, uintptr_t place) {
      const auto got = in.recv().or_raise();
      return got->getText() == "an answer" && place_of(got) == place;
    };
    EXPECT_TRUE(a.run(receive, std::move(back_rx), uintptr_t{back}).or_raise());
    EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
  });
}

// Polls until a message comes, and forwards it as it is. Says how often it found nothing.
int64_t echo_one(const Receiver<Note>& in, const Sender<Note>& out) {
  int64_t polls = 0;
  for (;;) {
    auto [note, err] = in.try_recv();
    if (!err) {
      EXPECT_FALSE(out.send(std::move(note)));
      return polls;
    }
    EXPECT_EQ(err, Code::channel_empty);
    ++polls;
    detail::Execution::current().cell != nullptr ? yield() : test::give_way();
  }
}

// What the test sends to an echo when that has found nothing at least once.
void expect_echo(const Channel<Note>& there, const Receiver<Note>& back) {
  auto note = there.sender.compose();
  note->setText("echo");
  const uintptr_t place = place_of(note);
  EXPECT_FALSE(there.sender.send(std::move(note)));
  const auto got = back.recv().or_raise();
  EXPECT_EQ(got->getText(), "echo");
  EXPECT_EQ(place_of(got), place);
}

TEST(Transfer, ThroughAnEchoThatPolls) {
  // Covers: CH-037
  on_real_scheduler([](System& system) {
    const auto there = system.channel<Note>(bounded(1));
    auto [back_tx, back_rx] = system.channel<Note>(bounded(1));
    test::Thread echo([in = there.receiver.clone(), out = std::move(back_tx)] {
      (void)echo_one(in, out);
    });
    expect_echo(there, back_rx);
    echo.join();
  });
  on_every_scheduler([](System& system) {
    const auto there = system.channel<Note>(bounded(1));
    auto [back_tx, back_rx] = system.channel<Note>(bounded(1));
    const auto echo = [](Receiver<Note> in, Sender<Note> out) { (void)echo_one(in, out); };
    const ActorRef actor = system.spawn(echo, there.receiver.clone(), std::move(back_tx));
    expect_echo(there, back_rx);
    EXPECT_FALSE(actor.join());
  });
}

TEST(Transfer, ToAnIsolateThatPollsAndRepliesWithSomethingElse) {
  // Covers: CH-038
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(1));
    auto [back_tx, back_rx] = system.channel<Total>(bounded(1));
    const auto poll_and_reply = [](Receiver<Note> in, Sender<Total> out) {
      Result<Note> got = in.try_recv();
      while (got.err == Code::channel_empty) {
        yield();
        got = in.try_recv();
      }
      const auto length = static_cast<int64_t>(got.value->getText().size());
      EXPECT_FALSE(out.send([&](Total::Builder total) { total.setValue(length); }));
    };
    const ActorRef actor = system.spawn(poll_and_reply, std::move(rx), std::move(back_tx));
    EXPECT_NE(send_note(tx.clone(), "eleven char"), 0u);
    EXPECT_EQ(back_rx.recv().or_raise()->getValue(), 11);
    EXPECT_FALSE(actor.join());
    EXPECT_EQ(back_rx.recv().err, Code::channel_closed) << "nothing else comes";
    EXPECT_EQ(tx.size(), 0u);
  });
}

TEST(Transfer, GivesTheFallbackWhenThereIsNothing) {
  // Covers: CH-040
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(1));
    auto message = system.compose<Note>();
    message->setText("fallback");
    Delivery<Note> fallback(std::move(message));
    const uintptr_t place = place_of(fallback);
    fallback = rx.try_recv().value_or(std::move(fallback));
    EXPECT_EQ(place_of(fallback), place);
    EXPECT_EQ(fallback->getText(), "fallback");
    auto nothing_set = rx.try_recv().value_or(Delivery<Note>(system.compose<Note>()));
    ASSERT_TRUE(nothing_set);
    EXPECT_FALSE(nothing_set->hasText());
    EXPECT_FALSE(rx.try_recv().value_or(Delivery<Note>()));
    EXPECT_NE(send_note(tx.clone(), "sent"), 0u);
    EXPECT_EQ(rx.try_recv().value_or(std::move(fallback))->getText(), "sent");
  });
}

TEST(Transfer, WithoutWaitingBetweenIsolatesBothWays) {
  // Covers: CH-042
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(1));
    Isolate isolates[] = {system.create(), system.create()};
    const auto try_receive = [](Receiver<Note> in, std::string text, uintptr_t place) {
      const auto [got, err] = in.try_recv();
      return !err && got->getText() == text && place_of(got) == place;
    };
    for (const int from : {0, 1}) {
      const std::string text = from == 0 ? "there" : "back";
      const uintptr_t place =
          isolates[from].run(&try_send_note, tx.clone(), std::string(text)).or_raise();
      ASSERT_NE(place, 0u);
      EXPECT_TRUE(
          isolates[1 - from].run(try_receive, rx.clone(), std::string(text), uintptr_t{place})
              .or_raise());
    }
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
  });
}

TEST(Transfer, TellsAnEmptyMessageFromNothing) {
  // Covers: CH-049
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<test::Value>(bounded(8));
    const auto receive = [&rx = rx, &system] {
      auto fallback = system.compose<test::Value>();
      fallback->setNumber(-1);
      return rx.try_recv().value_or(Delivery<test::Value>(std::move(fallback)));
    };
    const auto bytes = [](std::string_view text) {
      return capnp::Data::Reader(reinterpret_cast<const kj::byte*>(text.data()), text.size());
    };
    constexpr std::string_view kFirst("\0first", 6);
    EXPECT_EQ(receive()->getNumber(), -1);
    EXPECT_FALSE(tx.send([](test::Value::Builder) {}));
    EXPECT_FALSE(tx.send([](test::Value::Builder value) { value.setNumber(1); }));
    EXPECT_FALSE(tx.send([&](test::Value::Builder value) { value.setBytes(bytes(kFirst)); }));
    EXPECT_FALSE(tx.send([&](test::Value::Builder value) { value.setBytes(bytes("second")); }));
    const auto empty = receive();
    EXPECT_EQ(empty->getNumber(), 0);
    EXPECT_FALSE(empty->hasBytes());
    EXPECT_EQ(receive()->getNumber(), 1);
    EXPECT_EQ(receive()->getBytes(), bytes(kFirst));
    EXPECT_EQ(receive()->getBytes(), bytes("second"));
    EXPECT_EQ(receive()->getNumber(), -1);
  });
}

TEST(Transfer, ThatFailsLeavesAReceivedMessageAsItCame) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Note>(bounded(1));
        auto [full_tx, full_rx] = system.channel<Note>(bounded(1));
        Isolate isolate = system.create();
        EXPECT_NE(isolate.run(&send_note, std::move(tx), std::string("first")).or_raise(), 0u);
        EXPECT_NE(send_note(full_tx.clone(), "fills it"), 0u);
        auto got = rx.recv().or_raise();
        EXPECT_EQ(got.sender(), isolate.id().word());
        EXPECT_EQ(full_tx.try_send(std::move(got)), Code::channel_full);
        ASSERT_TRUE(got);
        EXPECT_EQ(got.sender(), isolate.id().word()) << "nobody else has sent it";
        EXPECT_EQ(select(sending(full_tx, std::move(got)), otherwise()).index, 1u);
        ASSERT_TRUE(got);
        EXPECT_EQ(got.sender(), isolate.id().word());
      },
      10);
}

TEST(Transfer, KeepsTheOrderWhicheverWayOneReceives) {
  // Covers: QU-036
  on_every_scheduler([](System& system) {
    for (const Capacity& capacity : {bounded(20), unbounded}) {
      auto [tx, rx] = system.channel<Number>(capacity);
      for (int64_t i = 0; i < 20; ++i) EXPECT_FALSE(tx.send(number(i)));
      for (int64_t i = 0; i < 20; ++i)
        EXPECT_EQ((i % 2 == 0 ? rx.recv() : rx.try_recv()).or_raise()->getValue(), i);
    }
    auto [tx, rx] = system.channel<Numbers>(bounded(1));
    auto message = tx.compose();
    auto list = message->initValues(3);
    for (unsigned i = 0; i < 3; ++i) list.set(i, 10 - i);
    const uintptr_t place = place_of(message);
    EXPECT_FALSE(tx.send(std::move(message)));
    const auto got = rx.recv().or_raise();
    ASSERT_EQ(got->getValues().size(), 3u);
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(got->getValues()[i], 10 - i);
    EXPECT_EQ(place_of(got), place);
  });
}

TEST(Transfer, ThroughTwoChannelsShowsTheSameSizesToBothSides) {
  // Covers: QU-038
  on_every_scheduler([](System& system) {
    const auto there = system.channel<Note>(bounded(4));
    const auto back = system.channel<Note>(bounded(4));
    Isolate a = system.create();
    Isolate b = system.create();
    const auto sizes_in = [&](Isolate& isolate) {
      using Sizes = std::pair<uint64_t, uint64_t>;
      return isolate
          .run([](Sender<Note> tx, Receiver<Note> rx) { return Sizes(tx.size(), rx.size()); },
               there.sender.clone(), back.receiver.clone())
          .or_raise();
    };
    const auto expect_sizes = [&](uint64_t of_there, uint64_t of_back) {
      EXPECT_EQ(sizes_in(a), std::pair(of_there, of_back));
      EXPECT_EQ(sizes_in(b), std::pair(of_there, of_back));
      EXPECT_EQ(there.receiver.size(), of_there);
      EXPECT_EQ(system.channels().size(), 2u);
    };
    expect_sizes(0, 0);
    const uintptr_t question =
        a.run(&send_note, there.sender.clone(), std::string("a question")).or_raise();
    EXPECT_NE(question, 0u);
    expect_sizes(1, 0);
    const uintptr_t reply =
        b.run(&answer, there.receiver.clone(), uintptr_t{question}, back.sender.clone()).or_raise();
    EXPECT_NE(reply, 0u);
    expect_sizes(0, 1);
    const auto receive = [](Receiver<Note> in) { return in.recv().or_raise(); };
    const auto got = a.run(receive, back.receiver.clone()).or_raise();
    EXPECT_EQ(got->getText(), "an answer");
    EXPECT_EQ(place_of(got), reply);
    expect_sizes(0, 0);
  });
}

}  // namespace
}  // namespace isola
