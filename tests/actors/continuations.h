// Actors that go on while their answers are on the way, for the tests of Asking::then().
#pragma once

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/calls.h"
#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola::test {

inline int64_t value_of(Result<Total> total) { return std::move(total).or_raise()->getValue(); }

// What came of an ask, in words.
inline std::string told(const Result<Total>& total) {
  return total.err ? std::string(name(total.err.code())) : std::to_string(total.value->getValue());
}

// Keeps what it is asked, and answers all when it gets a number: with that.
struct Slow : Actor<Slow, Number, Ask<GetTotal, Total>> {
  void on(GetTotal::Reader, Reply<Total> reply) { replies_.push_back(std::move(reply)); }
  void on(Number::Reader number) {
    for (auto& reply : std::exchange(replies_, {})) reply.send(total_of(number.getValue()));
  }
  std::vector<Reply<Total>> replies_;
};

// Passes asks on to `slow`, and adds to each answer how many numbers it has handled meanwhile.
// Fails at a negative number.
struct Clerk : Actor<Clerk, Number, Ask<Note, Total>, Ask<GetTotal, Total>> {
  explicit Clerk(Slow::AddressType slow) : slow_(std::move(slow)) {}
  void on(Note::Reader, Reply<Total> reply) {
    slow_.ask<GetTotal>().then([this, reply = std::move(reply)](Result<Total> total) mutable {
      if (total.err)
        reply.fail(total.err);
      else
        reply.send(total_of(total.value->getValue() + handled_));
    });
  }
  void on(Number::Reader number) {
    if (number.getValue() < 0) throw std::out_of_range("only forwards");
    ++handled_;
  }
  Message<Total> on(GetTotal::Reader) { return total_of(handled_); }
  Slow::AddressType slow_;
  int64_t handled_ = 0;
};

// True once so many asks have come to `slow`.
inline bool has_asks(const Slow::AddressType& slow, uint64_t count) {
  return eventually(
      [&] { return slow.cell()->books.handled.load(sync::memory_order_relaxed) >= count; });
}

// Asks as it is told to, and tells what came of it. "(" and ")": the handler begins, and ends.
struct Asker : Actor<Asker, Note> {
  Asker(Sender<Note> log, Address<Ask<GetTotal, Total>> other)
      : log_(std::move(log)), other_(std::move(other)) {}
  void on(Note::Reader note) {
    const std::string what = note.getText().cStr();
    tell(log_, "(");
    const auto show = [this](Result<Total> total) { tell(log_, told(total)); };
    if (what == "ask") other_.ask<GetTotal>().then(show);
    if (what == "ask nobody") Address<Ask<GetTotal, Total>>().ask<GetTotal>().then(show);
    if (what == "ask for a moment") other_.ask<GetTotal>().then(std::chrono::milliseconds(1), show);
    if (what == "ask for an hour") other_.ask<GetTotal>().then(std::chrono::hours(1), show);
    if (what == "ask by a deadline") {
      const Deadline soon{std::chrono::milliseconds(1)};
      other_.ask<GetTotal>().then(show);
    }
    if (what == "ask, and look later") {
      auto asking = other_.ask<GetTotal>();
      EXPECT_FALSE(sleep_for(std::chrono::milliseconds(1)));
      std::move(asking).then(show);
    }
    if (what == "ask, take, and look later") {
      auto asking = other_.ask<GetTotal>();
      EXPECT_TRUE(asking.get());
      std::move(asking).then(show);
    }
    tell(log_, ")");
  }
  Sender<Note> log_;
  Address<Ask<GetTotal, Total>> other_;
};

// What `asker` tells until it has told `lines` lines.
inline std::string log_of(Receiver<Note>& log, int lines) {
  std::string all;
  for (int i = 0; i < lines; ++i) all += (i > 0 ? " " : "") + line_of(log.recv());
  return all;
}

struct Seven : Actor<Seven, Ask<GetTotal, Total>> {
  Message<Total> on(GetTotal::Reader) { return total_of(7); }
};

}  // namespace isola::test
