// Contexts of host programs.
#include <isola/context/provider.h>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tests/context/expect.h"

namespace isola {
namespace {

using test::fault_of;

inline constexpr Key<text> locale{"app.locale", Flow::wire};

// A host with a context for some of its threads.
struct Host : ContextProvider {
  std::optional<Context> context(bool create) override {
    asked_to_create = asked_to_create || create;
    if (!own && create && makes) {
      const Scope bound{locale, "made"};
      own = capture();
    }
    return own;
  }
  std::optional<Context> own;
  bool makes = false;
  bool asked_to_create = false;
};

Context with_locale(const char* value) {
  const Scope bound{locale, value};
  return capture();
}

std::string locale_in_host(bool create = false) {
  const HostContext host{create};
  return std::string(locale.get(host ? "unbound" : "no host"));
}

TEST(Provider, TheFirstThatHasAContextWins) {
  // Covers: LCC-028
  EXPECT_EQ(locale_in_host(), "no host");
  const auto none = std::make_shared<Host>();
  const auto first = std::make_shared<Host>();
  const auto second = std::make_shared<Host>();
  const auto registered_none = register_provider(none);
  const auto registered_first = register_provider(first);
  {
    const auto registered_second = register_provider(second);
    EXPECT_EQ(locale_in_host(), "no host");
    second->own = with_locale("second");
    EXPECT_EQ(locale_in_host(), "second");
    first->own = with_locale("first");
    EXPECT_EQ(locale_in_host(), "first");
    first->own = std::nullopt;
    EXPECT_EQ(locale_in_host(true), "second") << "who has one goes before who would make one";
  }
  EXPECT_EQ(locale_in_host(), "no host");
  // Asked not to create one, none does.
  none->makes = first->makes = true;
  none->asked_to_create = first->asked_to_create = false;
  EXPECT_EQ(locale_in_host(false), "no host");
  EXPECT_FALSE(none->asked_to_create || first->asked_to_create);
  EXPECT_FALSE(none->own || first->own);
  EXPECT_EQ(locale_in_host(true), "made");
  EXPECT_TRUE(none->own.has_value());
  EXPECT_FALSE(first->own.has_value());
  EXPECT_EQ(locale.find(), std::nullopt) << "only within the HostContext";
}

TEST(Provider, IsAskedByTheThreadThatWantsToKnow) {
  struct ByThread : ContextProvider {
    std::optional<Context> context(bool) override {
      const auto found = contexts.find(std::this_thread::get_id());
      return found != contexts.end() ? std::optional(found->second) : std::nullopt;
    }
    std::map<std::thread::id, Context> contexts;
  };
  const auto host = std::make_shared<ByThread>();
  host->contexts[std::this_thread::get_id()] = with_locale("main");
  const auto registered = register_provider(host);
  EXPECT_EQ(locale_in_host(), "main");
  std::thread([] { EXPECT_EQ(locale_in_host(), "no host"); }).join();
  const HostContext entered;
  EXPECT_EQ(fault_of([] { const HostContext again; }), ContextFault::already_entered);
}

}  // namespace
}  // namespace isola
