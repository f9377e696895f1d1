// Actors fit the types that there are: type, arguments, ports, and what the ports are wired to.
#include <isola/tools/topology/check.h>

#include <gtest/gtest.h>

#include <string>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using test::faults_of;

TEST(Check, FindsNothingInAGoodTopology) {
  EXPECT_EQ(faults_of(R"(
[actors.source]
type = "test.Source"
args = { int64 = 100 }
ports = { out = "items" }
[actors.middle]
type = "test.Middle"
replicas = 3
ports = { in = "items", out = "more" }
[actors.adder]
type = "test.Adder"
replicas = 2
ports = { in = "more", sum = "sums" }
[actors.checker]
type = "test.Checker"
ports = { in = "sums" }
[channels.items]
message = "Item"
[channels.more]
partition_by = "text"
[channels.sums]
)"),
            "");
}

TEST(Check, PlansWhatToStart) {
  Faults faults;
  const Source& source = faults.add_source("t.toml", R"(
actors.s = { type = "test.Source", replicas = 3, ports.out = "c" }
actors.d = { type = "test.Drain", ports.in = "c" }
channels.c = {}
)");
  const Topology topology = read_topology(parse_toml(source, faults), faults);
  const Plan plan = check(topology, test::registry(), faults);
  EXPECT_EQ(faults.text(), "");
  EXPECT_EQ(plan.actor_count(), 4u);
  ASSERT_EQ(plan.actors.size(), 2u);
  EXPECT_EQ(plan.actors[0].behaviour, test::registry().find("test.Source"));
  EXPECT_EQ(plan.actors[0].channels, std::vector<size_t>{0});
  ASSERT_EQ(plan.channels.size(), 1u);
  ASSERT_EQ(plan.channels[0].senders.size(), 1u);
  EXPECT_EQ(plan.channels[0].senders[0].actor, 0u);
  ASSERT_EQ(plan.channels[0].receivers.size(), 1u);
  EXPECT_EQ(plan.channels[0].receivers[0].port->name, "in");
}

TEST(Check, FindsUnknownTypes) {
  EXPECT_EQ(faults_of(R"(
actors.a = { type = "test.Sorce", ports.out = "c" }
actors.b = { type = "test.Darin", ports.in = "c" }
channels.c = {}
)"),
            expected(R"(
t.toml:1:21: error: no type "test.Sorce"; did you mean "test.Source"?
  actors.a = { type = "test.Sorce", ports.out = "c" }
                      ^~~~~~~~~~~~
t.toml:2:21: error: no type "test.Darin"; did you mean "test.Drain"?
  actors.b = { type = "test.Darin", ports.in = "c" }
                      ^~~~~~~~~~~~
)"));
  EXPECT_EQ(faults_of("actors.a.type = \"shop.Till\""),
            "t.toml:1:17: error: no type \"shop.Till\"; known are \"test.Source\", "
            "\"test.Middle\", \"test.Adder\", \"test.Checker\", \"test.Drain\" and \"test.Loop\"\n"
            "  actors.a.type = \"shop.Till\"\n                  ^~~~~~~~~~~\n");
}

TEST(Check, FindsNoTypesInAnEmptyRegistry) {
  Faults faults;
  const Source& source = faults.add_source("t.toml", "actors.a.type = \"x\"");
  const Topology topology = read_topology(parse_toml(source, faults), faults);
  (void)check(topology, Registry(), faults);
  EXPECT_TRUE(faults.text().starts_with("t.toml:1:17: error: no type \"x\"; none is known\n"));
}

TEST(Check, FindsUnknownAndMissingPorts) {
  EXPECT_EQ(faults_of(R"(
[actors.a]
type = "test.Middle"
[actors.b]
type = "test.Middle"
ports = { inn = "c", exit = "c" }
[actors.c]
type = "test.Source"
ports = { out = "c" }
[channels.c]
)"),
            expected(R"(
t.toml:1:9: error: port "in" of actor "a" is not wired: it receives Item
  [actors.a]
          ^
t.toml:1:9: error: port "out" of actor "a" is not wired: it sends Item
  [actors.a]
          ^
t.toml:5:1: error: port "out" of actor "b" is not wired: it sends Item
  ports = { inn = "c", exit = "c" }
  ^~~~~
t.toml:5:11: error: type "test.Middle" has no port "inn"; did you mean "in"?
  ports = { inn = "c", exit = "c" }
            ^~~
t.toml:5:22: error: type "test.Middle" has no port "exit"; it has "in" and "out"
  ports = { inn = "c", exit = "c" }
                       ^~~~
)"));
}

TEST(Check, FindsUnknownChannels) {
  EXPECT_EQ(faults_of(R"(
[actors.a]
type = "test.Source"
ports = { out = "resutls" }
[actors.b]
type = "test.Drain"
ports = { in = "results" }
[actors.c]
type = "test.Drain"
ports = { in = "elsewhere" }
[channels.results]
)"),
            expected(R"(
t.toml:3:17: error: no channel "resutls"; did you mean "results"?
  ports = { out = "resutls" }
                  ^~~~~~~~~
t.toml:9:16: error: no channel "elsewhere"
  ports = { in = "elsewhere" }
                 ^~~~~~~~~~~
)")) << "what was probably meant has a sender";
}

TEST(Check, FindsTooManyActors) {
  std::string text;
  for (int i = 0; i < 9; ++i)
    text += "actors.a" + std::to_string(i) +
            " = { type = \"test.Source\", replicas = 1000, ports.out = \"c\" }\n";
  text += "actors.d = { type = \"test.Drain\", ports.in = \"c\" }\nchannels.c = {}\n";
  EXPECT_EQ(faults_of(text),
            "t.toml:10:8: error: the topology has 9001 actors; at most 8192\n"
            "  actors.d = { type = \"test.Drain\", ports.in = \"c\" }\n         ^\n");
}

TEST(Check, ReportsAllFaultsAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(faults_of(R"(
[topology]
wokers = 2
[actors.source]
type = "test.Sorce"
args = { int65 = 3 }
ports = { out = "items" }
[actors.middle]
type = "test.Middle"
replicas = 0
ports = { in = "items", out = "itmes" }
[actors.adder]
type = "test.Adder"
args = { n = 1 }
ports = { in = "items", sum = "items" }
[channels.items]
capacity = "many"
[channels.spare]
)"),
            expected(R"(
t.toml:2:1: error: the table "topology" has no key "wokers"; did you mean "workers"?
  wokers = 2
  ^~~~~~
t.toml:4:8: error: no type "test.Sorce"; did you mean "test.Source"?
  type = "test.Sorce"
         ^~~~~~~~~~~~
t.toml:9:12: error: "replicas" must be 1 to 1024, not 0
  replicas = 0
             ^
t.toml:10:31: error: no channel "itmes"; did you mean "items"?
  ports = { in = "items", out = "itmes" }
                                ^~~~~~~
t.toml:13:10: error: type "test.Adder" takes no arguments, but got "n"
  args = { n = 1 }
           ^
t.toml:14:31: error: port "sum" of actor "adder" sends Total, but port "in" of actor "middle" )"
                     R"(receives Item on channel "items"
  ports = { in = "items", sum = "items" }
                                ^~~~~~~
t.toml:14:31: error: cycle: adder -> adder; a channel that leads back must say feedback = true
  ports = { in = "items", sum = "items" }
                                ^~~~~~~
t.toml:16:12: error: "capacity" must be an integer, not text
  capacity = "many"
             ^~~~~~
t.toml:17:11: error: channel "spare" is not used: no actor sends to it or receives from it
  [channels.spare]
            ^~~~~
)"));
}

}  // namespace
}  // namespace isola::topology
