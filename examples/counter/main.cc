// The first program: an actor that counts, asked from main.
#include <isola/isola.h>

#include <iostream>
#include <stdexcept>

#include "counter.capnp.h"

using namespace std::chrono_literals;

class Counter : public isola::Actor<Counter, Add, isola::Ask<GetTotal, Total>> {
 public:
  void on(Add::Reader add) {
    if (add.getAmount() < 0) throw std::out_of_range("only forwards");
    total_ += add.getAmount();
  }
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
  auto counter = system.spawn<Counter>({.name = "counter"});
  for (int i = 1; i <= 100; ++i) counter.send<Add>([i](Add::Builder add) { add.setAmount(i); });
  auto [total, err] = counter.ask<GetTotal>().get(100ms);
  if (err) err.raise();
  std::cout << total->getValue() << '\n';

  counter.send<Add>([](Add::Builder add) { add.setAmount(-1); });
  std::cout << counter.ask<GetTotal>().get(100ms).err << '\n';
}
