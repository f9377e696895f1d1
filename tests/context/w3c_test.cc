// Covers: LCC-040
//
// The headers of the W3C in and out of the context; how each is read is tested with its type.
#include <isola/context/w3c.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace isola {
namespace {

using ::testing::HasSubstr;

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string kState = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
const std::string kBaggage = "userId=Am%C3%A9lie;p=%2C,serverNode=DF%2028";

// Draws 1, 2, 3 …
RandomBits counting() {
  return [next = uint64_t{0}]() mutable { return ++next; };
}

void expect_nothing_to_send() {
  const TraceHeaders headers = headers_to_send();
  EXPECT_EQ(headers.traceparent, "");
  EXPECT_EQ(headers.tracestate, "");
  EXPECT_EQ(headers.baggage, "");
}

TEST(TraceScope, BindsWhatCameAndItGoesOnAsItCame) {
  {
    const TraceScope scope{{kParent, kState, kBaggage}};
    EXPECT_TRUE(scope.continues());
    EXPECT_TRUE(scope.errors().empty());
    EXPECT_EQ(scope.parent().to_string(), kParent);
    EXPECT_EQ(current_trace(), scope.parent());
    EXPECT_EQ(current_trace_state().get("congo"), "t61rcWkgMzE");
    EXPECT_EQ(current_baggage().get("userId"), "Am\xc3\xa9lie");
    EXPECT_EQ(traceparent.find(), kParent);
    EXPECT_EQ(tracestate.find(), kState);
    EXPECT_EQ(baggage.find(), kBaggage);
    const TraceHeaders out = headers_to_send();
    EXPECT_EQ(out.traceparent, kParent);
    EXPECT_EQ(out.tracestate, kState);
    EXPECT_EQ(out.baggage, kBaggage);
  }
  expect_nothing_to_send();
  EXPECT_FALSE(current_trace());
  EXPECT_FALSE(traceparent.find());
}

// The largest of each that everybody has to pass on.
TEST(TraceScope, LosesNothingWithinTheLimits) {
  std::string state;
  for (int i = 10; i < 42; ++i)
    state += (i == 10 ? "k" : ",k") + std::to_string(i) + "=" + std::string(11, 'v');
  state += std::string(512 - state.size(), 'v');
  for (const size_t member_bytes : {8192u, 4096u, 128u}) {
    std::string bag;
    while (bag.size() < kBaggageBytesMax) {
      if (!bag.empty()) bag += ',';
      const size_t bytes = std::min(member_bytes, kBaggageBytesMax - bag.size());
      bag += "k=" + std::string(bytes < 2 ? 0 : bytes - 2, 'v');
    }
    bag.resize(kBaggageBytesMax, 'v');
    const TraceScope scope{{kParent, state, bag}};
    EXPECT_TRUE(scope.errors().empty());
    const TraceHeaders out = headers_to_send();
    EXPECT_EQ(out.tracestate, state);
    EXPECT_TRUE(out.baggage == bag) << member_bytes;
    // A second time, from there: an inner scope takes the place of all of it.
    const TraceScope again{{out.traceparent, out.tracestate, out.baggage}};
    EXPECT_TRUE(headers_to_send().baggage == bag) << member_bytes;
    const TraceScope less{{kParent, "", "k=v"}};
    EXPECT_EQ(headers_to_send().baggage, "k=v");
    EXPECT_EQ(headers_to_send().tracestate, "");
  }
}

TEST(TraceScope, GoesOnWithATraceOfALaterVersionInItsOwn) {
  const TraceScope scope{
      {"cc" + kParent.substr(2, 51) + "ff-what-the-future-will-be-like", kState, ""}};
  EXPECT_TRUE(scope.continues());
  EXPECT_EQ(headers_to_send().traceparent, kParent.substr(0, 53) + "03");
  EXPECT_EQ(headers_to_send().tracestate, kState);
}

TEST(TraceScope, BeginsATraceWhereThereIsNoneToContinue) {
  const TraceScope outer{{kParent, kState, kBaggage}};
  for (const char* bad : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}) {
    const TraceScope scope{{bad, kState, ""}, counting()};
    EXPECT_FALSE(scope.continues());
    const TraceHeaders out = headers_to_send();
    EXPECT_EQ(out.traceparent, "00-00000000000000010000000000000002-0000000000000003-02");
    EXPECT_EQ(out.tracestate, "") << "it belongs to the trace that was not understood";
    EXPECT_EQ(out.baggage, "") << "that of the request, which had none";
    EXPECT_EQ(scope.errors().size(), *bad == '\0' ? 0u : 1u)
        << "a header that is not there is none";
  }
  EXPECT_EQ(headers_to_send().baggage, kBaggage);
}

TEST(TraceScope, IgnoresWhatItCannotReadAndSaysSo) {
  const TraceScope scope{{" \t" + kParent + "\t", "foo=1,Bar=2", "a=b c"}};
  EXPECT_TRUE(scope.continues()) << "a bad tracestate does not touch the traceparent";
  EXPECT_EQ(headers_to_send().traceparent, kParent);
  EXPECT_EQ(headers_to_send().tracestate, "");
  EXPECT_EQ(headers_to_send().baggage, "");
  ASSERT_EQ(scope.errors().size(), 2u);
  EXPECT_THAT(scope.errors()[0].message(), HasSubstr("tracestate, byte 6: "));
  EXPECT_THAT(scope.errors()[1].message(), HasSubstr("baggage, byte 3: "));
}

TEST(TraceScope, SaysWhereItLeavesMembersOut) {
  const std::string state = "a=" + std::string(256, 'x') + ",b=" + std::string(256, 'x');
  const TraceScope scope{{kParent, state, "a=1,b=" + std::string(9000, 'x')}};
  EXPECT_EQ(headers_to_send().tracestate, "a=" + std::string(256, 'x'));
  EXPECT_EQ(headers_to_send().baggage, "a=1");
  ASSERT_EQ(scope.errors().size(), 2u);
  EXPECT_THAT(scope.errors()[0].message(), HasSubstr("tracestate: members are left out"));
  EXPECT_THAT(scope.errors()[1].message(), HasSubstr("baggage: 1 members are left out"));
}

TEST(SpanScope, IsAChildOfTheCurrentSpan) {
  const TraceScope request{{kParent, kState, kBaggage}};
  const SpanScope span{counting()};
  EXPECT_EQ(headers_to_send().traceparent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01");
  EXPECT_EQ(headers_to_send().tracestate, kState);
  EXPECT_EQ(headers_to_send().baggage, kBaggage);
  {
    const SpanScope inner;
    EXPECT_EQ(inner.span().trace_id(), span.span().trace_id());
    EXPECT_NE(inner.span().parent_id, span.span().parent_id);
    EXPECT_EQ(current_trace(), inner.span());
  }
  EXPECT_EQ(current_trace(), span.span());
}

TEST(SpanScope, BeginsATraceWhereThereIsNone) {
  const Scope stray{tracestate, kState};
  expect_nothing_to_send();
  const SpanScope span{counting()};
  EXPECT_EQ(headers_to_send().traceparent,
            "00-00000000000000010000000000000002-0000000000000003-02");
  EXPECT_EQ(headers_to_send().tracestate, "");
}

TEST(BaggageScope, TakesThePlaceOfTheBaggageAndOfNothingElse) {
  const TraceScope request{{kParent, kState, "a=" + std::string(5000, 'x')}};
  Baggage bag = current_baggage();
  ASSERT_TRUE(bag.set("user", "alice, bob").ok());
  {
    const BaggageScope scope{bag};
    EXPECT_EQ(current_baggage().members().size(), 2u);
    EXPECT_EQ(current_baggage().get("user"), "alice, bob");
    EXPECT_EQ(headers_to_send().traceparent, kParent);
  }
  EXPECT_FALSE(current_baggage().get("user"));
  const BaggageScope none{Baggage()};
  EXPECT_EQ(headers_to_send().baggage, "");
}

TEST(HeadersToSend, HaveNothingOfTextsThatAreBoundByHandAndWrong) {
  const TraceScope request{{kParent, kState, "a=" + std::string(5000, 'x')}};
  {
    const Scope bad{traceparent, "00-nonsense"};
    EXPECT_EQ(headers_to_send().traceparent, "");
    EXPECT_EQ(headers_to_send().tracestate, "") << "nothing without its traceparent";
  }
  const Scope state{tracestate, "Foo=1\r\nSet-Cookie: a"};
  const Scope bag{baggage, "a=1"};
  EXPECT_EQ(headers_to_send().traceparent, kParent);
  EXPECT_EQ(headers_to_send().tracestate, "");
  EXPECT_EQ(headers_to_send().baggage, "a=1") << "without the rest of what is bound outside";
  const Scope worse{baggage, "a=1\r\nb"};
  EXPECT_EQ(headers_to_send().baggage, "");
}

TEST(TraceHeaders, AreTakenFromHeadersInAnyCaseAndJoined) {
  TraceHeaders headers;
  EXPECT_TRUE(headers.add("TraceParent", kParent));
  EXPECT_TRUE(headers.add("TRACESTATE", "foo=1, bar=2"));
  EXPECT_TRUE(headers.add("tracestate", ""));
  EXPECT_TRUE(headers.add("tracestate", "baz=3"));
  EXPECT_TRUE(headers.add("Baggage", "userId=alice"));
  EXPECT_TRUE(headers.add("baggage", "isProduction=false"));
  for (const char* other :
       {"trace-parent", "trace.parent", "traceparen", "traceparentx", "", "host"})
    EXPECT_FALSE(headers.add(other, kParent)) << other;
  const TraceScope scope{headers};
  EXPECT_EQ(headers_to_send().traceparent, kParent);
  EXPECT_EQ(headers_to_send().tracestate, "foo=1,bar=2,baz=3");
  EXPECT_EQ(headers_to_send().baggage, "userId=alice,isProduction=false");
  headers.add("traceparent", kParent);
  EXPECT_FALSE(TraceScope{headers}.continues()) << "two of them name no trace";
}

TEST(TraceHeaders, GrowToABound) {
  TraceHeaders headers{.traceparent = kParent};
  for (int i = 0; i < 100; ++i) headers.add("baggage", "a=" + std::string(1000, 'x'));
  EXPECT_LT(headers.baggage.size(), 40'000u);
  const TraceScope scope{headers};
  ASSERT_EQ(scope.errors().size(), 1u);
  EXPECT_TRUE(scope.errors()[0] == Code::message_too_large);
}

}  // namespace
}  // namespace isola
