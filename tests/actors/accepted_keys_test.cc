// What of its callers' contexts an actor sees, and passes on, that accepts some keys only.
#include <isola/context/accepted_keys.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/actors/notes.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::GetTotal;
using test::line;
using test::line_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Total;

inline constexpr Key<text> locale{"test.accepts.locale", Flow::wire};
inline constexpr Key<int> tenant{"test.accepts.tenant", Flow::local, 0};
inline constexpr Key<text> user{"test.accepts.user", Flow::wire};

// What of the context is seen here, as a line: by look-ups, and how many in a list of all.
std::string seen() {
  const Context here = capture();
  const auto all = std::to_string(here.entries().size());
  return std::string(locale.get("-")) + ' ' + std::to_string(tenant.get()) + ' ' +
         (user.find() ? std::string(user.get()) : "-") + ' ' + all;
}

Message<Note> note_of(const std::string& text) {
  auto note = compose<Note>();
  note->setText(text.c_str());
  return note;
}

struct Tells : Actor<Tells, Ask<GetTotal, Note>> {
  Message<Note> on(GetTotal::Reader) { return note_of(seen()); }
};
using TellsAddress = Tells::AddressType;
std::string told_by(const TellsAddress& tells) { return line_of(tells.ask<GetTotal>().get()); }

// What it sees; what somebody else sees whom it asks; what its child was given.
struct Between : Actor<Between, Ask<GetTotal, Note>> {
  explicit Between(TellsAddress next) : next_(std::move(next)) {}
  Message<Note> on(GetTotal::Reader) {
    const TellsAddress child = spawn<Tells>();
    const std::string of_child = Context().run([&] { return told_by(child); });
    const std::string all = seen() + ", " + told_by(next_) + ", " + of_child;
    child.stop();
    return note_of(all);
  }
  const TellsAddress next_;
};

std::string told_between(System& system, const SpawnOptions& options) {
  const auto between =
      Context().run([&] { return system.spawn<Between>(options, system.spawn<Tells>()); });
  return line_of(between.ask<GetTotal>().get());
}

TEST(AcceptedKeys, AloneAreSeenAndPassedOn) {
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7), bind(user, "eve")};
    const auto thrice = [](const std::string& one) { return one + ", " + one + ", " + one; };
    EXPECT_EQ(told_between(system, {}), thrice("de_DE 7 eve 3")) << "all, if nothing is said";
    EXPECT_EQ(told_between(system, {.accepts = {locale, tenant}}), thrice("de_DE 7 - 2"));
    EXPECT_EQ(told_between(system, {.accepts = {user}}), thrice("- 0 eve 1"));
    EXPECT_EQ(told_between(system, {.accepts = AcceptedKeys::none()}), thrice("- 0 - 0"));
    EXPECT_EQ(told_between(system, {.accepts = AcceptedKeys::named({"test.accepts.tenant"})}),
              thrice("- 7 - 1"));
    EXPECT_EQ(seen(), "de_DE 7 eve 3") << "the caller has all of it";
  });
}

void tells(Sender<Note> to) { (void)to.send(line(seen())); }

TEST(AcceptedKeys, AreAllThatIsLeftOfTheContextWhereAnActorIsSpawned) {
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7), bind(user, "eve")};
    const auto seen_by_a_child = [&](const SpawnOptions& options) {
      auto [tx, rx] = system.channel<Note>(bounded(1));
      system.spawn(options, tells, std::move(tx));
      return line_of(rx.recv());
    };
    EXPECT_EQ(seen_by_a_child({}), "de_DE 7 eve 3");
    EXPECT_EQ(seen_by_a_child({.accepts = {user}}), "- 0 eve 1");
    EXPECT_EQ(seen_by_a_child({.accepts = AcceptedKeys::none()}), "- 0 - 0");
    // Its behaviour is made in it, and messages without a context are handled in it.
    struct Made : Actor<Made, Ask<GetTotal, Note>> {
      Made() : in_constructor(seen()) {}
      Message<Note> on(GetTotal::Reader) { return note_of(in_constructor + ", " + seen()); }
      const std::string in_constructor;
    };
    const auto made = system.spawn<Made>({.accepts = {locale}});
    const SuppressFlow quiet;
    EXPECT_EQ(line_of(made.ask<GetTotal>().get()), "de_DE 0 - 1, de_DE 0 - 1");
  });
}

TEST(AcceptedKeys, LeaveAMessageThatBindsNoneOfThemAsOneWithoutAContext) {
  on_every_scheduler([](System& system) {
    std::optional<TellsAddress> tells;
    {
      const Scope root{bind(locale, "de_DE"), bind(tenant, 7)};
      tells = system.spawn<Tells>({.accepts = {locale}});
    }
    EXPECT_EQ(told_by(*tells), "de_DE 0 - 1");
    const Scope refused{bind(tenant, 8), bind(user, "eve")};
    EXPECT_EQ(told_by(*tells), "de_DE 0 - 1");
    const Scope accepted{locale, "fr_FR"};
    EXPECT_EQ(told_by(*tells), "fr_FR 0 - 1");
  });
}

TEST(AcceptedKeys, MakeNoDifferenceToLogicalIdsCallersAndDeadlines) {
  struct Knows : Actor<Knows, Ask<GetTotal, Note>> {
    Message<Note> on(GetTotal::Reader) {
      const bool soon = detail::Execution::current().deadline_ns != kNoDeadline;
      return note_of(std::to_string(logical_id()) + ' ' + std::to_string(callers().size()) +
                     (soon ? " soon " : " - ") + seen());
    }
  };
  on_every_scheduler([](System& system) {
    const auto knows = system.spawn<Knows>({.accepts = {locale}});
    const Isolated apart;
    const TraceCallers traced;
    const Deadline soon{std::chrono::hours(1)};
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7)};
    EXPECT_EQ(line_of(knows.ask<GetTotal>().get()),
              std::to_string(logical_id()) + " 1 soon de_DE 0 - 1");
  });
}

// Tells how many of the contexts that it saw in a row are the same, entry by entry.
struct Compares : Actor<Compares, Number, Ask<GetTotal, Total>> {
  void on(Number::Reader) {
    Context here = capture();
    same_ += here == last_ ? 1 : 0;
    wrong_ += seen() == "de_DE 0 - 1" ? 0 : 1;
    last_ = std::move(here);
  }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(wrong_ == 0 ? same_ : -1);
    return total;
  }
  Context last_;
  int64_t same_ = 0;
  int64_t wrong_ = 0;
};

TEST(AcceptedKeys, AreTakenOutOfAContextOnceForAllThatIsSentUnderIt) {
  on_every_scheduler([](System& system) {
    const auto compares = system.spawn<Compares>({.accepts = {locale}});
    constexpr int kMessages = 20;
    for (int round = 0; round < 2; ++round) {
      const Scope bound{bind(locale, "de_DE"), bind(user, "eve")};
      for (int i = 0; i < kMessages; ++i) EXPECT_FALSE(compares.send<Number>(number(i)));
    }
    EXPECT_EQ(compares.ask<GetTotal>().get().or_raise()->getValue(), 2 * (kMessages - 1))
        << "one record for each round";
  });
}

// Asks under two contexts in turn, and tells how often it was told what it expects.
void asks_in_turn(TellsAddress tells, int64_t mine, Sender<Number> to) {
  for (int64_t i = 0; i < 10; ++i) {
    const Scope scope{bind(tenant, static_cast<int>(mine)), bind(user, "eve")};
    const bool right = told_by(tells) == "- " + std::to_string(mine) + " - 1";
    const Scope other{bind(tenant, static_cast<int>(mine) + 1), bind(locale, "de_DE")};
    const bool others = told_by(tells) == "- " + std::to_string(mine + 1) + " - 1";
    (void)to.send(number(right && others ? 1 : 0));
  }
}

TEST(AcceptedKeys, AreThoseOfEachCallerInTurn) {
  on_every_scheduler([](System& system) {
    const TellsAddress tells = system.spawn<Tells>({.accepts = {tenant}});
    auto [tx, rx] = system.channel<Number>(unbounded);
    for (int64_t which = 1; which <= 4; ++which)
      system.spawn(asks_in_turn, tells, 10 * which, tx.clone());
    tx.release();
    int64_t right = 0;
    for (auto& one : rx) right += one->getValue();
    EXPECT_EQ(right, 40);
  });
}

TEST(AcceptedKeys, AreAllThatGoesOnWithAMessageThatIsForwarded) {
  struct Forwards : Actor<Forwards, Ask<GetTotal, Note>> {
    explicit Forwards(TellsAddress next) : next_(std::move(next)) {}
    void on(Delivery<GetTotal> asked) { EXPECT_FALSE(next_.send(std::move(asked))); }
    const TellsAddress next_;
  };
  on_every_scheduler([](System& system) {
    const TellsAddress next = system.spawn<Tells>();
    const auto forwards = system.spawn<Forwards>({.accepts = {locale}}, next);
    const auto shut = system.spawn<Forwards>({.accepts = AcceptedKeys::none()}, next);
    const Scope bound{bind(locale, "de_DE"), bind(user, "eve")};
    EXPECT_EQ(line_of(forwards.ask<GetTotal>().get()), "de_DE 0 - 1");
    EXPECT_EQ(line_of(shut.ask<GetTotal>().get()), "- 0 - 0");
  });
}

TEST(AcceptedKeys, AreThoseOfTheFunctionsThatAnIsolateRuns) {
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7), bind(user, "eve")};
    Isolate isolate = system.create({.accepts = {locale, user}});
    EXPECT_EQ(isolate.run(seen).or_raise(), "de_DE 0 eve 2");
    EXPECT_EQ(isolate.run(seen).or_raise(), "de_DE 0 eve 2");
    EXPECT_EQ(isolate.options().accepts, (AcceptedKeys{user, locale}));
    EXPECT_TRUE(system.create().options().accepts.are_all());
    Isolate shut = system.create({.accepts = AcceptedKeys::none()});
    EXPECT_EQ(shut.run(seen).or_raise(), "- 0 - 0");
    EXPECT_FALSE(shut.close());
    EXPECT_EQ(shut.options().accepts, AcceptedKeys::none()) << "also afterwards";
    IsolatePool pool(system, {.workers = 1, .accepts = {tenant}});
    EXPECT_EQ(pool.submit(seen).get().or_raise(), "- 7 - 1");
  });
}

TEST(AcceptedKeys, AreThoseOfTheNextIncarnation) {
  struct Fails : Actor<Fails, Number, Ask<GetTotal, Note>> {
    void on(Number::Reader) { throw std::runtime_error("again"); }
    Message<Note> on(GetTotal::Reader) { return note_of(seen()); }
  };
  on_every_scheduler([](System& system) {
    Supervisor supervisor(system, {.name = "boss"});
    const Scope bound{bind(locale, "de_DE"), bind(user, "eve")};
    const auto fails = supervisor.spawn<Fails>({.accepts = {locale}});
    EXPECT_FALSE(fails.send<Number>(number(1)));
    EXPECT_EQ(line_of(fails.ask<GetTotal>().get()), "de_DE 0 - 1");
    const SuppressFlow quiet;
    EXPECT_EQ(line_of(fails.ask<GetTotal>().get()), "de_DE 0 - 1");
    EXPECT_EQ(supervisor.restarts(), 1u);
  });
}

struct LogsIn : Actor<LogsIn, Number> {
  void on(Number::Reader) { throw std::runtime_error("login failed"); }
};

TEST(AcceptedKeys, AreAllThatTheRecordOfAFailureHas) {
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(user, "eve")};
    const auto logs_in = system.spawn<LogsIn>({.accepts = {locale}});
    EXPECT_FALSE(logs_in.send<Number>(number(1)));
    const Error failed = logs_in.join();
    EXPECT_EQ(failed.message(), "login failed");
    std::string context;
    for (const ErrorContext& entry : failed.context())
      context += entry.name + '=' + entry.value + ' ';
    EXPECT_EQ(context, "test.accepts.locale=de_DE ");
  });
}

void waits_for_ever() { (void)sleep_for(std::chrono::hours(1)); }

TEST(AcceptedKeys, AreForgottenWithTheirActorHoweverItEnds) {
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(user, "eve")};
    for (const bool kills : {false, true}) {
      const TellsAddress tells = system.spawn<Tells>({.accepts = {locale}});
      EXPECT_EQ(told_by(tells), "de_DE 0 - 1");
      const auto waits = system.spawn({.accepts = {user}}, waits_for_ever);
      for (const ActorRef& actor : {ActorRef(tells), waits}) {
        kills ? actor.kill() : actor.stop();
        EXPECT_FALSE(actor.join());
      }
      // Whoever has the slot next has keys of its own.
      EXPECT_EQ(told_by(system.spawn<Tells>()), "de_DE 0 eve 2");
    }
  });
}

}  // namespace
}  // namespace isola
