// The headers of the W3C cross to who is asked, and go on from there.
#include <gtest/gtest.h>
#include <isola/context/w3c.h>
#include <isola/isola.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
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

// Asks the next one, if there is one; fails if it is told so.
struct Hop : Actor<Hop, Ask<GetTotal, Note>, Number> {
  explicit Hop(Address<Ask<GetTotal, Note>> next) : next_(std::move(next)) {}
  Message<Note> on(GetTotal::Reader) {
    if (!next_) return Gateway::note();
    auto note = compose<Note>();
    note->setText(told(next_.ask<GetTotal>().get()).c_str());
    return note;
  }
  void on(Number::Reader) { throw std::runtime_error("of a span"); }
  Address<Ask<GetTotal, Note>> next_;
};

std::string runs_in_span(int) { return headers_to_send().traceparent; }

TEST(TurnSpan, IsToldForEachMessageThatIsHandledUnderATrace) {
  for (const uint32_t workers : {1u, 2u}) {
    sync::Mutex mutex;
    std::vector<TurnSpan> spans;
    SystemOptions options{.workers = workers};
    options.on_failure = [](const Error&) {};
    options.on_span = [&](const TurnSpan& span) {
      const sync::Lock lock(mutex);
      spans.push_back(span);
      throw std::runtime_error("a tracer's own failure");
    };
    System system(options);
    const auto last = system.spawn<Hop>({.name = "last"}, Address<Ask<GetTotal, Note>>());
    const auto first = system.spawn<Hop>({.name = "first"}, last);
    auto isolate = system.create({.name = "isolate"});
    EXPECT_EQ(told(first.ask<GetTotal>().get()), "\n\n") << "no trace, no span";
    std::string sent;
    std::string sent_in_isolate;
    {
      const TraceScope request{TraceHeaders{kParent, "", ""}};
      sent = told(first.ask<GetTotal>().get());
      sent_in_isolate = isolate.run(&runs_in_span, 1).or_raise();
      EXPECT_FALSE(last.send<Number>([](Number::Builder) {}));
    }
    EXPECT_TRUE(last.join());
    system.stop();
    ASSERT_EQ(spans.size(), 4u);
    const TraceParent received = TraceParent::parse(kParent).or_raise();
    const auto find = [&](const std::string& name, const std::string& message) {
      const auto at = std::find_if(spans.begin(), spans.end(), [&](const TurnSpan& span) {
        return span.name == name && span.message == message;
      });
      EXPECT_NE(at, spans.end()) << name << ' ' << message;
      return at == spans.end() ? TurnSpan{} : *at;
    };
    const TurnSpan outer = find("first", "GetTotal");
    const TurnSpan inner = find("last", "GetTotal");
    const TurnSpan failed = find("last", "Number");
    const TurnSpan function = find("isolate", "");
    EXPECT_EQ(outer.parent_id, received.parent_id);
    EXPECT_EQ(inner.parent_id, outer.span.parent_id);
    EXPECT_EQ(failed.parent_id, received.parent_id);
    EXPECT_EQ(function.parent_id, received.parent_id);
    EXPECT_EQ(sent, inner.span.to_string() + "\n\n") << "what it sends is of its span";
    EXPECT_EQ(sent_in_isolate, function.span.to_string());
    EXPECT_EQ(outer.actor, first.id());
    EXPECT_LE(outer.begin_ns, inner.begin_ns);
    EXPECT_LE(inner.begin_ns, inner.end_ns);
    EXPECT_LE(inner.end_ns, outer.end_ns);
    EXPECT_TRUE(failed.threw);
    for (const TurnSpan& span : {outer, inner, function}) EXPECT_FALSE(span.threw) << span.name;
    for (const TurnSpan& span : spans) {
      EXPECT_EQ(span.span.trace_id(), received.trace_id());
      EXPECT_TRUE(span.span.sampled());
    }
  }
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
