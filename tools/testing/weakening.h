// Which memory orders are needed: each operation in a file is weakened by one step at a time, and
// a test that still passes every seed shows an order that nothing checks.
//
//   auto report = weaken_each("actors/inbox.h", {.seeds = 2000}, body);
//   EXPECT_EQ(report.failure, "");
//   EXPECT_THAT(report.undetected, IsEmpty());
//
// seq_cst -> acq_rel (or acquire of a load, release of a store) -> acquire, release -> relaxed; a
// fence of its own becomes none. An order that is not needed is weakened further, to say how far
// one can go. A compare-and-swap with two orders has each of them weakened.
//
// Thread safety: one thread.
#pragma once

#include <isola/serialization/sync.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace isola::testing {

class Simulation;

// "actors/inbox.h:52": the last two parts of the path, and the line.
std::string place_of(const sync::Site& site);

// One order that is written somewhere.
struct WrittenOrder {
  sync::Site site;
  sync::Kind kind;
  std::memory_order order;
  bool on_failure;  // of a compare, the second order

  bool is_of(const sync::Operation& operation) const;
  std::string text() const;
};

// Sees each operation, collects those of one file, and weakens one.
class Weakener {
 public:
  void collect(std::string_view file) {
    file_ = file;
    weakened_ = nullptr;
  }
  // `what` gets `order` instead of its own; nullptr: nothing is weakened.
  void weaken(const WrittenOrder* what, std::memory_order order) {
    file_ = {};
    weakened_ = what;
    order_ = order;
  }
  void apply(sync::Operation& operation);
  const std::vector<WrittenOrder>& orders() const { return orders_; }

 private:
  void note(const sync::Operation& operation, std::memory_order order, bool on_failure);

  std::string_view file_;
  std::vector<WrittenOrder> orders_;
  const WrittenOrder* weakened_ = nullptr;
  std::memory_order order_ = std::memory_order_seq_cst;
};

struct WeakeningOptions {
  uint64_t seeds = 2000;  // tried for each
  uint64_t steps_max = 20'000;
};

struct WeakeningReport {
  std::string failure;                  // of a run with nothing weakened; empty: none
  // "actors/inbox.h:52 in push: store release -> relaxed"; a detected one goes on with its reason.
  std::vector<std::string> detected;
  std::vector<std::string> undetected;
  uint64_t runs = 0;

  // Those undetected that end in none of `harmless`, "push: store release -> relaxed" for example;
  // and what is on that list for nothing.
  std::vector<std::string> undetected_but(const std::vector<std::string>& harmless) const;
};

// Runs `body` under weak memory with each weakening of the file whose path ends in `file`.
WeakeningReport weaken_each(std::string_view file, const WeakeningOptions& options,
                            const std::function<void(Simulation&)>& body);

}  // namespace isola::testing
