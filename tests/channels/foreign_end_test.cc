// Ends that a message from outside names and does not carry: every operation fails at once.
#include <isola/channels/channel.h>

#include <isola/isola.h>
#include <isola/serialization/foreign.h>

#include <chrono>
#include <functional>

#include "tests/channels/members.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Number;
using test::number;
using test::on_every_scheduler;

// A message that came as bytes, whose value is read as the handle of an end.
Delivery<Number> from_outside(System& system, int64_t handle) {
  auto message = system.compose<Number>();
  message->setValue(handle);
  const auto bytes = write_message(message).or_raise();
  return read_message<Number>(system.pool(), bytes).or_raise();
}

// Runs the body with the end that each of some forged handles names.
template <class E>
void on_forged_ends(const std::function<void(System&, const E&)>& body) {
  on_every_scheduler(
      [&](System& system) {
        for (const uint32_t handle : {0u, 1u, 77u, UINT32_MAX}) {
          const auto message = from_outside(system, handle);
          const auto [end, err] =
              message.attached<E>(static_cast<uint32_t>(message->getValue()));
          EXPECT_EQ(err, Code::channel_not_found);
          EXPECT_FALSE(end);
          body(system, end);
          const E clone = end.clone();
          body(system, clone);
        }
      },
      10);
}

TEST(ForeignEnd, ABlockingReceiveThroughOneNeverWaits) {
  // Covers: CH-044
  on_forged_ends<Receiver<Number>>([](System& system, const Receiver<Number>& rx) {
    const int64_t start_ns = system.clock().now_ns();
    EXPECT_EQ(rx.recv().err, Code::channel_not_found);
    EXPECT_EQ(rx.recv_for(24h).err, Code::channel_not_found);
    EXPECT_EQ(rx.recv_until(isola::clock::now() + 24h).err, Code::channel_not_found);
    EXPECT_LT(system.clock().now_ns() - start_ns, std::chrono::nanoseconds(1h).count());
    EXPECT_EQ(rx.close(), Code::channel_not_found);
    EXPECT_EQ(rx.readable_fd().err, Code::channel_not_found);
  });
}

TEST(ForeignEnd, ABlockingSendThroughOneNeverWaits) {
  // Covers: CH-045
  on_forged_ends<Sender<Number>>([](System& system, const Sender<Number>& tx) {
    const int64_t start_ns = system.clock().now_ns();
    auto message = system.compose<Number>();
    EXPECT_EQ(tx.send(std::move(message)), Code::channel_not_found);
    EXPECT_EQ(tx.send_for(std::move(message), 24h), Code::channel_not_found);
    EXPECT_EQ(tx.send_until(std::move(message), isola::clock::now() + 24h),
              Code::channel_not_found);
    EXPECT_TRUE(message) << "it is still with the caller";
    EXPECT_EQ(tx.send(number(1)), Code::channel_not_found);
    EXPECT_LT(system.clock().now_ns() - start_ns, std::chrono::nanoseconds(1h).count());
    EXPECT_EQ(tx.close(), Code::channel_not_found);
  });
}

TEST(ForeignEnd, ATriedReceiveThroughOneFindsNoChannel) {
  // Covers: CH-046
  on_forged_ends<Receiver<Number>>([](System&, const Receiver<Number>& rx) {
    EXPECT_EQ(rx.try_recv().err, Code::channel_not_found);
  });
}

TEST(ForeignEnd, ATriedSendThroughOneFindsNoChannel) {
  // Covers: CH-047
  on_forged_ends<Sender<Number>>([](System& system, const Sender<Number>& tx) {
    auto message = system.compose<Number>();
    EXPECT_EQ(tx.try_send(std::move(message)), Code::channel_not_found);
    EXPECT_TRUE(message);
  });
}

TEST(ForeignEnd, ASelectOnOneFailsAtOnce) {
  on_forged_ends<Receiver<Number>>([](System& system, const Receiver<Number>& rx) {
    const auto good = system.channel<Number>(bounded(1));
    EXPECT_FALSE(good.sender.send(number(1)));
    const auto [index, err] = select{receiving(good.receiver), receiving(rx)};
    EXPECT_EQ(index, 1u);
    EXPECT_EQ(err, Code::channel_not_found);
    EXPECT_EQ(good.receiver.size(), 1u) << "no other branch took effect";
  });
}

}  // namespace
}  // namespace isola
