// Select: its operands, and all combinations of one ready operation with what may stand around it.
#include <isola/isola.h>

#include <array>
#include <string>
#include <utility>

#include "tests/channels/support.h"

namespace isola {
namespace {

using test::Number;
using test::number;
using test::on_every_scheduler;
using test::so_many_wait;
using test::Total;
using test::value_of;
using test::with_value;

TEST(SelectOperands, AreEvaluatedOnceEachInTheirOrderBeforeAnythingIsChosen) {
  // Covers: GO-036
  on_every_scheduler(
      [](System& system) {
        Channel<Number> full = system.channel<Number>(bounded(1));
        Channel<Number> ready = system.channel<Number>(bounded(1));
        Channel<Number> idle = system.channel<Number>(rendezvous);
        EXPECT_FALSE(full.sender.send(number(1)));
        EXPECT_FALSE(ready.sender.send(number(2)));
        std::string order;
        Message<Number> first = with_value(system, 3);
        Message<Number> second = with_value(system, 4);
        Delivery<Number> untouched(with_value(system, 5));
        const void* words = untouched.block()->words;
        int64_t got = 0;
        const auto noting = [&](const char* what, auto& operand) -> auto& {
          order += what;
          EXPECT_EQ(ready.receiver.size(), 1u) << "nothing was chosen yet";
          return operand;
        };
        const select chosen{
            sending(noting("a", full.sender), std::move(noting("", first)),
                    [&] { ADD_FAILURE() << "not its branch"; }),
            receiving(noting("b", idle.receiver), noting("", untouched)),
            receiving(noting("c", ready.receiver),
                      [&](Number::Reader n) {
                        got = n.getValue();
                        order += "!";
                      }),
            receiving(noting("d", idle.receiver), [&] { ADD_FAILURE() << "not its branch"; }),
            sending(noting("e", idle.sender), std::move(noting("", second))),
        };
        EXPECT_EQ(chosen.index, 2u);
        EXPECT_EQ(order, "abcde!");
        EXPECT_EQ(got, 2);
        ASSERT_TRUE(untouched);
        EXPECT_EQ(untouched.block()->words, words);
        ASSERT_TRUE(first);
        ASSERT_TRUE(second);
        EXPECT_EQ(first->getValue() + second->getValue(), 7);
        EXPECT_FALSE(idle.sender.is_closed());
        EXPECT_EQ(value_of(full.receiver.recv()), 1);
      },
      20);
}

TEST(SelectOperands, OnlyTheChosenDestinationIsFilledBySelectsThatWait) {
  // Covers: GO-036
  on_every_scheduler(
      [](System& system) {
        Channel<Number> a = system.channel<Number>(rendezvous);
        Channel<Number> b = system.channel<Number>(rendezvous);
        for (int64_t v = 0; v < 20; ++v) {
          system.spawn([](Sender<Number> out, int64_t v) { EXPECT_FALSE(out.send(number(v))); },
                       (v % 2 == 0 ? a : b).sender.clone(), v);
          Delivery<Number> into_a(with_value(system, 100));
          Delivery<Number> into_b(with_value(system, 100));
          Message<Number> kept = with_value(system, 200);
          Channel<Number> idle = system.channel<Number>(rendezvous);
          const select chosen{receiving(a.receiver, into_a), receiving(b.receiver, into_b),
                              sending(idle.sender, std::move(kept))};
          EXPECT_EQ(chosen.index, v % 2 == 0 ? 0u : 1u);
          EXPECT_EQ(into_a->getValue(), v % 2 == 0 ? v : 100);
          EXPECT_EQ(into_b->getValue(), v % 2 == 0 ? 100 : v);
          ASSERT_TRUE(kept);
          EXPECT_EQ(kept->getValue(), 200);
        }
      },
      20);
}

enum class Default { none, first, last };

// One operation that is ready, and others around it that must not be chosen: each is never ready,
// or it is ready and switched off.
class Combinations {
 public:
  Combinations(System& system, const Capacity& capacity)
      : system_(system), ready_(system.channel<Number>(capacity)) {
    EXPECT_FALSE(busy_.sender.send(number(-7)));
  }
  ~Combinations() {
    EXPECT_EQ(value_of(busy_.receiver.recv()), -7);
    EXPECT_EQ(idle_.receiver.try_recv().err, Code::channel_empty);
    EXPECT_EQ(ready_.receiver.try_recv().err, Code::channel_empty);
  }

  // Runs `one` for each place of the ready operation, of the default, and all that is around.
  template <class One>
  int each(One one) {
    int count = 0;
    for (place_ = 0; place_ < 3; ++place_) {
      for (const Default where : {Default::none, Default::first, Default::last}) {
        default_ = where;
        for (around_ = 0; around_ < 16; ++around_, ++count) one(count);
      }
    }
    return count;
  }

  template <class Make>
  void expect_chosen(Make make) {
    Message<Number> left = with_value(system_, -1);
    Message<Number> right = with_value(system_, -1);
    const auto never = [] { ADD_FAILURE() << "not its branch"; };
    const select chosen{
        otherwise(never).when(default_ == Default::first),
        make().when(place_ == 0),
        receiving(around(0).receiver, never).when(!off(0)),
        sending(around(1).sender, std::move(left), never).when(!off(1)),
        make().when(place_ == 1),
        receiving(around(2).receiver, never).when(!off(2)),
        sending(around(3).sender, std::move(right), never).when(!off(3)),
        make().when(place_ == 2),
        otherwise(never).when(default_ == Default::last),
    };
    EXPECT_EQ(chosen.index, static_cast<size_t>(1 + 3 * place_));
    EXPECT_FALSE(chosen.err) << chosen.err;
    EXPECT_TRUE(left);
    EXPECT_TRUE(right);
  }

  // Makes a receive ready.
  void put(int64_t v) {
    if (ready_.receiver.capacity() == rendezvous) {
      system_.spawn([](Sender<Number> out, int64_t v) { EXPECT_FALSE(out.send(number(v))); },
                    ready_.sender.clone(), v);
      ASSERT_TRUE(so_many_wait(system_, ready_.sender.id(), Side::send));
    } else {
      EXPECT_FALSE(ready_.sender.send(number(v)));
    }
  }
  // Makes a send ready; what it sends comes out of taken().
  void make_room() {
    if (ready_.receiver.capacity() != rendezvous) return;
    system_.spawn(
        [](Receiver<Number> in, Sender<Total> taken) {
          EXPECT_FALSE(taken.send(number(value_of(in.recv()))));
        },
        ready_.receiver.clone(), taken_.sender.clone());
    ASSERT_TRUE(so_many_wait(system_, ready_.receiver.id(), Side::receive));
  }
  int64_t taken() {
    if (ready_.receiver.capacity() == rendezvous) return value_of(taken_.receiver.recv());
    return value_of(ready_.receiver.try_recv());
  }

  System& system() { return system_; }
  const Receiver<Number>& rx() const { return ready_.receiver; }
  const Sender<Number>& tx() const { return ready_.sender; }

 private:
  bool off(int which) const { return (around_ & (1 << which)) != 0; }
  const Channel<Number>& around(int which) const { return off(which) ? busy_ : idle_; }

  System& system_;
  Channel<Number> ready_;
  Channel<Number> idle_ = system_.channel<Number>(rendezvous);
  Channel<Number> busy_ = system_.channel<Number>(bounded(2));
  Channel<Total> taken_ = system_.channel<Total>(bounded(1));
  int place_ = 0;
  Default default_ = Default::none;
  int around_ = 0;
};

int receive_in_each_way(Combinations& all) {
  int count = all.each([&](int v) {
    all.put(v);
    Delivery<Number> got;
    all.expect_chosen([&] { return receiving(all.rx(), got); });
    ASSERT_TRUE(got);
    EXPECT_EQ(got->getValue(), v);
  });
  count += all.each([&](int v) {
    all.put(v);
    int64_t got = -1;
    all.expect_chosen(
        [&] { return receiving(all.rx(), [&](Number::Reader n) { got = n.getValue(); }); });
    EXPECT_EQ(got, v);
  });
  count += all.each([&](int v) {
    all.put(v);
    Delivery<Number> got;
    all.expect_chosen([&] {
      return receiving(all.rx(), [&](Delivery<Number> number) { got = std::move(number); });
    });
    ASSERT_TRUE(got);
    EXPECT_EQ(got->getValue(), v);
  });
  count += all.each([&](int v) {
    all.put(v);
    int64_t got = -1;
    all.expect_chosen([&] {
      return receiving(all.rx(), [&](Result<Number> number) { got = value_of(number); });
    });
    EXPECT_EQ(got, v);
  });
  count += all.each([&](int v) {
    all.put(v);
    int calls = 0;
    all.expect_chosen([&] { return receiving(all.rx(), [&] { ++calls; }); });
    EXPECT_EQ(calls, 1);
  });
  count += all.each([&](int v) {
    all.put(v);
    all.expect_chosen([&] { return receiving(all.rx()); });
  });
  return count;
}

template <class Owner>
int send_in_each_way(Combinations& all) {
  int count = all.each([&](int v) {
    all.make_room();
    Owner message(with_value(all.system(), v));
    all.expect_chosen([&] { return sending(all.tx(), std::move(message)); });
    EXPECT_FALSE(message);
    EXPECT_EQ(all.taken(), v);
  });
  count += all.each([&](int v) {
    all.make_room();
    Owner message(with_value(all.system(), v));
    int calls = 0;
    all.expect_chosen([&] { return sending(all.tx(), std::move(message), [&] { ++calls; }); });
    EXPECT_FALSE(message);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(all.taken(), v);
  });
  return count;
}

TEST(SelectOperands, InAllCombinationsTheReadyBranchIsChosenWithItsValue) {
  // Covers: GO-035
  test::for_each_capacity(std::array{rendezvous, bounded(1)}, 3,
                          [](System& system, const Capacity& capacity) {
                            Combinations all(system, capacity);
                            int count = receive_in_each_way(all);
                            count += send_in_each_way<Message<Number>>(all);
                            count += send_in_each_way<Delivery<Number>>(all);
                            EXPECT_EQ(count, 10 * 3 * 3 * 16);
                          });
}

}  // namespace
}  // namespace isola
