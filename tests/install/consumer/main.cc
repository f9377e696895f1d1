// One actor that counts, as a program outside of the tree writes it. Prints `total 3`.
#include <isola/isola.h>

#include <chrono>
#include <cstdint>
#include <iostream>

#include "counter.capnp.h"

using namespace std::chrono_literals;

// A behaviour: its state lives on its actor's heap; one overload for each message that it takes.
class Counter : public isola::Actor<Counter, Add, isola::Ask<GetTotal, Total>> {
 public:
  void on(Add::Reader add) { total_ += add.getAmount(); }

  isola::Message<Total> on(GetTotal::Reader) {
    auto total = compose<Total>();
    total->setValue(total_);
    return total;
  }

 private:
  int64_t total_ = 0;
};

int main() {
  isola::System system;
  auto counter = system.spawn<Counter>();
  counter.send<Add>([](Add::Builder add) { add.setAmount(3); });
  auto [total, err] = counter.ask<GetTotal>().get(10s);
  if (err) err.raise();
  std::cout << "total " << total->getValue() << '\n';
}
