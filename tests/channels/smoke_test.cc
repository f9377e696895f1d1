// Channels under load, in the shapes that programs use them: exact counts; times are recorded only.
#include <isola/isola.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channels/support.h"

namespace isola {
namespace {

using test::for_each_capacity;
using test::Number;
using test::number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;
using test::value_of;

// Records how long something took in the test's report.
class Timing {
 public:
  explicit Timing(std::string name) : name_(std::move(name)) {}
  ~Timing() {
    const auto took = std::chrono::steady_clock::now() - start_;
    ::testing::Test::RecordProperty(
        name_, std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  const std::string name_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST(Smoke, OneContendedChannelIsFilledAndEmptiedByAll) {
  // Covers: GO-062
  static constexpr int64_t kActors = 8;
  static constexpr int64_t kRounds = 50;
  static constexpr int64_t kItems = 100;
  const auto body = [](System& system) {
    const Timing timing("contended_us");
    auto [tx, rx] = system.channel<Number>(bounded(kActors * kItems));
    auto [done, results] = system.channel<Total>(bounded(kActors));
    for (int64_t i = 0; i < kActors; ++i) {
      system.spawn(
          [](Sender<Number> out, Receiver<Number> in, Sender<Total> done) {
            int64_t sum = 0;
            for (int64_t round = 0; round < kRounds; ++round) {
              for (int64_t n = 0; n < kItems; ++n) EXPECT_FALSE(out.send(number(n)));
              for (int64_t n = 0; n < kItems; ++n) sum += value_of(in.recv());
            }
            EXPECT_FALSE(done.send(number(sum)));
          },
          tx.clone(), rx.clone(), done.clone());
    }
    int64_t sum = 0;
    for (int64_t i = 0; i < kActors; ++i) sum += value_of(results.recv());
    EXPECT_EQ(sum, kActors * kRounds * (kItems * (kItems - 1) / 2));
    EXPECT_EQ(rx.size(), 0u);
    EXPECT_EQ(system.ledger().find(rx.id()).or_raise().sent,
              static_cast<uint64_t>(kActors * kRounds * kItems));
  };
  on_every_scheduler(body, 2);
}

TEST(Smoke, OneChannelServesAThousandReaders) {
  // Covers: GO-062
  on_every_scheduler(
      [](System& system) {
        static constexpr int kReaders = 1000;
        static constexpr int64_t kItems = 20'000;
        const Timing timing("popular_us");
        auto [tx, rx] = system.channel<Number>(rendezvous);
        auto [done, results] = system.channel<Total>(bounded(kReaders));
        for (int i = 0; i < kReaders; ++i) {
          system.spawn(
              [](Receiver<Number> in, Sender<Total> done) {
                int64_t sum = 0;
                for (auto& number : in) sum += number->getValue();
                EXPECT_FALSE(done.send(number(sum)));
              },
              rx.clone(), done.clone());
        }
        rx.release();
        for (int64_t n = 1; n <= kItems; ++n) EXPECT_FALSE(tx.send(number(n)));
        EXPECT_FALSE(tx.close());
        int64_t sum = 0;
        for (int i = 0; i < kReaders; ++i) sum += value_of(results.recv());
        EXPECT_EQ(sum, kItems * (kItems + 1) / 2);
      },
      2);
}

TEST(Smoke, AChannelServesAsASemaphore) {
  // Covers: GO-062
  on_real_scheduler([](System& system) {
    constexpr int kThreads = 4;
    static constexpr int kRounds = 2000;
    static constexpr int kPermits = 2;
    const Timing timing("semaphore_us");
    const Channel<Number> permits = system.channel<Number>(bounded(kPermits));
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> entered{0};
    std::vector<test::Thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, tx = permits.sender.clone(), rx = permits.receiver.clone()] {
        for (int round = 0; round < kRounds; ++round) {
          EXPECT_FALSE(tx.send(number(1)));
          const int now = ++inside;
          int seen = most.load();
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          ++entered;
          --inside;
          EXPECT_TRUE(rx.recv());
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_LE(most, kPermits);
    EXPECT_EQ(entered, kThreads * kRounds);
    EXPECT_EQ(permits.receiver.size(), 0u);
  });
}

TEST(Smoke, AProducerAndAConsumerWorkThroughEachCapacity) {
  // Covers: GO-062
  for_each_capacity(std::array{rendezvous, bounded(10), bounded(100)}, 3,
                    [](System& system, const Capacity& capacity) {
                      static constexpr int64_t kItems = 20'000;
                      const Timing timing("producer_consumer_us");
                      auto [tx, rx] = system.channel<Number>(capacity);
                      system.spawn(
                          [](Sender<Number> out) {
                            for (int64_t n = 0; n < kItems; ++n) EXPECT_FALSE(out.send(number(n)));
                          },
                          std::move(tx));
                      int64_t next = 0;
                      for (auto& number : rx) EXPECT_EQ(number->getValue(), next++);
                      EXPECT_EQ(next, kItems);
                    });
}

}  // namespace
}  // namespace isola
