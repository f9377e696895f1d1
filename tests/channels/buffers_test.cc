// Shared buffers that travel through channels: one memory, with whatever way to send and to wait.
#include <isola/serialization/shared_buffer.h>

#include <isola/isola.h>
#include <isola/serialization/seal.h>

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>

#include "tests/channels/members.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::on_seed;
using test::Total;
using test::wait_until_waiting;

SharedBuffer made(std::string_view text) {
  SharedBuffer buffer = SharedBuffer::create(16).or_raise();
  for (size_t i = 0; i < text.size(); ++i) buffer.bytes()[i] = static_cast<std::byte>(text[i]);
  return buffer;
}
std::string text_of(const SharedBuffer& buffer) {
  return reinterpret_cast<const char*>(buffer.bytes().data());
}

Message<Number> carrying(const Sender<Number>& tx, const SharedBuffer& buffer) {
  auto message = tx.compose();
  message->setValue(message.attach(SharedBuffer(buffer)));
  return message;
}
SharedBuffer taken(const Delivery<Number>& message) {
  return message.attached<SharedBuffer>(static_cast<uint32_t>(message->getValue())).or_raise();
}

// Writes into both, and looks through the other.
void expect_one_memory(const SharedBuffer& a, const SharedBuffer& b) {
  EXPECT_EQ(a.bytes().data(), b.bytes().data());
  a.bytes()[0] = std::byte{'1'};
  EXPECT_EQ(b.bytes()[0], std::byte{'1'});
  b.bytes()[1] = std::byte{'2'};
  EXPECT_EQ(a.bytes()[1], std::byte{'2'});
}

// In an isolate: receives a buffer, compares it, writes into it, and sends it back.
void change(Receiver<Number> in, Sender<Number> out, std::string expected, bool wait) {
  auto message = (wait ? in.recv() : in.try_recv()).or_raise();
  const SharedBuffer buffer = taken(message);
  EXPECT_EQ(text_of(buffer), expected);
  buffer.bytes()[3] = std::byte{'!'};
  EXPECT_FALSE(out.send(std::move(message)));
}

TEST(Buffers, AreOneMemoryForSenderAndReceiver) {
  // Covers: CH-053, CH-054
  for (const bool wait : {true, false}) {
    on_every_scheduler([&](System& system) {
      auto [tx, rx] = system.channel<Number>(bounded(1));
      auto [back_tx, back_rx] = system.channel<Number>(bounded(1));
      const SharedBuffer buffer = made("abc");
      auto message = carrying(tx, buffer);
      EXPECT_FALSE(wait ? tx.send(std::move(message)) : tx.try_send(std::move(message)));
      buffer.bytes()[0] = std::byte{'A'};  // after the send
      Isolate isolate = system.create();
      EXPECT_FALSE(isolate
                       .run(&change, std::move(rx), std::move(back_tx), std::string("Abc"),
                            bool{wait})
                       .err);
      EXPECT_EQ(text_of(buffer), "Abc!");
      const auto back = (wait ? back_rx.recv() : back_rx.try_recv()).or_raise();
      expect_one_memory(buffer, taken(back));
      EXPECT_FALSE(isolate.close());
      expect_one_memory(buffer, taken(back));
    });
  }
}

template <class M>
concept Writable = requires(M message) { message->setText("other"); };

TEST(Buffers, AreTheOnlyThingThatIsSharedAndWritable) {
  // Covers: CH-053
  static_assert(Writable<Message<Note>> && !Writable<Delivery<Note>>);
  static_assert(std::is_const_v<decltype(std::declval<Blob&>().bytes())::element_type>);
  using Shared = decltype(std::declval<const SharedBuffer&>().bytes());
  static_assert(!std::is_const_v<Shared::element_type>);
  static_assert(!std::is_copy_constructible_v<Message<Note>>);
  System system;
  auto [tx, rx] = system.channel<Note>(bounded(1));
  std::string own = "what a blob is copied from stays apart from it";
  const Blob blob = Blob::copy_of(own);
  auto note = tx.compose();
  note->setText("sent");
  (void)note.attach(Blob(blob));
  Note::Builder late = *note;
  EXPECT_FALSE(tx.send(std::move(note)));
  EXPECT_FALSE(note) << "nothing is left to write through";
  own[0] = 'W';
  auto got = rx.recv().or_raise();
  EXPECT_EQ(got.attached<Blob>(1).or_raise().text()[0], 'w');
  if constexpr (detail::kChecked) {
    // A pointer into the message, kept against the rules, is found out.
    int reported = 0;
    set_seal_violation_handler(system.pool(), [&](const SealViolation&) { ++reported; });
    late.setText("late");
    got = Delivery<Note>();
    EXPECT_EQ(reported, 1);
    set_seal_violation_handler(system.pool(), {});
  }
}

TEST(Buffers, SentOnARendezvousChannelWaitForASlowReceiver) {
  // Covers: CH-055
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    auto [done_tx, done_rx] = system.channel<Total>(bounded(1));
    const auto send = [](Sender<Number> out, Sender<Total> done) {
      EXPECT_FALSE(out.send(carrying(out, made("slow"))));
      EXPECT_FALSE(done.send([](Total::Builder) {}));
    };
    system.spawn(send, std::move(tx), std::move(done_tx));
    EXPECT_TRUE(wait_until_waiting(system, rx.id(), Side::send, 1));
    for (int i = 0; i < 20; ++i) {
      yield();
      EXPECT_EQ(done_rx.try_recv().err, Code::channel_empty) << "the send has not returned";
    }
    EXPECT_EQ(text_of(taken(rx.recv().or_raise())), "slow");
    EXPECT_TRUE(done_rx.recv());
  });
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    on_seed(seed, [](System& system) {
      auto [tx, rx] = system.channel<Number>(rendezvous);
      const auto receive_late = [](Receiver<Number> in) {
        EXPECT_FALSE(sleep_for(3s));
        EXPECT_EQ(text_of(taken(in.recv().or_raise())), "slow");
      };
      system.spawn(receive_late, std::move(rx));
      EXPECT_FALSE(tx.send(carrying(tx, made("slow"))));
      EXPECT_EQ(std::chrono::nanoseconds(system.clock().now_ns()), 3s);
    });
  }
}

TEST(Buffers, SentToAReceiverThatWaitsAlreadyGoAtOnce) {
  // Covers: CH-056
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(rendezvous);
    auto [texts_tx, texts_rx] = system.channel<Note>(bounded(1));
    const auto receive = [](Receiver<Number> in, Sender<Note> out) {
      const SharedBuffer buffer = taken(in.recv().or_raise());
      EXPECT_FALSE(out.send([&](Note::Builder note) { note.setText(text_of(buffer)); }));
    };
    system.spawn(receive, std::move(rx), std::move(texts_tx));
    EXPECT_TRUE(wait_until_waiting(system, tx.id(), Side::receive, 1));
    const int64_t start_ns = system.clock().now_ns();
    auto message = carrying(tx, made("early"));
    EXPECT_FALSE(tx.send_for(std::move(message), 0s)) << "there is no time to wait at all";
    EXPECT_LT(system.clock().now_ns() - start_ns, std::chrono::nanoseconds(1h).count());
    EXPECT_EQ(texts_rx.recv().or_raise()->getText(), "early");
  });
}

// Sends a buffer with this limit, or without one (0), and is told of the close meanwhile.
void send_until_closed(Sender<Number> out, int64_t limit_s, Sender<Total> told) {
  auto message = carrying(out, made("kept"));
  const Error error = limit_s == 0
                          ? out.send(std::move(message))
                          : out.send_for(std::move(message), std::chrono::seconds(limit_s));
  EXPECT_EQ(error, Code::channel_closed);
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(taken(Delivery<Number>(std::move(message)))), "kept");
  EXPECT_FALSE(told.send([](Total::Builder) {}));
}

TEST(Buffers, ThatWaitForAReceiverComeBackWhenTheChannelIsClosed) {
  // Covers: CH-058
  for (const int64_t limit_s : {0, 30}) {
    on_every_scheduler([&](System& system) {
      auto [tx, rx] = system.channel<Number>(rendezvous);
      auto [told, results] = system.channel<Total>(bounded(1));
      system.spawn(&send_until_closed, tx.clone(), int64_t{limit_s}, std::move(told));
      EXPECT_TRUE(wait_until_waiting(system, tx.id(), Side::send, 1));
      const int64_t start_ns = system.clock().now_ns();
      EXPECT_FALSE(rx.close(Force::yes).err);
      EXPECT_TRUE(results.recv());
      EXPECT_LT(system.clock().now_ns() - start_ns, std::chrono::nanoseconds(30s).count());
    });
  }
}

}  // namespace
}  // namespace isola
