// Contexts as maps: many keys, keys that collide, versions, and failures on the way.
#include <gtest/gtest.h>
#include <isola/context/context.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "tests/context/expect.h"

namespace isola {
namespace {

using test::fault_of;

// A number whose copies fail for lack of memory when they are told to.
struct Number {
  Number(int value) : value(value) {}
  Number(const Number& other) : value(other.value) {
    if (fail_after == 0) throw std::bad_alloc();
    if (fail_after > 0) --fail_after;
  }
  int value;
  static inline int fail_after = -1;  // copies until one fails; negative: none does
};

struct Keys {
  explicit Keys(size_t count) {
    for (size_t i = 0; i < count; ++i) names.push_back("test.key" + std::to_string(i));
    make();
  }
  explicit Keys(std::vector<std::string> all) : names(std::move(all)) { make(); }
  void make() {
    for (const std::string& name : names)
      keys.push_back(std::make_unique<Key<Number>>(name.c_str(), Flow::actor));
  }
  const Key<Number>& operator[](size_t i) const { return *keys[i]; }
  size_t size() const { return keys.size(); }

  std::vector<std::string> names;
  std::vector<std::unique_ptr<Key<Number>>> keys;
};

using Bindings = std::vector<std::unique_ptr<Scope<Number>>>;

Bindings bind_all(const Keys& keys) {
  Bindings bindings;
  for (size_t i = 0; i < keys.size(); ++i)
    bindings.push_back(std::make_unique<Scope<Number>>(keys[i], static_cast<int>(i)));
  return bindings;
}

void expect_equal(const Context& context, const Keys& keys, const std::map<size_t, int>& model) {
  ASSERT_EQ(context.size(), model.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto found = context.find(keys[i]);
    const auto expected = model.find(i);
    ASSERT_EQ(found.has_value(), expected != model.end()) << i;
    if (found) {
      ASSERT_EQ(found->value, expected->second) << i;
    }
  }
}

TEST(ContextMap, EarlierContextsKeepTheirContent) {
  // Covers: CTX-061
  const Keys keys(3);
  std::vector<Context> versions{capture()};
  Bindings bindings;
  for (int i = 0; i < 3; ++i) {
    bindings.push_back(std::make_unique<Scope<Number>>(keys[static_cast<size_t>(i)], i * 10));
    versions.push_back(capture());
  }
  std::map<size_t, int> model;
  for (size_t version = 0; version < versions.size(); ++version) {
    expect_equal(versions[version], keys, model);
    EXPECT_EQ(versions[version].get(keys[2], Number(7)).value, version == 3 ? 20 : 7);
    if (version < 3) {
      EXPECT_EQ(fault_of([&] { (void)versions[version].get(keys[2]); }), ContextFault::not_set);
    }
    model[version] = static_cast<int>(version) * 10;
  }
  while (!bindings.empty()) bindings.pop_back();
}

TEST(ContextMap, AnEqualValueIsABindingOfItsOwn) {
  // Covers: CTX-063
  const Keys keys(1);
  const Scope first{keys[0], 5};
  const Context before = capture();
  {
    const Scope second{keys[0], 5};
    const Context after = capture();
    EXPECT_EQ(after.size(), 1u);
    EXPECT_TRUE(before != after);
    EXPECT_EQ(after.get(keys[0]).value, 5);
  }
  EXPECT_EQ(before.get(keys[0]).value, 5);
  EXPECT_EQ(before.size(), 1u);
}

// Names of keys that are remembered in the same place.
std::vector<std::string> colliding(size_t count) {
  std::vector<std::string> names;
  for (int i = 0; names.size() < count; ++i) {
    std::string name = "test.collides" + std::to_string(i);
    if (detail::hash_of(name.c_str()) % detail::kRememberedMax == 0) names.push_back(name);
  }
  return names;
}

TEST(ContextMap, KeysThatCollideKeepTheirOwnValues) {
  // Covers: CTX-064
  const Keys keys(colliding(3));
  ASSERT_EQ(keys[0].place(), keys[1].place());
  ASSERT_EQ(keys[0].place(), keys[2].place());
  std::vector<Context> versions{capture()};
  const Scope a{keys[0], 1};
  versions.push_back(capture());
  EXPECT_EQ(keys[0].get().value, 1);
  const Scope b{keys[1], 2};
  versions.push_back(capture());
  EXPECT_EQ(keys[1].get().value, 2);
  EXPECT_EQ(keys[0].get().value, 1);
  const Scope again{keys[0], 3};
  versions.push_back(capture());
  EXPECT_EQ(keys[0].get().value, 3);
  EXPECT_EQ(keys[1].get().value, 2);
  const Scope c{keys[2], 4};
  versions.push_back(capture());
  EXPECT_EQ(keys[2].get().value, 4);
  EXPECT_EQ(keys[0].get().value, 3);
  const std::vector<std::map<size_t, int>> expected{
      {}, {{0, 1}}, {{0, 1}, {1, 2}}, {{0, 3}, {1, 2}}, {{0, 3}, {1, 2}, {2, 4}}};
  for (size_t i = 0; i < versions.size(); ++i) expect_equal(versions[i], keys, expected[i]);
}

TEST(ContextMap, SevenThousandKeysAreUnboundInAnyOrder) {
  // Covers: CTX-066
  const Keys keys(7000);
  std::map<size_t, int> model;
  Bindings bindings = bind_all(keys);
  for (size_t i = 0; i < keys.size(); ++i) model[i] = static_cast<int>(i);
  // The first captures fail on the way.
  for (const int copies : {0, 10, 100}) {
    Number::fail_after = copies;
    EXPECT_THROW((void)capture(), std::bad_alloc);
    Number::fail_after = -1;
  }
  expect_equal(capture(), keys, model);
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  Context middle;
  std::map<size_t, int> middle_model;
  for (size_t done = 0; done < order.size(); ++done) {
    if (done == order.size() / 2) {
      Number::fail_after = 100;
      EXPECT_THROW((void)capture(), std::bad_alloc);
      Number::fail_after = -1;
      middle = capture();
      middle_model = model;
      expect_equal(middle, keys, model);
    }
    bindings[order[done]].reset();
    model.erase(order[done]);
    if (done % 997 == 0) {
      EXPECT_EQ(keys[order[done]].find().has_value(), false);
      EXPECT_EQ(capture().size(), model.size());
    }
  }
  EXPECT_TRUE(capture().empty());
  expect_equal(middle, keys, middle_model);
}

TEST(ContextMap, KeysOfASmallContextAreUnsetOneByOne) {
  // Covers: CTX-067
  const Keys keys(4);
  const Bindings bindings = bind_all(keys);
  const Scope third_gone{unset(keys[3])};
  EXPECT_EQ(capture().size(), 3u);
  const Context before = capture();
  {
    const Scope absent{unset(keys[3])};
    EXPECT_TRUE(capture() == before) << "unsetting an absent key changes nothing";
  }
  Number::fail_after = 0;
  {
    const Keys more(5);
    const Scope another{more[4], 4};
    EXPECT_THROW((void)capture(), std::bad_alloc);
  }
  Number::fail_after = -1;
  EXPECT_TRUE(capture() == before);
  const Scope second_gone{unset(keys[1])};
  EXPECT_EQ(capture().size(), 2u);
  const Scope first_gone{unset(keys[0])};
  EXPECT_EQ(capture().size(), 1u);
  const Scope last_gone{unset(keys[2])};
  EXPECT_EQ(capture().size(), 0u);
  EXPECT_EQ(before.size(), 3u);
}

TEST(ContextMap, ManyKeysAreUnsetInAnotherOrder) {
  // Covers: CTX-068
  const Keys keys(200);
  const Bindings bindings = bind_all(keys);
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = (i * 73) % order.size();
  Bindings gone;
  for (size_t done = 0; done < order.size(); ++done) {
    // Once more, and once too early for nobody.
    for (const size_t which : {order[done], order[done / 2], order[done]})
      gone.push_back(std::make_unique<Scope<Number>>(unset(keys[which])));
    ASSERT_EQ(capture().size(), keys.size() - done - 1);
  }
  EXPECT_TRUE(capture().empty());
  while (!gone.empty()) gone.pop_back();
  EXPECT_EQ(capture().size(), keys.size());
}

TEST(ContextMap, IsIteratedOverEachKeyOnce) {
  // Covers: CTX-071
  std::vector<std::unique_ptr<Keys>> all;
  for (const size_t count : {0, 1, 10, 1000}) all.push_back(std::make_unique<Keys>(count));
  all.push_back(std::make_unique<Keys>(colliding(20)));
  for (const auto& keys : all) {
    Bindings bindings = bind_all(*keys);
    const Bindings again = bind_all(*keys);  // hides the first ones
    const Context context = capture();
    std::map<std::string, int> seen;
    std::map<std::string, int> expected;
    for (const ContextEntry& entry : context) {
      for (size_t i = 0; i < keys->size(); ++i)
        if (entry.name() == keys->names[i]) seen[keys->names[i]] += entry.as((*keys)[i])->value + 1;
    }
    for (size_t i = 0; i < keys->size(); ++i) expected[keys->names[i]] = static_cast<int>(i) + 1;
    EXPECT_EQ(seen, expected);
  }
}

}  // namespace
}  // namespace isola
