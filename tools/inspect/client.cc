// One conversation with an agent.
#include "client.h"

#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/limits.h>
#include <isola/tools/inspect/quiet_kj.h>
#include <isola/tools/inspect/text.h>
#include <isola/tools/inspect/unix_socket.h>

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/io.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace isola::inspect {
namespace {

using Kind = ListingError::Kind;

// What kj says when the other end has closed. It has a type of exception for that, but gives it to
// whatever ended a conversation.
constexpr std::array<const char*, 5> kClosedTexts = {
    "Peer disconnected", "Premature EOF", "Connection reset", "Broken pipe", "connection closed"};

[[noreturn]] void fail(Kind kind, const std::string& path, const std::string& what) {
  throw ListingError(kind, printable(path) + ": " + what);
}

[[noreturn]] void fail_to_connect(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      fail(Kind::no_socket, path, "there is no such socket: has the program ended?");
    case ECONNREFUSED:
      fail(Kind::dead, path, "nobody listens there: its program has ended; the file can go");
    case ENOTSOCK:
      fail(Kind::not_socket, path, "is not a socket");
    case EACCES:
    case EPERM:
      fail(Kind::not_allowed, path,
           "permission denied: a program can be inspected by the user "
           "who runs it, and by root");
    case EAGAIN:
      fail(Kind::no_answer, path,
           "too many inspectors wait there already: the program may be "
           "stopped or overloaded");
    default:
      fail(Kind::failed, path, std::strerror(error));
  }
}

Fd connect_and_check(const std::string& path) {
  try {
    Fd fd = connect_to(path);
    const uid_t peer = peer_user(fd.get());
    if (::geteuid() != 0 && peer != ::geteuid() && peer != 0)
      fail(Kind::not_allowed, path,
           "belongs to a program of another user, " + std::to_string(peer) + ": not trusted");
    return fd;
  } catch (const std::system_error& error) {
    fail_to_connect(path, error.code().value());
  }
}

std::string taken(capnp::Text::Reader text) {
  return {text.begin(), std::min<size_t>(text.size(), kTextBytesMax)};
}

ActorInfo taken(rpc::Actor::Reader actor) {
  return {.id = actor.getId(),
          .name = taken(actor.getName()),
          .type = taken(actor.getType()),
          .state = taken(actor.getState()),
          .waits_for = taken(actor.getWaitsFor()),
          .inbox_depth = actor.getInbox(),
          .handled = actor.getHandled(),
          .heap_bytes = actor.getHeapBytes(),
          .restarts = actor.getRestarts()};
}

uint64_t bytes_of(const ActorInfo& actor) {
  return sizeof(actor) + actor.name.size() + actor.type.size() + actor.state.size() +
         actor.waits_for.size();
}

class Conversation {
 public:
  Conversation(const std::string& path, Fd fd, std::chrono::milliseconds answer_max)
      : path_(path),
        answer_max_(answer_max.count() * kj::MILLISECONDS),
        io_(make_event_loop()),
        stream_(io_.lowLevelProvider->wrapSocketFd(
            kj::AutoCloseFd(fd.release()), kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                                               kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT, reader_options()),
        rpc_(capnp::makeRpcClient(network_)),
        inspector_(bootstrap()) {}

  Listing read() {
    Listing listing;
    listing.socket = path_;
    try {
      listing.process = hello();
      read_actors(listing.actors);
    } catch (const kj::Exception& error) {
      explain(error);
    }
    std::sort(listing.actors.begin(), listing.actors.end(),
              [](const ActorInfo& a, const ActorInfo& b) { return a.id < b.id; });
    return listing;
  }

 private:
  static capnp::ReaderOptions reader_options() {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = kMessageWordsMax;
    options.nestingLimit = 16;
    return options;
  }

  rpc::Inspector::Client bootstrap() {
    capnp::MallocMessageBuilder message(4);
    auto vat = message.getRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc_.bootstrap(vat).castAs<rpc::Inspector>();
  }

  // The answer, or nothing if it does not come in time.
  template <class Answer>
  std::optional<capnp::Response<Answer>> wait(capnp::RemotePromise<Answer> promise) {
    using Response = capnp::Response<Answer>;
    std::optional<Response> response;
    auto answered = promise.then([&response](Response&& came) { response.emplace(kj::mv(came)); });
    answered.exclusiveJoin(io_.provider->getTimer().afterDelay(answer_max_)).wait(io_.waitScope);
    return response;
  }
  [[noreturn]] void fail_without_answer() {
    const auto ms = answer_max_ / kj::MILLISECONDS;
    fail(Kind::no_answer, path_,
         "no answer for " + std::to_string(ms) +
             " ms: the program may be stopped or overloaded (--timeout waits longer)");
  }

  ProcessInfo hello() {
    auto request = inspector_.helloRequest();
    request.initClient().setMajor(rpc::MAJOR);
    request.getClient().setMinor(rpc::MINOR);
    auto response = wait(request.send());
    if (!response) fail_without_answer();
    // The version counts before anything else is looked at.
    const uint16_t major = response->getServer().getMajor();
    if (major != rpc::MAJOR)
      fail(Kind::other_version, path_,
           "the program speaks version " + std::to_string(major) +
               " of the inspector's protocol, this isola version " + std::to_string(rpc::MAJOR) +
               ": use the isola that the program was built with");
    if (response->getRefusal().size() > 0)
      fail(Kind::other_version, path_, "refused: " + printable(taken(response->getRefusal())));
    const auto process = response->getProcess();
    return {.pid = process.getPid(),
            .name = taken(process.getName()),
            .system = taken(process.getSystem()),
            .started_ms = process.getStartedMs(),
            .workers = process.getWorkers(),
            .actors = process.getActorCount()};
  }

  void read_actors(std::vector<ActorInfo>& actors) {
    uint64_t bytes = 0;
    uint64_t cursor = 0;
    do {
      auto request = inspector_.actorsRequest();
      request.setCursor(cursor);
      request.setMax(kPageActorsMax);
      auto response = wait(request.send());
      if (!response) fail_without_answer();
      // Progress is what ends this: without an actor on a page, or beyond the bound, it stops.
      const uint64_t next = response->getNext();
      if (next != 0 && (next <= cursor || response->getActors().size() == 0))
        fail(Kind::nonsense, path_, "the list of its actors does not end");
      cursor = next;
      for (const auto actor : response->getActors()) {
        actors.push_back(taken(actor));
        bytes += bytes_of(actors.back());
      }
      if (bytes > kListingBytesMax)
        fail(Kind::failed, path_,
             "its actors are more than fit into " + human_bytes(kListingBytesMax) + " of memory");
    } while (cursor != 0);
  }

  [[noreturn]] void explain(const kj::Exception& error) {
    std::string what = error.getDescription().cStr();
    what = printable(what.substr(0, kTextBytesMax));
    if (what.starts_with("remote exception: "))
      fail(Kind::failed, path_, "the program answers: " + what);
    if (std::any_of(kClosedTexts.begin(), kClosedTexts.end(),
                    [&](const char* text) { return what.find(text) != std::string::npos; }))
      fail(Kind::closed, path_,
           "the program closed the connection (" + what +
               "): it has ended, serves another user, or has too many "
               "inspectors; try again");
    fail(Kind::nonsense, path_,
         "what is sent there is not the inspector's protocol (" + what +
             "): is it the socket of an isola program?");
  }

  const std::string path_;
  const kj::Duration answer_max_;
  kj::AsyncIoContext io_;
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  rpc::Inspector::Client inspector_;
};

}  // namespace

Listing read_listing(const std::string& socket, std::chrono::milliseconds answer_max) {
  Fd fd = connect_and_check(socket);
  Listing listing;
  quietly([&] {
    const SigpipeGuard sigpipe;
    listing = Conversation(socket, std::move(fd), answer_max).read();
  });
  return listing;
}

}  // namespace isola::inspect
