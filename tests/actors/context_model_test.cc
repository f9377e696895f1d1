// Random programs of scopes, generators, captures, messages, spawns and kills, beside a model of
// the rules that is a map.
#include <gtest/gtest.h>
#include <isola/isola.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

using test::Note;
using test::Number;

constexpr size_t kKeys = 6;
// Two of each flow.
const std::array<const Key<int>, kKeys> kAll{{{"model.wire0", Flow::wire},
                                              {"model.wire1", Flow::wire},
                                              {"model.local0", Flow::local},
                                              {"model.local1", Flow::local},
                                              {"model.actor0", Flow::actor},
                                              {"model.actor1", Flow::actor}}};
bool is_local(size_t key) { return key / 2 == 1; }
bool is_actor(size_t key) { return key / 2 == 2; }

// What is bound where the program is.
struct Model {
  std::map<size_t, int> bound;
  bool suppressed = false;
  bool isolated = false;  // of another logical context than the one that all begins in

  // What a handler begins with whose actor was spawned under `root`.
  Model crosses(const Model& root) const {
    Model crossed;
    if (!suppressed) {
      for (const auto& [key, value] : bound)
        if (!is_actor(key)) crossed.bound[key] = value;
      crossed.isolated = isolated;
    }
    return crossed.bound.empty() && !crossed.isolated ? root : crossed;
  }
  std::string text() const {
    std::string text;
    for (const auto& [key, value] : bound)
      text += std::to_string(key) + '=' + std::to_string(value) + ' ';
    return text;
  }
};

std::string seen() {
  std::string text;
  for (size_t key = 0; key < kKeys; ++key)
    if (const auto value = kAll[key].find())
      text += std::to_string(key) + '=' + std::to_string(*value) + ' ';
  return text;
}

auto value(int64_t value) {
  return [value](Number::Builder builder) { builder.setValue(value); };
}

// Tells what it sees; asked with a number above 0, what another one sees for which it binds a key.
struct Witness : Actor<Witness, Ask<Number, Note>> {
  Message<Note> on(Number::Reader asked) {
    const int64_t what = asked.getValue();
    auto note = compose<Note>();
    if (what > 0) {
      const Scope bound{kAll[static_cast<size_t>(what) % kKeys], static_cast<int>(what)};
      const auto told = spawn<Witness>().ask<Number>(value(0)).get().or_raise();
      note->setText(told->getText());
    } else {
      note->setText(seen().c_str());
    }
    return note;
  }
};

// Opens scopes and waits until it is killed.
void waits(Sender<Number> ready, Receiver<Number> never) {
  const Scope bound{bind(kAll[0], -1), bind(kAll[4], -1)};
  (void)ready.send(value(1));
  (void)never.recv();
}

generator<std::string, KeepsScopes> binds(size_t first, size_t second) {
  const Scope outer{kAll[first], 1000};
  co_yield seen();
  for (int i = 0;; ++i) {
    const Scope inner{kAll[second], 2000 + i};
    co_yield seen();
    co_yield capture().run(seen);
  }
}

class Program {
 public:
  explicit Program(unsigned seed) : random_(seed), system_({.seed = seed}) {}

  void run() { block({}, 0); }

 private:
  struct Generating {
    generator<std::string, KeepsScopes> values;
    size_t first;
    size_t second;
    int yields = 0;
    // What it has bound at its next yield.
    void overlay(Model& model) const {
      model.bound[first] = 1000;
      if (yields > 0) model.bound[second] = 2000 + (yields - 1) / 2;
    }
  };

  size_t below(size_t bound) { return random_() % bound; }
  void check(const Model& model) { ASSERT_EQ(seen(), model.text()); }

  // Some steps, which leave all as it was.
  void block(const Model& model, int depth) {
    const size_t steps = 1 + below(5);
    for (size_t i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
      step(model, depth);
      check(model);
    }
  }

  void step(const Model& model, int depth) {
    const size_t key = below(kKeys);
    Model inner = model;
    switch (depth > 5 ? 5 + below(7) : below(12)) {
      case 0:
      case 1: {
        const int bound = static_cast<int>(below(100));
        const Scope scope{kAll[key], bound};
        inner.bound[key] = bound;
        return block(inner, depth + 1);
      }
      case 2: {
        const size_t other = (key + 1) % kKeys;
        Scope scope{bind(kAll[key], 7), unset(kAll[other])};
        inner.bound[key] = 7;
        inner.bound.erase(other);
        block(inner, depth + 1);
        if (below(2) == 0) scope.restore();
        return;
      }
      case 3: {
        const Isolated scope;
        inner.isolated = true;
        std::erase_if(inner.bound, [](const auto& entry) { return is_local(entry.first); });
        return block(inner, depth + 1);
      }
      case 4: {
        const SuppressFlow scope;
        inner.suppressed = true;
        return block(inner, depth + 1);
      }
      case 5:
        captured_.emplace_back(capture(), model);
        return;
      case 6: {
        if (captured_.empty() || depth > 6) return;
        const auto& [context, then] = captured_[below(captured_.size())];
        try {
          return context.run([&] { block(Model(then), depth + 1); });
        } catch (const ContextError& error) {
          ASSERT_EQ(error.fault(), ContextFault::already_entered);
          return;
        }
      }
      case 7: {
        const size_t second = (key + 1 + below(kKeys - 1)) % kKeys;
        generators_.push_back({binds(key, second), key, second});
        return;
      }
      case 8: {
        if (generators_.empty()) return;
        Generating& one = generators_[below(generators_.size())];
        one.overlay(inner);
        const auto yielded = one.values.next();
        ++one.yields;
        ASSERT_EQ(yielded, inner.text());
        return;
      }
      case 9:
        if (!generators_.empty())
          generators_.erase(generators_.begin() + static_cast<int>(below(generators_.size())));
        return;
      case 10: {
        if (!witness_) {
          witness_ = system_.spawn<Witness>();
          witness_root_ = model.crosses({});
        }
        const auto what = static_cast<int64_t>(below(3) == 0 ? 0 : 1 + below(50));
        Model there = model.crosses(witness_root_);
        if (what > 0 && !is_actor(static_cast<size_t>(what) % kKeys))
          there.bound[static_cast<size_t>(what) % kKeys] = static_cast<int>(what);
        const auto told = witness_.ask<Number>(value(what)).get();
        ASSERT_FALSE(told.err) << told.err;
        ASSERT_EQ(std::string(told.value->getText().cStr()), there.text());
        return;
      }
      case 11: {
        auto [ready_tx, ready] = system_.channel<Number>(bounded(1));
        auto [never_tx, never] = system_.channel<Number>(bounded(1));
        const ActorRef killed = system_.spawn(waits, std::move(ready_tx), std::move(never));
        ASSERT_FALSE(ready.recv().err);
        killed.kill();
        (void)killed.join();
        return;
      }
    }
  }

  std::mt19937 random_;
  System system_;
  Address<Ask<Number, Note>> witness_;
  Model witness_root_;
  std::vector<std::pair<Context, Model>> captured_;
  std::vector<Generating> generators_;
};

TEST(ContextModel, RandomProgramsAgreeWithIt) {
#if defined(ISOLA_ASAN) || defined(ISOLA_TSAN)
  constexpr unsigned kSeeds = 300;
#else
  constexpr unsigned kSeeds = 10'000;
#endif
  const char* only = std::getenv("ISOLA_SEED");
  const unsigned first = only != nullptr ? static_cast<unsigned>(std::atoi(only)) : 0;
  for (unsigned seed = first; seed < (only != nullptr ? first + 1 : kSeeds); ++seed) {
    SCOPED_TRACE("ISOLA_SEED=" + std::to_string(seed));
    Program(seed).run();
    ASSERT_EQ(seen(), "");
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace isola
