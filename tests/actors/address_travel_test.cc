// Addresses of isolates on their way through messages.
#include <isola/isola.h>
#include <isola/serialization/foreign.h>

#include <string>

#include "tests/serialization/schemas/newer.capnp.h"
#include "tests/serialization/schemas/older.capnp.h"
#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Every;
using test::on_every_scheduler;
namespace older = test::older;
namespace newer = test::newer;

// What an order says of an isolate, written by a program of one version and read by one of another.
template <class From, class To>
void pass_on(System& system, const Isolate& isolate) {
  auto order = system.compose<From>();
  order->setItem(isolate.id().to_string());
  const auto bytes = write_message(order).value;
  auto read = read_message<To>(system.pool(), bytes).or_raise();
  const IsolateId id = IsolateId::parse(read->getItem().cStr()).or_raise();
  EXPECT_EQ(id, isolate.id());
  Isolate found = system.find(id).or_raise();
  EXPECT_EQ(found, isolate);
  EXPECT_EQ(found.template get<std::string>("who").or_raise(), "this one");
  // Handles travel beside the body, whatever version that has.
  auto carrier = system.compose<From>();
  carrier->setAmount(static_cast<int32_t>(carrier.attach(Isolate(isolate))));
  auto [tx, rx] = system.channel<From>(bounded(1));
  EXPECT_FALSE(tx.send(std::move(carrier)));
  auto got = rx.recv().or_raise();
  Isolate attached =
      got.template attached<Isolate>(static_cast<uint32_t>(got->getAmount())).or_raise();
  EXPECT_EQ(attached, isolate);
  EXPECT_EQ(attached.template get<std::string>("who").or_raise(), "this one");
}

TEST(AddressTravel, LeadsToTheSameIsolateInEveryVersionOfASchema) {
  // Covers: API-037
  on_every_scheduler([](System& system) {
    Isolate other = system.create();
    Isolate isolate = system.create({.name = "named"});
    EXPECT_FALSE(isolate.prepare("who", "this one"));
    pass_on<older::Order, newer::Order>(system, isolate);
    pass_on<newer::Order, older::Order>(system, isolate);
    pass_on<newer::Order, newer::Order>(system, isolate);
  });
}

TEST(AddressTravel, KeepsTheIsolateAsLongAsTheMessage) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Every>(bounded(1));
    auto every = system.compose<Every>();
    every->setAttached(every.attach(system.create({.name = "of nobody else"})));
    EXPECT_FALSE(tx.send(std::move(every)));
    auto got = rx.recv().or_raise();
    EXPECT_EQ(got.attached<ActorRef>(got->getAttached()).err, Code::wrong_attachment);
    Isolate isolate = got.attached<Isolate>(got->getAttached()).or_raise();
    EXPECT_EQ(isolate.run([] { return 4; }).or_raise(), 4);
    const IsolateId id = isolate.id();
    isolate = Isolate();
    EXPECT_FALSE(system.find(id).err) << "the message still has it";
    got = Delivery<Every>();
    EXPECT_TRUE(test::eventually([&] { return system.find(id).err == Code::isolate_not_found; }));
  });
}

}  // namespace
}  // namespace isola
