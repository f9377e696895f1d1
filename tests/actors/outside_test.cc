// A scope that takes the program's own memory.
#include <isola/actors/outside.h>

#include <gtest/gtest.h>
#include <isola/isola.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::on_every_scheduler;

bool is_outside() { return &heap() == std::pmr::new_delete_resource(); }

// Its only use of memory outlives the isolate.
std::unique_ptr<string> kept;

TEST(Outside, GivesMemoryThatOutlivesTheIsolate) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    const auto use = [] {
      Outside outside;
      kept = std::make_unique<string>("longer than what a string keeps in itself");
    };
    EXPECT_FALSE(isolate.run(+use).err);
    EXPECT_EQ(isolate.heap_bytes(), 0u);
    EXPECT_FALSE(isolate.close());
    EXPECT_EQ(*kept, "longer than what a string keeps in itself");
    kept.reset();
  });
}

TEST(Outside, NestsAndEndsWithItsScopeAlsoOnAnException) {
  on_every_scheduler([](System& system) {
    const auto use = [] {
      EXPECT_FALSE(is_outside());
      {
        Outside outer;
        { Outside inner; }
        EXPECT_TRUE(is_outside());
        try {
          Outside another;
          throw std::runtime_error("on purpose");
        } catch (const std::runtime_error&) {
        }
        EXPECT_TRUE(is_outside());
      }
      EXPECT_FALSE(is_outside());
    };
    EXPECT_FALSE(system.create().run(+use).err);
  });
}

TEST(Outside, BelongsToTheCodeThatOpenedItWhoeverRunsMeanwhile) {
  on_every_scheduler([](System& system) {
    const auto outside = [] {
      for (int i = 0; i < 3; ++i) {
        Outside scope;
        EXPECT_TRUE(is_outside());
        EXPECT_FALSE(sleep_for(std::chrono::milliseconds(1)));
        EXPECT_TRUE(is_outside());
        // A new actor has no part in it, though it is made here.
        struct Made : Actor<Made> {
          Made() { EXPECT_FALSE(is_outside()); }
        };
        spawn<Made>().stop();
        EXPECT_TRUE(is_outside());
      }
      EXPECT_FALSE(is_outside());
    };
    const auto inside = [] {
      for (int i = 0; i < 6; ++i) {
        EXPECT_FALSE(is_outside());
        EXPECT_FALSE(sleep_for(std::chrono::microseconds(500)));
      }
    };
    auto first = system.spawn(+outside);
    auto second = system.spawn(+inside);
    EXPECT_FALSE(first.join());
    EXPECT_FALSE(second.join());
  });
}

TEST(Outside, IsLeftByAKill) {
  on_every_scheduler([](System& system) {
    const auto waits = [] {
      Outside scope;
      (void)sleep_for(std::chrono::hours(1));
    };
    auto killed = system.spawn(+waits);
    EXPECT_FALSE(sleep_for(std::chrono::milliseconds(1)));
    killed.kill();
    EXPECT_FALSE(killed.join());
    // Its carrier serves others.
    EXPECT_FALSE(system.create().run([] { EXPECT_FALSE(is_outside()); }).err);
  });
}

}  // namespace
}  // namespace isola
