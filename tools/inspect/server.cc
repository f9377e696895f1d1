// Connections, and the two methods of the protocol, in a kj event loop.
#include "server.h"

#include <isola/actors/snapshot.h>
#include <isola/actors/system.h>
#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/limits.h>
#include <isola/tools/inspect/quiet_kj.h>
#include <isola/tools/inspect/unix_socket.h>

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/debug.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace isola::inspect {
namespace {

// Between two attempts to take a connection when that fails, as when files run out.
constexpr kj::Duration kAcceptPause = 100 * kj::MILLISECONDS;

kj::Duration duration(std::chrono::milliseconds ms) { return ms.count() * kj::MILLISECONDS; }

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = kMessageWordsMax;
  options.nestingLimit = 16;
  return options;
}

// Cuts `value` at kTextBytesMax, and not in the middle of a character. Valid as long as `value`.
capnp::Text::Reader text(std::string& value) {
  if (value.size() > kTextBytesMax) {
    size_t size = kTextBytesMax;
    while (size > 0 && (value[size] & 0xC0) == 0x80) --size;
    value.resize(size);
  }
  return {value.c_str(), value.size()};
}

uint64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void write_actor(ActorInfo& info, rpc::Actor::Builder actor) {
  actor.setId(info.id);
  actor.setName(text(info.name));
  actor.setType(text(info.type));
  actor.setState(text(info.state));
  actor.setWaitsFor(text(info.waits_for));
  actor.setInbox(info.inbox_depth);
  actor.setHandled(info.handled);
  actor.setHeapBytes(info.heap_bytes);
  actor.setRestarts(info.restarts);
}

// What all connections share.
struct Shared {
  const System& system;
  const ServerOptions& options;
  kj::AsyncIoContext& io;
  uint64_t started_ms = now_ms();
  size_t connections = 0;
};

// One inspector that is attached.
class Connection {
 public:
  Connection(Shared& shared, kj::Own<kj::AsyncIoStream> stream);
  ~Connection() { --shared_.connections; }
  KJ_DISALLOW_COPY(Connection);

  // Until the inspector leaves, or is dropped.
  kj::Promise<void> run() {
    return network_.onDisconnect()
        .exclusiveJoin(drop_when_idle())
        .exclusiveJoin(kj::mv(dropped_.promise));
  }

  Shared& shared() { return shared_; }
  // Called for each request. Throws, and drops the connection, if answers pile up.
  void request_came() {
    if (network_.getCurrentQueueSize() > kQueueBytesMax) {
      dropped_.fulfiller->fulfill();
      kj::throwFatalException(
          KJ_EXCEPTION(OVERLOADED, "the inspector asks without taking the answers"));
    }
    ++requests_;
  }

 private:
  kj::Promise<void> drop_when_idle() {
    const uint64_t seen = requests_;
    return shared_.io.provider->getTimer()
        .afterDelay(duration(shared_.options.idle_max))
        .then([this, seen]() -> kj::Promise<void> {
          if (requests_ == seen) return kj::READY_NOW;
          return drop_when_idle();
        });
  }

  Shared& shared_;
  uint64_t requests_ = 0;
  kj::PromiseFulfillerPair<void> dropped_ = kj::newPromiseAndFulfiller<void>();
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

class InspectorServer final : public rpc::Inspector::Server {
 public:
  explicit InspectorServer(Connection& connection) : connection_(connection) {}

  kj::Promise<void> hello(HelloContext context) override {
    connection_.request_came();
    const System& system = connection_.shared().system;
    const uint16_t major = context.getParams().getClient().getMajor();
    auto results = context.getResults();
    results.initServer().setMajor(rpc::MAJOR);
    results.getServer().setMinor(rpc::MINOR);
    greeted_ = major == rpc::MAJOR;
    if (!greeted_) {
      results.setRefusal(kj::str("the program speaks version ", rpc::MAJOR,
                                 " of the inspector's protocol, the inspector version ", major));
      return kj::READY_NOW;
    }
    std::string program = program_invocation_short_name;
    std::string system_name = system.name();
    auto process = results.initProcess();
    process.setPid(static_cast<uint32_t>(::getpid()));
    process.setName(text(program));
    process.setSystem(text(system_name));
    process.setStartedMs(connection_.shared().started_ms);
    process.setWorkers(static_cast<uint32_t>(system.workers()));
    process.setActorCount(system.actors());
    return kj::READY_NOW;
  }

  kj::Promise<void> actors(ActorsContext context) override {
    connection_.request_came();
    KJ_REQUIRE(greeted_, "the inspector has to say hello first, in a version that both speak");
    const auto params = context.getParams();
    const uint32_t max = kj::max(1u, kj::min(params.getMax(), kPageActorsMax));
    page_.clear();
    const uint64_t next = read_actors(connection_.shared().system, params.getCursor(), max, page_);
    auto results = context.getResults();
    results.setNext(next);
    auto actors = results.initActors(static_cast<unsigned>(page_.size()));
    for (unsigned i = 0; i < actors.size(); ++i) write_actor(page_[i], actors[i]);
    return kj::READY_NOW;
  }

 private:
  Connection& connection_;
  bool greeted_ = false;
  std::vector<ActorInfo> page_;
};

Connection::Connection(Shared& shared, kj::Own<kj::AsyncIoStream> stream)
    : shared_(shared),
      stream_(kj::mv(stream)),
      network_(*stream_, capnp::rpc::twoparty::Side::SERVER, reader_options()),
      rpc_(capnp::makeRpcServer(network_, kj::heap<InspectorServer>(*this))) {
  ++shared_.connections;
}

// Takes connections until it is destroyed.
class Listener final : private kj::TaskSet::ErrorHandler {
 public:
  Listener(const System& system, const ServerOptions& options, kj::AsyncIoContext& io)
      : shared_{system, options, io},
        receiver_(io.lowLevelProvider->wrapListenSocketFd(
            options.listening_fd, kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                                      kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK)),
        tasks_(*this) {
    tasks_.add(accept_for_ever());
  }

 private:
  kj::Promise<void> accept_for_ever() {
    return receiver_->accept()
        .then([this](kj::Own<kj::AsyncIoStream> stream) { attach(kj::mv(stream)); })
        .catch_([this](kj::Exception&&) {
          return shared_.io.provider->getTimer().afterDelay(kAcceptPause);
        })
        .then([this] { return accept_for_ever(); });
  }

  void attach(kj::Own<kj::AsyncIoStream> stream) {
    if (shared_.connections >= kConnectionsMax) return;  // which closes it
    const uid_t peer = peer_user(KJ_REQUIRE_NONNULL(stream->getFd()));
    if (peer != ::geteuid() && peer != 0) return;
    auto connection = kj::heap<Connection>(shared_, kj::mv(stream));
    auto running = connection->run();
    tasks_.add(running.attach(kj::mv(connection)));
  }

  // A connection that ends by an error has ended.
  void taskFailed(kj::Exception&&) override {}

  Shared shared_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::TaskSet tasks_;
};

}  // namespace

void serve(const System& system, const ServerOptions& options, std::promise<void> started) {
  bool running = false;
  quietly([&] {
    try {
      SigpipeGuard sigpipe;
      auto io = make_event_loop();
      kj::UnixEventPort::FdObserver stop(io.unixEventPort, options.stop_fd,
                                         kj::UnixEventPort::FdObserver::OBSERVE_READ);
      Listener listener(system, options, io);
      running = true;
      started.set_value();
      stop.whenBecomesReadable().wait(io.waitScope);
    } catch (const std::exception& error) {
      // The event loop could not be made, or was lost; then nobody answers any more. What kj throws
      // is a std::exception, too.
      if (running) return;
      started.set_exception(std::make_exception_ptr(
          std::system_error(EAGAIN, std::generic_category(),
                            std::string("the inspector's event loop: ") + error.what())));
    }
  });
}

}  // namespace isola::inspect
