// One channel, used at once by function actors, handler actors, plain threads, an event loop that
// waits for a file descriptor, and selects.
#include <isola/isola.h>

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using namespace std::chrono_literals;
using test::Number;
using test::number;
using test::Numbers;
using test::on_real_scheduler;
using test::Total;
using test::value_of;

// Each of the eight senders sends its own numbers: from first to first + kEach - 1.
constexpr int64_t kSenders = 8;
constexpr int64_t kEach = 500;

void send_all(Sender<Number> out, int64_t first) {
  for (int64_t i = 0; i < kEach; ++i) EXPECT_FALSE(out.send(number(first + i)));
}

// The same by selects with a limit, which come to nothing now and then.
void select_send_all(Sender<Number> out, int64_t first) {
  for (int64_t i = 0; i < kEach; ++i) {
    auto message = out.compose();
    message->setValue(first + i);
    while (message) {
      const select sent{sending(out, std::move(message)), after(50us)};
      EXPECT_FALSE(sent.err) << sent.err;
    }
  }
}

// Sends one for each message that it gets.
struct SendingActor : Actor<SendingActor, Number> {
  explicit SendingActor(Sender<Number> out) : out_(std::move(out)) {}
  void on(Number::Reader from) {
    EXPECT_FALSE(out_.send(number(from.getValue())));
    if (++sent_ == kEach) stop();
  }
  Sender<Number> out_;
  int64_t sent_ = 0;
};

// Tells which numbers it has received.
void tell(const Sender<Numbers>& told, const std::vector<int64_t>& got) {
  EXPECT_FALSE(told.send([&](Numbers::Builder numbers) {
    auto values = numbers.initValues(static_cast<unsigned>(got.size()));
    for (unsigned i = 0; i < got.size(); ++i) values.set(i, got[i]);
  }));
}

void receive_all(Receiver<Number> in, Sender<Numbers> told) {
  std::vector<int64_t> got;
  for (auto& next : in) got.push_back(next->getValue());
  tell(told, got);
}

void select_receive_all(Receiver<Number> in, Sender<Numbers> told) {
  std::vector<int64_t> got;
  for (;;) {
    const select one{receiving(in, [&](Number::Reader n) { got.push_back(n.getValue()); }),
                     after(50us)};
    if (one.err) break;
  }
  tell(told, got);
}

// A program's own event loop, in which the channel is one of many descriptors.
void event_loop(const Receiver<Number>& in, const Sender<Numbers>& told) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  ASSERT_GE(epoll, 0);
  const int fd = in.readable_fd().or_raise();
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = fd;
  EXPECT_EQ(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted), 0);
  std::vector<int64_t> got;
  for (bool open = true; open;) {
    epoll_event event{};
    // Others have to get on in a simulation, which has one thread of the system.
    while (sync::kSimulated && ::epoll_wait(epoll, &event, 1, 0) == 0) test::give_way();
    if (::epoll_wait(epoll, &event, 1, 30'000) != 1) {
      ADD_FAILURE() << "the descriptor was not readable in time";
      break;
    }
    for (;;) {
      const auto one = in.try_recv();
      if (one.err) {
        open = one.err != Code::channel_closed;
        break;
      }
      got.push_back(value_of(one));
    }
  }
  ::close(epoll);
  tell(told, got);
}

// Receives all in the handler of one message.
struct ReceivingActor : Actor<ReceivingActor, Number> {
  ReceivingActor(Receiver<Number> in, Sender<Numbers> told)
      : in_(std::move(in)), told_(std::move(told)) {}
  void on(Number::Reader) {
    receive_all(std::move(in_), std::move(told_));
    stop();
  }
  Receiver<Number> in_;
  Sender<Numbers> told_;
};

TEST(Mixed, FibersThreadsAFileDescriptorAndSelectsShareOneChannelWithExactCounts) {
  for (const Capacity& capacity : {rendezvous, bounded(1), bounded(16)}) {
    SCOPED_TRACE(capacity.to_string());
    on_real_scheduler([&](System& system) {
      Channel<Number> c = system.channel<Number>(capacity);
      Channel<Numbers> told = system.channel<Numbers>(unbounded);
      std::vector<test::Thread> threads;
      const auto tx = [&c] { return c.sender.clone(); };
      const auto rx = [&c] { return c.receiver.clone(); };
      const auto to = [&told] { return told.sender.clone(); };
      // Receivers: two of function actors, a handler actor, and three threads.
      system.spawn(receive_all, rx(), to());
      system.spawn(select_receive_all, rx(), to());
      auto receiving_actor = system.spawn<ReceivingActor>(rx(), to());
      EXPECT_FALSE(receiving_actor.send<Number>());
      threads.emplace_back([in = rx(), out = to()] { event_loop(in, out); });
      threads.emplace_back(
          [in = rx(), out = to()]() mutable { receive_all(std::move(in), std::move(out)); });
      threads.emplace_back(
          [in = rx(), out = to()]() mutable { select_receive_all(std::move(in), std::move(out)); });
      // Senders: the same, and this thread.
      int64_t first = 0;
      const auto next = [&first] { return std::exchange(first, first + kEach); };
      system.spawn(send_all, tx(), next());
      system.spawn(send_all, tx(), next());
      system.spawn(select_send_all, tx(), next());
      auto actor1 = system.spawn<SendingActor>(tx());
      auto actor2 = system.spawn<SendingActor>(tx());
      const int64_t first1 = next();
      const int64_t first2 = next();
      threads.emplace_back(
          [out = tx(), from = next()]() mutable { send_all(std::move(out), from); });
      threads.emplace_back(
          [out = tx(), from = next()]() mutable { select_send_all(std::move(out), from); });
      c.receiver.release();
      told.sender.release();
      for (int64_t i = 0; i < kEach; ++i) {
        EXPECT_FALSE(actor1.send<Number>(number(first1 + i)));
        EXPECT_FALSE(actor2.send<Number>(number(first2 + i)));
      }
      send_all(std::move(c.sender), next());
      EXPECT_EQ(first, kSenders * kEach);
      std::vector<int> seen(kSenders * kEach);
      int receivers = 0;
      for (auto& numbers : told.receiver) {
        ++receivers;
        for (const int64_t number : numbers->getValues()) ++seen.at(static_cast<size_t>(number));
      }
      EXPECT_EQ(receivers, 6);
      EXPECT_EQ(seen, std::vector<int>(kSenders * kEach, 1)) << "each came once";
      for (auto& thread : threads) thread.join();
    });
  }
}

}  // namespace
}  // namespace isola
