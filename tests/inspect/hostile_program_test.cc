// An inspector is not harmed by what a program sends: garbage, silence, lists without end.
#include <isola/tools/inspect/client.h>

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <gmock/gmock.h>
#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/limits.h>
#include <isola/tools/inspect/quiet_kj.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <vector>

#include "tests/inspect/support.h"

namespace isola::inspect {
namespace {

using namespace std::chrono_literals;
using test::closed_by_peer;
using test::FakeProgram;
using test::header;
using test::kDeadline;
using test::RuntimeDirectory;
using test::send_all;
using ::testing::HasSubstr;
using Kind = ListingError::Kind;

struct Failure {
  Kind kind = Kind::failed;
  std::string what;
};

Failure failure_of(const std::string& path, std::chrono::milliseconds limit = kDeadline) {
  try {
    read_listing(path, limit);
  } catch (const ListingError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path));
    return {error.kind(), error.what()};
  }
  ADD_FAILURE() << "a listing came from " << path;
  return {};
}

class HostileProgram : public ::testing::Test {
 protected:
  RuntimeDirectory runtime;
  std::string path = runtime.path() + "/socket";
};

TEST_F(HostileProgram, GarbageIsCalledThat) {
  // Two words of body: a pointer to a struct that is not there.
  std::string bad_pointer = header(0, 2);
  bad_pointer += std::string("\0\0\0\0\1\0\1\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 16);
  const std::vector<std::string> kinds = {std::string(4096, '\xFF'),
                                          "HTTP/1.1 400 Bad Request\r\n\r\n", header(0, UINT32_MAX),
                                          header(600, 1), bad_pointer};
  for (const std::string& garbage : kinds) {
    const FakeProgram program(path, [&](int socket) {
      send_all(socket, garbage);
      closed_by_peer(socket);
    });
    const Failure failure = failure_of(path);
    EXPECT_EQ(failure.kind, Kind::nonsense) << failure.what;
    EXPECT_THAT(failure.what, HasSubstr("not the inspector's protocol"));
    std::filesystem::remove(path);
  }
}

TEST_F(HostileProgram, RandomBytesNeverHarmTheInspector) {
  std::mt19937 random(20240609);
  const FakeProgram program(path, [&](int socket) {
    std::string bytes(1 + random() % 4000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    send_all(socket, bytes);
    ::shutdown(socket, SHUT_WR);
    closed_by_peer(socket);
  });
  for (int round = 0; round < 50; ++round) failure_of(path);
}

TEST_F(HostileProgram, SilenceEndsWithTheTimeout) {
  const FakeProgram program(path, [](int socket) { closed_by_peer(socket); });
  const Failure failure = failure_of(path, 50ms);
  EXPECT_EQ(failure.kind, Kind::no_answer);
  EXPECT_THAT(failure.what, HasSubstr("no answer for 50 ms"));
}

TEST_F(HostileProgram, HalfAnAnswerEndsWithTheTimeout) {
  const FakeProgram program(path, [](int socket) {
    send_all(socket, header(0, 100).append(300, '\0'));
    closed_by_peer(socket);
  });
  EXPECT_EQ(failure_of(path, 50ms).kind, Kind::no_answer);
}

TEST_F(HostileProgram, WhoClosesAtOnceIsSaidToHaveClosed) {
  const FakeProgram program(path, [](int) {});
  EXPECT_EQ(failure_of(path).kind, Kind::closed);
}

TEST_F(HostileProgram, AStoppedProgramWhoseQueueIsFullIsNotWaitedFor) {
  const Fd listening = listen_at(path);
  std::vector<Fd> waiting;
  EXPECT_THROW(for (int i = 0; i < 1000; ++i) waiting.push_back(connect_to(path)),
               std::system_error);
  EXPECT_EQ(failure_of(path).kind, Kind::no_answer);
}

// Speaks the protocol, but not as an agent does.
class FakeInspector final : public rpc::Inspector::Server {
 public:
  using rpc::Inspector::Server::ActorsContext;
  FakeInspector(uint16_t major, std::function<void(ActorsContext&)> answer)
      : major_(major), answer_(std::move(answer)) {}
  kj::Promise<void> hello(HelloContext context) override {
    context.getResults().initServer().setMajor(major_);
    context.getResults().initProcess();
    return kj::READY_NOW;
  }
  kj::Promise<void> actors(ActorsContext context) override {
    answer_(context);
    return kj::READY_NOW;
  }

 private:
  uint16_t major_;
  std::function<void(ActorsContext&)> answer_;
};

void speak(int socket, uint16_t major,
           const std::function<void(FakeInspector::ActorsContext&)>& answer) {
  quietly([&] {
    const SigpipeGuard guard;
    auto io = make_event_loop();
    auto stream = io.lowLevelProvider->wrapSocketFd(::dup(socket),
                                                    kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
    capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::SERVER);
    auto system = capnp::makeRpcServer(network, kj::heap<FakeInspector>(major, answer));
    network.onDisconnect().wait(io.waitScope);
  });
}

TEST_F(HostileProgram, AnotherVersionIsRefusedWithBothNumbers) {
  const FakeProgram program(path, [](int socket) { speak(socket, 7, [](auto&) {}); });
  const Failure failure = failure_of(path);
  EXPECT_EQ(failure.kind, Kind::other_version);
  EXPECT_THAT(failure.what, HasSubstr("the program speaks version 7"));
  EXPECT_THAT(failure.what, HasSubstr("this isola version 1"));
}

TEST_F(HostileProgram, AListWithoutEndIsNotReadForEver) {
  const FakeProgram empty_pages(path, [](int socket) {
    speak(socket, rpc::MAJOR,
          [](auto& context) { context.getResults().setNext(context.getParams().getCursor() + 1); });
  });
  EXPECT_EQ(failure_of(path).kind, Kind::nonsense);
  const std::string second = path + "2";
  const FakeProgram same_page(second, [](int socket) {
    speak(socket, rpc::MAJOR, [](auto& context) {
      context.getResults().initActors(1);
      context.getResults().setNext(1);
    });
  });
  EXPECT_EQ(failure_of(second).kind, Kind::nonsense);
}

TEST_F(HostileProgram, WhatItsErrorSaysIsShownWithoutHarm) {
  const FakeProgram program(path, [](int socket) {
    speak(socket, rpc::MAJOR,
          [](auto&) { throw std::runtime_error("\x1b[2Jout of " + std::string(10'000, 'x')); });
  });
  const Failure failure = failure_of(path);
  EXPECT_EQ(failure.kind, Kind::failed);
  EXPECT_THAT(failure.what, HasSubstr("\\x1b[2Jout of x"));
  EXPECT_LT(failure.what.size(), 1000u);
}

TEST_F(HostileProgram, AHugeTextIsCut) {
  const FakeProgram program(path, [](int socket) {
    speak(socket, rpc::MAJOR,
          [](auto& context) { context.getResults().initActors(1)[0].initName(100'000); });
  });
  EXPECT_EQ(read_listing(path, kDeadline).actors.at(0).name.size(), kTextBytesMax);
}

}  // namespace
}  // namespace isola::inspect
