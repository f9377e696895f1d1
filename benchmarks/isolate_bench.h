// Benchmarks of isolates that are made, listed and found, and of the records of errors.
#pragma once

#include <cstdint>

namespace isola::bench {

// As many isolates as there are workers, each on one of them, make an isolate, look it up and drop
// it, and list all that live every eighth time; nanoseconds a round, of all together. 400,000 by
// default.
double run_isolates(unsigned workers, uint64_t rounds);
// The same by two Systems of one worker each, which share nothing: what two processors can do.
double run_isolates_apart(unsigned workers, uint64_t rounds);

// An exception with three nested causes is thrown ten frames deep and caught, on a plain thread;
// nanoseconds each. 40,000 by default.
double run_throw_and_catch(uint64_t exceptions);
// The same on a thread of a System, and a record is made of it.
double run_error_record(uint64_t exceptions);

}  // namespace isola::bench
