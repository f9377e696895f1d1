// Faults planted in actors, one for each way in which a sanitizer has to see through our carriers.
//   planted race | leak | use_after_free | body_after_free | use_after_scope | none
// Every one of them lies behind a suspension, so it is found only if the switches are announced.
#include <isola/isola.h>

#include <cstdio>
#include <cstring>

#include "tests/support/messages.capnp.h"

using namespace isola;
using test::Number;

namespace {

int shared = 0;
volatile int sink = 0;

void passed_over(Receiver<Number> in) { (void)in.recv(); }

// Two actors on two workers, ordered by nothing, each after a suspension.
void race(System& system) {
  std::vector<Sender<Number>> gates;
  std::vector<ActorRef> actors;
  for (int i = 0; i < 2; ++i) {
    auto [tx, rx] = system.channel<Number>(bounded(1));
    gates.push_back(std::move(tx));
    actors.push_back(system.spawn(
        [](Receiver<Number> in) {
          (void)in.recv();
          for (int k = 0; k < 1000; ++k) shared = shared + 1;
        },
        std::move(rx)));
  }
  for (auto& gate : gates) (void)gate.send([](Number::Builder) {});
  for (auto& actor : actors) (void)actor.join();
}

void in_actor(System& system, void (*function)(Receiver<Number>)) {
  auto [tx, rx] = system.channel<Number>(bounded(1));
  auto actor = system.spawn(function, std::move(rx));
  (void)tx.send([](Number::Builder) {});
  (void)actor.join();
}

void leak(Receiver<Number> in) {
  auto* lost = new char[1234];
  passed_over(std::move(in));
  std::memset(lost, 1, 1234);
  sink = lost[7];
  lost = nullptr;
}

void use_after_free(Receiver<Number> in) {
  auto* memory = new int[4]();
  passed_over(std::move(in));
  delete[] memory;
  sink = memory[1];
}

// The body of a message that went back to the pool.
void body_after_free(Receiver<Number> in) {
  Number::Reader kept;
  {
    auto number = in.recv().or_raise();
    kept = *number;
  }
  sink = static_cast<int>(kept.getValue());
}

void use_after_scope(Receiver<Number> in) {
  volatile int* kept;
  {
    volatile int local[8] = {1};
    kept = local;
    passed_over(std::move(in));
  }
  sink = kept[3];
}

}  // namespace

int main(int argc, char** argv) {
  const char* which = argc > 1 ? argv[1] : "none";
  {
    System system({.workers = 2});
    if (std::strcmp(which, "race") == 0) race(system);
    if (std::strcmp(which, "leak") == 0) in_actor(system, leak);
    if (std::strcmp(which, "use_after_free") == 0) in_actor(system, use_after_free);
    if (std::strcmp(which, "body_after_free") == 0) in_actor(system, body_after_free);
    if (std::strcmp(which, "use_after_scope") == 0) in_actor(system, use_after_scope);
    if (std::strcmp(which, "none") == 0) in_actor(system, passed_over);
  }
  std::puts("ran to its end");
}
