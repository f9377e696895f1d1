// What an inspector sees of a System: actors of all kinds and states, page by page.
#include <isola/tools/inspect/agent.h>

#include <capnp/compat/json.h>
#include <gmock/gmock.h>
#include <isola/isola.h>
#include <isola/tools/inspect/client.h>
#include <isola/tools/inspect/format.h>
#include <isola/tools/inspect/inspector.capnp.h>

#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/inspect/support.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola::inspect {
namespace {

using isola::test::eventually;
using isola::test::GetTotal;
using isola::test::Number;
using isola::test::quiet;
using isola::test::Total;
using test::kDeadline;
using test::RuntimeDirectory;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Counter : public Actor<Counter, Number, Ask<GetTotal, Total>> {
 public:
  void on(Number::Reader number) { values_.push_back(number.getValue()); }
  Message<Total> on(GetTotal::Reader) { return compose<Total>(); }

 private:
  isola::vector<int64_t> values_;
};

// Handles a message only when something comes from its channel.
class Gated : public Actor<Gated, Number> {
 public:
  explicit Gated(Receiver<Number> gate) : gate_(std::move(gate)) {}
  void on(Number::Reader) { (void)gate_.recv(); }

 private:
  Receiver<Number> gate_;
};

void drain(Receiver<Number> numbers) {
  while (numbers.recv()) {
  }
}

// Never answers.
class Silent : public Actor<Silent, Ask<GetTotal, Total>> {
 public:
  void on(GetTotal::Reader, Reply<Total> reply) { replies_.push_back(std::move(reply)); }

 private:
  std::vector<Reply<Total>> replies_;
};

// Actors get their arguments by value. NOLINTNEXTLINE(performance-unnecessary-value-param)
void ask(Address<Ask<GetTotal, Total>> whom) { (void)whom.ask<GetTotal>().get(); }

Listing listing_of(const Agent& agent) { return read_listing(agent.path(), kDeadline); }

const ActorInfo& named(const Listing& listing, const std::string& name) {
  for (const ActorInfo& actor : listing.actors)
    if (actor.name == name) return actor;
  static const ActorInfo none;
  ADD_FAILURE() << "no actor is called " << name;
  return none;
}

// Its actors are in every state that can be held still.
class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    for (int i = 1; i <= 3; ++i) (void)counter.send<Number>();
    (void)counter.ask<GetTotal>().get();
    for (int i = 1; i <= 6; ++i) (void)gated.send<Number>();
    EXPECT_TRUE(eventually([&] {
      const Listing now = listing_of(agent);
      return named(now, "gated").state == "blocked" && named(now, "drain").state == "blocked" &&
             named(now, "asker").state == "blocked" && named(now, "counter").state == "idle" &&
             named(now, "silent").state == "idle";
    }));
  }
  ~AgentTest() override { system.stop(); }

  RuntimeDirectory runtime;
  System system{quiet({.name = "still", .workers = 2})};
  Channel<Number> gate = system.channel<Number>(bounded(1), {.name = "gate"});
  Channel<Number> numbers = system.channel<Number>(bounded(1), {.name = "numbers"});
  Counter::AddressType counter = system.spawn<Counter>({.name = "counter"});
  Gated::AddressType gated = system.spawn<Gated>({.name = "gated"}, std::move(gate.receiver));
  ActorRef drainer = system.spawn({.name = "drain"}, &drain, std::move(numbers.receiver));
  Silent::AddressType silent = system.spawn<Silent>({.name = "silent"});
  ActorRef asker = system.spawn({.name = "asker"}, &ask, silent);
  Agent agent{system};
};

TEST_F(AgentTest, TellsWhatTheProgramIs) {
  const Listing listing = listing_of(agent);
  EXPECT_EQ(listing.socket, agent.path());
  EXPECT_EQ(listing.process.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(listing.process.name, program_invocation_short_name);
  EXPECT_EQ(listing.process.system, "still");
  EXPECT_EQ(listing.process.workers, 2u);
  EXPECT_EQ(listing.process.actors, 5u);
  EXPECT_GT(listing.process.started_ms, uint64_t{1'600'000'000'000});
}

TEST_F(AgentTest, ListsAllActorsWithWhatTheyDo) {
  const Listing listing = listing_of(agent);
  ASSERT_EQ(listing.actors.size(), 5u);
  for (size_t i = 1; i < listing.actors.size(); ++i)
    EXPECT_LT(listing.actors[i - 1].id, listing.actors[i].id) << "sorted";

  const ActorInfo& counting = named(listing, "counter");
  EXPECT_EQ(counting.id, counter.id());
  EXPECT_THAT(counting.type, HasSubstr("Counter"));
  EXPECT_EQ(counting.handled, 4u);
  EXPECT_EQ(counting.inbox_depth, 0u);
  EXPECT_GE(counting.heap_bytes, 3 * sizeof(int64_t));
  EXPECT_EQ(counting.restarts, 0u);
  EXPECT_EQ(counting.waits_for, "");

  const ActorInfo& behind_gate = named(listing, "gated");
  EXPECT_THAT(behind_gate.type, HasSubstr("Gated"));
  EXPECT_THAT(behind_gate.waits_for, HasSubstr("gate"));
  EXPECT_EQ(behind_gate.inbox_depth, 5u);

  const ActorInfo& draining = named(listing, "drain");
  EXPECT_EQ(draining.type, "function");
  EXPECT_THAT(draining.waits_for, HasSubstr("numbers"));
  EXPECT_EQ(draining.heap_bytes, 0u);

  EXPECT_THAT(named(listing, "asker").waits_for, StartsWith("reply"));
}

TEST_F(AgentTest, ShowsAnActorsEnd) {
  counter.stop();
  EXPECT_FALSE(counter.join());
  EXPECT_TRUE(eventually([&] {
    const Listing listing = listing_of(agent);
    for (const ActorInfo& actor : listing.actors)
      if (actor.name == "counter" && actor.state != "ended") return false;
    return listing.process.actors == 4;
  }));
}

TEST_F(AgentTest, TheTableIsAligned) {
  std::ostringstream out;
  const Listing listing = listing_of(agent);
  print_table(out, listing, listing.process.started_ms + 12'000);
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, listing.process.name + " (pid " + std::to_string(::getpid()) +
                      "): system still, 2 workers, 5 actors, started 12 s ago");
  std::string head;
  std::getline(lines, head);
  size_t rows = 0;
  for (; std::getline(lines, line); ++rows) {
    // Numbers end where their heading ends, texts begin where theirs begins.
    EXPECT_EQ(line.size(), head.size());
    EXPECT_NE(line[head.find("NAME")], ' ') << line;
    EXPECT_EQ(line[head.find("NAME") - 1], ' ') << line;
    EXPECT_NE(line[head.find("STATE")], ' ') << line;
    EXPECT_NE(line[head.find("INBOX") + 4], ' ') << line;
  }
  EXPECT_EQ(rows, 5u);
}

TEST_F(AgentTest, TheJsonSaysTheSame) {
  const Listing listing = listing_of(agent);
  std::ostringstream out;
  print_json(out, {listing, listing});
  const std::string json = out.str();
  EXPECT_THAT(json, HasSubstr("\"handled\":4")) << "numbers are numbers";
  EXPECT_THAT(json, HasSubstr("\"restarts\":0")) << "zero is told";

  capnp::JsonCodec codec;
  capnp::MallocMessageBuilder message;
  codec.decode(kj::arrayPtr(json.data(), json.size()), message.getRoot<rpc::Listing>());
  const auto decoded = message.getRoot<rpc::Listing>().asReader();
  ASSERT_EQ(decoded.getPrograms().size(), 2u);
  const auto program = decoded.getPrograms()[1];
  EXPECT_STREQ(program.getSocket().cStr(), agent.path().c_str());
  EXPECT_EQ(program.getProcess().getPid(), listing.process.pid);
  EXPECT_STREQ(program.getProcess().getSystem().cStr(), "still");
  EXPECT_EQ(program.getProcess().getStartedMs(), listing.process.started_ms);
  EXPECT_EQ(program.getProcess().getActorCount(), 5u);
  ASSERT_EQ(program.getActors().size(), listing.actors.size());
  for (unsigned i = 0; i < program.getActors().size(); ++i) {
    const auto actor = program.getActors()[i];
    const ActorInfo& expected = listing.actors[i];
    EXPECT_EQ(actor.getId(), expected.id);
    EXPECT_EQ(std::string(actor.getName().cStr()), expected.name);
    EXPECT_EQ(std::string(actor.getType().cStr()), expected.type);
    EXPECT_EQ(std::string(actor.getState().cStr()), expected.state);
    EXPECT_EQ(std::string(actor.getWaitsFor().cStr()), expected.waits_for);
    EXPECT_EQ(actor.getInbox(), expected.inbox_depth);
    EXPECT_EQ(actor.getHandled(), expected.handled);
    EXPECT_EQ(actor.getHeapBytes(), expected.heap_bytes);
    EXPECT_EQ(actor.getRestarts(), expected.restarts);
  }
}

TEST(Agent, ListsAHundredThousandActors) {
  const RuntimeDirectory runtime;
  constexpr size_t kActors = 100'000;
  System system(quiet({.workers = 1}));
  const Agent agent(system);
  std::vector<Counter::AddressType> counters;
  counters.reserve(kActors);
  for (size_t i = 0; i < kActors; ++i)
    counters.push_back(system.spawn<Counter>({.name = "counter/" + std::to_string(i)}));
  const Listing listing = listing_of(agent);
  ASSERT_EQ(listing.actors.size(), kActors);
  EXPECT_EQ(listing.actors.front().name, "counter/0");
  EXPECT_EQ(listing.actors.back().name, "counter/99999");
  for (size_t i = 1; i < kActors; ++i)
    ASSERT_EQ(listing.actors[i].id, listing.actors[i - 1].id + 1) << "each once";
}

TEST(Agent, TwoSystemsOfOneProcessHaveTheirOwn) {
  const RuntimeDirectory runtime;
  System first(quiet({.name = "first", .workers = 1}));
  System second(quiet({.name = "second", .workers = 1}));
  auto spawned = second.spawn<Counter>({.name = "of the second"});
  const Agent of_first(first);
  const Agent of_second(second);
  EXPECT_NE(of_first.path(), of_second.path());
  EXPECT_EQ(listing_of(of_first).process.system, "first");
  EXPECT_TRUE(listing_of(of_first).actors.empty());
  EXPECT_EQ(listing_of(of_second).process.system, "second");
  EXPECT_EQ(listing_of(of_second).actors.size(), 1u);
}

TEST(Agent, NamesOfAnyBytesAreShown) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  const std::string name = "\x1b[2J\xff";
  auto actor = system.spawn<Counter>({.name = name});
  const Agent agent(system);
  const Listing listing = listing_of(agent);
  EXPECT_EQ(listing.actors.at(0).name, name);
  std::ostringstream table;
  print_table(table, listing, 0);
  EXPECT_THAT(table.str(), HasSubstr("\\x1b[2J\\xff"));
  std::ostringstream json;
  print_json(json, {listing});
  EXPECT_THAT(json.str(), HasSubstr("\\u001b[2J\xEF\xBF\xBD"));
}

TEST(Agent, AStoppedSystemIsStillInspectable) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  const Agent agent(system);
  auto actor = system.spawn<Counter>();
  system.stop();
  EXPECT_EQ(listing_of(agent).process.actors, 0u);
}

TEST(Agent, LeavesTheProgramsSignalsAlone) {
  const RuntimeDirectory runtime;
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &before), 0);
  ASSERT_EQ(before.sa_handler, SIG_DFL);
  System system(quiet({.workers = 1}));
  {
    const Agent agent(system);
    EXPECT_TRUE(listing_of(agent).actors.empty());
    struct sigaction now {};
    ASSERT_EQ(sigaction(SIGPIPE, nullptr, &now), 0);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
  }
  sigset_t blocked;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
}

TEST(Agent, EndsAtOnceWhileInspectorsAreAttached) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  std::string path;
  Fd attached;
  {
    const Agent agent(system);
    path = agent.path();
    attached = connect_to(path);
    EXPECT_TRUE(listing_of(agent).actors.empty());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(test::closed_by_peer(attached.get()));
}

TEST(Agent, SaysWhyItCannotBe) {
  const RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  try {
    const Agent agent(system, {.directory = runtime.path() + "/missing/parent"});
    ADD_FAILURE() << agent.path();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr("/missing"));
  }
}

}  // namespace
}  // namespace isola::inspect
