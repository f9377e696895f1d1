// What an isolate owns is released on every way out of it: ends, deliveries, blobs, timers, files,
// and what isola::own was given.
#include <isola/actors/own.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <isola/isola.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::eventually;
using test::Note;
using test::Number;
using test::on_every_scheduler;
using test::on_real_scheduler;
using test::Total;

// How many things are there that isola::own was given, over all isolates of a test.
std::atomic<int> things{0};

struct Thing {
  Thing() { ++things; }
  Thing(Thing&& other) noexcept : counts(std::exchange(other.counts, false)) {}
  Thing& operator=(Thing&&) = delete;
  ~Thing() {
    if (counts) --things;
  }
  bool counts = true;
};

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) != -1; }

// How often this process has mapped the file.
size_t mappings_of(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.ends_with(path) ? 1 : 0;
  return count;
}

struct TemporaryFile {
  TemporaryFile() {
    path = std::filesystem::temp_directory_path() / "isola_own_XXXXXX";
    descriptor = ::mkstemp(path.data());
    std::ofstream(path) << std::string(5000, 'x');
  }
  ~TemporaryFile() {
    ::close(descriptor);
    std::filesystem::remove(path);
  }
  std::string path;
  int descriptor;
};

// One of each kind that has an owner, as members.
struct Held {
  explicit Held(const std::string& path)
      : message(compose<Note>(detail::Execution::current().cell->runtime->pool())),
        blob(Blob::map_file(path).or_raise()),
        thing(own(Thing())),
        released(own(new Thing, [](Thing* given) { delete given; })),
        file(own_file(::dup(0))) {}
  Message<Note> message;
  Delivery<Number> delivery;
  Blob blob;
  Owned<Thing> thing;
  Owned<Thing*> released;
  File file;
};

// The same, kept so that no destructor runs: in memory of the heap that nobody gives back. What has
// to be released all the same is given to the isolate.
struct Leaked {
  explicit Leaked(const std::string& path)
      : delivery(own(Delivery<Note>(
            compose<Note>(detail::Execution::current().cell->runtime->pool())))),
        blob(own(Blob::map_file(path).or_raise())),
        thing(own(Thing())),
        file(own_file(::dup(0))) {}
  Owned<Delivery<Note>> delivery;
  Owned<Blob> blob;
  Owned<Thing> thing;
  File file;
  Sender<Number> end;
};

Leaked& leak(const std::string& path) {
  return *new (heap().allocate(sizeof(Leaked), alignof(Leaked))) Leaked(path);
}

enum class Way { returns, stops, throws, killed_while_idle, killed_while_blocked, system_stops };
constexpr Way kWays[] = {Way::returns,           Way::stops,
                         Way::throws,            Way::killed_while_idle,
                         Way::killed_while_blocked, Way::system_stops};

// What the actor tells the test while it lives.
std::atomic<int> seen_file{-1};
std::atomic<int> seen_leaked_file{-1};
std::atomic<bool> is_ready{false};

struct Holder : Actor<Holder, Number, Note> {
  Holder(Sender<Number> given, Sender<Number> other, std::string path)
      : end(std::move(given)), held(path) {
    Leaked& leaked = leak(path);
    leaked.end = std::move(other);
    globals().set("delivery", Delivery<Note>(compose<Note>()));
    globals().set("blob", Blob::map_file(path).or_raise());
    globals().set("thing", std::make_shared<Owned<Thing>>(own(Thing())));
    EXPECT_GT(mappings_of(path), 0u);
    seen_file = held.file.fd();
    seen_leaked_file = leaked.file.fd();
  }
  void on(Delivery<Number> number) {
    const auto what = static_cast<Way>(number->getValue());
    held.delivery = std::move(number);
    vector<Delivery<Note>> on_the_heap;
    on_the_heap.push_back(Delivery<Note>(compose<Note>()));
    const Owned<Thing> on_the_stack = own(Thing());
    is_ready = true;
    if (what == Way::throws) throw std::runtime_error("on purpose");
    if (what == Way::stops || what == Way::returns) stop();
    // A timer that would fire in an hour.
    if (what == Way::killed_while_blocked || what == Way::system_stops)
      (void)sleep_for(std::chrono::hours(1));
  }
  void on(Note::Reader) {}

  Sender<Number> end;
  Held held;
};

void runs_and_returns(Sender<Number> given, Sender<Number> other, std::string path, int what) {
  Holder holder(std::move(given), std::move(other), path);
  is_ready = true;
  if (what == static_cast<int>(Way::throws)) throw std::runtime_error("on purpose");
  if (what != static_cast<int>(Way::returns)) (void)sleep_for(std::chrono::hours(1));
}

void expect_all_released(const std::string& path) {
  EXPECT_EQ(things, 0);
  EXPECT_EQ(mappings_of(path), 0u);
  EXPECT_FALSE(is_open(seen_file));
  EXPECT_FALSE(is_open(seen_leaked_file));
}

void end_in_this_way(System& system, const ActorRef& actor, Way way) {
  EXPECT_TRUE(eventually([] { return is_ready.load(); }));
  if (way == Way::killed_while_idle || way == Way::killed_while_blocked) actor.kill();
  if (way == Way::stops) actor.stop();
  if (way == Way::system_stops)
    system.stop();
  else
    EXPECT_EQ(bool(actor.join()), way == Way::throws);
}

class EveryWayOut : public ::testing::TestWithParam<Way> {};

TEST_P(EveryWayOut, ReleasesWhatABehaviourHas) {
  const Way way = GetParam();
  const TemporaryFile file;
  const auto body = [&](System& system) {
    is_ready = false;
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [other, other_rx] = system.channel<Number>(bounded(4));
    auto holder = system.spawn<Holder>(std::move(tx), std::move(other), file.path);
    EXPECT_FALSE(holder.send<Number>(
        [&](Number::Builder number) { number.setValue(static_cast<int64_t>(way)); }));
    end_in_this_way(system, holder, way);
    expect_all_released(file.path);
    EXPECT_TRUE(rx.is_closed());
    EXPECT_TRUE(other_rx.is_closed());
    EXPECT_EQ(system.pool_stats().live, way == Way::throws ? 1u : 0u) << "the record of a failure";
  };
  way == Way::system_stops ? on_real_scheduler(body) : on_every_scheduler(body, 5);
}

TEST_P(EveryWayOut, ReleasesWhatAFunctionHas) {
  const Way way = GetParam();
  const TemporaryFile file;
  const auto body = [&](System& system) {
    is_ready = false;
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [other, other_rx] = system.channel<Number>(bounded(4));
    auto function = system.spawn(&runs_and_returns, std::move(tx), std::move(other), file.path,
                                 static_cast<int>(way));
    end_in_this_way(system, function, way);
    expect_all_released(file.path);
    EXPECT_TRUE(rx.is_closed());
    EXPECT_TRUE(other_rx.is_closed());
    EXPECT_EQ(system.pool_stats().live, way == Way::throws ? 1u : 0u);
  };
  way == Way::system_stops ? on_real_scheduler(body) : on_every_scheduler(body, 5);
}

INSTANTIATE_TEST_SUITE_P(Own, EveryWayOut, ::testing::ValuesIn(kWays));

TEST(Own, AResetReleasesWhatTheUserOwnsAndKeepsChannelEnds) {
  const TemporaryFile file;
  on_every_scheduler([&](System& system) {
    Isolate isolate = system.create();
    auto [tx, rx] = system.channel<Number>(bounded(4));
    const auto fill = [](std::string path, Sender<Number> end) {
      Leaked& leaked = leak(path);
      seen_file = seen_leaked_file = leaked.file.fd();
      leaked.end = std::move(end);
      globals().set("thing", std::make_shared<Owned<Thing>>(own(Thing())));
    };
    EXPECT_FALSE(isolate.run(+fill, file.path, std::move(tx)).err);
    EXPECT_EQ(things, 2);
    EXPECT_TRUE(is_open(seen_file));
    EXPECT_FALSE(isolate.reset());
    expect_all_released(file.path);
    EXPECT_EQ(isolate.heap_bytes(), 0u);
    EXPECT_EQ(system.pool_stats().live, 0u);
    EXPECT_FALSE(rx.is_closed());
    EXPECT_FALSE(isolate.close());
    EXPECT_TRUE(rx.is_closed());
  });
}

TEST(Own, AResetOfAnActorKeepsWhatItsBehaviourOwns) {
  const TemporaryFile file;
  on_every_scheduler([&](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [other, other_rx] = system.channel<Number>(bounded(4));
    auto holder = system.spawn<Holder>(std::move(tx), std::move(other), file.path);
    Isolate isolate = system.find(IsolateId::from_word(holder.id())).or_raise();
    EXPECT_FALSE(isolate.reset());
    EXPECT_TRUE(is_open(seen_file));
    EXPECT_EQ(things, 3) << "without the one in the namespace";
    holder.kill();
    EXPECT_FALSE(holder.join());
    expect_all_released(file.path);
  });
}

TEST(Own, AHandleReleasesAtOnceAndOnlyOnce) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      int released = 0;
      const auto count = [&released](int value) { released += value; };
      {
        const Owned<int> dropped = own(1, count);
        EXPECT_EQ(*dropped, 1);
      }
      EXPECT_EQ(released, 1);
      Owned<int> early = own(10, count);
      early.release();
      early.release();
      EXPECT_FALSE(early);
      EXPECT_EQ(released, 11);
      Owned<int> taken = own(100, count);
      EXPECT_EQ(taken.take(), 100);
      EXPECT_EQ(released, 11) << "it is the caller's again";
      Owned<int> moved = own(1000, count);
      Owned<int> target = own(10000, count);
      target = std::move(moved);
      moved.release();
      EXPECT_EQ(released, 10011);
      target = {};
      EXPECT_EQ(released, 11011);
    };
    EXPECT_FALSE(system.create().run(+use).err);
    use();  // as well outside of isolates
  });
}

TEST(Own, WhatIsReleasedMayReleaseOthers) {
  on_every_scheduler([](System& system) {
    struct Pair {
      Owned<Thing> first;
      Owned<Thing> second;
    };
    const auto fill = [] {
      void* nobodys = heap().allocate(sizeof(Owned<Pair>), alignof(Owned<Pair>));
      new (nobodys) Owned<Pair>(own(Pair{own(Thing()), own(Thing())}));
      EXPECT_EQ(things, 2);
    };
    {
      Isolate isolate = system.create();
      EXPECT_FALSE(isolate.run(+fill).err);
      EXPECT_FALSE(isolate.close());
    }
    EXPECT_EQ(things, 0);
  });
}

TEST(Own, FilesTellHowTheirEndWent) {
  File none = own_file(-1);
  EXPECT_FALSE(none);
  EXPECT_EQ(none.fd(), -1);
  EXPECT_EQ(none.close().code(), Code::io);
  File file = own_file(::dup(0));
  const int descriptor = file.fd();
  EXPECT_TRUE(is_open(descriptor));
  EXPECT_FALSE(file.close());
  EXPECT_FALSE(is_open(descriptor));
  EXPECT_FALSE(file);
  File taken = own_file(::dup(0));
  const int mine = taken.take();
  EXPECT_FALSE(taken);
  EXPECT_TRUE(is_open(mine));
  File stale = own_file(::dup(mine));
  ::close(stale.fd());
  const Error error = stale.close();
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_NE(error.to_string().find("can't close a file"), std::string::npos);
  ::close(mine);
}

size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST(Own, TenThousandKilledActorsLeaveNothing) {
  const TemporaryFile file;
  test::on_seed(1, [&](System& system) {
    const auto rounds = [&](int count) {
      for (int i = 0; i < count; ++i) {
        auto [tx, rx] = system.channel<Number>(bounded(4));
        auto [other, other_rx] = system.channel<Number>(bounded(4));
        auto holder = system.spawn<Holder>(std::move(tx), std::move(other), file.path);
        const Way way = i % 2 == 0 ? Way::killed_while_idle : Way::killed_while_blocked;
        EXPECT_FALSE(holder.send<Number>(
            [&](Number::Builder number) { number.setValue(static_cast<int64_t>(way)); }));
        yield();
        holder.kill();
        EXPECT_FALSE(holder.join());
        EXPECT_TRUE(rx.is_closed());
      }
    };
    rounds(100);
    const size_t descriptors = open_descriptors();
    const uint64_t reserved = system.pool_stats().reserved;
    rounds(10'000);
    expect_all_released(file.path);
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(system.pool_stats().reserved, reserved);
    EXPECT_EQ(system.pool_stats().live, 0u);
    EXPECT_EQ(system.actors(), 1u) << "this one";
    EXPECT_EQ(system.channels().size(), 0u);
  });
}

TEST(Own, AKilledActorLeavesNoTimer) {
  test::on_seed(1, [](System& system) {
    const auto begin = clock::now();
    auto sleeper = system.spawn([] { (void)sleep_for(std::chrono::hours(1)); });
    EXPECT_FALSE(sleep_for(std::chrono::seconds(1)));
    sleeper.kill();
    EXPECT_FALSE(sleeper.join());
    // Virtual time jumps to the next timer: to this one, as there is no other.
    EXPECT_FALSE(sleep_for(std::chrono::hours(2)));
    EXPECT_EQ(clock::now() - begin, std::chrono::hours(2) + std::chrono::seconds(1));
  });
}

}  // namespace
}  // namespace isola
