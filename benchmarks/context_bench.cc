// Each loop does its work eight times a round, so that the loop itself doesn't show, and hands what
// it got to the same barrier.
#include "context_bench.h"

#include <isola/isola.h>
#include <malloc.h>

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/fss.hpp>

#include <array>
#include <coroutine>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

inline constexpr Key<int64_t> keys[] = {
    {"bench.tenant", Flow::wire},  {"bench.user", Flow::wire},    {"bench.trace", Flow::wire},
    {"bench.span", Flow::wire},    {"bench.locale", Flow::wire},  {"bench.zone", Flow::wire},
    {"bench.digits", Flow::wire},  {"bench.retries", Flow::wire}, {"bench.budget", Flow::wire},
    {"bench.release", Flow::wire}, {"bench.region", Flow::wire},  {"bench.shard", Flow::wire},
};
inline constexpr Key<int64_t> absent{"bench.absent", Flow::wire};

// What is read is used, and what can be reached may have changed: nothing is moved out of a loop.
inline void use(int64_t value) { asm volatile("" : : "r"(value) : "memory"); }
inline void use(const void* value) { asm volatile("" : : "r"(value) : "memory"); }

template <class F>
double each_of(uint64_t count, F once) {
  return nanoseconds_each(count, [&] {
    for (uint64_t i = 0; i < count; i += 8) {
#pragma GCC unroll 8
      for (int unrolled = 0; unrolled < 8; ++unrolled) once();
    }
  });
}

template <size_t... i>
auto bind_all(std::index_sequence<i...>) {
  return Scope{bind(keys[i], static_cast<int64_t>(i + 1))...};
}
// A scope can't be moved: it is made where it is returned to.
template <size_t count>
auto bind_keys() {
  return bind_all(std::make_index_sequence<count>());
}

double in_turn(double (*run)(uint64_t), uint64_t count) {
  System system({.workers = 1});
  Isolate isolate = system.create();
  return isolate.run(run, count).or_raise();
}

double in_fiber(double (*run)(uint64_t), uint64_t count) {
  double each = 0;
  std::thread([&] { boost::fibers::fiber([&] { each = run(count); }).join(); }).join();
  return each;
}

void expect(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error(what);
}

// --- look-ups -----------------------------------------------------------------------------------

}  // namespace

// Of external linkage, so that the compiler doesn't know who else writes it.
constinit thread_local int64_t* own_pointer = nullptr;

namespace {

double read_pointer(uint64_t count) {
  return each_of(count, [] { use(own_pointer); });
}
double hit_pointer(uint64_t count) {
  int64_t value = 1;
  own_pointer = &value;
  const double each = read_pointer(count);
  own_pointer = nullptr;
  return each;
}

double hit_key(uint64_t count) {
  expect(keys[0].get() == 1, "context_hit: another value was found");
  return each_of(count, [] { use(keys[0].get()); });
}
template <size_t bound>
double hit_among(uint64_t count) {
  const auto scope = bind_keys<bound>();
  return hit_key(count);
}

double miss_key(uint64_t count) {
  const auto scope = bind_keys<8>();
  expect(!absent.find(), "context_miss: a value was found");
  return each_of(count, [] { use(int64_t{absent.find().has_value()}); });
}

template <bool hits>
double fiber_specific(uint64_t count) {
  boost::fibers::fiber_specific_ptr<int64_t> pointers[8];
  for (auto& pointer : pointers) pointer.reset(new int64_t(1));
  if (!hits) pointers[0].reset(nullptr);
  return each_of(count, [&] {
    if constexpr (hits)
      use(*pointers[0]);
    else
      use(pointers[0].get());
  });
}

// --- scopes -------------------------------------------------------------------------------------

// The memory that is taken by malloc while this many scopes are open.
size_t bytes_in_scopes(int depth) {
  if (depth == 0) return mallinfo2().uordblks;
  const Scope scope{keys[0], depth};
  return bytes_in_scopes(depth - 1);
}

double bind_one(uint64_t count) {
  const size_t before = bytes_in_scopes(0);
  expect(bytes_in_scopes(64) == before, "context_bind: scopes hold memory");
  int64_t value = 1;
  return each_of(count, [&] {
    const Scope scope{keys[0], value};
    use(&scope);
  });
}

double bind12_at_once(uint64_t count) {
  return each_of(count, [] {
    const auto scope = bind_keys<12>();
    use(&scope);
  });
}

template <size_t i>
void nest12() {
  if constexpr (i < 12) {
    const Scope scope{keys[i], int64_t{i + 1}};
    use(&scope);
    nest12<i + 1>();
  }
}
double bind12_one_by_one(uint64_t count) {
  return each_of(count, [] { nest12<0>(); });
}

// --- captures -----------------------------------------------------------------------------------

double capture_and_drop(uint64_t count) {
  const auto scope = bind_keys<8>();
  return each_of(count, [] {
    const Context captured = capture();
    use(&captured);
  });
}

double capture_only(uint64_t count) {
  constexpr uint64_t kEach = 512;
  const auto scope = bind_keys<8>();
  const auto memory = std::make_unique<std::array<std::byte, sizeof(Context)>[]>(kEach);
  double all = 0;
  for (uint64_t done = 0; done < count; done += kEach) {
    size_t made = 0;
    all += nanoseconds_each(1, [&] {
      for (; made < kEach; ++made) use(new (memory[made].data()) Context(capture()));
    });
    for (auto& one : std::span(memory.get(), kEach))
      std::launder(reinterpret_cast<Context*>(one.data()))->~Context();
  }
  return all / static_cast<double>((count + kEach - 1) / kEach * kEach);
}

// --- messages -----------------------------------------------------------------------------------

// Its total has what is bound to the eighth key when it is asked.
struct Heeding : Actor<Heeding, Add, Ask<GetTotal, Total>> {
  void on(Add::Reader add) { total_ += add.getAmount(); }
  Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_ + keys[7].get(0));
    return total;
  }

 private:
  int64_t total_ = 0;
};

template <size_t bound>
struct Binding : Actor<Binding<bound>, Ask<Start, Total>> {
  explicit Binding(Heeding::AddressType to) : to_(std::move(to)) {}
  Result<Total> on(Start::Reader start) {
    [[maybe_unused]] const auto scope = bind_keys<bound>();
    for (int64_t i = 0; i < start.getCount(); ++i)
      to_.template send<Add>([](Add::Builder add) { add.setAmount(1); });
    return to_.template ask<GetTotal>().get();
  }

 private:
  Heeding::AddressType to_;
};

template <size_t bound>
double send_all(System& system, const Heeding::AddressType& to, uint64_t messages) {
  const auto from = system.spawn<Binding<bound>>(to);
  int64_t total = 0;
  const double each = nanoseconds_each(messages, [&] { total = start_and_wait(from, messages); });
  expect_equal(total, messages + bound, "context_send");
  return each;
}

// --- generators ---------------------------------------------------------------------------------

// What runs, by hand: each frame knows the one that it runs in.
struct NotedFrame {
  NotedFrame* outer = nullptr;
};
thread_local NotedFrame* innermost = nullptr;

// A generator without contexts; `is_noted`: one that can be found by what it calls.
template <bool is_noted>
class ByHand {
 public:
  struct promise_type {
    ByHand get_return_object() {
      return ByHand(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(const int64_t& value) {
      current = &value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { thrown = std::current_exception(); }
    const int64_t* current = nullptr;
    std::exception_ptr thrown;
    NotedFrame frame;
  };
  explicit ByHand(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  ByHand(ByHand&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~ByHand() {
    if (handle_) handle_.destroy();
  }
  std::optional<int64_t> next() {
    if (handle_.done()) return std::nullopt;
    if constexpr (is_noted) {
      NotedFrame& frame = handle_.promise().frame;
      frame.outer = std::exchange(innermost, &frame);
    }
    handle_.resume();
    if constexpr (is_noted) innermost = handle_.promise().frame.outer;
    if (handle_.promise().thrown) std::rethrow_exception(handle_.promise().thrown);
    if (handle_.done()) return std::nullopt;
    return *handle_.promise().current;
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class Generator>
Generator count_up(int64_t to) {
  for (int64_t i = 1; i <= to; ++i) co_yield i;
}

fiber_generator<int64_t> count_up_in_fiber(int64_t to) {
  return fiber_generator<int64_t>([to](Yield<int64_t>& yield) {
    for (int64_t i = 1; i <= to; ++i) yield(i);
  });
}

template <auto count_up_to>
double advance(uint64_t count) {
  auto numbers = count_up_to(static_cast<int64_t>(count));
  int64_t last = 0;
  const double each = each_of(count, [&] {
    last = *numbers.next();
    use(last);
  });
  expect(last == static_cast<int64_t>(count), "context_switch: values were lost");
  return each;
}

// While the frame around it has callbacks, and another generator's frame, too.
double advance_beside_callbacks(uint64_t count) {
  frame().on_switch([] {}, [] {});
  auto other = [](int64_t to) -> generator<int64_t> {
    frame().on_switch([] {}, [] {});
    for (int64_t i = 1; i <= to; ++i) co_yield i;
  }(2);
  expect(other.next() == 1, "context_switch: a value was lost");
  const double each = advance<count_up<generator<int64_t>>>(count);
  expect(other.next() == 2, "context_switch: a value was lost");
  return each;
}

// Of eight at a time.
uint64_t whole(uint64_t count) { return (count + 7) / 8 * 8; }

}  // namespace

double run_context_hit(Looked where, uint64_t look_ups) {
  const uint64_t count = whole(look_ups);
  switch (where) {
    case Looked::thread_local_pointer:
      return in_turn(hit_pointer, count);
    case Looked::isola_one:
      return in_turn(hit_among<1>, count);
    case Looked::isola_eight:
      return in_turn(hit_among<8>, count);
    case Looked::isola_outside:
      return hit_among<8>(count);
    case Looked::fiber_specific:
      return in_fiber(fiber_specific<true>, count);
  }
  return kNoFigure;
}

double run_context_miss(Looked where, uint64_t look_ups) {
  const uint64_t count = whole(look_ups);
  switch (where) {
    case Looked::thread_local_pointer:
      return in_turn(read_pointer, count);
    case Looked::isola_eight:
      return in_turn(miss_key, count);
    case Looked::isola_outside:
      return miss_key(count);
    case Looked::fiber_specific:
      return in_fiber(fiber_specific<false>, count);
    case Looked::isola_one:
      break;
  }
  return kNoFigure;
}

double run_context_bind(uint64_t scopes) { return in_turn(bind_one, whole(scopes)); }

double run_context_bind12(bool one_scope, uint64_t keys_bound) {
  return in_turn(one_scope ? bind12_at_once : bind12_one_by_one, whole(keys_bound / 12)) / 12;
}

double run_context_capture(bool with_drop, uint64_t captures) {
  return in_turn(with_drop ? capture_and_drop : capture_only, whole(captures));
}

double run_context_send(unsigned bound, bool apart, unsigned workers, uint64_t messages) {
  SystemOptions options{.workers = apart ? workers - 1 : workers};
  if (apart) options.dispatchers = {{.name = "apart", .workers = 1}};
  System system(options);
  const auto to = apart ? system.spawn<Heeding>({.dispatcher = "apart"}) : system.spawn<Heeding>();
  return bound == 0 ? send_all<0>(system, to, messages) : send_all<8>(system, to, messages);
}

double run_context_switch(Advanced what, uint64_t values) {
  switch (what) {
    case Advanced::isola:
      return in_turn(advance<count_up<generator<int64_t>>>, whole(values));
    case Advanced::isola_beside_callbacks:
      return in_turn(advance_beside_callbacks, whole(values));
    case Advanced::noted_coroutine:
      return in_turn(advance<count_up<ByHand<true>>>, whole(values));
    case Advanced::bare_coroutine:
      return in_turn(advance<count_up<ByHand<false>>>, whole(values));
    case Advanced::fiber:
      return in_turn(advance<count_up_in_fiber>, whole(values));
  }
  return kNoFigure;
}

}  // namespace isola::bench
