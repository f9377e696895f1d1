// What it takes to kill actors that hold much.
#pragma once

#include <cstdint>

namespace isola::bench {

// From the kill of an actor to its end, in milliseconds. It has `strings` texts of 40 bytes on its
// heap, and besides 1,000 channel ends, 100 blobs of mapped files, and 100 open files. Throws if
// not every end, blob and file was released. 10 million by default.
double run_kill(unsigned workers, uint64_t strings);
// Milliseconds to kill an actor that has 256 MiB on its heap in blocks of this size.
double run_kill_heap(uint64_t block_bytes);

}  // namespace isola::bench
