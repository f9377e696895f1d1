// Keys and scopes: what is bound where, how it is restored, and what is refused.
#include <isola/context/scope.h>

#include <gtest/gtest.h>
#include <isola/context/context.h>

#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include "tests/context/expect.h"

namespace isola {
namespace {

using test::fault_of;
using test::printed;
using test::what_of;

inline constexpr Key<text> locale{"app.locale", Flow::wire};
inline constexpr Key<text> zone{"app.zone", Flow::wire, "UTC"};
inline constexpr Key<int> digits{"app.digits", Flow::local};
inline constexpr Key<int> scale{"app.scale", Flow::actor, 28};
inline constexpr Key<std::string> session{"app.session", Flow::actor};
inline constexpr Key<text> password{"app.password", Flow::secret};

// Its printing looks the key up and prints it.
struct Recursive {
  const Key<Recursive>* key;
  friend std::ostream& operator<<(std::ostream& out, const Recursive& value) {
    return out << (value.key->find() ? "bound" : "unbound") << ' ' << *value.key;
  }
};

TEST(Key, IsPrintedWithItsNameAndItsDefault) {
  // Covers: CTX-002
  EXPECT_EQ(printed(locale), "Key app.locale (wire)");
  EXPECT_EQ(printed(zone), "Key app.zone (wire) = UTC");
  EXPECT_EQ(printed(scale), "Key app.scale (actor) = 28");
  Recursive otherwise{nullptr};
  const Key<Recursive> recursive{"app.recursive", Flow::actor, &otherwise};
  otherwise.key = &recursive;
  EXPECT_EQ(printed(recursive),
            "Key app.recursive (actor) = unbound Key app.recursive (actor) = …");
}

TEST(Key, ScopeAndContextAreFinal) {
  // Covers: CTX-004
  EXPECT_TRUE(std::is_final_v<Key<int>>);
  EXPECT_TRUE(std::is_final_v<Context>);
  EXPECT_TRUE(std::is_final_v<Scope<int>>);
  EXPECT_TRUE((std::is_final_v<Scope<int, text>>));
}

TEST(Key, ThatIsUnboundHasItsDefaultOrTheOneGivenOrIsAnError) {
  // Covers: CTX-016
  EXPECT_EQ(fault_of([] { (void)locale.get(); }), ContextFault::not_set);
  EXPECT_NE(what_of([] { (void)locale.get(); }).find("app.locale"), std::string::npos);
  EXPECT_EQ(locale.get("C"), "C");
  EXPECT_EQ(zone.get(), "UTC");
  EXPECT_EQ(zone.get("CET"), "CET");
  EXPECT_EQ(locale.find(), std::nullopt);
  EXPECT_EQ(zone.find(), std::nullopt);
}

TEST(Key, IsReadWithinItsScopeAndNotSetAfterIt) {
  // Covers: CTX-078
  {
    const Scope bound{digits, 42};
    EXPECT_EQ(digits.get(), 42);
    const Scope none{unset(digits)};
    EXPECT_EQ(fault_of([] { (void)digits.get(); }), ContextFault::not_set);
  }
  EXPECT_EQ(fault_of([] { (void)digits.get(); }), ContextFault::not_set);
}

TEST(Key, IsTheSameAsItselfOnly) {
  const Key<int> other{"app.digits", Flow::local};
  EXPECT_TRUE(digits == digits);
  EXPECT_FALSE(digits == other);
  EXPECT_EQ(std::hash<Key<int>>()(digits), std::hash<Key<int>>()(digits));
  EXPECT_NE(std::hash<Key<int>>()(digits), std::hash<Key<int>>()(other));
}

class Opaque {};
template <class T, class F>
constexpr bool can_flow = std::is_constructible_v<Key<T>, const char*, F>;
using Wire = std::remove_const_t<decltype(Flow::wire)>;
using Local = std::remove_const_t<decltype(Flow::local)>;
using Actor = std::remove_const_t<decltype(Flow::actor)>;
using Secret = std::remove_const_t<decltype(Flow::secret)>;

TEST(Key, TravelsOnlyIfItsTypeCanBeSerialized) {
  EXPECT_TRUE((can_flow<int, Wire> && can_flow<text, Local>));
  EXPECT_TRUE((can_flow<Opaque, Actor> && can_flow<Opaque, Secret>));
  EXPECT_FALSE((can_flow<Opaque, Wire> || can_flow<Opaque, Local>));
  EXPECT_FALSE((can_flow<int*, Wire> || can_flow<std::string, Wire>));
}

TEST(Scope, IsPrintedWithItsKeysAndSaysIfItWasRestored) {
  // Covers: CTX-003
  Scope scope{bind(locale, "de_DE"), bind(digits, 3)};
  EXPECT_EQ(printed(scope), "Scope of app.locale, app.digits");
  scope.restore();
  EXPECT_EQ(printed(scope), "Scope of app.locale, app.digits (restored)");
}

TEST(Scope, ThatIsRestoredEarlyBringsBackWhatWasThere) {
  // Covers: CTX-018
  Scope outer{digits, 1};
  {
    Scope inner{digits, 2};
    EXPECT_EQ(digits.get(), 2);
    inner.restore();
    EXPECT_EQ(digits.get(), 1);
  }
  EXPECT_EQ(digits.get(), 1);
  outer.restore();
  EXPECT_EQ(fault_of([] { (void)digits.get(); }), ContextFault::not_set);
}

template <class S, class K>
concept CanRestoreKey = requires(S scope, const K& key) {
  scope.restore(key);
};
template <class S>
concept CanRestoreOther = requires(S scope, S other) {
  scope.restore(other);
};

TEST(Scope, RestoresOnlyWhatItBound) {
  // Covers: CTX-021
  EXPECT_FALSE((CanRestoreKey<Scope<int>&, Key<text>>));
  EXPECT_FALSE((CanRestoreKey<Scope<int>&, Key<int>>));
  EXPECT_FALSE(CanRestoreOther<Scope<int>&>);
}

TEST(Scope, LeavesTheDefaultAfterIt) {
  // Covers: CTX-026
  {
    const Scope cet{zone, "CET"};
    EXPECT_EQ(zone.get(), "CET");
  }
  EXPECT_EQ(zone.get(), "UTC");
}

TEST(Scope, LeavesAKeyWithoutADefaultNotSet) {
  // Covers: CTX-027
  {
    const Scope german{locale, "de_DE"};
    EXPECT_EQ(locale.get(), "de_DE");
  }
  EXPECT_EQ(fault_of([] { (void)locale.get(); }), ContextFault::not_set);
  EXPECT_NE(what_of([] { (void)locale.get(); }).find("app.locale"), std::string::npos);
}

TEST(Scope, IsEnteredOnce) {
  // Covers: CTX-029
  EXPECT_FALSE(std::is_copy_constructible_v<Scope<int>>);
  EXPECT_FALSE(std::is_copy_assignable_v<Scope<int>>);
  EXPECT_FALSE(std::is_move_constructible_v<Scope<int>>);
  const Scope outer{digits, 1};
  Scope inner{digits, 2};
  inner.restore();
  EXPECT_EQ(fault_of([&] { inner.restore(); }), ContextFault::already_restored);
  EXPECT_EQ(digits.get(), 1);
}

TEST(Scope, HidesTheBindingsOfItsKeyOutsideUntilItIsLeft) {
  // Covers: CTX-030
  const Scope before{digits, 0};
  {
    const Scope first{digits, 1};
    const Scope second{digits, 2};
    const Scope third{bind(digits, 3), bind(digits, 4)};
    EXPECT_EQ(digits.get(), 4);
  }
  EXPECT_EQ(digits.get(), 0);
}

TEST(Scope, CanBeRestoredWithinAnother) {
  // Covers: CTX-032
  const Scope before{digits, 0};
  {
    const Scope outer{digits, 1};
    Scope inner{digits, 2};
    inner.restore();
    EXPECT_EQ(digits.get(), 1);
  }
  EXPECT_EQ(digits.get(), 0);
}

TEST(Scope, OfManyKeysBindsAndUnsetsThemTogether) {
  // Covers: LCC-020
  const Scope outer{bind(locale, "de_DE"), bind(digits, 1), bind(session, "abc")};
  {
    const Scope inner{bind(zone, "CET"), unset(locale), bind(digits, 2)};
    EXPECT_EQ(locale.find(), std::nullopt);
    EXPECT_EQ(zone.get(), "CET");
    EXPECT_EQ(digits.get(), 2);
    EXPECT_EQ(session.get(), "abc");
  }
  EXPECT_EQ(locale.get(), "de_DE");
  EXPECT_EQ(zone.find(), std::nullopt);
  EXPECT_EQ(digits.get(), 1);
}

TEST(Scope, ThatAnExceptionLeavesRestoresAsAnyOther) {
  // Covers: LCC-035
  const Scope outer{digits, 1};
  const auto fails = [] {
    const Scope inner{bind(digits, 2), bind(locale, "de_DE")};
    throw std::runtime_error("out");
  };
  EXPECT_THROW(fails(), std::runtime_error);
  EXPECT_EQ(digits.get(), 1);
  EXPECT_EQ(locale.find(), std::nullopt);
}

TEST(Scope, ThatCannotBeOpenedLeavesWhatWasThere) {
  const Scope outer{digits, 1};
  const std::string too_long(kContextTextBytesMax + 1, 'x');
  EXPECT_THROW((Scope{bind(digits, 2), bind(locale, too_long)}), std::logic_error);
  EXPECT_EQ(digits.get(), 1);
  EXPECT_NO_THROW((Scope{password, too_long})) << "it does not travel";
}

TEST(Scope, IsNotRestoredBeforeWhatWasOpenedInIt) {
  // Covers: CTX-044
  Scope outer{digits, 1};
  {
    Scope inner{locale, "de_DE"};
    EXPECT_EQ(fault_of([&] { outer.restore(); }), ContextFault::not_innermost);
    EXPECT_EQ(digits.get(), 1);
    EXPECT_EQ(locale.get(), "de_DE");
  }
  const Context captured = capture();
  Enter entered{captured};
  {
    const Scope within{digits, 2};
    EXPECT_EQ(fault_of([&] { entered.leave(); }), ContextFault::not_innermost);
  }
  entered.leave();
  outer.restore();
  EXPECT_EQ(digits.find(), std::nullopt);
}

TEST(Scope, IsRestoredByTheThreadThatOpenedItOnly) {
  // Covers: CTX-042
  Scope scope{digits, 1};
  Enter entered{capture()};
  std::thread([&] {
    const Scope own{digits, 5};
    EXPECT_EQ(fault_of([&] { scope.restore(); }), ContextFault::other_thread);
    EXPECT_EQ(fault_of([&] { entered.leave(); }), ContextFault::other_thread);
    EXPECT_EQ(digits.get(), 5);
  }).join();
  EXPECT_EQ(digits.get(), 1);
  EXPECT_FALSE(std::is_move_constructible_v<Scope<int>>);
  EXPECT_FALSE(std::is_move_constructible_v<Enter>);
}

TEST(Scope, WhatCannotBeRestoredSaysWhyNot) {
  // Covers: LCC-033
  Scope scope{digits, 1};
  const Context captured = capture();
  captured.run([&] {
    EXPECT_EQ(fault_of([&] { scope.restore(); }), ContextFault::other_context);
    EXPECT_EQ(fault_of([&] { captured.run([] {}); }), ContextFault::already_entered);
  });
  std::thread([&] {
    EXPECT_EQ(fault_of([&] { scope.restore(); }), ContextFault::other_thread);
  }).join();
  scope.restore();
  EXPECT_EQ(fault_of([&] { scope.restore(); }), ContextFault::already_restored);
  EXPECT_FALSE((CanRestoreKey<Scope<int>&, Key<text>>)) << "that of another key does not compile";
}

TEST(Scope, OfAHeapObjectMayCloseOutOfOrder) {
  auto first = std::make_unique<Scope<int>>(digits, 1);
  auto second = std::make_unique<Scope<text>>(locale, "de_DE");
  auto third = std::make_unique<Scope<int>>(digits, 3);
  second.reset();
  EXPECT_EQ(locale.find(), std::nullopt);
  EXPECT_EQ(digits.get(), 3);
  first.reset();
  EXPECT_EQ(digits.get(), 3);
  third.reset();
  EXPECT_EQ(digits.find(), std::nullopt);
}

TEST(Isolated, HidesLocalKeysAndBeginsALogicalContext) {
  // Covers: CTX-080
  const Scope outer{bind(digits, 7), bind(locale, "de_DE"), bind(session, "abc")};
  const uint64_t before = logical_id();
  {
    const Scope nested{zone, "CET"};
    EXPECT_EQ(digits.get(), 7);
    EXPECT_EQ(logical_id(), before);
  }
  uint64_t within = 0;
  {
    const Isolated isolated;
    within = logical_id();
    EXPECT_NE(within, before);
    EXPECT_EQ(digits.find(), std::nullopt);
    EXPECT_EQ(locale.get(), "de_DE");
    EXPECT_EQ(session.get(), "abc");
    const Scope own{digits, 8};
    EXPECT_EQ(digits.get(), 8);
    EXPECT_EQ(logical_id(), within);
  }
  EXPECT_EQ(logical_id(), before);
  EXPECT_EQ(digits.get(), 7);
  const Isolated another;
  EXPECT_NE(logical_id(), within);
}

}  // namespace
}  // namespace isola
