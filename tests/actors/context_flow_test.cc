// What of a context reaches other actors, tasks and turns, and what does not.
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/actors/notes.h"
#include "tests/context/expect.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::fault_of;
using test::GetTotal;
using test::line;
using test::line_of;
using test::Note;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::Total;

inline constexpr Key<text> locale{"test.flow.locale", Flow::wire};
inline constexpr Key<int> role{"test.flow.role", Flow::local, 0};
inline constexpr Key<int> own{"test.flow.own", Flow::actor, 0};
inline constexpr Key<text> password{"test.flow.password", Flow::secret};

// What of the context is seen here, as a line.
std::string seen() {
  std::string text = std::string(locale.get("-")) + ' ' + std::to_string(role.get()) + ' ' +
                     std::to_string(own.get()) + ' ' + std::string(password.get("-"));
  return text;
}

// A function actor that tells what it sees.
void tells(Sender<Note> to) { (void)to.send(line(seen())); }

std::string seen_by_a_child(System& system) {
  auto [tx, rx] = system.channel<Note>(bounded(1));
  system.spawn(tells, std::move(tx));
  return line_of(rx.recv());
}

TEST(ContextFlow, ASpawnedActorInheritsWhatFlowsAndNothingElse) {
  // Covers: CTX-034
  on_every_scheduler([](System& system) {
    EXPECT_EQ(seen_by_a_child(system), "- 0 0 -");
    const Scope bound{bind(locale, "de_DE"), bind(role, 7), bind(own, 3), bind(password, "x")};
    EXPECT_EQ(seen_by_a_child(system), "de_DE 7 0 -");
    const Context here = capture();
    EXPECT_EQ(here.run([&] { return seen_by_a_child(system); }), "de_DE 7 0 -")
        << "the same, spelled out";
  });
}

TEST(ContextFlow, AnActorThatIsSpawnedUnderAnEmptyContextSeesNothing) {
  // Covers: CTX-036
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(role, 7)};
    EXPECT_EQ(Context().run([&] { return seen_by_a_child(system); }), "- 0 0 -");
    const SuppressFlow quiet;
    EXPECT_EQ(seen(), "de_DE 7 0 -");
    EXPECT_EQ(seen_by_a_child(system), "- 0 0 -");
  });
}

void tells_with_id(Sender<Note> to) {
  (void)to.send(line(std::to_string(logical_id()) + ' ' + seen()));
}
// Tells its logical id and what it sees, and lets its own child do so.
void tells_twice(Sender<Note> to) {
  tells_with_id(to.clone());
  spawn(tells_with_id, std::move(to));
}

std::pair<std::string, std::string> seen_by_two_generations(System& system) {
  auto [tx, rx] = system.channel<Note>(bounded(2));
  system.spawn(tells_twice, std::move(tx));
  std::string child = line_of(rx.recv());
  return {std::move(child), line_of(rx.recv())};
}

TEST(ContextFlow, LocalKeysStopAtAnIsolatedScope) {
  // Covers: CTX-081
  // Covers: LCC-023
  on_every_scheduler([](System& system) {
    const Scope bound{bind(locale, "de_DE"), bind(role, 7)};
    const std::string here = std::to_string(logical_id());
    const auto [child, grandchild] = seen_by_two_generations(system);
    EXPECT_EQ(child, here + " de_DE 7 0 -");
    EXPECT_EQ(grandchild, child);
    const Isolated isolated;
    const std::string apart = std::to_string(logical_id());
    EXPECT_NE(apart, here);
    const auto [other, others_own] = seen_by_two_generations(system);
    EXPECT_EQ(other, apart + " de_DE 0 0 -");
    EXPECT_EQ(others_own, other) << "its own children share its logical id";
    const Scope nested{role, 8};
    EXPECT_EQ(seen_by_two_generations(system).second, apart + " de_DE 8 0 -");
  });
}

TEST(ContextFlow, LogicalIdsAreSharedByWhatIsDerived) {
  // Covers: CTX-085
  on_every_scheduler([](System& system) {
    const uint64_t here = logical_id();
    {
      const Scope bound{role, 7};
      EXPECT_EQ(logical_id(), here);
      EXPECT_EQ(capture().logical_id(), here);
      EXPECT_EQ(seen_by_two_generations(system).first, std::to_string(here) + " - 7 0 -");
    }
    const Isolated isolated;
    EXPECT_NE(logical_id(), here);
    EXPECT_EQ(seen_by_two_generations(system).first, std::to_string(logical_id()) + " - 0 0 -");
    EXPECT_EQ(std::hash<uint64_t>()(logical_id()), std::hash<uint64_t>()(capture().logical_id()));
  });
}

struct Reads : Actor<Reads, Ask<GetTotal, Note>, Ask<Number, Total>> {
  Message<Note> on(GetTotal::Reader) {
    const Scope bound{own, 5};
    yield();
    const std::string after = seen();
    const Scope nested{role, 1};
    auto note = compose<Note>();
    note->setText(([&] { return after + ", " + seen(); })().c_str());
    return note;
  }
  Message<Total> on(Number::Reader) {
    auto total = compose<Total>();
    total->setValue(own.get());
    return total;
  }
};

TEST(ContextFlow, AnActorKeyIsReadByItsActorAfterASuspensionAndInNestedScopes) {
  // Covers: CTX-082
  on_every_scheduler([](System& system) {
    auto reads = system.spawn<Reads>();
    EXPECT_EQ(line_of(reads.ask<GetTotal>().get()), "- 0 5 -, - 1 5 -");
    EXPECT_EQ(reads.ask<Number>(number(1)).get().or_raise()->getValue(), 0) << "not in later turns";
  });
}

// Binds and reads again between waits of all kinds.
void binds_and_waits(int which, Sender<Number> to, Sender<Number> inner_tx,
                     Receiver<Number> inner_rx) {
  auto reads = spawn<Reads>();
  for (int i = 0; i < 10; ++i) {
    const int bound = which * 100 + i;
    const Scope scope{bind(own, bound), bind(locale, std::to_string(bound))};
    const std::string expected = seen();
    switch ((which + i) % 5) {
      case 0:
        sleep_for(std::chrono::microseconds(which * 7 % 5));
        break;
      case 1:
        yield();
        break;
      case 2:
        (void)reads.ask<Number>(number(1)).get();
        break;
      case 3:
        (void)inner_tx.send(number(i));
        (void)inner_rx.recv();
        break;
      case 4:
        (void)offload([] { return 1; });
        break;
    }
    (void)to.send(number(seen() == expected ? 1 : 0));
  }
}

TEST(ContextFlow, TenActorsSeeTheirOwnValuesAcrossEverySuspension) {
  // Covers: CTX-033
  // Covers: LCC-009
  on_every_scheduler(
      [](System& system) {
        auto [tx, rx] = system.channel<Number>(unbounded);
        for (int which = 1; which <= 10; ++which) {
          auto [inner_tx, inner_rx] = system.channel<Number>(bounded(1));
          system.spawn(binds_and_waits, which, tx.clone(), std::move(inner_tx),
                       std::move(inner_rx));
        }
        tx.release();
        int right = 0;
        int all = 0;
        for (auto& told : rx) {
          ++all;
          right += told->getValue() == 1;
        }
        EXPECT_EQ(all, 100);
        EXPECT_EQ(right, 100);
      },
      50);
}

void binds_its_own(int64_t which, Sender<Note> to, Receiver<Number> go) {
  const std::string before = seen();
  const Scope bound{bind(role, static_cast<int>(which)), bind(own, static_cast<int>(which))};
  (void)to.send(line("ready"));
  (void)go.recv();
  (void)to.send(line(before + " | " + seen()));
}

TEST(ContextFlow, SiblingsStartFromTheParentsValuesAndKeepTheirOwn) {
  // Covers: LCC-026
  on_every_scheduler([](System& system) {
    const Scope parents{bind(locale, "de_DE"), bind(role, 7)};
    auto [tx, rx] = system.channel<Note>(unbounded);
    auto [go_tx, go_rx] = system.channel<Number>(unbounded);
    for (int64_t which = 1; which <= 3; ++which)
      system.spawn(binds_its_own, which, tx.clone(), go_rx.clone());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(line_of(rx.recv()), "ready");
    EXPECT_EQ(role.get(), 7);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(go_tx.send(number(0)));
    std::vector<std::string> told;
    for (int i = 0; i < 3; ++i) told.push_back(line_of(rx.recv()));
    std::sort(told.begin(), told.end());
    for (size_t i = 0; i < 3; ++i) {
      const std::string n = std::to_string(i + 1);
      EXPECT_EQ(told[i], "de_DE 7 0 - | de_DE " + n + ' ' + n + " -");
    }
  });
}

struct LogsIn : Actor<LogsIn, Number> {
  void on(Number::Reader) {
    const Scope bound{bind(password, "hunter2"), bind(locale, "de_DE")};
    throw std::runtime_error("login failed");
  }
};

template <class... Flows>
constexpr bool makes_key = std::is_constructible_v<Key<text>, const char*, Flows...>;

TEST(ContextFlow, ASecretIsNeverSentAndNeverShown) {
  // Covers: LCC-038
  using Wire = std::remove_const_t<decltype(Flow::wire)>;
  using Secret = std::remove_const_t<decltype(Flow::secret)>;
  EXPECT_TRUE(makes_key<Secret>);
  EXPECT_FALSE((makes_key<Secret, Wire> || makes_key<Wire, Secret>)) << "it has one flow";
  on_every_scheduler([](System& system) {
    auto logs_in = system.spawn<LogsIn>();
    EXPECT_FALSE(logs_in.send<Number>(number(1)));
    const Error failed = logs_in.join();
    EXPECT_EQ(failed.message(), "login failed");
    for (const std::string& shown : {failed.display(), failed.to_json()}) {
      EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
      EXPECT_NE(shown.find("<secret>"), std::string::npos) << shown;
      EXPECT_NE(shown.find("de_DE"), std::string::npos) << shown;
    }
    const Scope bound{password, "hunter2"};
    EXPECT_EQ(seen_by_a_child(system), "- 0 0 -");
    std::ostringstream printed;
    printed << capture();
    EXPECT_EQ(printed.str().find("hunter2"), std::string::npos);
    EXPECT_NE(printed.str().find("<secret>"), std::string::npos);
  });
}

// A context that one isolate captured. A slot that is used again is another owner.
Context captured_elsewhere;

TEST(ContextFlow, AnotherIsolateInTheSameSlotIsNotTheOwnerOfAnActorKey) {
  // Covers: LCC-025
  on_every_scheduler([](System& system) {
    {
      Isolate first = system.create();
      first
          .run([] {
            const Scope bound{own, 5};
            captured_elsewhere = capture();
            EXPECT_EQ(captured_elsewhere.run([] { return own.get(); }), 5);
          })
          .or_raise();
      EXPECT_FALSE(first.close());
    }
    for (int i = 0; i < 3; ++i) {
      Isolate other = system.create();
      const int refused = other
                              .run([] {
                                return captured_elsewhere.run([] {
                                  const auto fault = fault_of([] { (void)own.get(); });
                                  return fault == ContextFault::not_owner ? 1 : 0;
                                });
                              })
                              .or_raise();
      EXPECT_EQ(refused, 1);
      EXPECT_FALSE(other.close());
    }
    captured_elsewhere = Context();
  });
}

// Two fibers of one actor.
void two_tasks(Sender<Note> to) {
  const Scope parents{bind(own, 1), bind(locale, "de_DE")};
  std::string first;
  std::string second;
  const auto task = [](std::string& told, int mine) {
    told = seen() + " | ";
    const Scope bound{own, mine};
    for (int i = 0; i < 3; ++i) boost::this_fiber::yield();
    told += seen();
  };
  boost::fibers::fiber a([&] { task(first, 2); });
  boost::fibers::fiber b([&] { task(second, 3); });
  a.join();
  b.join();
  (void)to.send(line(first));
  (void)to.send(line(second));
  (void)to.send(line(seen()));
}

TEST(ContextFlow, AReportedFailureIsInNoContextOfTheActorThatEnded) {
  struct Fails : Actor<Fails, Number> {
    void on(Number::Reader) { throw std::runtime_error("out"); }
  };
  bool told = false;
  SystemOptions options{.workers = 1};
  options.on_failure = [&](const Error&) { told = !locale.find(); };
  System system(options);
  const auto fails = [&] {
    const Scope german{locale, "de_DE"};
    return system.spawn<Fails>();
  }();
  EXPECT_FALSE(fails.send<Number>(number(1)));
  EXPECT_TRUE(fails.join());
  EXPECT_TRUE(told);
}

TEST(ContextFlow, TwoTasksOfAnIsolateKeepTheirBindingsApart) {
  // Covers: CTX-056
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Note>(bounded(3));
    system.spawn(two_tasks, std::move(tx));
    EXPECT_EQ(line_of(rx.recv()), "de_DE 0 1 - | de_DE 0 2 -");
    EXPECT_EQ(line_of(rx.recv()), "de_DE 0 1 - | de_DE 0 3 -");
    EXPECT_EQ(line_of(rx.recv()), "de_DE 0 1 -");
  });
}

void works(Receiver<Number> jobs, Sender<Note> to) {
  for (auto& job : jobs) {
    (void)job;
    (void)to.send(line(seen()));
  }
}

// Gives jobs from a queue to workers that it makes, with privileges that are its own.
void dispatches(Receiver<Number> jobs, Sender<Note> to, Sender<Number> tx, Receiver<Number> rx) {
  const Scope privileges{bind(role, 99), bind(own, 42), bind(password, "root")};
  for (int i = 0; i < 2; ++i) {
    const Isolated apart;
    spawn(works, rx.clone(), to.clone());
  }
  rx.release();
  to.release();
  for (auto& job : jobs) (void)tx.send(std::move(job));
}

TEST(ContextFlow, ADispatcherLeaksNothingOfItsOwnToItsWorkers) {
  // Covers: LCC-010
  on_every_scheduler([](System& system) {
    auto [job_tx, job_rx] = system.channel<Number>(bounded(8));
    auto [tx, rx] = system.channel<Note>(unbounded);
    auto [inner_tx, inner_rx] = system.channel<Number>(bounded(8));
    system.spawn(dispatches, std::move(job_rx), std::move(tx), std::move(inner_tx),
                 std::move(inner_rx));
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(job_tx.send(number(i)));
    job_tx.release();
    int all = 0;
    for (auto& told : rx) {
      ++all;
      EXPECT_STREQ(told->getText().cStr(), "- 0 0 -");
    }
    EXPECT_EQ(all, 4);
  });
}

}  // namespace
}  // namespace isola
