// The thread is a new one, so that nothing else has made fibers on it.
#include "boost_fiber.h"

#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/fiber.hpp>

#include <stdexcept>
#include <thread>

#include "../harness.h"

namespace isola::bench {
namespace {

// A power of two, as Boost asks; it keeps one place empty.
constexpr size_t kCapacity = 1024;

int64_t count_in_fibers(uint64_t messages) {
  boost::fibers::buffered_channel<int64_t> numbers(kCapacity);
  int64_t sum = 0;
  boost::fibers::fiber consumer([&] {
    for (const int64_t number : numbers) sum += number;
  });
  boost::fibers::fiber producer([&] {
    for (uint64_t i = 0; i < messages; ++i) numbers.push(1);
    numbers.close();
  });
  producer.join();
  consumer.join();
  return sum;
}

}  // namespace

double run_boost_fiber_counting(uint64_t messages) {
  int64_t sum = 0;
  double each = 0;
  std::thread([&] {
    each = nanoseconds_each(messages, [&] { sum = count_in_fibers(messages); });
  }).join();
  if (sum != static_cast<int64_t>(messages))
    throw std::runtime_error("counting of boost_fiber: messages were lost");
  return each;
}

}  // namespace isola::bench
