// A plan that was checked runs: replicas, shared channels, partitions, and an end of its own.
#include <isola/tools/topology/run.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::Item;

// Sends one Item for each text that it has seen, with how often.
void groups(Receiver<Item> in, Sender<Item> out) {
  std::map<std::string, int64_t> seen;
  for (auto& item : in) ++seen[item->getText().cStr()];
  for (const auto& [text, count] : seen) {
    auto item = out.compose();
    item->setText(text);
    item->setNumber(count);
    out.send(std::move(item));
  }
}

// Fails, so that the test sees the result: the sum of the numbers, how many texts came, and how
// many of them twice.
void distinct(Receiver<Item> in) {
  std::map<std::string, int> seen;
  int twice = 0;
  int64_t sum = 0;
  for (auto& item : in) {
    twice += ++seen[item->getText().cStr()] == 2 ? 1 : 0;
    sum += item->getNumber();
  }
  throw std::runtime_error(std::to_string(sum) + " in " + std::to_string(seen.size()) + " texts, " +
                           std::to_string(twice) + " twice");
}

inline constexpr Key<text> locale{"test.run.locale", Flow::wire};
inline constexpr Key<int> tenant{"test.run.tenant", Flow::wire, 0};

// Fails with what it sees of the context that it is started in.
void shows(Receiver<Item> in) {
  for ([[maybe_unused]] auto& item : in) continue;
  throw std::runtime_error(std::string(locale.get("-")) + ' ' + std::to_string(tenant.get()));
}

// Runs this text to its end; the failures as "NAME: message", sorted.
std::vector<std::string> failures_of(const std::string& text,
                                     std::optional<uint64_t> seed = std::nullopt) {
  Registry registry = test::registry();
  registry.add("test.Groups", &groups, {"in", "out"}).add("test.Distinct", &distinct, {"in"});
  registry.add("test.Shows", &shows, {"in"});
  Faults faults;
  const Source& source = faults.add_source("t.toml", text);
  const Topology topology = read_topology(parse_toml(source, faults), faults);
  const Plan plan = check(topology, registry, faults);
  EXPECT_EQ(faults.text(), "");
  if (!faults.empty()) return {};

  std::mutex mutex;
  std::vector<std::string> failures;
  SystemOptions options = system_options(topology);
  options.seed = seed;
  options.on_failure = [&](const Error& error) {
    const std::lock_guard lock(mutex);
    failures.push_back(error.actor() + ": " + error.message());
  };
  System system(options);
  {
    const Scope bound{bind(locale, "de_DE"), bind(tenant, 7)};
    const std::vector<ActorRef> actors = start(system, plan);
    EXPECT_EQ(actors.size(), plan.actor_count());
    for (const ActorRef& actor : actors) (void)actor.join();
  }
  EXPECT_EQ(system.channels().size(), 0u) << "all channels are gone with their ends";
  system.stop();
  EXPECT_EQ(system.pool_stats().live, 0u);
  std::sort(failures.begin(), failures.end());
  return failures;
}

using Failures = std::vector<std::string>;

constexpr const char* kFarm = R"(
[topology]
name = "farm"
workers = 2
[actors.source]
type = "test.Source"
replicas = 2
args = { int64 = 1000 }
ports = { out = "items" }
[actors.middle]
type = "test.Middle"
replicas = 3
ports = { in = "items", out = "more" }
[actors.adder]
type = "test.Adder"
replicas = 4
ports = { in = "more", sum = "sums" }
[actors.checker]
type = "test.Checker"
ports = { in = "sums" }
[channels]
items = { capacity = 1 }
more = { capacity = 3, partition_by = "number" }
sums = {}
)";

TEST(Run, LosesNothingAndEndsByItself) {
  EXPECT_EQ(failures_of(kFarm), (Failures{"checker: 4 totals of 1001000"}));
}

TEST(Run, GivesTheSameOnSeededSchedules) {
  for (uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(failures_of(kFarm, seed), (Failures{"checker: 4 totals of 1001000"}))
        << "seed " << seed;
}

TEST(Run, NamesReplicasByTheirNumber) {
  EXPECT_EQ(failures_of(R"(
actors.s = { type = "test.Source", args = { int64 = 0 }, ports.out = "a" }
actors.add = { type = "test.Adder", ports = { in = "a", sum = "b" } }
actors.check = { type = "test.Checker", replicas = 3, ports.in = "b" }
channels = { a = {}, b = {} }
)")
                .size(),
            3u);
  const Failures failures = failures_of(R"(
actors.s = { type = "test.Source", args = { int64 = 0 }, ports.out = "a" }
actors.d = { type = "test.Distinct", replicas = 3, ports.in = "a" }
channels.a = {}
)");
  EXPECT_EQ(failures, (Failures{"d/0: 0 in 0 texts, 0 twice", "d/1: 0 in 0 texts, 0 twice",
                                "d/2: 0 in 0 texts, 0 twice"}));
}

std::string grouping(const std::string& channel) {
  return R"(
actors.s = { type = "test.Source", replicas = 3, args.int64 = 700, ports.out = "a" }
actors.g = { type = "test.Groups", replicas = 4, ports = { in = "a", out = "b" } }
actors.d = { type = "test.Distinct", ports.in = "b" }
channels.b = {}
channels.a = { capacity = 10)" +
         channel + " }\n";
}

TEST(Run, ItsActorsSeeTheKeysThatTheyAccept) {
  EXPECT_EQ(failures_of(R"(
actors.s = { type = "test.Source", args = { int64 = 3 }, ports.out = "a" }
actors.all = { type = "test.Shows", ports.in = "a" }
actors.none = { type = "test.Shows", accepts = [], ports.in = "a" }
actors.some = { type = "test.Shows", accepts = ["test.run.tenant", "other"], ports.in = "a" }
channels.a = {}
)"),
            (Failures{"all: de_DE 7", "none: - 0", "some: - 7"}));
}

TEST(Run, PartitionsByTheFieldThatIsNamed) {
  // Texts "item 0" to "item 6": each goes to one replica only.
  EXPECT_EQ(failures_of(grouping(", partition_by = \"text\"")),
            (Failures{"d: 2100 in 7 texts, 0 twice"}));
  for (uint64_t seed = 1; seed <= 10; ++seed)
    EXPECT_EQ(failures_of(grouping(", partition_by = \"text\""), seed),
              (Failures{"d: 2100 in 7 texts, 0 twice"}))
        << "seed " << seed;
}

TEST(Run, SharesWhatIsNotPartitioned) {
  const Failures failures = failures_of(grouping(""), 1);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_TRUE(failures[0].starts_with("d: 2100 in 7 texts, ")) << failures[0];
  EXPECT_FALSE(failures[0].ends_with(" 0 twice")) << "only one replica has received anything";
}

TEST(Run, PartitionsForOneReplica) {
  EXPECT_EQ(failures_of(R"(
actors.s = { type = "test.Source", args.int64 = 70, ports.out = "a" }
actors.d = { type = "test.Distinct", ports.in = "a" }
channels.a = { partition_by = "text" }
)"),
            (Failures{"d: 2485 in 7 texts, 7 twice"}));
}

TEST(Run, WritesArgumentsThatOutgrowTheirBlock) {
  std::string text = "actors.s = { type = \"test.Source\", args = { int64 = 5, text = \"" +
                     std::string(200'000, 'x') + "\", texts = [";
  for (int i = 0; i < 5000; ++i) text += "\"text\",";
  text +=
      "] }, ports.out = \"a\" }\n"
      "actors.d = { type = \"test.Distinct\", ports.in = \"a\" }\nchannels.a = {}\n";
  EXPECT_EQ(failures_of(text), (Failures{"d: 15 in 5 texts, 0 twice"}));
}

std::vector<std::pair<std::string, Origin>> origins_of(const std::vector<Isolate>& isolates) {
  std::vector<std::pair<std::string, Origin>> origins;
  for (const Isolate& isolate : isolates) origins.emplace_back(isolate.name(), isolate.origin());
  return origins;
}

std::vector<std::pair<std::string, Origin>> seen_inside;
sync::atomic<bool> seen_outside{false};

void look_around() {
  seen_inside = origins_of(isola::isolates());
  while (!seen_outside.load()) (void)sleep_for(std::chrono::milliseconds(1));
}

TEST(Run, ItsActorsSayWhoMadeThem) {
  // Covers: API-023
  Registry registry;
  registry.add("test.Look", &look_around, {});
  Faults faults;
  const Source& source = faults.add_source("t.toml", "[actors.look]\ntype = \"test.Look\"\n");
  const Topology topology = read_topology(parse_toml(source, faults), faults);
  const Plan plan = check(topology, registry, faults);
  ASSERT_EQ(faults.text(), "");
  System system({.workers = 1});
  const Isolate mine = system.create({.name = "mine"});
  Supervisor supervisor(system);
  const ActorRef child = supervisor.spawn(SpawnOptions{.name = "child"},
                                          [] { (void)sleep_for(std::chrono::hours(1)); });
  const std::vector<ActorRef> actors = start(system, plan);
  const std::vector<std::pair<std::string, Origin>> all{{"main", Origin::runtime},
                                                        {"mine", Origin::user},
                                                        {"child", Origin::supervisor},
                                                        {"look", Origin::topology}};
  EXPECT_EQ(origins_of(system.isolates()), all);
  seen_outside.store(true);
  EXPECT_FALSE(actors.at(0).join());
  EXPECT_EQ(seen_inside, all);
}

}  // namespace
}  // namespace isola::topology
