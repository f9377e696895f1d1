// Listing isolates and looking them up, while others are made and dropped.
#include <isola/isola.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/actors/isolate_ids.h"
#include "tests/support/schedules.h"

namespace isola {
namespace {

using test::ids_of;
using test::on_every_scheduler;
using test::other_ids;

TEST(IsolateList, NobodyIsFoundOnceTheLastHandleIsGone) {
  on_every_scheduler([](System& system) {
    Isolate isolate = system.create();
    const IsolateId id = isolate.id();
    std::vector<Isolate> listed = system.isolates();
    isolate = Isolate();
    EXPECT_EQ(system.find(id).or_raise(), listed.back()) << "what is listed is a handle";
    listed.clear();
    EXPECT_EQ(system.find(id).err, Code::isolate_not_found);
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate}));
  });
}

TEST(IsolateList, IsReadWhileOthersAreMadeAndDropped) {
  on_every_scheduler([](System& system) {
    constexpr int kRounds = 10;
    Isolate lister = system.create();
    const auto list = [] {
      for (int i = 0; i < kRounds; ++i) {
        for (const Isolate& each : isolates()) (void)find_isolate(each.id());
        yield();
      }
    };
    auto listing = lister.run_async(+list);
    for (int i = 0; i < kRounds; ++i) {
      Isolate made = system.create();
      EXPECT_EQ(made.run([] { return 7; }).or_raise(), 7);
    }
    EXPECT_FALSE(listing.get().err);
    EXPECT_EQ(other_ids(system), (std::vector{kMainIsolate, lister.id()}));
  });
}

TEST(IsolateList, WhoMakesOneHasAHandleBeforeOthersFindIt) {
  on_every_scheduler([](System& system) {
    // As create() does it.
    detail::Runtime& runtime = system.runtime();
    detail::ActorCell* cell = runtime.new_slot({}, detail::kIsolateType, nullptr);
    const IsolateId id = IsolateId::from_word(cell->id.load(sync::memory_order_relaxed));
    EXPECT_FALSE(system.find(id).err);  // and the handle is dropped
    Isolate made(detail::HandleRef::adopt(*cell));
    runtime.actor_made(*cell);
    EXPECT_EQ(made.run([] { return 7; }).or_raise(), 7);
  });
}

TEST(IsolateList, EachIsFoundAmongMany) {
  on_every_scheduler([](System& system) {
    // More than a worker remembers, and in several slabs.
    constexpr size_t kMany = sync::kSimulated ? 20 : 600;
    Isolate maker = system.create();
    const auto make = [](uint64_t count) {
      std::vector<Isolate> made;
      while (made.size() < count) made.push_back(create_isolate());
      return made;
    };
    std::vector<Isolate> made = maker.run(+make, uint64_t{kMany / 2}).or_raise();
    while (made.size() < kMany) made.push_back(system.create());
    std::vector<IsolateId> all = ids_of(made);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    for (const Isolate& each : made) EXPECT_EQ(system.find(each.id()).or_raise(), each);
    for (size_t i = 0; i < kMany; i += 2) EXPECT_FALSE(made[i].close());
    std::vector<IsolateId> left{kMainIsolate, maker.id()};
    for (size_t i = 0; i < kMany; ++i) {
      EXPECT_EQ(system.find(all[i]).err, i % 2 == 0 ? Code::isolate_not_found : Code::ok);
      if (i % 2 != 0) left.push_back(all[i]);
    }
    EXPECT_EQ(other_ids(system), left);
  });
}

}  // namespace
}  // namespace isola
