// Messages with pointers, by isola and by hand.
#include "building_bench.h"

#include <capnp/message.h>
#include <isola/isola.h>

#include <stdexcept>

#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

constexpr unsigned kValues = 8;

void fill(Sample::Builder sample, uint64_t i) {
  sample.setName("temperature");
  auto values = sample.initValues(kValues);
  for (unsigned j = 0; j < kValues; ++j) values.set(j, static_cast<int64_t>(i + j));
}

int64_t read(Sample::Reader sample) {
  return static_cast<int64_t>(sample.getName().size()) + sample.getValues()[kValues - 1];
}

void check(int64_t sum, uint64_t messages) {
  // Of i + 7 + 11 for each.
  const auto n = static_cast<int64_t>(messages);
  if (sum != n * (n - 1) / 2 + 18 * n) throw std::runtime_error("text_list: wrong sum");
}

struct Reader : Actor<Reader, Sample, Ask<GetTotal, Total>> {
  void on(Sample::Reader sample) { sum_ += read(sample); }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(sum_);
    return total;
  }

 private:
  int64_t sum_ = 0;
};

struct Writer : Actor<Writer, Ask<Start, Total>> {
  explicit Writer(Reader::AddressType reader) : reader_(std::move(reader)) {}
  Result<Total> on(Start::Reader start) {
    const auto count = static_cast<uint64_t>(start.getCount());
    for (uint64_t i = 0; i < count; ++i)
      reader_.send<Sample>([i](Sample::Builder sample) { fill(sample, i); });
    return reader_.ask<GetTotal>().get();
  }

 private:
  Reader::AddressType reader_;
};

}  // namespace

double run_text_list(uint64_t messages) {
  Pool* pool = Pool::create(64 << 20);
  int64_t sum = 0;
  double each;
  {
    PoolCache cache(*pool);
    PoolCache::set_current(&cache);
    each = nanoseconds_each(messages, [&] {
      for (uint64_t i = 0; i < messages; ++i) {
        auto sample = compose<Sample>(*pool);
        fill(*sample, i);
        const Delivery<Sample> got(std::move(sample));
        sum += read(*got);
      }
    });
    PoolCache::set_current(nullptr);
  }
  pool->close();
  check(sum, messages);
  return each;
}

double run_text_list_sent(uint64_t messages) {
  System system({.workers = 1});
  auto reader = system.spawn<Reader>();
  auto writer = system.spawn<Writer>(reader);
  int64_t sum = 0;
  const double each = nanoseconds_each(messages, [&] {
    const auto count = [&](Start::Builder start) {
      start.setCount(static_cast<int64_t>(messages));
    };
    sum = writer.ask<Start>(count).get().or_raise()->getValue();
  });
  check(sum, messages);
  return each;
}

double run_text_list_by_hand(uint64_t messages) {
  int64_t sum = 0;
  capnp::word words[24] = {};
  const double each = nanoseconds_each(messages, [&] {
    for (uint64_t i = 0; i < messages; ++i) {
      capnp::MallocMessageBuilder arena(kj::arrayPtr(words, 24));  // zeroes what it used at its end
      fill(arena.initRoot<Sample>(), i);
      sum += read(capnp::readMessageUnchecked<Sample>(words));
    }
  });
  check(sum, messages);
  return each;
}

}  // namespace isola::bench
