// What must not compile; see compile_fail.cmake. Each case is one macro; a line that ends in ERROR
// has to be named in an error.
#include <isola/isola.h>

#include <functional>
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

struct HoldsPointer {
  int number = 0;
  int* pointer = nullptr;
};
struct HoldsReference {
  int& reference;
};

struct Incomplete : isola::Actor<Incomplete, Number> {};

struct WrongAnswer : isola::Actor<WrongAnswer, isola::Ask<GetTotal, Total>> {
  isola::Message<Note> on(GetTotal::Reader) { return compose<Note>(); }
};

struct Model {
  int score(int n) const { return n; }
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
// Covers: POOL-006
// CASE POOL_INITIALISER_BOUND: isola: what a pool runs can't be bound to an object
#ifdef POOL_INITIALISER_BOUND
  Model model;
  isola::IsolatePool(system, {.initialiser = std::bind(&Model::score, &model, 1)});
#endif
// CASE POOL_INITIALISER_CAPTURE: give it a free function, a static member or a lambda without cap
#ifdef POOL_INITIALISER_CAPTURE
  Model model;
  isola::IsolatePool(system, {.initialiser = [&model] { (void)model.score(1); }});
#endif
// CASE POOL_VALUE_UNCOPYABLE: isola: every worker of a pool gets a copy of this value
#ifdef POOL_VALUE_UNCOPYABLE
  isola::IsolatePool(system, {.values = {{"note", system.compose<Note>()}}});
#endif
// Covers: POOL-015
// CASE POOL_TASK_BOUND: isola: what a pool runs can't be bound to an object
#ifdef POOL_TASK_BOUND
  Model model;
  (void)isola::IsolatePool(system).submit(std::bind(&Model::score, &model, 1));
#endif
// CASE POOL_TASK_CAPTURE: give it a free function, a static member or a lambda without captures
#ifdef POOL_TASK_CAPTURE
  Model model;
  (void)isola::IsolatePool(system).submit([&model] { return model.score(1); });
#endif
// What arguments submit hands over is tested in isolate_pool_test.cc.
// Covers: POOL-012
// CASE POOL_NO_TASK: isola: submit takes the function to call, and then its arguments
#ifdef POOL_NO_TASK
  isola::IsolatePool(system).submit();
#endif
// Covers: API-116, API-112
// with Crossing.IsForValuesThatOwnAllThatTheyHave and
// CrossingOfFunctions.RefusesResultsThatDoNotFit
// CASE CROSSING: isola: a raw pointer can't cross to another actor, whose heap is its own
// ALSO CROSSING: Argument<2>
// ALSO CROSSING: isola: this argument can't cross to another actor: pass channel ends, addresses
// ALSO CROSSING: Argument<1>
// ALSO CROSSING: Member<HoldsPointer, 2>
// ALSO CROSSING: Argument<3>
// ALSO CROSSING: isola: the function can't be called with these arguments. It gets them by value
// ALSO CROSSING: ReturnValue
#ifdef CROSSING
  auto with_capture = [&local] { return local; };
  isola::Isolate isolate = system.create();
  (void)isolate.run([](int, int*) {}, 1, &local);                            // ERROR
  (void)isolate.run([](int& there) { ++there; }, local);                     // ERROR
  (void)isolate.run([](std::shared_ptr<int>) {}, std::make_shared<int>(3));  // ERROR
  (void)isolate.run([](decltype(with_capture)) {}, with_capture);            // ERROR
  (void)isolate.run([](int, int, HoldsPointer) {}, 1, 2, HoldsPointer{});    // ERROR
  (void)isolate.run([](HoldsReference) {}, HoldsReference{local});           // ERROR
  (void)isolate.run([] { return std::make_shared<int>(3); });                // ERROR
#endif
// Covers: API-083
// with CrossingOfFunctions.OfANameThatNoFunctionHasIsAnError
// CASE NO_FUNCTION: isola: what is run is a function: a free function, a static member, a lambda
#ifdef NO_FUNCTION
  (void)system.create().run("score");                // ERROR
  (void)system.create().run(3);                      // ERROR
  (void)system.create().run(&HoldsPointer::number);  // ERROR
#endif
// Covers: API-060
// with Namespaces.RefuseAnEmptyListAndWhatIsNoName
// CASE NO_VALUE: isola: prepare takes pairs of a name and a value
#ifdef NO_VALUE
  (void)system.create().prepare("name");       // ERROR
  (void)system.create().prepare("a", 1, "b");  // ERROR
#endif
// Covers: API-106
// CASE LOST_RESULT: isola: nobody would get what this function returns
#ifdef LOST_RESULT
  system.spawn([] { return 3; });          // ERROR
  isola::start_thread([] { return 3L; });  // ERROR
  isola::at_end([] { return 3.5; });       // ERROR
#endif
// Covers: API-139
// with what the tests of topologies, of JSON and of the command line say of numbers
// CASE NUMBERS: isola: this number may not fit into the function's parameter, and would wrap
// ALSO NUMBERS: narrow
#ifdef NUMBERS
  (void)system.create().run([](int8_t) {}, 128);           // ERROR
  (void)system.create().run([](uint64_t) {}, -1);          // ERROR
  (void)system.create().run([](int8_t) {}, int8_t{-129});  // ERROR
  (void)system.create({.heap_quota = -1});                 // ERROR
#endif
// Covers: API-148, API-149
// with what the tests of topologies say of booleans and of priorities
// CASE OPTIONS: options.pinned = 1
#ifdef OPTIONS
  isola::IsolateOptions options;
  options.pinned = 1;                  // ERROR
  options.reset_after_each_run = "y";  // ERROR
  options.priority = 2;                // ERROR
  options.priority = "high";           // ERROR
#endif
// CASE ACCEPTS: a_key_that_stays_in_its_actor_cant_be_accepted_elsewhere
#ifdef ACCEPTS
  static constexpr isola::Key<int> own{"compile_fail.own", isola::Flow::actor};
  static constexpr isola::Key<int> secret{"compile_fail.secret", isola::Flow::secret};
  static constexpr isola::Key<int> travels{"compile_fail.travels", isola::Flow::local};
  isola::SpawnOptions accepts;
  accepts.accepts = {travels, own};  // ERROR
  accepts.accepts = {secret};        // ERROR
#endif
// Covers: API-026
// with what the tests of the command line say of ids
// CASE NO_ID: IsolateId
#ifdef NO_ID
  (void)system.find(3);        // ERROR
  (void)system.find(1.5);      // ERROR
  (void)system.find("3");      // ERROR
  (void)system.find(nullptr);  // ERROR
  (void)system.find();         // ERROR
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
