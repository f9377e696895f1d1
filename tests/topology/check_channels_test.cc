// Channels have senders and receivers of one message type, and partitions that can be chosen.
#include <isola/tools/topology/check.h>

#include <gtest/gtest.h>

#include <string>

#include "behaviours.h"

namespace isola::topology {
namespace {

using test::expected;
using test::faults_of;

// A source and a drain on channel "c", which has these keys.
std::string faults_of_channel(const std::string& keys) {
  return faults_of(
      "actors.s = { type = \"test.Source\", ports.out = \"c\" }\n"
      "actors.d = { type = \"test.Drain\", replicas = 2, ports.in = \"c\" }\n"
      "channels.c = { " +
      keys + " }\n");
}

TEST(Channels, HaveSendersAndReceivers) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "a" }
actors.d = { type = "test.Drain", ports.in = "b" }
[channels]
a = {}
b = {}
c = {}
)"),
            expected(R"(
t.toml:4:1: error: channel "a" has no receiver: no actor receives from it
  a = {}
  ^
t.toml:5:1: error: channel "b" has no sender: no actor sends to it
  b = {}
  ^
t.toml:6:1: error: channel "c" is not used: no actor sends to it or receives from it
  c = {}
  ^
)"));
}

TEST(Channels, OfUnknownActorsMayHaveBothEnds) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Suorce", ports.out = "a" }
channels.a = {}
)"),
            expected(R"(
t.toml:1:21: error: no type "test.Suorce"; did you mean "test.Source"?
  actors.s = { type = "test.Suorce", ports.out = "a" }
                      ^~~~~~~~~~~~~
)"));
}

TEST(Channels, CarryOneMessageType) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "a" }
actors.c = { type = "test.Checker", ports.in = "a" }
channels.a = {}
)"),
            expected(R"(
t.toml:2:48: error: port "in" of actor "c" receives Total, but port "out" of actor "s" sends )"
                     R"(Item on channel "a"
  actors.c = { type = "test.Checker", ports.in = "a" }
                                                 ^~~
)"));
}

TEST(Channels, CarryTheMessageThatTheyName) {
  EXPECT_EQ(faults_of_channel("message = \"Item\""), "");
  EXPECT_EQ(faults_of_channel("message = \"Itme\""), expected(R"(
t.toml:3:26: error: channel "c" is said to carry "Itme", but port "out" of actor "s" sends Item
  channels.c = { message = "Itme" }
                           ^~~~~~
)"));
  // The one that agrees with the channel is right.
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "a" }
actors.c = { type = "test.Checker", ports.in = "a" }
channels.a = { message = "Total" }
)"),
            expected(R"(
t.toml:1:48: error: port "out" of actor "s" sends Item, but port "in" of actor "c" receives )"
                     R"(Total on channel "a"
  actors.s = { type = "test.Source", ports.out = "a" }
                                                 ^~~
)"));
}

TEST(Channels, ArePartitionedByAFieldThatCanBeHashed) {
  for (const char* field : {"text", "number", "flag"})
    EXPECT_EQ(faults_of_channel("partition_by = \"" + std::string(field) + "\""), "");
  EXPECT_EQ(faults_of_channel("partition_by = \"txt\""), expected(R"(
t.toml:3:31: error: message Item has no field "txt"; did you mean "text"?
  channels.c = { partition_by = "txt" }
                                ^~~~~
)"));
  EXPECT_EQ(faults_of_channel("partition_by = \"weight\""), expected(R"(
t.toml:3:31: error: message Item has no field "weight"; it has "text", "number" and "flag"
  channels.c = { partition_by = "weight" }
                                ^~~~~~~~
)"));
  EXPECT_EQ(faults_of_channel("partition_by = \"list\""),
            expected(R"(
t.toml:3:31: error: field "list" of Item can't choose a partition: that takes a text, data, an )"
                     R"(integer, a boolean or an enumerant
  channels.c = { partition_by = "list" }
                                ^~~~~~
)"));
}

TEST(Channels, ArePartitionedAmongTheReplicasOfOneActor) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "c" }
actors.d = { type = "test.Drain", ports.in = "c" }
actors.e = { type = "test.Drain", ports.in = "c" }
channels.c = { partition_by = "text" }
)"),
            expected(R"(
t.toml:4:31: error: channel "c" is partitioned, so one port must receive from it, not 2
  channels.c = { partition_by = "text" }
                                ^~~~~~
)"));
}

TEST(Channels, MayBeSharedByManySendersAndReceivers) {
  EXPECT_EQ(faults_of(R"(
actors.s = { type = "test.Source", ports.out = "c" }
actors.t = { type = "test.Source", ports.out = "c" }
actors.d = { type = "test.Drain", ports.in = "c" }
actors.e = { type = "test.Drain", ports.in = "c" }
channels.c = {}
)"),
            "");
}

}  // namespace
}  // namespace isola::topology
