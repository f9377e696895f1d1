// The ring counts hops in every node; the payload is forwarded, so its body is never copied.
#include "ring_bench.h"

#include <isola/isola.h>

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

// --- thread ring --------------------------------------------------------------------------------

constexpr uint64_t kRing = 100;

// `left` counts the hops, the one under way included; the first node starts and ends it.
struct Node : Actor<Node, Ping, Link, Ask<Start, Total>, Ask<GetTotal, Total>> {
  Node() = default;
  explicit Node(Address<Ping> next) : next_(std::move(next)) {}
  void on(Ping::Reader ping) {
    ++received_;
    const int64_t left = ping.getLeft();
    if (left > 1)
      next_.send<Ping>([&](Ping::Builder message) { message.setLeft(left - 1); });
    else
      reply_.send(total());
  }
  // Closes the ring.
  void on(Delivery<Link> link) {
    next_ = link.attached<Address<Ping>>(link->getAddress()).or_raise();
  }
  void on(Start::Reader start, Reply<Total> reply) {
    reply_ = std::move(reply);
    next_.send<Ping>([&](Ping::Builder first) { first.setLeft(start.getCount()); });
  }
  Message<Total> on(GetTotal::Reader) { return total(); }

 private:
  Message<Total> total() {
    auto total = compose<Total>();
    total->setValue(received_);
    return total;
  }

  Address<Ping> next_;
  Reply<Total> reply_;
  int64_t received_ = 0;
};

// --- payload ------------------------------------------------------------------------------------

constexpr uint64_t kPayloadBytes = 1 << 20;

// What a user of a payload does at least: look at its beginning and its end.
bool is_whole(Payload::Reader payload) {
  const auto bytes = payload.getBytes();
  return bytes.size() == kPayloadBytes && bytes[0] == 1 && bytes[kPayloadBytes - 1] == 2;
}

struct Returner : Actor<Returner, Payload> {
  explicit Returner(Address<Payload> peer) : peer_(std::move(peer)) {}
  void on(Delivery<Payload> payload) {
    if (is_whole(*payload)) peer_.send(std::move(payload));
  }

 private:
  Address<Payload> peer_;
};

struct Passer : Actor<Passer, Payload, Ask<Start, Measured>> {
  void on(Start::Reader start, Reply<Measured> reply) {
    reply_ = std::move(reply);
    peer_ = spawn<Returner>(Address<Payload>(self()));
    returns_left_ = start.getCount() / 2;
    auto payload = compose<Payload>(kPayloadBytes / 8 + 16);
    auto bytes = payload->initBytes(kPayloadBytes);
    bytes[0] = 1;
    bytes[kPayloadBytes - 1] = 2;
    began_ = std::chrono::steady_clock::now();
    peer_.send(std::move(payload));
  }
  void on(Delivery<Payload> payload) {
    if (!is_whole(*payload)) return;
    ++received_;
    if (--returns_left_ > 0) {
      peer_.send(std::move(payload));
      return;
    }
    const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - began_;
    auto measured = compose<Measured>();
    measured->setTakenNs(taken.count());
    measured->setCount(received_);
    reply_.send(std::move(measured));
  }

 private:
  Address<Payload> peer_;
  Reply<Measured> reply_;
  std::chrono::steady_clock::time_point began_;
  int64_t returns_left_ = 0;
  int64_t received_ = 0;
};

}  // namespace

double run_thread_ring(unsigned workers, uint64_t hops) {
  hops = (hops + kRing - 1) / kRing * kRing;
  System system({.workers = workers});
  std::vector<Node::AddressType> nodes = {system.spawn<Node>()};
  while (nodes.size() < kRing) nodes.push_back(system.spawn<Node>(Address<Ping>(nodes.back())));
  auto link = system.compose<Link>();
  link->setAddress(link.attach(Address<Ping>(nodes.back())));
  nodes.front().send(std::move(link));
  const double each = nanoseconds_each(hops, [&] { start_and_wait(nodes.front(), hops); });
  int64_t received = 0;
  for (const auto& node : nodes) received += node.ask<GetTotal>().get().or_raise()->getValue();
  expect_equal(received, hops, "thread_ring");
  return each;
}

double run_payload(unsigned workers, uint64_t passes) {
  passes += passes % 2;
  System system({.workers = workers});
  const auto passer = system.spawn<Passer>();
  const auto measured =
      passer.ask<Start>([&](Start::Builder start) { start.setCount(static_cast<int64_t>(passes)); })
          .get()
          .or_raise();
  expect_equal(measured->getCount(), passes / 2, "payload");
  return static_cast<double>(measured->getTakenNs()) / 1000 / static_cast<double>(passes);
}

}  // namespace isola::bench
