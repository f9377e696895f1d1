// What must not compile; see compile_fail.cmake. Each case is one macro.
#include <isola/isola.h>

#include <memory>

#include "tests/support/messages.capnp.h"

using isola::test::GetTotal;
using isola::test::Note;
using isola::test::Number;
using isola::test::Total;

struct Counter : isola::Actor<Counter, Number, isola::Ask<GetTotal, Total>> {
  void on(Number::Reader) {}
  isola::Message<Total> on(GetTotal::Reader) { return compose<Total>(); }
};

void takes_pointer(int*) {}
void takes_shared(std::shared_ptr<int>) {}
void takes_number(int) {}

struct Incomplete : isola::Actor<Incomplete, Number> {};

struct WrongAnswer : isola::Actor<WrongAnswer, isola::Ask<GetTotal, Total>> {
  isola::Message<Note> on(GetTotal::Reader) { return compose<Note>(); }
};

void cases([[maybe_unused]] isola::System& system) {
  system.spawn(takes_number, 3);
  [[maybe_unused]] int local = 0;
// CASE RAW_POINTER: isola: a raw pointer can't cross to another actor
#ifdef RAW_POINTER
  system.spawn(takes_pointer, &local);
#endif
// CASE SHARED_POINTER: isola: this argument can't cross to another actor
#ifdef SHARED_POINTER
  system.spawn(takes_shared, std::make_shared<int>(3));
#endif
// CASE CAPTURE: isola: a lambda with captures can't cross to another actor
#ifdef CAPTURE
  system.spawn([&local] { ++local; });
#endif
// CASE RUN_CAPTURE: isola: a lambda with captures can't cross to another actor
#ifdef RUN_CAPTURE
  (void)system.create().run([&local] { return local; });
#endif
// CASE RUN_RETURNS_POINTER: isola: a raw pointer can't cross to another actor
#ifdef RUN_RETURNS_POINTER
  (void)system.create().run([] { return static_cast<int*>(nullptr); });
#endif
// CASE NOT_TAKEN: send
#ifdef NOT_TAKEN
  (void)system.spawn<Counter>().send<Note>();
#endif
// CASE NO_HANDLER: isola: no handler for a message in the actor's list
#ifdef NO_HANDLER
  (void)system.spawn<Incomplete>();
#endif
// CASE WRONG_ANSWER: isola: the handler of an ask returns Message<R> or Result<R>
#ifdef WRONG_ANSWER
  (void)system.spawn<WrongAnswer>();
#endif
// CASE NARROWER_TO_WIDER: Address
#ifdef NARROWER_TO_WIDER
  isola::Address<Number> narrow = system.spawn<Counter>();
  Counter::AddressType wide = narrow;
#endif
// CASE COPIED_MESSAGE: delete
#ifdef COPIED_MESSAGE
  auto number = system.compose<Number>();
  auto copy = number;
#endif
}

int main() {}
