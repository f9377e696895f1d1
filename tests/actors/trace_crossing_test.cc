// The headers of the W3C cross to who is asked, and go on from there.
#include <gtest/gtest.h>
#include <isola/context/w3c.h>
#include <isola/isola.h>

#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::GetTotal;
using test::Note;
using test::Number;
using test::on_every_scheduler;

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string written(const TraceHeaders& headers) {
  return headers.traceparent + '\n' + headers.tracestate + '\n' + headers.baggage;
}

// Answers what it would send with a request: at once, or as a span of its own.
struct Gateway : Actor<Gateway, Ask<GetTotal, Note>, Ask<Number, Note>> {
  Message<Note> on(GetTotal::Reader) { return note(); }
  Message<Note> on(Number::Reader) {
    const SpanScope span;
    return note();
  }
  static Message<Note> note() {
    auto note = compose<Note>();
    note->setText(written(headers_to_send()).c_str());
    return note;
  }
};

std::string told(Result<Note> result) { return std::move(result).or_raise()->getText().cStr(); }

TEST(TraceHeaders, CrossToWhoIsAskedWithoutLoss) {
  on_every_scheduler([](System& system) {
    auto gateway = system.spawn<Gateway>();
    EXPECT_EQ(told(gateway.ask<GetTotal>().get()), "\n\n");
    const TraceHeaders in{kParent, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                          "k=" + std::string(8190, 'v')};
    const TraceScope request{in};
    EXPECT_TRUE(told(gateway.ask<GetTotal>().get()) == written(in));
    const std::string child = told(gateway.ask<Number>().get());
    EXPECT_EQ(child.substr(0, 36), kParent.substr(0, 36)) << "the same trace";
    EXPECT_NE(child.substr(36, 16), kParent.substr(36, 16)) << "another span";
    EXPECT_TRUE(child.substr(52) == written(in).substr(52)) << "and all else as it was";
  });
}

TEST(SpanScope, HasTheSameIdentifiersWithTheSameSeed) {
  const auto draw = [](uint64_t seed) {
    System system({.seed = seed});
    std::string drawn;
    for (auto gateway : {system.spawn<Gateway>(), system.spawn<Gateway>()})
      for (int i = 0; i < 2; ++i) drawn += told(gateway.ask<Number>().get());
    return drawn;
  };
  const std::string drawn = draw(1);
  EXPECT_EQ(drawn, draw(1));
  EXPECT_NE(drawn, draw(2));
  const auto trace_id = [&](size_t i) { return drawn.substr(drawn.size() / 4 * i + 3, 32); };
  for (size_t i = 1; i < 4; ++i) EXPECT_NE(trace_id(i), trace_id(i - 1));
}

}  // namespace
}  // namespace isola
