// Shared buffers: both sides write; messages order what they do.
#include <isola/serialization/shared_buffer.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <cstring>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::on_every_scheduler;

TEST(SharedBuffer, IsZeroedAndWritable) {
  const SharedBuffer buffer = SharedBuffer::create(10'000).or_raise();
  EXPECT_EQ(buffer.size(), 10'000u);
  EXPECT_EQ(buffer.bytes()[9'999], std::byte{0});
  const SharedBuffer other = buffer;
  other.bytes()[3] = std::byte{7};
  EXPECT_EQ(buffer.bytes()[3], std::byte{7});
  EXPECT_FALSE(SharedBuffer());
}

TEST(SharedBuffer, SizesThatCantBeAreErrors) {
  EXPECT_EQ(SharedBuffer::create(0).err, Code::invalid_argument);
  const Error error = SharedBuffer::create(SIZE_MAX / 2).err;
  EXPECT_EQ(error, Code::io);
  EXPECT_EQ(error.message(), "can't share 9223372036854775807 bytes: Cannot allocate memory");
}

// Adds one to the first number in each buffer that it gets, and sends the message back.
void increment(Receiver<Number> in, Sender<Number> out) {
  for (auto& got : in) {
    const SharedBuffer buffer =
        got.attached<SharedBuffer>(static_cast<uint32_t>(got->getValue())).or_raise();
    int64_t value;
    std::memcpy(&value, buffer.bytes().data(), sizeof value);
    ++value;
    std::memcpy(buffer.bytes().data(), &value, sizeof value);
    out.send(std::move(got));
  }
}

TEST(SharedBuffer, BothSidesWriteInTurnsThatMessagesOrder) {
  on_every_scheduler(
      [](System& system) {
        const SharedBuffer buffer = SharedBuffer::create(1 << 30).or_raise();
        auto [tx, rx] = system.channel<Number>(bounded(1));
        auto [back_tx, back_rx] = system.channel<Number>(bounded(1));
        system.spawn(increment, std::move(rx), std::move(back_tx));
        auto number = tx.compose();
        number->setValue(number.attach(SharedBuffer(buffer)));
        Delivery<Number> message(std::move(number));
        for (int64_t round = 0; round < 100; ++round) {
          EXPECT_FALSE(tx.send(std::move(message)));
          message = back_rx.recv().or_raise();
          int64_t value;
          std::memcpy(&value, buffer.bytes().data(), sizeof value);
          ASSERT_EQ(value, 2 * round + 1);
          ++value;
          std::memcpy(buffer.bytes().data(), &value, sizeof value);
        }
        EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
      },
      5);
}

}  // namespace
}  // namespace isola
