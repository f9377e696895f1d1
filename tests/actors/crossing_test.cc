// What may cross into an isolate and back: values, messages, functions, addresses, and what can't.
#include <isola/actors/sendable.h>

#include <isola/isola.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::Every;
using test::Note;
using test::Number;
using test::on_every_scheduler;

enum class Colour : uint8_t { red, green };

struct Empty {};
struct Plain {
  bool yes = false;
  int8_t small = 0;
  std::string text;
  std::vector<double> numbers;
  Colour colour = Colour::red;
  bool operator==(const Plain&) const = default;
};
struct Nested {
  Plain plain;
  std::array<Plain, 2> two;
  std::optional<std::string> maybe;
  std::variant<int, std::string> either;
  std::tuple<> nothing;
  std::map<std::string, std::vector<int>> map;
  bool operator==(const Nested&) const = default;
};
struct Ends {
  Sender<Number> out;
  std::optional<Receiver<Number>> in;
};
struct AllOfThem {
  std::tuple<Ends, std::array<Ends, 1>> ends;
  Message<Note> message;
  Address<Number> address;
  ActorRef actor;
  Blob blob;
  SharedBuffer buffer;
  Isolate isolate;
  IsolateId id;
  int (*function)(int) = nullptr;
};
struct Derived : Plain {
  int more = 0;
};
struct WithArray {
  int numbers[3];
};
struct WithPointer {
  int number;
  Plain* pointer;
};
struct WithReference {
  const std::string& text;
};
struct WithView {
  std::vector<std::string_view> views;
};
struct Owner {  // hides what it has
  explicit Owner(int n) : n_(n) {}

 private:
  int n_;
};

// From one isolate to another and back, as argument, result and bound value.
template <class T>
T echo(Isolate& isolate, const T& value) {
  T back = isolate.run([](T inside) { return inside; }, value).or_raise();
  EXPECT_FALSE(isolate.prepare("value", std::move(back)));
  EXPECT_FALSE(isolate.run([] { globals().set("copy", globals().get<T>("value")); }).err);
  return isolate.get<T>("copy").or_raise();
}

template <class T>
void expect_same_bits(Isolate& isolate, T value) {
  const T back = echo(isolate, value);
  EXPECT_EQ(std::memcmp(&back, &value, sizeof value), 0) << value;
}

TEST(Crossing, IsForValuesThatOwnAllThatTheyHave) {
  // Covers: API-133
  static_assert(Sendable<bool> && Sendable<int> && Sendable<long double> && Sendable<Colour>);
  static_assert(Sendable<std::string> && Sendable<std::vector<std::byte>> && Sendable<Blob>);
  static_assert(Sendable<Message<Note>> && Sendable<Delivery<Note>> && Sendable<Sender<Note>>);
  static_assert(Sendable<Receiver<Note>> && Sendable<Topic<Note>> && Sendable<Address<Number>>);
  static_assert(Sendable<ActorRef> && Sendable<Isolate> && Sendable<IsolateId>);
  static_assert(Sendable<Empty> && Sendable<Plain> && Sendable<Nested> && Sendable<AllOfThem>);
  static_assert(Sendable<std::tuple<>> && Sendable<std::tuple<Nested, std::pair<int, Ends>>>);
  static_assert(Sendable<std::array<std::array<Plain, 2>, 0>> && Sendable<std::monostate>);
  static_assert(!Sendable<int*> && !Sendable<std::shared_ptr<int>> && !Sendable<std::string_view>);
  static_assert(!Sendable<std::unique_ptr<int>> && !Sendable<std::reference_wrapper<int>>);
  static_assert(!Sendable<WithPointer> && !Sendable<WithReference> && !Sendable<WithView>);
  static_assert(!Sendable<std::tuple<int, WithPointer>> && !Sendable<std::optional<int*>>);
  static_assert(!Sendable<std::variant<int, WithView>> && !Sendable<isola::vector<int>>);
  static_assert(!Sendable<Derived> && !Sendable<WithArray> && !Sendable<Owner>);
  static_assert(!Sendable<Note::Reader> && !Sendable<Note::Builder>);
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    EXPECT_EQ(echo(isolate, true), true);
    EXPECT_EQ(echo(isolate, -7), -7);
    EXPECT_EQ(echo(isolate, std::string("a\0b", 3)), std::string("a\0b", 3));
    EXPECT_EQ(echo(isolate, Blob::copy_of("bytes")).text(), "bytes");
    const Plain plain{true, -8, "text", {1.5, -2}, Colour::green};
    EXPECT_EQ(echo(isolate, plain), plain);
    const Nested nested{plain, {plain, {}}, "maybe", "either", {}, {{"one", {1}}, {"", {}}}};
    EXPECT_EQ(echo(isolate, nested), nested);
    EXPECT_EQ(echo(isolate, Nested{}), Nested{});
    EXPECT_EQ(echo(isolate, std::tuple(nested, std::tuple<>(), -1)),
              std::tuple(nested, std::tuple<>(), -1));
  });
}

TEST(Crossing, TakesChannelEndsAlongWhereverTheyLie) {
  on_every_scheduler([](System& system) {
    auto [tx, rx] = system.channel<Number>(bounded(4));
    auto [back_tx, back_rx] = system.channel<Number>(bounded(4));
    Isolate isolate = system.create();
    AllOfThem all;
    std::get<0>(all.ends) = Ends{tx.clone(), std::move(back_rx)};
    std::get<1>(all.ends)[0] = Ends{std::move(tx), std::nullopt};
    all.message = system.compose<Note>();
    all.isolate = isolate;
    auto keep = [](AllOfThem inside) {
      std::get<0>(inside.ends).out.send([](Number::Builder n) { n.setValue(1); });
      std::get<1>(inside.ends)[0].out.send([](Number::Builder n) { n.setValue(2); });
      // On its heap, where no destructor runs.
      void* memory = heap().allocate(sizeof(AllOfThem), alignof(AllOfThem));
      EXPECT_EQ(inside.isolate, current_isolate());
      inside.isolate = Isolate();  // and what else has to be released by its destructor
      inside.message = Message<Note>();
      new (memory) AllOfThem(std::move(inside));
    };
    EXPECT_FALSE(isolate.run(keep, std::move(all)).err);
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 1);
    EXPECT_EQ(rx.recv().or_raise()->getValue(), 2);
    EXPECT_EQ(rx.try_recv().err, Code::channel_empty);
    const uint64_t id = isolate.id().word();
    EXPECT_EQ(system.ledger().holders(rx.id(), detail::Side::send).or_raise(),
              std::vector<uint64_t>{id});
    EXPECT_EQ(system.ledger().holders(back_tx.id(), detail::Side::receive).or_raise(),
              std::vector<uint64_t>{id});
    EXPECT_FALSE(isolate.terminate());
    EXPECT_EQ(rx.recv().err, Code::channel_closed) << "both were the isolate's";
    EXPECT_EQ(back_tx.send([](Number::Builder) {}), Code::channel_closed);
  });
}

TEST(Crossing, KeepsEveryInteger) {
  // Covers: API-138
  on_every_scheduler(
      [](System& system) {
        Isolate isolate = system.create();
        const auto ends = [&]<class T>(T) {
          EXPECT_EQ(echo(isolate, std::numeric_limits<T>::min()), std::numeric_limits<T>::min());
          EXPECT_EQ(echo(isolate, std::numeric_limits<T>::max()), std::numeric_limits<T>::max());
        };
        ends(int8_t());
        ends(int16_t());
        ends(int32_t());
        ends(int64_t());
        ends(uint8_t());
        ends(uint16_t());
        ends(uint32_t());
        ends(uint64_t());
        std::vector<int> small;
        for (int n = -1; n <= 257; ++n) small.push_back(n);
        EXPECT_EQ(echo(isolate, small), small);
        for (const bool greatest : {false, true}) {
          auto every = system.compose<Every>();
          const auto end = [greatest]<class T>(T) {
            return greatest ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min();
          };
          every->setInt8(end(int8_t()));
          every->setInt16(end(int16_t()));
          every->setInt32(end(int32_t()));
          every->setInt64(end(int64_t()));
          every->setUint8(end(uint8_t()));
          every->setUint16(end(uint16_t()));
          every->setUint32(end(uint32_t()));
          every->setUint64(end(uint64_t()));
          auto numbers = every->initNumbers(259);
          for (int n = -1; n <= 257; ++n) numbers.set(static_cast<unsigned>(n + 1), n);
          auto back = isolate.run([](Message<Every> m) { return m; }, std::move(every)).or_raise();
          EXPECT_EQ(back->getInt8(), end(int8_t()));
          EXPECT_EQ(back->getInt16(), end(int16_t()));
          EXPECT_EQ(back->getInt32(), end(int32_t()));
          EXPECT_EQ(back->getInt64(), end(int64_t()));
          EXPECT_EQ(back->getUint8(), end(uint8_t()));
          EXPECT_EQ(back->getUint16(), end(uint16_t()));
          EXPECT_EQ(back->getUint32(), end(uint32_t()));
          EXPECT_EQ(back->getUint64(), end(uint64_t()));
          for (int n = -1; n <= 257; ++n)
            ASSERT_EQ(back->getNumbers()[static_cast<unsigned>(n + 1)], n);
        }
      },
      5);
}

TEST(Crossing, KeepsEveryFloatBitForBit) {
  // Covers: API-141
  on_every_scheduler(
      [](System& system) {
        Isolate isolate = system.create();
        const double infinity = std::numeric_limits<double>::infinity();
        const double signalling = std::numeric_limits<double>::signaling_NaN();
        for (const double value : {0.0, -0.0, 1.1, -1.0, 0.12345678, -0.12345678, 3.14159265358979,
                                   5e-324, 1.7976931348623157e308, infinity, -infinity,
                                   std::nan(""), -std::nan("0x5"), signalling}) {
          expect_same_bits(isolate, value);
          expect_same_bits(isolate, static_cast<float>(value));
          auto every = system.compose<Every>();
          every->setFloat64(value);
          every->setFloat32(static_cast<float>(value));
          auto back = isolate.run([](Message<Every> m) { return m; }, std::move(every)).or_raise();
          const double wide = back->getFloat64();
          const float narrow = back->getFloat32();
          const auto expected = static_cast<float>(value);
          EXPECT_EQ(std::memcmp(&wide, &value, sizeof value), 0) << value;
          EXPECT_EQ(std::memcmp(&narrow, &expected, sizeof expected), 0) << value;
        }
      },
      5);
}

TEST(Crossing, KeepsBytesAsData) {
  // Covers: API-136
  on_every_scheduler(
      [](System& system) {
        Isolate isolate = system.create();
        for (int n = -1; n <= 257; ++n) {
          const auto word = static_cast<uint16_t>(n);
          const std::string bytes{static_cast<char>(word & 0xff), static_cast<char>(word >> 8)};
          auto every = system.compose<Every>();
          every->setData({reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()});
          auto back =
              isolate
                  .run(
                      [](Message<Every> m) {
                        static_assert(
                            std::same_as<decltype(m->asReader().getData()), capnp::Data::Reader>);
                        EXPECT_EQ(m->asReader().getData().size(), 2u);
                        return m;
                      },
                      std::move(every))
                  .or_raise();
          const auto data = back->getData();
          ASSERT_EQ(std::string(reinterpret_cast<const char*>(data.begin()), data.size()), bytes);
          ASSERT_EQ(n % 64 != 0 || echo(isolate, bytes) == bytes, true);
        }
      },
      5);
}

TEST(Crossing, TellsNotSetFromEmpty) {
  // Covers: API-135
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    auto every = system.compose<Every>();
    every->setData(nullptr);
    every->initNumbers(0);
    every->initNested();
    auto look = [](Message<Every> m) {
      const auto inside = m->asReader();
      EXPECT_FALSE(inside.hasText() || inside.hasLists() || inside.hasItems());
      EXPECT_TRUE(inside.hasNumbers() && inside.hasNested());
      return m;
    };
    auto back = isolate.run(look, std::move(every)).or_raise();
    EXPECT_FALSE(back->hasText());
    EXPECT_FALSE(back->hasLists());
    EXPECT_TRUE(back->hasNumbers());
    EXPECT_EQ(back->getNumbers().size(), 0u);
    EXPECT_TRUE(back->hasNested());
    EXPECT_FALSE(back->getNested().hasNested());
    EXPECT_EQ(echo(isolate, std::optional<std::string>()), std::nullopt);
    EXPECT_EQ(echo(isolate, std::optional<std::string>("")), "");
  });
}

TEST(Crossing, KeepsListsAndStructsInOrder) {
  // Covers: API-142
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    using Lists = std::vector<std::vector<std::pair<int, std::string>>>;
    for (const Lists& lists : {Lists{}, Lists{{}}, Lists{{{1, "one"}}},
                               Lists{{{3, "c"}, {1, "a"}}, {}, {{2, "b"}, {2, "b"}}}})
      EXPECT_EQ(echo(isolate, lists), lists);
    EXPECT_EQ(echo(isolate, std::vector<Plain>{}), std::vector<Plain>{});
    auto every = system.compose<Every>();
    auto lists = every->initLists(3);
    lists.init(0, 0);
    lists.init(1, 1).set(0, 7);
    for (unsigned i = 0; i < 3; ++i) lists.init(2, 3).set(i, static_cast<int>(i));
    auto inner = lists[2];
    for (unsigned i = 0; i < 3; ++i) inner.set(i, 30 - static_cast<int>(i));
    auto items = every->initItems(2);
    items[0].setText("first");
    items[0].setFlag(true);
    items[1].setLarge(-5);
    auto back = isolate.run([](Message<Every> m) { return m; }, std::move(every)).or_raise();
    ASSERT_EQ(back->getLists().size(), 3u);
    EXPECT_EQ(back->getLists()[0].size(), 0u);
    EXPECT_EQ(back->getLists()[1][0], 7);
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(back->getLists()[2][i], 30 - static_cast<int>(i));
    EXPECT_EQ(back->getItems()[0].getText(), "first");
    EXPECT_TRUE(back->getItems()[0].getFlag());
    EXPECT_EQ(back->getItems()[1].getLarge(), -5);
    EXPECT_FALSE(back->getItems()[1].getFlag());
    EXPECT_EQ(back->getNumbers().size(), 0u);
  });
}

}  // namespace
}  // namespace isola
