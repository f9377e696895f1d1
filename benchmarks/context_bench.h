// Benchmarks of the call context: looking keys up, scopes, captures, messages that carry it,
// generators.
#pragma once

#include <cstdint>

namespace isola::bench {

// Where a value is looked up. An actor reads in its turn, `isola_outside` on a plain thread, and
// `fiber_specific` in a fiber of Boost, which has eight such pointers.
enum class Looked : uint8_t {
  thread_local_pointer,  // the pointer itself is read, and not what it points to
  isola_one,             // one key is bound
  isola_eight,           // one of eight keys that are bound, in turn the same
  isola_outside,
  fiber_specific
};

// A look-up that finds something, and one that finds nothing; nanoseconds a look-up.
double run_context_hit(Looked where, uint64_t look_ups);
double run_context_miss(Looked where, uint64_t look_ups);

// Binds one key and unbinds it; nanoseconds for both. Throws if open scopes hold memory.
double run_context_bind(uint64_t scopes);
// Binds 12 keys, in one Scope or in 12; nanoseconds a key.
double run_context_bind12(bool one_scope, uint64_t keys);

// Captures an unchanged context of eight keys, and drops it if `with_drop`, else that is not
// measured; nanoseconds a capture.
double run_context_capture(bool with_drop, uint64_t captures);

// As counting, by a sender that has this many keys bound; nanoseconds a message. `apart`: the two
// actors stay on workers of their own.
double run_context_send(unsigned keys, bool apart, unsigned workers, uint64_t messages);

// One value of a generator that has no context of its own, nanoseconds: isola::generator, the same
// while other frames have callbacks, a coroutine that notes by hand that it runs, one that does
// not, and isola::fiber_generator.
enum class Advanced { isola, isola_beside_callbacks, noted_coroutine, bare_coroutine, fiber };
double run_context_switch(Advanced what, uint64_t values);

}  // namespace isola::bench
