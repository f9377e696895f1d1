// A message lies at one address for its sender, a forwarder and the final receiver, whatever its
// shape: through actors, and through channels.
#include <isola/isola.h>

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Number;
using test::Numbers;
using test::on_every_scheduler;
using test::Texts;
using test::Total;

// Folds the addresses of what is in the message into one number.
int64_t places(const void* first, const void* last) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(first) ^
                              (reinterpret_cast<uintptr_t>(last) << 1));
}

int64_t places_in(const Block* block, Number::Reader) { return places(block->words, nullptr); }
int64_t places_in(const Block* block, Texts::Reader texts) {
  auto lines = texts.getLines();
  return places(lines[0].begin(), lines[lines.size() - 1].begin()) ^ places(block->words, nullptr);
}
int64_t places_in(const Block* block, Numbers::Reader numbers) {
  // A list of numbers has no public address; the segment that it lies in does.
  const Block* segment = block->more_segments != nullptr ? block->more_segments : block;
  return places(segment->words, nullptr) ^ numbers.getValues()[131071];
}

template <class T>
struct Last : Actor<Last<T>, Ask<T, Total>> {
  // Keeps the message, and answers with where it lies.
  void on(Delivery<T> message) {
    auto total = Last::template compose<Total>();
    total->setValue(places_in(message.block(), *message));
    Reply<Total>(std::exchange(message.block()->envelope.reply, nullptr)).send(std::move(total));
  }
};

template <class T>
struct Forwarder : Actor<Forwarder<T>, Ask<T, Total>> {
  explicit Forwarder(Address<Ask<T, Total>> next) : next_(std::move(next)) {}
  void on(Delivery<T> message) { EXPECT_FALSE(next_.send(std::move(message))); }
  Address<Ask<T, Total>> next_;
};

template <class T>
void forward_function(Receiver<T> in, Sender<T> out) {
  for (auto& message : in) out.send(std::move(message));
}

// Sends a message that `fill` has written on both ways, and compares where it lies.
template <class T>
void expect_one_place(uint64_t words_hint, const std::function<void(typename T::Builder)>& fill,
                      bool outgrows) {
  on_every_scheduler(
      [&](System& system) {
        auto message = system.compose<T>(words_hint);
        fill(*message);
        EXPECT_EQ(message.block()->more_segments != nullptr, outgrows);
        const int64_t at_sender = places_in(message.block(), message->asReader());
        auto last = system.spawn<Last<T>>();
        auto first = system.spawn<Forwarder<T>>(
            Address<Ask<T, Total>>(system.spawn<Forwarder<T>>(Address<Ask<T, Total>>(last))));
        auto at_receiver = first.template ask<T>(std::move(message)).get().or_raise();
        EXPECT_EQ(at_receiver->getValue(), at_sender);

        auto [tx, middle] = system.channel<T>(bounded(1));
        auto [onward, rx] = system.channel<T>(bounded(1));
        system.spawn(&forward_function<T>, std::move(middle), std::move(onward));
        auto second = tx.compose(words_hint);
        fill(*second);
        const int64_t before = places_in(second.block(), second->asReader());
        EXPECT_FALSE(tx.send(std::move(second)));
        auto got = rx.recv().or_raise();
        EXPECT_EQ(places_in(got.block(), *got), before);
        EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
      },
      10);
}

void fill_lines(Texts::Builder texts, unsigned count) {
  auto lines = texts.initLines(count);
  for (unsigned i = 0; i < count; ++i) lines.set(i, "line " + std::to_string(i));
}

TEST(ZeroCopy, AFlatStruct) {
  expect_one_place<Number>(0, [](Number::Builder number) { number.setValue(7); }, false);
}

TEST(ZeroCopy, AListOfTexts) {
  expect_one_place<Texts>(0, [](Texts::Builder texts) { fill_lines(texts, 3); }, false);
}

TEST(ZeroCopy, AMessageThatOutgrewItsBlock) {
  expect_one_place<Texts>(0, [](Texts::Builder texts) { fill_lines(texts, 1000); }, true);
}

TEST(ZeroCopy, AMessageThatOutgrewItsBlockIsReadAThousandTimesWithoutALimitOrACopy) {
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Texts>(bounded(1));
        auto message = tx.compose();
        fill_lines(*message, 1000);
        const void* last = message->asReader().getLines()[999].begin();
        EXPECT_FALSE(tx.send(std::move(message)));
        const auto got = rx.recv().or_raise();
        for (int i = 0; i < 1000; ++i) {
          // All of it, a thousand times: more words than capnp's own limit of traversal.
          uint64_t bytes = 0;
          for (auto line : got->getLines()) bytes += line.size();
          ASSERT_EQ(bytes, 5u * 1000 + 10 + 2 * 90 + 3 * 900);
          ASSERT_EQ(got->getLines()[999].begin(), last);
        }
        EXPECT_EQ(system.pool_stats().bytes_copied, 0u);
      },
      3);
}

TEST(ZeroCopy, AListOfOneMebibyte) {
  const auto fill = [](Numbers::Builder numbers) {
    auto values = numbers.initValues(131072);
    values.set(131071, 99);
  };
  expect_one_place<Numbers>(0, fill, true);
  expect_one_place<Numbers>(131072 + 8, fill, false);
}

}  // namespace
}  // namespace isola
