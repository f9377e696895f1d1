// The behaviours of the tests.
#include "behaviours.h"

#include <stdexcept>

namespace isola::topology::test {
namespace {

void source(Delivery<Args> args, Sender<Item> out) {
  for (int64_t i = 1; i <= args->getInt64(); ++i) {
    auto item = out.compose();
    item->setNumber(i);
    item->setText("item " + std::to_string(i % 7));
    out.send(std::move(item));
  }
}

void middle(Receiver<Item> in, Sender<Item> out) {
  for (auto& item : in) out.send(std::move(item));
}

void adder(Receiver<Item> in, Sender<Total> sum) {
  int64_t total = 0;
  for (auto& item : in) total += item->getNumber();
  sum.send([&](Total::Builder message) { message.setValue(total); });
}

void checker(Receiver<Total> in) {
  int64_t total = 0;
  int64_t count = 0;
  for (auto& message : in) {
    total += message->getValue();
    ++count;
  }
  throw std::runtime_error(std::to_string(count) + " totals of " + std::to_string(total));
}

void drain(Receiver<Item> in) {
  for ([[maybe_unused]] auto& item : in) {
  }
}

void loop(Receiver<Item>, Sender<Item>) {}

}  // namespace

const Registry& registry() {
  static const Registry all = [] {
    Registry registry;
    registry.add("test.Source", &source, {"out"})
        .add("test.Middle", &middle, {"in", "out"})
        .add("test.Adder", &adder, {"in", "sum"})
        .add("test.Checker", &checker, {"in"})
        .add("test.Drain", &drain, {"in"})
        .add("test.Loop", &loop, {"in", "out"});
    return registry;
  }();
  return all;
}

std::string faults_of(std::string text) {
  if (text.starts_with('\n')) text.erase(0, 1);
  Faults faults;
  const Source& source = faults.add_source("t.toml", std::move(text));
  const Topology topology = read_topology(parse_toml(source, faults), faults);
  (void)check(topology, registry(), faults);
  return faults.text();
}

}  // namespace isola::topology::test
