// The tables of a topology file become actors and channels; settings change their arguments.
#include <isola/tools/topology/topology.h>

#include <gtest/gtest.h>
#include <isola/tools/topology/check.h>

#include <string>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using test::faults_in;
using test::read;

TEST(Topology, IsReadInTheOrderOfTheFile) {
  Faults faults;
  const Topology topology = read(faults, expected(R"(
[topology]
name = "farm"
workers = 3
[actors.z]
type = "test.Source"
args.int64 = 7
ports = { out = "c" }
[channels.c]
message = "Item"
capacity = 5
partition_by = "text"
feedback = true
[actors.a]
type = "test.Drain"
replicas = 4
ports.in = "c"
)"));
  EXPECT_EQ(faults.text(), "");
  EXPECT_EQ(topology.name, "farm");
  EXPECT_EQ(topology.workers, 3u);
  ASSERT_EQ(topology.actors.size(), 2u);
  EXPECT_EQ(topology.actors[0].name, "z");
  EXPECT_EQ(topology.actors[0].type.value, "test.Source");
  EXPECT_EQ(topology.actors[0].replicas.value, 1u);
  ASSERT_EQ(topology.actors[0].arguments.entries.size(), 1u);
  EXPECT_EQ(topology.actors[0].ports[0].channel.value, "c");
  EXPECT_EQ(topology.actors[1].replicas.value, 4u);
  EXPECT_EQ(topology.actors[1].ports[0].port.value, "in");
  ASSERT_EQ(topology.channels.size(), 1u);
  EXPECT_EQ(topology.channels[0].message->value, "Item");
  EXPECT_EQ(topology.channels[0].capacity.value, 5u);
  EXPECT_EQ(topology.channels[0].partition_by->value, "text");
  EXPECT_TRUE(topology.channels[0].feedback.value);
}

TEST(Topology, WithoutActorsIsAFault) {
  EXPECT_EQ(faults_in(""), "t.toml:1:1: error: the topology has no actors\n");
  EXPECT_EQ(faults_in("[topology]\n[actors]\n"),
            "t.toml:1:1: error: the topology has no actors\n  [topology]\n  ^\n");
}

TEST(Topology, HasNoKeysButItsOwn) {
  EXPECT_EQ(
      faults_in(expected(R"(
verison = 1
[topology]
wrokers = 2
[actors.a]
type = "x"
replica = 2
colour = "red"
[channels.c]
capacty = 1
[actor.b]
)")),
      expected(R"(
t.toml:1:1: error: a topology has no key "verison"; it has "topology", )"
               R"("actors", "channels" and "dispatchers"
  verison = 1
  ^~~~~~~
t.toml:3:1: error: the table "topology" has no key "wrokers"; did you mean "workers"?
  wrokers = 2
  ^~~~~~~
t.toml:6:1: error: actor "a" has no key "replica"; did you mean "replicas"?
  replica = 2
  ^~~~~~~
t.toml:7:1: error: actor "a" has no key "colour"; it has "type", )"
               R"("replicas", "dispatcher", "pinned", "priority", "heap_quota", "inbox_max", )"
               R"("accepts", "args" and "ports"
  colour = "red"
  ^~~~~~
t.toml:9:1: error: channel "c" has no key "capacty"; did you mean "capacity"?
  capacty = 1
  ^~~~~~~
t.toml:10:2: error: a topology has no key "actor"; did you mean "actors"?
  [actor.b]
   ^~~~~
)"));
}

TEST(Topology, SaysWhereAnActorRunsAndWhen) {
  Faults faults;
  const Topology topology = read(faults, expected(R"(
[dispatchers.io]
workers = 2
cpus = [0, 1]
[actors.a]
type = "x"
dispatcher = "io"
pinned = true
priority = "low"
[actors.b]
type = "x"
)"));
  EXPECT_EQ(faults.text(), "");
  ASSERT_EQ(topology.dispatchers.size(), 1u);
  EXPECT_EQ(topology.dispatchers[0].name, "io");
  EXPECT_EQ(topology.dispatchers[0].workers, 2u);
  EXPECT_EQ(topology.dispatchers[0].cpus, (std::vector<uint32_t>{0, 1}));
  ASSERT_EQ(topology.actors.size(), 2u);
  EXPECT_EQ(topology.actors[0].dispatcher->value, "io");
  EXPECT_TRUE(topology.actors[0].pinned.value);
  EXPECT_EQ(topology.actors[0].priority, Priority::low);
  EXPECT_FALSE(topology.actors[1].dispatcher.has_value());
  EXPECT_FALSE(topology.actors[1].pinned.value);
  EXPECT_EQ(topology.actors[1].priority, Priority::normal);
}

TEST(Topology, SaysWhatIsWrongWithDispatchersAndPriorities) {
  EXPECT_EQ(faults_in(expected(R"(
[actors.a]
type = "x"
priority = "urgent"
[dispatchers.io]
workers = 0
cpus = [1, "two"]
[dispatchers.default]
)")),
            expected(R"(
t.toml:3:12: error: "priority" must be "low", "normal" or "high", not "urgent"
  priority = "urgent"
             ^~~~~~~~
t.toml:5:11: error: "workers" must be 1 to 1024, not 0
  workers = 0
            ^
t.toml:6:12: error: a processor must be 0 to 1023
  cpus = [1, "two"]
             ^~~~~
t.toml:7:14: error: the workers of the dispatcher "default" are those of the table "topology"
  [dispatchers.default]
               ^~~~~~~
)"));
}

TEST(Topology, NamesOnlyDispatchersThatItDeclares) {
  Faults faults;
  const Topology topology = read(faults, expected(R"(
[dispatchers.render]
[actors.a]
type = "test.Source"
dispatcher = "rendre"
[actors.b]
type = "test.Source"
dispatcher = "default"
)"));
  (void)check(topology, test::registry(), faults);
  EXPECT_NE(faults.text().find(expected(R"(
t.toml:4:14: error: no dispatcher "rendre"; did you mean "render"?
  dispatcher = "rendre"
               ^~~~~~~~
)")),
            std::string::npos)
      << faults.text();
  EXPECT_EQ(faults.text().find("\"default\""), std::string::npos) << faults.text();
}

TEST(Topology, HasValuesOfTheRightKind) {
  EXPECT_EQ(faults_in(expected(R"(
topology = 5
[actors]
a = 1
b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
[channels]
c = "x"
d = { message = true, capacity = 1.5, partition_by = [], feedback = "yes" }
)")),
            expected(R"(
t.toml:1:12: error: "topology" must be a table, not an integer
  topology = 5
             ^
t.toml:3:5: error: actor "a" must be a table, not an integer
  a = 1
      ^
t.toml:4:14: error: "type" must be text, not an integer
  b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
               ^
t.toml:4:28: error: "replicas" must be an integer, not text
  b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
                             ^~~~~
t.toml:4:42: error: "args" must be a table, not a list
  b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
                                           ^~
t.toml:4:61: error: port "in" must name a channel, not be an integer
  b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
                                                              ^
t.toml:4:70: error: port "out" must name a channel, not be empty
  b = { type = 7, replicas = "two", args = [], ports = { in = 3, out = "" } }
                                                                       ^~
t.toml:6:5: error: channel "c" must be a table, not text
  c = "x"
      ^~~
t.toml:7:17: error: "message" must be text, not true or false
  d = { message = true, capacity = 1.5, partition_by = [], feedback = "yes" }
                  ^~~~
t.toml:7:34: error: "capacity" must be an integer, not a number
  d = { message = true, capacity = 1.5, partition_by = [], feedback = "yes" }
                                   ^~~
t.toml:7:54: error: "partition_by" must be text, not a list
  d = { message = true, capacity = 1.5, partition_by = [], feedback = "yes" }
                                                       ^~
t.toml:7:69: error: "feedback" must be true or false, not text
  d = { message = true, capacity = 1.5, partition_by = [], feedback = "yes" }
                                                                      ^~~~~
)"));
}

TEST(Topology, HasNumbersInTheirRange) {
  for (const char* good : {"1", "1024"})
    EXPECT_EQ(faults_in(std::string("actors.a.type = \"x\"\nactors.a.replicas = ") + good), "");
  for (const char* bad : {"0", "1025", "-1", "9223372036854775807", "-9223372036854775808"})
    EXPECT_EQ(faults_in(std::string("actors.a.type = \"x\"\nactors.a.replicas = ") + bad),
              "t.toml:2:21: error: \"replicas\" must be 1 to 1024, not " + std::string(bad) +
                  "\n  actors.a.replicas = " + bad + "\n                      ^" +
                  std::string(std::string(bad).size() - 1, '~') + "\n");
  EXPECT_EQ(faults_in("topology.workers = 0\nactors.a.type = \"x\"\nchannels.c.capacity = 0"),
            expected(R"(
t.toml:1:20: error: "workers" must be 1 to 1024, not 0
  topology.workers = 0
                     ^
t.toml:3:23: error: "capacity" must be 1 to 1073741824, not 0
  channels.c.capacity = 0
                        ^
)"));
  EXPECT_EQ(faults_in("actors.a.type = \"x\"\nchannels.c.capacity = 1073741824"), "");
}

TEST(Topology, HasActorsWithTypes) {
  EXPECT_EQ(faults_in("[actors.a]\n[actors.b]\ntype = \"\"\n[actors.c]\ntpye = \"x\"\n"),
            expected(R"(
t.toml:1:9: error: actor "a" has no type
  [actors.a]
          ^
t.toml:3:8: error: "type" is empty
  type = ""
         ^~
t.toml:5:1: error: actor "c" has no key "tpye"; did you mean "type"?
  tpye = "x"
  ^~~~
)"));
}

TEST(Topology, HasPlainNames) {
  const std::string longest(40, 'a');
  EXPECT_EQ(faults_in("[actors." + longest + "]\ntype = \"x\"\n"), "");
  EXPECT_EQ(faults_in("topology.name = \"a b\"\n[actors.\"a\\u001bb\"]\ntype = \"x\"\n"
                      "[channels.\"\"]\n[channels." +
                      longest + "b]\n"),
            expected(R"(
t.toml:1:17: error: the name of topology "a b" may have only letters, digits, "_" and "-"
  topology.name = "a b"
                  ^~~~~
t.toml:2:9: error: the name of actor "a\x1bb" may have only letters, digits, "_" and "-"
  [actors."a\u001bb"]
          ^~~~~~~~~~
t.toml:4:11: error: the name of channel "" may have only letters, digits, "_" and "-"
  [channels.""]
            ^~
)") + "t.toml:5:11: error: the name of channel \"" +
                longest + "b\" has 41 characters; at most 40\n  [channels." + longest +
                "b]\n            ^" + std::string(40, '~') + "\n");
}

// The faults of one setting, and the arguments of actor "a" after it.
std::string after_setting(const std::string& setting, Value* arguments = nullptr) {
  Faults faults;
  Topology topology = read(faults,
                           "[actors.a]\ntype = \"x\"\nargs = { n = 1, sub = { m = 2 } }\n"
                           "[actors.raeder]\n"
                           "type = \"x\"\n");
  EXPECT_EQ(faults.text(), "");
  apply_setting(topology, setting, faults);
  if (arguments != nullptr) *arguments = topology.actors[0].arguments;
  return faults.text();
}

TEST(Setting, ReplacesAnArgument) {
  Value arguments;
  EXPECT_EQ(after_setting("a.n=5", &arguments), "");
  ASSERT_EQ(arguments.entries.size(), 2u);
  EXPECT_EQ(arguments.entries[0].value.integer, 5);
  EXPECT_EQ(after_setting("a.sub.m=7", &arguments), "");
  EXPECT_EQ(arguments.entries[1].value.entries[0].value.integer, 7);
}

TEST(Setting, AddsAnArgument) {
  Value arguments;
  EXPECT_EQ(after_setting("a.new.er=x=y", &arguments), "");
  ASSERT_EQ(arguments.entries.size(), 3u);
  EXPECT_EQ(arguments.entries[2].key, "new");
  EXPECT_EQ(arguments.entries[2].value.entries[0].value.text, "x=y");
}

TEST(Setting, ThatIsWrittenWrongIsAFault) {
  for (const char* wrong : {"", "a", "a.n", "a=5", "a=5.5", "=", "n=a.b"})
    EXPECT_TRUE(
        after_setting(wrong).starts_with("--set:1:1: error: must read ACTOR.ARGUMENT=VALUE\n"))
        << wrong << '\n'
        << after_setting(wrong);
  EXPECT_EQ(after_setting("reader.n=5"),
            "--set:1:1: error: no actor \"reader\"; did you mean \"raeder\"?\n"
            "  reader.n=5\n  ^~~~~~\n");
  EXPECT_EQ(after_setting("\x1b.n=5"),
            "--set:1:1: error: no actor \"\\x1b\"\n  \\x1b.n=5\n  ^~~~\n");
  EXPECT_TRUE(after_setting("a" + std::string(100'000, '.') + "=5")
                  .starts_with("--set:1:1: error: a name of more than 16 parts\n"));
}

TEST(Topology, HasCapacitiesThatAreIntegers) {
  // Covers: QU-004
  for (const auto& [written, kind] : {std::pair<std::string, std::string>("\"ten\"", "text"),
                                      {"1.5", "a number"},
                                      {"true", "true or false"}})
    EXPECT_EQ(faults_in("actors.a.type = \"x\"\nchannels.c.capacity = " + written),
              "t.toml:2:23: error: \"capacity\" must be an integer, not " + kind +
                  "\n  channels.c.capacity = " + written + "\n" + std::string(24, ' ') + "^" +
                  std::string(written.size() - 1, '~') + "\n");
}

}  // namespace
}  // namespace isola::topology
