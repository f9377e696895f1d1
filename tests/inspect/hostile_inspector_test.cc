// An agent is not harmed by what inspectors send: garbage, half messages, silence, greed.
#include <isola/tools/inspect/agent.h>

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <capnp/rpc.capnp.h>
#include <capnp/serialize.h>
#include <gmock/gmock.h>
#include <isola/isola.h>
#include <isola/tools/inspect/client.h>
#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/limits.h>
#include <isola/tools/inspect/quiet_kj.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/inspect/support.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola::inspect {
namespace {

using namespace std::chrono_literals;
using isola::test::eventually;
using isola::test::Number;
using isola::test::quiet;
using test::closed_by_peer;
using test::header;
using test::kDeadline;
using test::RuntimeDirectory;
using test::send_all;
using ::testing::HasSubstr;
using Kind = ListingError::Kind;

class Idle : public Actor<Idle, Number> {
 public:
  void on(Number::Reader) {}
};

std::string framed(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

std::string bootstrap_message() {
  capnp::MallocMessageBuilder message;
  message.initRoot<capnp::rpc::Message>().initBootstrap().setQuestionId(0);
  return framed(message);
}

capnp::rpc::Call::Builder init_call(capnp::MessageBuilder& message, uint32_t question,
                                    uint16_t method) {
  auto call = message.initRoot<capnp::rpc::Message>().initCall();
  call.setQuestionId(question);
  call.initTarget().initPromisedAnswer().setQuestionId(0);
  call.setInterfaceId(capnp::typeId<rpc::Inspector>());
  call.setMethodId(method);
  return call;
}

std::string hello_message(uint32_t question) {
  capnp::MallocMessageBuilder message;
  auto call = init_call(message, question, 0);
  auto params = call.initParams().getContent().initAs<rpc::Inspector::HelloParams>();
  params.initClient().setMajor(rpc::MAJOR);
  return framed(message);
}

std::string actors_message(uint32_t question) {
  capnp::MallocMessageBuilder message;
  auto call = init_call(message, question, 1);
  call.initParams().getContent().initAs<rpc::Inspector::ActorsParams>().setMax(kPageActorsMax);
  return framed(message);
}

class HostileInspector : public ::testing::Test {
 protected:
  HostileInspector() {
    for (int i = 0; i < 1000; ++i) system.spawn<Idle>({.name = "idle"});
  }
  void expect_served() {
    EXPECT_EQ(read_listing(agent.path(), kDeadline).actors.size(), system.actors());
  }

  RuntimeDirectory runtime;
  System system{quiet({.workers = 1})};
  Agent agent{system};
};

TEST_F(HostileInspector, RandomBytesEndOnlyTheirConnection) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 50; ++round) {
    const Fd socket = connect_to(agent.path());
    std::string bytes(1 + random() % 4000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    send_all(socket.get(), bytes);
    ::shutdown(socket.get(), SHUT_WR);
    EXPECT_TRUE(closed_by_peer(socket.get())) << "round " << round;
  }
  expect_served();
}

TEST_F(HostileInspector, FlippedBitsOfARealConversationEndOnlyTheirConnection) {
  std::mt19937 random(20240608);
  const std::string good = bootstrap_message() + hello_message(1) + actors_message(2);
  for (int round = 0; round < 200; ++round) {
    const Fd socket = connect_to(agent.path());
    std::string bytes = good;
    for (int flips = 0; flips < 3; ++flips) {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(byte ^ (1 << random() % 8));
    }
    send_all(socket.get(), bytes);
    ::shutdown(socket.get(), SHUT_WR);
    EXPECT_TRUE(closed_by_peer(socket.get())) << "round " << round;
  }
  expect_served();
}

TEST_F(HostileInspector, AHugeMessageIsRefusedBeforeItIsSent) {
  for (const std::string& claim :
       {header(0, UINT32_MAX), header(0, kMessageWordsMax + 1), header(UINT32_MAX, 0),
        header(600, 1), header(1, 0x7FFFFFFF).append(8, '\x7F')}) {
    const Fd socket = connect_to(agent.path());
    ASSERT_TRUE(send_all(socket.get(), claim));
    EXPECT_TRUE(closed_by_peer(socket.get()));
  }
  expect_served();
}

TEST_F(HostileInspector, HalfAMessageHoldsUpNobody) {
  const std::string whole = bootstrap_message() + hello_message(1);
  std::vector<Fd> sockets;
  for (size_t size : {size_t{1}, size_t{7}, size_t{8}, size_t{9}, whole.size() - 1}) {
    sockets.push_back(connect_to(agent.path()));
    ASSERT_TRUE(send_all(sockets.back().get(), whole.substr(0, size)));
  }
  expect_served();
}

TEST_F(HostileInspector, SilenceIsNotListenedToForEver) {
  const Agent impatient(system, {.idle_max = 50ms});
  const Fd silent = connect_to(impatient.path());
  const Fd half = connect_to(impatient.path());
  ASSERT_TRUE(send_all(half.get(), bootstrap_message().substr(0, 9)));
  EXPECT_TRUE(closed_by_peer(silent.get()));
  EXPECT_TRUE(closed_by_peer(half.get()));
}

TEST_F(HostileInspector, WhoTakesNoAnswersIsDropped) {
  const Fd socket = connect_to(agent.path());
  ASSERT_TRUE(send_all(socket.get(), bootstrap_message() + hello_message(1)));
  // Each answer has 256 actors; were they all kept, this would be many gigabytes.
  bool dropped = false;
  for (uint32_t question = 2; question < 1'000'000 && !dropped; ++question)
    dropped = !send_all(socket.get(), actors_message(question));
  EXPECT_TRUE(dropped);
  expect_served();
}

TEST_F(HostileInspector, NothingIsToldBeforeHello) {
  const Fd socket = connect_to(agent.path());
  ASSERT_TRUE(send_all(socket.get(), bootstrap_message() + actors_message(1)));
  std::string came;
  char bytes[4096];
  while (came.find("say hello") == std::string::npos && test::readable(socket.get())) {
    const ssize_t count = ::read(socket.get(), bytes, sizeof(bytes));
    if (count <= 0) break;
    came.append(bytes, static_cast<size_t>(count));
  }
  EXPECT_THAT(came, HasSubstr("the inspector has to say hello first"));
  EXPECT_EQ(came.find("idle"), std::string::npos);
}

TEST_F(HostileInspector, ManyConnectionsAreBoundedAndOthersServedWhenTheyLeave) {
  std::vector<Fd> held;
  for (size_t i = 0; i < kConnectionsMax; ++i) held.push_back(connect_to(agent.path()));
  EXPECT_TRUE(eventually([&] {
    try {
      read_listing(agent.path(), kDeadline);
      return false;  // one of those above was not taken yet
    } catch (const ListingError& error) {
      EXPECT_EQ(error.kind(), Kind::closed) << error.what();
      return true;
    }
  }));
  held.clear();
  EXPECT_TRUE(eventually([&] {
    try {
      return !read_listing(agent.path(), kDeadline).actors.empty();
    } catch (const ListingError&) {
      return false;
    }
  }));
}

TEST_F(HostileInspector, AnotherUserIsRefusedEvenIfTheFileLetsHim) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  for (const std::string& path : {runtime.path(), runtime.sockets()})
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  const std::string path = agent.path();
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const std::string question = bootstrap_message() + hello_message(1);
  const pid_t child = ::fork();
  if (child == 0) {
    // 10: it got no connection at all, 11: an answer, 12: no end
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(13);
    int status = 10;
    try {
      const Fd socket = connect_to(path);
      send_all(socket.get(), question);
      status = 12;
      char byte = 0;
      if (test::readable(socket.get())) status = ::read(socket.get(), &byte, 1) > 0 ? 11 : 0;
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  expect_served();
}

TEST_F(HostileInspector, OfAnotherVersionIsToldSo) {
  std::string refusal;
  std::string error;
  quietly([&] {
    const SigpipeGuard guard;
    auto io = make_event_loop();
    auto stream = io.lowLevelProvider->wrapSocketFd(connect_to(agent.path()).release(),
                                                    kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
    capnp::TwoPartyClient client(*stream);
    auto inspector = client.bootstrap().castAs<rpc::Inspector>();
    auto hello = inspector.helloRequest();
    hello.initClient().setMajor(9);
    auto answer = hello.send().wait(io.waitScope);
    refusal = answer.getRefusal().cStr();
    EXPECT_EQ(answer.getServer().getMajor(), rpc::MAJOR);
    EXPECT_FALSE(answer.hasProcess());
    try {
      inspector.actorsRequest().send().wait(io.waitScope);
    } catch (const kj::Exception& exception) {
      error = exception.getDescription().cStr();
    }
  });
  EXPECT_EQ(refusal,
            "the program speaks version 1 of the inspector's protocol, the inspector version 9");
  EXPECT_THAT(error, HasSubstr("in a version that both speak"));
  expect_served();
}

}  // namespace
}  // namespace isola::inspect
