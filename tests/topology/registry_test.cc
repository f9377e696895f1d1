// The registry knows what a function takes from its type.
#include <isola/tools/topology/registry.h>

#include <gtest/gtest.h>

#include <stdexcept>

#include "behaviours.h"

namespace isola::topology {
namespace {

void both(Delivery<test::Args>, Receiver<test::Item>, Sender<test::Total>) {}
void no_arguments(Sender<test::Item>) {}
void nothing() {}

TEST(Registry, DescribesAFunction) {
  Registry registry;
  registry.add("b", &both, {"in", "out"}).add("n", &no_arguments, {"only"}).add("z", &nothing, {});
  const Behaviour* b = registry.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->arguments, &message_type<test::Args>);
  ASSERT_EQ(b->ports.size(), 2u);
  EXPECT_EQ(b->ports[0].name, "in");
  EXPECT_EQ(b->ports[0].side, detail::Side::receive);
  EXPECT_EQ(b->ports[0].message, &message_type<test::Item>);
  EXPECT_EQ(b->ports[1].side, detail::Side::send);
  EXPECT_EQ(b->ports[1].message->name(), "Total");
  EXPECT_EQ(registry.find("n")->arguments, nullptr);
  EXPECT_EQ(registry.find("n")->ports.size(), 1u);
  EXPECT_TRUE(registry.find("z")->ports.empty());
  EXPECT_EQ(registry.find("x"), nullptr);
  EXPECT_EQ(registry.types(), (std::vector<std::string>{"b", "n", "z"}));
}

TEST(Registry, RefusesWhatDoesNotFit) {
  Registry registry;
  registry.add("b", &both, {"in", "out"});
  EXPECT_THROW(registry.add("b", &nothing, {}), std::logic_error) << "added twice";
  EXPECT_THROW(registry.add("c", &both, {"in"}), std::logic_error) << "a name too few";
  EXPECT_THROW(registry.add("c", &nothing, {"in"}), std::logic_error) << "a name too many";
  EXPECT_THROW(registry.add("c", &both, {"in", "in"}), std::logic_error) << "a name twice";
  EXPECT_EQ(registry.types(), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace isola::topology
