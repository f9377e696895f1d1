// The inspector's operations look at a program and change nothing of it.
#include <capnp/dynamic.h>
#include <capnp/ez-rpc.h>
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <isola/tools/inspect/agent.h>
#include <isola/tools/inspect/inspector.capnp.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/inspect/support.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola::inspect {
namespace {

using isola::test::Number;
using isola::test::quiet;

// All channels, in words: whatever of them is seen from outside.
std::vector<std::string> channels_of(const System& system) {
  std::vector<std::string> texts;
  for (ChannelInfo channel : system.channels()) {
    channel.oldest_ms = 0;  // it goes on
    texts.push_back(channel.to_string() + (channel.closed ? " closed" : ""));
  }
  return texts;
}

// Puts `value` into each number of what is asked with, also into those of structs in it.
void fill(capnp::DynamicStruct::Builder parameters, uint64_t value) {
  for (const capnp::StructSchema::Field field : parameters.getSchema().getFields()) {
    const capnp::Type type = field.getType();
    if (type.isStruct())
      fill(parameters.init(field).as<capnp::DynamicStruct>(), value);
    else if (type.isUInt64() || type.isUInt32() || type.isUInt16())
      parameters.set(field, value);
    else if (type.isText())
      parameters.set(field, "other");
    else if (type.isBool())
      parameters.set(field, true);
  }
}

TEST(Operations, ChangeNoChannelAndNoIdOfOne) {
  // Covers: CH-009
  const auto interface = capnp::Schema::from<rpc::Inspector>();
  for (const capnp::InterfaceSchema::Method method : interface.getMethods()) {
    const std::string_view name(method.getProto().getName().cStr());
    for (const char* change : {"set", "rename", "renumber", "assign", "move"})
      EXPECT_FALSE(name.starts_with(change)) << name;
  }

  test::RuntimeDirectory runtime;
  System system(quiet({.workers = 1}));
  std::vector<Channel<Number>> channels;
  for (int i = 0; i < 3; ++i) {
    channels.push_back(system.channel<Number>(bounded(4)));
    EXPECT_FALSE(channels.back().sender.send([&](Number::Builder n) { n.setValue(i); }));
  }
  const std::vector<std::string> before = channels_of(system);
  const Agent agent(system);
  capnp::EzRpcClient client("unix:" + agent.path());
  auto inspector = client.getMain().castAs<capnp::DynamicCapability>(interface);
  auto hello = inspector.newRequest("hello");
  auto version = hello.init("client").as<capnp::DynamicStruct>();
  version.set("major", rpc::MAJOR);
  version.set("minor", rpc::MINOR);
  EXPECT_FALSE(hello.send().wait(client.getWaitScope()).has("refusal"));
  for (const capnp::InterfaceSchema::Method method : interface.getMethods()) {
    for (const Channel<Number>& channel : channels) {
      auto request = inspector.newRequest(method);
      fill(request, channel.sender.id());
      // An error is an answer, too.
      (void)kj::runCatchingExceptions(
          [&] { request.send().ignoreResult().wait(client.getWaitScope()); });
    }
  }
  EXPECT_EQ(channels_of(system), before);
  for (const Channel<Number>& channel : channels) {
    EXPECT_EQ(system.ledger().find(channel.sender.id()).or_raise().id, channel.receiver.id());
    EXPECT_EQ(channel.receiver.size(), 1u);
  }
  system.stop();
}

}  // namespace
}  // namespace isola::inspect
